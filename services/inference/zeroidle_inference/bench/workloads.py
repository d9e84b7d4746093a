"""The four workloads: documents of stated lengths, our task for them, and what peers are asked.

Every document is another one, from its first token on, so that no cache of any system holds more
than the shared instruction. Answers are pinned to the expected answer's number of tokens wherever
a grammar does not end them; docs/benchmarks.md says why.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zeroidle_contract import Classify, Entity, Extract, Redact, Summarize, Task
from zeroidle_inference import tasks
from zeroidle_inference.bench import invoice
from zeroidle_inference.engine.model import LoadedModel, file_sha256
from zeroidle_inference.engine.request import Prompt, Request
from zeroidle_inference.engine.text_model import EngineTextModel

LABELS = ("positive", "negative", "neutral")
INSTRUCTION_TOKENS = 250
REVIEW_TOKENS = 110
LETTER_TOKENS = 250
REPORT_TOKENS = 300
SUMMARY_TOKENS = 80

_INSTRUCTION = """\
Read what a customer wrote and decide how satisfied the customer is on the whole. Judge the writer's
own experience, not that of other people who are quoted. A complaint that was solved to the writer's
delight counts as satisfied; praise that only leads up to a complaint counts as dissatisfied. Wishes
for the future, such as a bigger menu or longer opening hours, change nothing by themselves. Where a
text speaks of several visits or orders, the last one decides. Where it speaks of several products,
the one that it was written about decides, which is mostly the one that is named first. Irony means
the opposite of its words; it often stands beside a complaint about time or money. Do not be misled
by politeness: many people thank the staff before they say what went wrong, and mean what went
wrong. A text that only asks a question, reports a fact or describes a product without judging it is
neither satisfied nor dissatisfied, and the same holds where good and bad are in balance. Stars,
marks out of ten and the like, where they are given, count more than the words around them, unless
the words say that they were a mistake. The date, the length and the language of a text never count.
Texts may be cut off at the end; judge by what is there. Answer for the text as it stands."""

_NAMES = "Margaret Oyelaran-Pitt\nMr Farrow\nTom Okafor"
_ADDRESSES = "14 Quarry Steps, Ludlow SY8 9ZZ\n61 Tanner Street, Dublin 8"


@dataclass(frozen=True)
class Call:
    """One request to a peer. With the model's end tokens in `never`, it writes `max_tokens`."""

    messages: tuple[Mapping[str, str], ...]
    max_tokens: int
    schema: Mapping[str, Any] | None = None
    always: tuple[int, ...] = ()
    never: tuple[int, ...] = ()
    """Tokens favoured and refused, by a bias on their logits."""


@dataclass(frozen=True)
class Item:
    """One document: ours in full, and for each way of asking a peer its calls."""

    document: str
    calls: Mapping[str, Call]


@dataclass(frozen=True)
class Workload:
    """Documents for one task. `pin` is our answers' number of tokens; 0 leaves it to a grammar."""

    name: str
    task: Task
    items: tuple[Item, ...]
    common: str
    """The way most people ask."""
    pin: int = 0


def workloads(
    model: LoadedModel, samples: Path, *, items: int, has_meaning: bool
) -> list[Workload]:
    """All four, each with `items` documents. Synthetic weights have no meaning."""
    makers: tuple[Callable[[_Maker], Workload], ...] = (_classify, _extract, _redact, _summarize)
    maker = _Maker(model, samples, items, has_meaning=has_meaning)
    return [make(maker) for make in makers]


class _Maker:
    def __init__(self, model: LoadedModel, samples: Path, items: int, *, has_meaning: bool) -> None:
        self.model = model
        self.has_meaning = has_meaning
        self._text_model = EngineTextModel(
            model, model.train_context_tokens, file_sha256(model.path)
        )
        self._samples = samples
        self._items = items

    def documents(self, folder: str, tokens: int | None) -> list[str]:
        """Numbered texts, cut to a length in tokens, or whole."""
        texts = [path.read_text() for path in sorted((self._samples / folder).glob("*.txt"))]
        documents: list[str] = []
        for number in range(self._items):
            turn = texts[number % len(texts) :] + texts[: number % len(texts)]
            if tokens is None:
                documents.append(f"{number}.\n{turn[0].strip()}")
            else:
                documents.append(self.cut(f"{number}.\n" + "\n".join(turn), tokens))
        return documents

    def cut(self, text: str, tokens: int) -> str:
        """The beginning of a text."""
        return text[: self.model.split(text, tokens)[0].end]

    def count(self, text: str) -> int:
        return len(self.model.tokenize(text))

    def pinned(self, messages: tuple[Mapping[str, str], ...], tokens: int) -> Call:
        """A call whose answer has just so many tokens."""
        return Call(messages, tokens, never=tuple(sorted(self.model.end_tokens)))

    def first_request(self, task: Task, document: str) -> Request:
        return next(tasks.start(task, document, self._text_model))[0]


def _messages(prompt: Prompt) -> tuple[Mapping[str, str], ...]:
    """Our own prompt as a peer's chat."""
    *before, last = prompt.messages
    whole = last.text + (prompt.document or "") + prompt.after_document
    return (
        *({"role": message.role, "content": message.text} for message in before),
        {"role": last.role, "content": whole},
    )


def one_review(model: LoadedModel, samples: Path, *, instruction_tokens: int) -> Workload:
    """A single document to classify, behind an instruction of another length."""
    return _classify(_Maker(model, samples, 1, has_meaning=True), instruction_tokens)


def _classify(maker: _Maker, instruction_tokens: int = INSTRUCTION_TOKENS) -> Workload:
    task = Classify(labels=LABELS, instruction=_instruction(maker, instruction_tokens))
    first_tokens = tuple(maker.model.tokenize(label)[0] for label in LABELS)
    schema = {
        "type": "object",
        "properties": {"label": {"type": "string", "enum": list(LABELS)}},
        "required": ["label"],
        "additionalProperties": False,
    }
    items: list[Item] = []
    for document in maker.documents("reviews", REVIEW_TOKENS):
        messages = _messages(maker.first_request(task, document).prompt)
        calls = {
            "json": _json(maker, messages, schema, json.dumps({"label": LABELS[0]})),
            "one token": Call(messages, 1, always=first_tokens),
        }
        items.append(Item(document, calls))
    return Workload("classify", task, tuple(items), common="json")


def _instruction(maker: _Maker, shared_tokens: int) -> str:
    """The instruction, cut so that the shared part of the prompt has its length."""
    examples = "\n\n".join(maker.documents("reviews", None) + maker.documents("tickets", None))
    text = " ".join(_INSTRUCTION.split()) + "\n\nTexts to practise on:\n" + 9 * examples
    for tokens in range(shared_tokens, 0, -1):
        instruction = maker.cut(text, tokens)
        task = Classify(labels=LABELS, instruction=instruction)
        prompt = maker.first_request(task, "A document.").prompt
        if len(maker.model.prompt(prompt).shared) <= shared_tokens:
            return instruction
    raise ValueError("the classify prompt alone is longer than its instruction may be")


def _extract(maker: _Maker) -> Workload:
    schema = invoice.schema() if maker.has_meaning else invoice.digits_schema(maker.count)
    task = Extract(json_schema=schema)
    items: list[Item] = []
    for document in maker.documents("invoices", None):
        messages = _messages(maker.first_request(task, document).prompt)
        items.append(
            Item(
                document,
                {"json": _json(maker, messages, schema, json.dumps(invoice.EXPECTED))},
            )
        )
    return Workload("extract", task, tuple(items), common="json")


def _json(
    maker: _Maker,
    messages: tuple[Mapping[str, str], ...],
    schema: Mapping[str, Any],
    expected: str,
) -> Call:
    """JSON under a schema; on weights without meaning, as many tokens as the expected answer."""
    if maker.has_meaning:
        # llama-server likes to write JSON over many lines.
        return Call(messages, 4 * maker.count(expected), schema=schema)
    return maker.pinned(messages, maker.count(expected))


def _redact(maker: _Maker) -> Workload:
    task = Redact(entities=tuple(Entity))
    spans = json.dumps({"names": _NAMES.split("\n"), "addresses": _ADDRESSES.split("\n")})
    items: list[Item] = []
    for document in maker.documents("letters", LETTER_TOKENS):
        calls = {
            "rewriting": maker.pinned(_asked(_REWRITE, document), LETTER_TOKENS),
            "spans": maker.pinned(_asked(_SPANS, document), maker.count(spans)),
        }
        items.append(Item(document, calls))
    return Workload("redact", task, tuple(items), common="rewriting")


_REWRITE = (
    "Copy the letter below word for word. Replace each person's name by [name], each postal "
    "address by [address], and each e-mail address, phone number, IBAN, card number, IP address "
    "and national id by its kind in brackets.\n\nLetter:\n"
)
_SPANS = (
    "List the names of persons and the postal addresses in the letter below as JSON, copied letter "
    "by letter.\n\nLetter:\n"
)


def _asked(instruction: str, document: str) -> tuple[Mapping[str, str], ...]:
    return (
        {"role": "system", "content": "You find personal data in letters."},
        {"role": "user", "content": instruction + document},
    )


def _summarize(maker: _Maker) -> Workload:
    task = Summarize(max_words=60)
    items: list[Item] = []
    for document in maker.documents("reports", REPORT_TOKENS):
        messages = _messages(maker.first_request(task, document).prompt)
        items.append(Item(document, {"text": maker.pinned(messages, SUMMARY_TOKENS)}))
    return Workload("summarise", task, tuple(items), common="text", pin=SUMMARY_TOKENS)
