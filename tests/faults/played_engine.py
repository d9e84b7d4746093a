"""An engine without a model: each job takes some steps of simulated time, and ends by its kind."""

import os
import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from faults.injector import Rates, kill
from faults.journal import Journal
from faults.population import Kind
from faults.simulated_clock import SimulatedClock

from zeroidle_contract import Output, SummarizeOutput, Task
from zeroidle_contract.table import OUTPUT_INLINE_LIMIT_BYTES
from zeroidle_inference.engine.errors import DecodeError, PromptTooLongError
from zeroidle_inference.engine.request import (
    Answer,
    ChatMessage,
    Completion,
    Finished,
    Generate,
    Prompt,
    Request,
    Step,
    Timing,
    TokenUsage,
    Window,
)

STEP_S = 0.5
STEPS_PER_WAVE = {Kind.LONG: 3}
USUAL_STEPS_PER_WAVE = 4
LONGEST_STALL_S = 400


@dataclass(frozen=True)
class PlayedRates:
    prefill_tokens_per_s: float = 500.0
    decode_tokens_per_s: float = 50.0


@dataclass(frozen=True)
class PlayedIdentity:
    name: str = "played"
    sha256: str = "0" * 64
    quantisation: str = "none"


class PlayedTextModel:
    context_tokens = 4096
    sha256 = "0" * 64

    def prompt_tokens(self, prompt: Prompt) -> int:
        return 100

    def split(self, text: str, max_tokens: int, overlap_tokens: int = 0) -> list[Window]:
        return [Window(0, len(text))]


@dataclass
class Running:
    request: Request
    submitted_s: float
    steps_left: int

    @property
    def kind(self) -> Kind:
        return Kind((self.request.prompt.document or "").split()[0])

    @property
    def job(self) -> str:
        return (self.request.prompt.document or "").split()[1]


class PlayedEngine:
    """`InferenceEngine` for the harness. `stall` stops the process until a moment; `is_cured` says
    whether the cause of curable failures is gone."""

    def __init__(
        self,
        *,
        seed: int,
        who: str,
        rates: Rates,
        clock: SimulatedClock,
        journal: Journal,
        stall: Callable[[float], None],
        is_cured: Callable[[], bool],
    ) -> None:
        self.text_model = PlayedTextModel()
        self.identity = PlayedIdentity()
        self.rates = PlayedRates()
        self.sequences = 4
        self.last_step = Step(0, 0)
        self._who = who
        self._fault_rates = rates
        self._rng = random.Random(f"{seed} {who} engine")  # noqa: S311 - a plan
        self._clock = clock
        self._journal = journal
        self._stall = stall
        self._is_cured = is_cured
        self._running: dict[int, Running] = {}
        self._tickets = 0
        self._is_aborted = False

    @property
    def has_work(self) -> bool:
        return bool(self._running)

    def submit(self, request: Request, *, group: int = 0) -> int:
        running = Running(request, self._clock.monotonic_s(), 0)
        if running.kind is Kind.REFUSED:
            raise PromptTooLongError("the document does not fit the context")
        running.steps_left = STEPS_PER_WAVE.get(running.kind, USUAL_STEPS_PER_WAVE)
        self._tickets += 1
        self._running[self._tickets] = running
        return self._tickets

    def cancel(self, ticket: int) -> None:
        self._running.pop(ticket, None)

    def step(self) -> list[Finished]:
        batch = dict(list(self._running.items())[: self.sequences])
        jobs = ",".join(running.job for running in batch.values())
        self._clock.sleep(STEP_S)
        self._journal.write(self._clock.true_s, self._who, "step", jobs)
        self._play_faults(batch)
        if self._is_aborted:
            raise DecodeError("llama_decode was aborted")
        done = []
        for ticket, running in batch.items():
            running.steps_left -= 1
            if running.steps_left == 0:
                del self._running[ticket]
                done.append(self._finish(ticket, running))
        return done

    def abort(self) -> None:
        self._is_aborted = True

    def reset(self) -> None:
        self._is_aborted = False
        self._running.clear()

    def _play_faults(self, batch: dict[int, Running]) -> None:
        fate = self._rng.random()
        is_killed = fate < self._fault_rates.kill_in_step
        if is_killed or any(running.kind is Kind.CRASHER for running in batch.values()):
            self._journal.write(self._clock.true_s, self._who, "kill_in_step", "step")
            kill()
        if 0 < fate - self._fault_rates.kill_in_step < self._fault_rates.stall_in_step:
            self._journal.write(self._clock.true_s, self._who, "stall", "step")
            self._stall(self._clock.true_s + self._rng.uniform(10, LONGEST_STALL_S))

    def _finish(self, ticket: int, running: Running) -> Finished:
        if running.kind is Kind.BROKEN or (running.kind is Kind.CURABLE and not self._is_cured()):
            return Finished(ticket, error=RuntimeError("played"))
        now_s = self._clock.monotonic_s()
        # No two answers are alike, so that a second result of one job can be seen.
        text = f"{running.job} {os.urandom(8).hex()}"
        if running.kind is Kind.LARGE:
            text += " word" * (OUTPUT_INLINE_LIMIT_BYTES // 5)
        timing = Timing(running.submitted_s, running.submitted_s, now_s, now_s)
        return Finished(ticket, Completion(text, "stop", TokenUsage(prompt=100), timing))


def start_task(
    task: Task, document: str | None, model: Any
) -> Generator[Sequence[Request], Sequence[Answer], Output]:
    """One wave; long documents take two."""
    request = Generate(Prompt((ChatMessage("user", "Summarise:"),), document), max_tokens=50)
    if Kind((document or "").split()[0]) is Kind.LONG:
        yield [request]
    [answer] = yield [request]
    if not isinstance(answer, Completion):
        msg = "the engine answers in kind"
        raise TypeError(msg)
    return SummarizeOutput(summary=answer.text)
