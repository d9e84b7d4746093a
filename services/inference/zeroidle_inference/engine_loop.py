"""Drives every job's generator against one engine, wave by wave, until all is done or time is up.

Knows jobs, time and the engine; the table and the queue are behind the writer. Runs on the
invocation's own thread and never waits for the network.
"""

from collections.abc import Callable

from zeroidle_contract import ModelIdentity
from zeroidle_inference import policy
from zeroidle_inference.admission import FRESH_SHARE, NEVER_SHARE, Admission, Work, admit, estimate
from zeroidle_inference.attempt import Attempt, Claimed, Finished
from zeroidle_inference.engine.errors import DecodeError, EngineError
from zeroidle_inference.engine.request import Finished as FinishedRequest
from zeroidle_inference.errors import TooSlowError
from zeroidle_inference.inbox import Inbox
from zeroidle_inference.intake import DEADLINE_PASSED, is_late
from zeroidle_inference.invocation import Invocation
from zeroidle_inference.outcomes import Outage
from zeroidle_inference.seams import Clock, InferenceEngine, StartTask
from zeroidle_inference.share import Shares
from zeroidle_inference.telemetry import Log, where
from zeroidle_inference.telemetry.witness import Witness
from zeroidle_inference.timings import Anchor
from zeroidle_inference.writer import Writer


class EngineLoop:
    """The jobs of one invocation on their way through the engine."""

    def __init__(
        self,
        *,
        invocation: Invocation,
        engine: InferenceEngine,
        start_task: StartTask,
        prompt_version: str,
        width: int,
        writer: Writer,
        outage: Outage,
        witness: Witness,
        shares: Shares,
        clock: Clock,
        log: Log,
        is_aborted: Callable[[], bool],
    ) -> None:
        self._invocation = invocation
        self._engine = engine
        self._start_task = start_task
        self._width = width
        self._writer = writer
        self._outage = outage
        self._witness = witness
        self._shares = shares
        self._clock = clock
        self._log = log
        self._is_aborted = is_aborted
        self._anchor = Anchor(clock.now_ms(), clock.monotonic_s())
        self._model = ModelIdentity(
            name=engine.identity.name,
            sha256=engine.identity.sha256,
            quantisation=engine.identity.quantisation,
            prompt_version=prompt_version,
        )
        self._begun = 0
        self._waiting: list[Attempt] = []
        self._active: list[Attempt] = []
        self._by_ticket: dict[int, Attempt] = {}

    def run(self, inbox: Inbox) -> None:
        """Take in, admit, step, until nothing is left or the time is up."""
        while not self._time_is_up() and not self._is_done(inbox):
            self._shares.advance(self._active)
            self._take_in(inbox)
            self._drop_late()
            self._admit()
            if self._engine.has_work:
                self._step()
            elif self._active:
                raise EngineError("the engine is idle, but requests are open")
            elif not self._waiting:
                inbox.wait(self._left_s())

    def give_back_rest(self, inbox: Inbox) -> None:
        """Return what is not done: it was not its fault, unless it had a whole invocation."""
        for claimed in inbox.close():
            self._give_back(claimed)
        for attempt in self._waiting:
            self._give_back(attempt.claimed)
        for attempt in self._active:
            self._withdraw(attempt)
            if attempt.began_fresh and not attempt.had_company:
                self._writer.settle_error(attempt.claimed, TooSlowError())
            else:
                self._give_back(attempt.claimed)
        self._waiting, self._active = [], []

    def abandon(self, error: Exception) -> None:
        """Settle every job after an error that none of them is known to have caused."""
        for attempt in (*self._waiting, *self._active):
            self._writer.settle_error(attempt.claimed, error)
        self._waiting, self._active = [], []

    def _is_done(self, inbox: Inbox) -> bool:
        return not self._waiting and not self._active and inbox.is_exhausted

    def _left_s(self) -> float:
        return self._invocation.stop_s - self._clock.monotonic_s()

    def _time_is_up(self) -> bool:
        return self._left_s() <= 0 or self._is_aborted()

    def _give_back(self, claimed: Claimed) -> None:
        self._writer.give_back(claimed, policy.SOON_S, reason="out_of_time")

    def _take_in(self, inbox: Inbox) -> None:
        for claimed in inbox.take():
            self._begin(claimed, alone=False)

    def _begin(self, claimed: Claimed, *, alone: bool) -> None:
        """Start the task; the job then waits for admission."""
        self._begun += 1
        try:
            attempt = Attempt.begin(claimed, self._begun, self._start_task, self._engine.text_model)
        except Exception as error:  # noqa: BLE001 - the policy has a row for every error
            self._writer.settle_error(claimed, error)
            return
        attempt.alone = alone
        if attempt.is_done:
            self._finish(attempt)
            return
        attempt.work = self._estimate(attempt)
        self._waiting.append(attempt)

    def _estimate(self, attempt: Attempt) -> Work:
        return estimate(attempt.requests, self._engine.text_model, self._engine.rates)

    def _drop_late(self) -> None:
        """Fail jobs whose own deadline passed."""
        for jobs in (self._waiting, self._active):
            for attempt in [job for job in jobs if is_late(job.claimed.job, self._clock)]:
                self._withdraw(attempt)
                jobs.remove(attempt)
                self._writer.fail(attempt.claimed, DEADLINE_PASSED)

    def _admit(self) -> None:
        """Begin the waiting jobs that fit; return the rest when nothing under way can change it."""
        if self._outage.is_on:
            for attempt in self._waiting:
                self._writer.give_back_after_outage(attempt.claimed)
            self._waiting = []
        for attempt in list(self._waiting):
            if self._must_wait_alone(attempt):
                continue
            match self._admission(attempt):
                case Admission.BEGIN:
                    self._waiting.remove(attempt)
                    self._enter(attempt)
                case Admission.NEVER:
                    self._waiting.remove(attempt)
                    self._writer.settle_error(attempt.claimed, TooSlowError())
                case Admission.WAIT:
                    continue
        if not self._active:
            for attempt in self._waiting:
                self._give_back(attempt.claimed)
            self._waiting = []

    def _must_wait_alone(self, attempt: Attempt) -> bool:
        return bool(self._active) and (attempt.alone or self._active[0].alone)

    def _admission(self, attempt: Attempt) -> Admission:
        return admit(
            attempt.work,
            under_way=sum((job.work for job in self._active), Work()),
            width=self._width,
            left_s=self._left_s(),
            usable_s=self._invocation.usable_s,
        )

    def _enter(self, attempt: Attempt) -> None:
        attempt.began_fresh = self._left_s() >= FRESH_SHARE * self._invocation.usable_s
        self._active.append(attempt)
        if len(self._active) > 1:
            for job in self._active:
                job.had_company = True
        self._submit(attempt)

    def _submit(self, attempt: Attempt) -> None:
        """Submit the attempt's wave."""
        tickets: list[int] = []
        try:
            for request in attempt.requests:
                ticket = self._engine.submit(request, group=attempt.ordinal)
                tickets.append(ticket)
                self._by_ticket[ticket] = attempt
        except Exception as error:  # noqa: BLE001 - the policy has a row for every error
            attempt.submitted(tickets)
            self._leave(attempt, error)
            return
        attempt.submitted(tickets)

    def _leave(self, attempt: Attempt, error: Exception) -> None:
        """End an active attempt by its error."""
        self._withdraw(attempt)
        self._active.remove(attempt)
        self._writer.settle_error(attempt.claimed, error)

    def _withdraw(self, attempt: Attempt) -> None:
        """Take the attempt's requests out of the engine."""
        self._witness.inferred(attempt.claimed.delivery, attempt.waves)
        for ticket in attempt.open_tickets:
            self._engine.cancel(ticket)
            self._by_ticket.pop(ticket, None)
        attempt.open_tickets = {}

    def _step(self) -> None:
        start_s = self._clock.monotonic_s()
        try:
            finished = self._engine.step()
        except DecodeError as error:
            self._engine.reset()
            if not self._time_is_up():
                self._try_alone(error)
            return
        self._witness.stepped(self._engine.last_step, start_s)
        for request in finished:
            attempt = self._by_ticket.pop(request.ticket, None)
            if attempt is not None:
                self._answered(attempt, request)

    def _try_alone(self, error: DecodeError) -> None:
        """After a failed batch: begin its jobs again one by one, so that the innocent do not pay.

        A job that was alone in the batch is to blame.
        """
        self._log.warning("batch_failed", jobs=len(self._active), where=where(error))
        suspects, self._active, self._by_ticket = self._active, [], {}
        if len(suspects) == 1:
            self._writer.settle_error(suspects[0].claimed, error)
            return
        for attempt in suspects:
            self._begin(attempt.claimed, alone=True)

    def _answered(self, attempt: Attempt, request: FinishedRequest) -> None:
        if request.answer is None:
            attempt.open_tickets.pop(request.ticket)
            self._leave(attempt, request.error or DecodeError("a request ended without an answer"))
            return
        self._witness.answered(request.answer.usage)
        try:
            is_wave_done = attempt.answered(request.ticket, request.answer)
        except Exception as error:  # noqa: BLE001 - the policy has a row for every error
            self._leave(attempt, error)
            return
        if attempt.is_done:
            self._active.remove(attempt)
            self._finish(attempt)
        elif is_wave_done:
            attempt.work = self._estimate(attempt)
            if attempt.work.read_s > NEVER_SHARE * self._invocation.usable_s:
                self._leave(attempt, TooSlowError())
                return
            self._submit(attempt)

    def _finish(self, attempt: Attempt) -> None:
        if attempt.output is None:
            msg = "an attempt without output cannot be finished"
            raise RuntimeError(msg)
        self._shares.advance((*self._active, attempt))
        self._witness.inferred(attempt.claimed.delivery, attempt.waves)
        self._writer.commit(
            Finished(
                claimed=attempt.claimed,
                output=attempt.output,
                usage=attempt.usage,
                waves=tuple(attempt.waves),
                finished_s=self._clock.monotonic_s(),
                anchor=self._anchor,
                model_wait_s=self._invocation.model_wait_s,
                gb_seconds=self._shares.gb_seconds(attempt),
                model=self._model,
            )
        )
