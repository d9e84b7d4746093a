"""One request under way: its tokens, how many of them are computed, and what it is still after.

Prompt chunks, tokens that a grammar forces and the token sampled last are all the same to the
engine: tokens that stand in the sequence and are not computed yet. When none is left, the request's
`Goal` looks at the logits and adds more, or is done.
"""

from collections.abc import Sequence as Tokens
from dataclasses import dataclass, field
from typing import Protocol

from zeroidle_inference.engine.decoder import Logits, Row
from zeroidle_inference.engine.request import Answer, Timing, TokenUsage
from zeroidle_inference.engine.vocabulary import PromptTokens


class Goal(Protocol):
    """What a request wants of its logits: an answer's next token, or choices' probabilities."""

    def begin(self, sequence: "Sequence") -> Answer | None:
        """Add what is known behind the prompt; answer, if that is all there can be."""
        ...

    def observe(self, sequence: "Sequence", position: int, logits: Logits) -> None:
        """Look at the logits of a row; they are gone after this call."""
        ...

    def advance(self, sequence: "Sequence") -> Answer | None:
        """All tokens are computed: extend or rewind the sequence, or answer."""
        ...

    @property
    def output_tokens(self) -> int:
        """An upper bound of the tokens that will follow the prompt."""
        ...


@dataclass(slots=True, eq=False)
class Sequence:
    """A request's state. `slot` is the decoder's sequence; None while it waits."""

    ticket: int
    group: int
    prompt: PromptTokens
    goal: Goal
    submitted_s: float
    slot: int | None = None
    computed: int = 0
    cached: int = 0
    forced: int = 0
    sampled: int = 0
    admitted_s: float = field(init=False)
    first_token_s: float | None = None
    waited_rows: int = 0
    """Rows of prompts that it has waited for, past its own."""
    spare_rows: int = 0
    """Rows that a step has room for beside the next token: for drafts."""
    tokens: list[int] = field(init=False)
    logits_from: int = field(init=False)
    known: int = field(init=False)
    """Tokens that stand there before the model is asked: the prompt, and what is forced behind."""

    def __post_init__(self) -> None:
        """Begin with the prompt, whose last row is sampled."""
        self.admitted_s = self.submitted_s
        self.tokens = [*self.prompt.shared, *self.prompt.own]
        self.logits_from = len(self.tokens) - 1
        self.known = len(self.tokens)

    def begin(self) -> Answer | None:
        """Let the goal begin; its answer, if the model need not be asked."""
        answer = self.goal.begin(self)
        self.known = len(self.tokens)
        return answer

    @property
    def pending(self) -> int:
        """Tokens that stand in the sequence and are not computed yet."""
        return len(self.tokens) - self.computed

    @property
    def is_prefilling(self) -> bool:
        """True until all that was known at the start is computed."""
        return self.computed < self.known

    def rows(self, count: int) -> list[Row]:
        """The next `count` rows to compute."""
        assert self.slot is not None  # noqa: S101 - only admitted sequences are scheduled
        return [
            Row(self.tokens[position], position, self.slot, position >= self.logits_from)
            for position in range(self.computed, self.computed + count)
        ]

    def extend(self, tokens: Tokens[int]) -> None:
        """Add tokens; the last of them is sampled."""
        self.tokens += tokens
        self.logits_from = len(self.tokens) - 1

    def draft(self, tokens: Tokens[int]) -> None:
        """Add tokens that are only a guess: all of them, and the one before, are looked at."""
        self.tokens += tokens

    def cut(self, length: int) -> None:
        """Take back the tokens from `length` on."""
        del self.tokens[length:]
        self.computed = min(self.computed, length)

    def rewind(self, tokens: Tokens[int]) -> None:
        """Replace all that follows the prompt by tokens that are all looked at."""
        self.tokens[len(self.prompt) :] = tokens
        self.computed = self.logits_from = len(self.prompt)

    def usage(self) -> TokenUsage:
        """Tokens so far."""
        return TokenUsage(len(self.prompt), self.cached, self.forced, self.sampled)

    def timing(self, now_s: float) -> Timing:
        """Moments, for a sequence that ends now."""
        first_token_s = self.first_token_s if self.first_token_s is not None else now_s
        return Timing(self.submitted_s, self.admitted_s, first_token_s, now_s)
