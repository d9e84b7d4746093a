"""What the engine is asked and what it answers: plain values, in text, without tokens or llama.cpp.

A `Prompt` names the part that many requests share. Everything before `document` is computed once
in each environment and copied; put the instruction first and the document last.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a chat, rendered by the model's own chat template."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A chat, and the document that ends its last message.

    With a `document`, everything before it is the shared prefix. Without one, nothing is shared.
    Neither text nor document can speak in control tokens: they are tokenised as plain text.
    """

    messages: tuple[ChatMessage, ...]
    document: str | None = None
    after_document: str = ""


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The answer is JSON under this schema, with no white space but after commas and colons."""

    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Generate:
    """Write an answer, greedily; under a grammar, no other answer is possible.

    `ignore_end` ignores the model's wish to stop: for measurements on synthetic weights.
    """

    prompt: Prompt
    max_tokens: int
    grammar: JsonSchema | None = None
    ignore_end: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """The log-probability of each choice as the beginning of the answer.

    Where one choice begins another, the shorter one's includes that the answer ends there.
    """

    prompt: Prompt
    choices: tuple[str, ...]


Request = Generate | Score


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one request; `cached` of the `prompt` were copied from a shared prefix."""

    prompt: int = 0
    cached: int = 0
    forced: int = 0
    sampled: int = 0

    def __add__(self, other: "TokenUsage") -> "TokenUsage":
        """Usage of two requests together."""
        return TokenUsage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.forced + other.forced,
            self.sampled + other.sampled,
        )


@dataclass(frozen=True, slots=True)
class Timing:
    """Moments of one request, in seconds of the engine's monotonic clock.

    The first token is that after which the request goes on to write: what it waits for others'
    prompts until then is time of reading.
    """

    submitted_s: float
    admitted_s: float
    first_token_s: float
    finished_s: float


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer to a `Generate`. `finish_reason` is `length` when `max_tokens` cut it short."""

    text: str
    finish_reason: Literal["stop", "length"]
    usage: TokenUsage
    timing: Timing


@dataclass(frozen=True, slots=True)
class Scores:
    """The answer to a `Score`: natural-log probabilities in the order of the choices."""

    log_probabilities: tuple[float, ...]
    usage: TokenUsage
    timing: Timing


Answer = Completion | Scores


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of the engine advanced: sequences, by so many rows in all."""

    sequences: int
    rows: int


class TextModel(Protocol):
    """What a task may ask of the model before it writes its requests."""

    @property
    def sha256(self) -> str:
        """Of the model's file: calibrations belong to it."""
        ...

    @property
    def context_tokens(self) -> int:
        """Tokens that one sequence can hold, prompt and answer together."""
        ...

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of a whole prompt, its chat template included."""
        ...

    def split(self, text: str, max_tokens: int, overlap_tokens: int = 0) -> list["Window"]:
        """Cut a text into windows of at most `max_tokens`, at token boundaries, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """Characters `start` to `end` (exclusive) of a text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Finished:
    """One request's end: an answer, or the error that ended it alone."""

    ticket: int
    answer: Answer | None = None
    error: Exception | None = field(default=None, compare=False)
