"""One run of a plan: canary, ramp, brake, and a clean end whatever happens.

Decides when what is moved; how it is moved crash-safe is `mover`'s affair, how the brake judges
`brake`'s.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zeroidle_ops.errors import LockLostError
from zeroidle_ops.lock import Lock
from zeroidle_ops.redrive.brake import Action, BrakeDecision, Observation, Pace, decide, next_rate
from zeroidle_ops.redrive.chunk import Purpose, State
from zeroidle_ops.redrive.errors import NothingToDoError, RedriveError
from zeroidle_ops.redrive.index import PlanIndex
from zeroidle_ops.redrive.intake import Intake
from zeroidle_ops.redrive.ledger import Ledger
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.mover import AbortedError, Mover
from zeroidle_ops.redrive.outcome import Outcome, Progress
from zeroidle_ops.redrive.queues import refresh
from zeroidle_ops.redrive.transfer import Transfer
from zeroidle_ops.redrive.watch import Watch
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CHUNK = 500
"""Messages archived and recorded together, at most; a crash repeats at worst so many sends."""

RUN_HIDE_S = 300
"""How long a crashed run keeps messages hidden, at worst."""

POLL_S = 1.0
_WINDOWS = 6
_EMPTY_ANSWERS = 5


@dataclass(frozen=True, kw_only=True)
class _Ending:
    state: State
    reason: str = ""
    fingerprint: str | None = None


@dataclass(frozen=True)
class _Snapshot:
    at_s: float
    sent: int
    settled: int
    refailed: Counter[str]
    returned: Counter[str]
    newcomers: int


@dataclass(kw_only=True)
class Run:
    """A run under the queue's lock."""

    sqs: "SQSClient"
    plan_id: str
    purpose: Purpose
    index: PlanIndex
    transfer: Transfer
    intake: Intake
    mover: Mover
    ledger: Ledger
    lock: Lock
    watch: Watch
    pace: Pace
    clock: Clock
    hide_s: int
    on_progress: Callable[[Progress], None]
    should_stop: Callable[[], bool]
    _began_s: float = field(default=0.0, init=False)
    _rate_per_s: float = field(default=0.0, init=False)
    _trouble_since_s: float | None = field(default=None, init=False)
    _snapshots: deque[_Snapshot] = field(init=False)

    def execute(self) -> Outcome:
        """Do it, and record how it ended.

        Raises:
            NothingToDoError: nothing is left of the plan, in the ledger or in the queue.
        """
        self._began_s = self.clock.monotonic_s()
        self._snapshots = deque(maxlen=_WINDOWS)
        self.ledger.begin(self.purpose)
        ending = _Ending(state=State.STOPPED, reason="it ended with an error")
        recovered = 0
        try:
            with self.mover:
                recovered = self.mover.recover()
                if self.index.open == 0 and recovered == 0:
                    ending = _Ending(state=State.DONE)
                    self._refuse_done()
                try:
                    ending = self._canary() or self._stream()
                finally:
                    self.intake.close()
        except NothingToDoError as nothing:
            if ending.state is not State.DONE:
                ending = _Ending(state=State.STOPPED, reason=str(nothing))
            raise
        except AbortedError:
            ending = _Ending(state=State.ABORTED, reason="somebody aborted it")
        except KeyboardInterrupt:
            ending = _Ending(state=State.STOPPED, reason="interrupted")
            raise
        finally:
            self.ledger.end(ending.state, ending.reason)
        return self._outcome(ending, recovered)

    def _refuse_done(self) -> None:
        raise NothingToDoError(f"plan {self.plan_id!r} is done: nothing is left of it")

    def _outcome(self, ending: _Ending, recovered: int) -> Outcome:
        if self.watch.pending:
            self.watch.look()
        return Outcome(
            plan_id=self.plan_id,
            purpose=self.purpose,
            state=ending.state,
            reason=ending.reason,
            recovered_chunks=recovered,
            sent=self.mover.sent,
            dropped=self.mover.dropped,
            kept={reason.value: count for reason, count in self.mover.kept.items()},
            refailed=dict(self.watch.refailed | self.watch.returned),
            unsettled=self.watch.pending,
            remaining=self.index.open,
            seconds=self.clock.monotonic_s() - self._began_s,
            fingerprint=ending.fingerprint,
        )

    def _canary(self) -> _Ending | None:
        """Send a few of each cause and wait for their fate; None when all is well."""
        if self.pace.canary == 0 or self.purpose is Purpose.DISCARD:
            return None
        self.intake.fill(min(max(100, 10 * self.pace.canary), self.index.open))
        self._move(self.intake.take_of_each(self.pace.canary))
        give_up_at_s = self.clock.monotonic_s() + self.pace.settle_s
        while self.watch.sent > self.watch.settled:
            if self.should_stop():
                return _INTERRUPTED
            self._tell("canary")
            self.watch.look()
            self.intake.look()
            decision = decide(self._since_begin(), self.pace)
            if decision.action is Action.STOP:
                return _stopped(decision)
            if self.clock.monotonic_s() > give_up_at_s:
                return self._judge_slow_canary()
            self._pause(POLL_S)
        return None

    def _judge_slow_canary(self) -> _Ending | None:
        sent, settled = self.watch.sent, self.watch.settled
        if 2 * settled >= sent:
            return None
        return _Ending(
            state=State.STOPPED,
            reason=f"only {settled} of {sent} canary jobs ended within {self.pace.settle_s:.0f} s; "
            "is the consumer paused or throttled?",
        )

    def _stream(self) -> _Ending:
        self._rate_per_s = self.pace.first_rate_per_s
        if self.purpose is Purpose.DISCARD:
            self._rate_per_s = float("inf")
        self._snapshots.append(self._snapshot())
        while self.index.open:
            if self.should_stop():
                return _INTERRUPTED
            began_s = self.clock.monotonic_s()
            size = int(max(1, min(CHUNK, self._rate_per_s)))
            if not self.intake.fill(min(2 * size, self.index.open)) and not self._wait_for_hidden():
                return self._missing()
            self._move(self.intake.take(size))
            self._tell("moving")
            ending = self._brake()
            if ending is not None:
                return ending
            self._pause(size / self._rate_per_s - (self.clock.monotonic_s() - began_s))
        return _Ending(state=State.DONE)

    def _move(self, letters: list[tuple[int, Letter]]) -> None:
        self.lock.renew()
        try:
            sent, kept = self.mover.move(letters) if letters else ([], [])
        except (RedriveError, LockLostError):  # refused before anything was touched
            self.intake.hold(letter for _, letter in letters)
            raise
        self.watch.note_sent(sent)
        self.intake.hold(kept)

    def _brake(self) -> _Ending | None:
        """Judge once a window; wait here as long as the brake says so."""
        while self._is_window_over():
            self.watch.look()
            seen = self._since(self._snapshots[0])
            decision = decide(seen, self.pace)
            if decision.action is Action.STOP:
                return _stopped(decision)
            if self.purpose is not Purpose.DISCARD:
                self._rate_per_s = next_rate(self._rate_per_s, decision, self.pace)
            if decision.action is Action.FASTER:
                self._trouble_since_s = None
            elif self._trouble_since_s is None:
                self._trouble_since_s = self.clock.monotonic_s()
            self._snapshots.append(self._snapshot())
            while decision.action is Action.WAIT and not self._is_window_over():
                if self.should_stop():
                    return _INTERRUPTED
                self._tell(f"waiting: {decision.reason}")
                self.intake.look()
                self._pause(POLL_S)
        return None

    def _is_window_over(self) -> bool:
        return self.clock.monotonic_s() - self._snapshots[-1].at_s >= self.pace.window_s

    def _snapshot(self) -> _Snapshot:
        watch = self.watch
        return _Snapshot(
            at_s=self.clock.monotonic_s(),
            sent=watch.sent,
            settled=watch.settled,
            refailed=Counter(watch.refailed),
            returned=Counter(watch.returned),
            newcomers=self.intake.newcomers,
        )

    def _since_begin(self) -> Observation:
        return self._since(_Snapshot(self._began_s, 0, 0, Counter(), Counter(), 0))

    def _since(self, then: _Snapshot) -> Observation:
        now = self._snapshot()
        trouble = self._trouble_since_s
        return Observation(
            sent=now.sent - then.sent,
            settled=now.settled - then.settled,
            refailed=now.refailed - then.refailed,
            returned=now.returned - then.returned,
            inflow_per_s=(now.newcomers - then.newcomers) / max(now.at_s - then.at_s, 1.0),
            longest_wait_s=self.watch.longest_wait_s(),
            trouble_s=0.0 if trouble is None else now.at_s - trouble,
        )

    def _wait_for_hidden(self) -> bool:
        """Wait for messages that somebody else hides, such as a crashed run; False in vain."""
        give_up_at_s = self.clock.monotonic_s() + self.hide_s + 5
        empty = 0
        while not self.intake.fill(1):
            if self.should_stop():
                return True
            empty += 1
            source = refresh(self.sqs, self.transfer.route.source)
            others = max(0, source.in_flight - self.intake.hidden)
            if others == 0 and (source.visible == 0 or empty >= _EMPTY_ANSWERS):
                return False
            if self.clock.monotonic_s() > give_up_at_s:
                return False
            self._tell(f"waiting: {others} messages are hidden by someone else or a crashed run")
            self._pause(POLL_S)
        return True

    def _missing(self) -> _Ending:
        if self.mover.sent == self.mover.dropped == 0 and not self.mover.kept:
            raise NothingToDoError(
                f"none of the {self.index.open} messages that are left of plan {self.plan_id!r} is "
                "in the queue any more; make a new plan"
            )
        return _Ending(
            state=State.STOPPED,
            reason=f"{self.index.open} messages of the plan are not to be found in the queue: "
            "expired, or moved by someone else",
        )

    def _tell(self, phase: str) -> None:
        elapsed_s = max(self.clock.monotonic_s() - self._began_s, 1e-9)
        moved = self.mover.sent + self.mover.dropped
        self.on_progress(
            Progress(
                phase=phase,
                rate_per_s=moved / elapsed_s,
                moved=self.mover.sent,
                skipped=self.mover.dropped + self.mover.kept.total(),
                refailed=self.watch.failed_again,
                remaining=self.index.open,
            )
        )

    def _pause(self, seconds: float) -> None:
        """Sleep, but answer a stop soon and keep the lock."""
        ends_at_s = self.clock.monotonic_s() + seconds
        while (left_s := ends_at_s - self.clock.monotonic_s()) > 0 and not self.should_stop():
            self.clock.sleep(min(left_s, POLL_S / 4))
            self.lock.renew()


_INTERRUPTED = _Ending(state=State.STOPPED, reason="interrupted")


def _stopped(decision: BrakeDecision) -> _Ending:
    return _Ending(state=State.STOPPED, reason=decision.reason, fingerprint=decision.fingerprint)
