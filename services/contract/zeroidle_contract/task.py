"""The five tasks a job can ask for, as data. How a model performs them is the consumer's affair."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)


class Frozen(BaseModel):
    """Base of all contract models: immutable, no unknown fields, no input echoed in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


Line = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
Instruction = Annotated[str, StringConstraints(min_length=1, max_length=8000)]


def _distinct(labels: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(labels)) != len(labels):
        msg = "each entry must occur once"
        raise ValueError(msg)
    return labels


class Classify(Frozen):
    """Choose one label; the answer carries a probability for each."""

    kind: Literal["classify"] = "classify"
    labels: Annotated[
        tuple[Line, ...], Field(min_length=2, max_length=64), AfterValidator(_distinct)
    ]
    instruction: Instruction | None = None


class NamedSchema(StrEnum):
    """Output schemas that ship with the contract (`schemas/outputs/`)."""

    INVOICE = "invoice"


class Extract(Frozen):
    """Fill a JSON Schema from the document. The schema is inline, or one of the named ones."""

    kind: Literal["extract"] = "extract"
    json_schema: NamedSchema | dict[str, Any]


class Entity(StrEnum):
    """What `redact` can mask."""

    NAME = "name"
    ADDRESS = "address"
    EMAIL = "email"
    PHONE = "phone"
    IBAN = "iban"
    CARD = "card"
    IP = "ip"
    NATIONAL_ID = "national_id"


class Redact(Frozen):
    """Mask the given kinds of entities. In `mask`, `{entity}` stands for the kind."""

    kind: Literal["redact"] = "redact"
    entities: Annotated[tuple[Entity, ...], Field(min_length=1), AfterValidator(_distinct)]
    mask: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "[{entity}]"


class Summarize(Frozen):
    """Summarise in at most `max_words` words, optionally with a focus."""

    kind: Literal["summarize"] = "summarize"
    max_words: Annotated[int, Field(ge=5, le=500)] = 60
    focus: Instruction | None = None


class Message(Frozen):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, StringConstraints(min_length=1)]


class Complete(Frozen):
    """Answer a chat; the job's document, if any, is appended as the last user message."""

    kind: Literal["complete"] = "complete"
    messages: tuple[Message, ...] = ()
    json_schema: dict[str, Any] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=8192)] = 256

    @model_validator(mode="after")
    def _system_message_first(self) -> "Complete":
        if any(message.role == "system" for message in self.messages[1:]):
            msg = "a system message can only be the first"
            raise ValueError(msg)
        return self


Task = Annotated[
    Classify | Extract | Redact | Summarize | Complete,
    Field(discriminator="kind"),
]
