"""Extract: JSON under a schema; the grammar leaves the model only the choices the schema does."""

from collections.abc import Mapping
from typing import Any

from zeroidle_contract import Extract, ExtractOutput, NamedSchema, output_schema
from zeroidle_inference.engine.request import (
    ChatMessage,
    Generate,
    JsonSchema,
    Prompt,
    TextModel,
)
from zeroidle_inference.tasks import prompts
from zeroidle_inference.tasks.generate import answer_room, complete_json, completion
from zeroidle_inference.tasks.grounding import ground
from zeroidle_inference.tasks.task import TaskSteps

MAX_ANSWER_TOKENS = 1024


def extract(task: Extract, document: str, model: TextModel) -> TaskSteps:
    """One request."""
    schema = (
        output_schema(task.json_schema)
        if isinstance(task.json_schema, NamedSchema)
        else task.json_schema
    )
    prompt = Prompt(
        messages=(
            ChatMessage("system", prompts.EXTRACT_SYSTEM),
            ChatMessage("user", prompts.EXTRACT.format(fields=", ".join(_fields(schema)))),
        ),
        document=document.strip(),
        after_document=prompts.EXTRACT_AFTER,
    )
    room = answer_room(model, prompt, at_most=MAX_ANSWER_TOKENS)
    grammar = JsonSchema(ground(schema, document))
    (answer,) = yield [Generate(prompt=prompt, max_tokens=room, grammar=grammar)]
    return ExtractOutput(data=complete_json(completion(answer)))


def _fields(schema: Mapping[str, Any]) -> list[str]:
    """The names of a schema's fields; those of a list's objects in brackets."""
    fields: list[str] = []
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        nested = inner.get("items", inner) if isinstance(inner, dict) else {}
        below = _fields(nested) if isinstance(nested, dict) else []
        fields.append(f"{name} ({', '.join(below)})" if below else str(name))
    return fields
