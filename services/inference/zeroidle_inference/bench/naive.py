"""The usual way: llama-cpp-python's `create_chat_completion`, JSON under a schema, temperature 0.

The same model and the same documents, asked as most people would; what is not valid counts as no
answer.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import llama_cpp

from zeroidle_contract import Entity, NamedSchema, Span, output_schema

CONTEXT_TOKENS = 2048
MAX_ANSWER_TOKENS = 512
_SENTIMENT = {
    "type": "object",
    "properties": {"sentiment": {"type": "string", "enum": ["positive", "negative"]}},
    "required": ["sentiment"],
}
_ENTITIES = {
    "type": "object",
    "properties": {
        "entities": {
            "type": "array",
            "maxItems": 20,
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string", "enum": [entity.value for entity in Entity]},
                    "text": {"type": "string", "maxLength": 80},
                },
                "required": ["kind", "text"],
            },
        }
    },
    "required": ["entities"],
}
# llama.cpp makes no grammar of an escaped full stop, and llama-cpp-python then crashes.
_INVOICE = json.loads(json.dumps(output_schema(NamedSchema.INVOICE)).replace("\\\\.", "[.]"))


class Naive:
    """One model, one question at a time."""

    def __init__(self, path: Path, *, threads: int) -> None:
        self._model = llama_cpp.Llama(
            str(path), n_ctx=CONTEXT_TOKENS, n_threads=threads, verbose=False
        )

    def sentiment(self, review: str) -> str:
        """`positive` or `negative`; empty if the answer is no JSON."""
        question = (
            f"Is the sentiment of this review positive or negative? Answer in JSON.\n\n{review}"
        )
        return str(self._ask(question, _SENTIMENT).get("sentiment", ""))

    def invoice(self, text: str) -> Mapping[str, Any]:
        """The fields of an invoice; none if the answer is no JSON."""
        return self._ask(
            f"Extract the data of this invoice as JSON.\n\n{text}",
            _INVOICE,
        )

    def personal(self, text: str) -> Sequence[Span]:
        """Each text it names, wherever that stands in the document."""
        kinds = ", ".join(entity.value for entity in Entity)
        answer = self._ask(
            f"List all personal data in this text as JSON. Kinds: {kinds}.\n\n{text}", _ENTITIES
        )
        named = {(each["text"], each["kind"]) for each in answer.get("entities", ())}
        return [
            Span(start=start, end=start + len(words), entity=Entity(kind))
            for words, kind in named
            if words
            for start in _places(words, text)
        ]

    def _ask(self, question: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        answer: Any = self._model.create_chat_completion(
            [{"role": "user", "content": question}],
            response_format={"type": "json_object", "schema": dict(schema)},
            temperature=0,
            max_tokens=MAX_ANSWER_TOKENS,
        )
        try:
            value = json.loads(answer["choices"][0]["message"]["content"])
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


def _places(words: str, text: str) -> list[int]:
    starts: list[int] = []
    start = text.find(words)
    while start >= 0:
        starts.append(start)
        start = text.find(words, start + len(words))
    return starts
