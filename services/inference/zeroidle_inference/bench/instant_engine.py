"""An engine that answers every request in its first step: what remains is everything around it."""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from zeroidle_contract import Output, SummarizeOutput, Task
from zeroidle_inference.engine.request import (
    Answer,
    ChatMessage,
    Completion,
    Finished,
    Generate,
    Prompt,
    Request,
    Step,
    TextModel,
    Timing,
    TokenUsage,
    Window,
)


@dataclass(frozen=True)
class InstantRates:
    """Unknown, as in a fresh environment."""

    prefill_tokens_per_s: float = 0.0
    decode_tokens_per_s: float = 0.0


@dataclass(frozen=True)
class InstantIdentity:
    """No model."""

    name: str = "instant"
    sha256: str = "0" * 64
    quantisation: str = "none"


class InstantTextModel:
    """Counts nothing."""

    context_tokens = 4096
    sha256 = "0" * 64

    def prompt_tokens(self, prompt: Prompt) -> int:  # noqa: ARG002 - as the engine has it
        """Some."""
        return 100

    def split(self, text: str, max_tokens: int, overlap_tokens: int = 0) -> list[Window]:  # noqa: ARG002
        """Not at all."""
        return [Window(0, len(text))]


class InstantEngine:
    """`InferenceEngine` without inference."""

    def __init__(self) -> None:
        self.text_model = InstantTextModel()
        self.identity = InstantIdentity()
        self.rates = InstantRates()
        self.sequences = 16
        self.last_step = Step(0, 0)
        self._open: list[int] = []
        self._tickets = 0

    @property
    def has_work(self) -> bool:
        """True while a request has not been answered."""
        return bool(self._open)

    def submit(self, request: Request, *, group: int = 0) -> int:  # noqa: ARG002
        """Take the request."""
        self._tickets += 1
        self._open.append(self._tickets)
        return self._tickets

    def cancel(self, ticket: int) -> None:
        """Forget the request."""
        if ticket in self._open:
            self._open.remove(ticket)

    def step(self) -> list[Finished]:
        """Answer all requests."""
        self.last_step = Step(len(self._open), len(self._open))
        now_s = time.monotonic()
        timing = Timing(now_s, now_s, now_s, now_s)
        usage = TokenUsage(prompt=100, sampled=20)
        done = [
            Finished(ticket, Completion("A short summary.", "stop", usage, timing))
            for ticket in self._open
        ]
        self._open.clear()
        return done

    def abort(self) -> None:
        """Nothing takes long enough."""

    def reset(self) -> None:
        """Forget all requests."""
        self._open.clear()


def one_wave(
    task: Task, document: str | None, model: TextModel
) -> Generator[Sequence[Request], Sequence[Answer], Output]:
    """One request a job."""
    del task, model
    [answer] = yield [Generate(Prompt((ChatMessage("user", "Summarise:"),), document), 64)]
    if not isinstance(answer, Completion):
        msg = "the engine answers in kind"
        raise TypeError(msg)
    return SummarizeOutput(summary=answer.text)
