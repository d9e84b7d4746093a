"""How long a crash hides a job: until somebody gets it whom the dead lease does not stop."""

from dataclasses import dataclass, field

from faults.environment import Invocation, Timings
from faults.journal import Entry

from zeroidle_inference.lease import LEASE_SKEW_MS
from zeroidle_inference.policy import HELD_JITTER_S

SLACK_S = HELD_JITTER_S + 6
"""Beyond the bound itself: jitter of the messages that wait for a lease, two clocks that differ by
4 s, whole seconds."""


@dataclass(frozen=True)
class Crash:
    """When, and until when its jobs may be hidden."""

    at_s: float
    until_s: float
    was_hidden: bool


@dataclass
class Recoveries:
    """Measures; `late` lists jobs that came back after their bound.

    Time that a message waits for a free environment, already visible, is not counted: a job was
    hidden until the last poll that did not find it.
    """

    timings: Timings
    max_s: float = 0.0
    max_after_hiding_s: float = 0.0
    late: list[str] = field(default_factory=list)
    _pending: dict[str, Crash] = field(default_factory=dict)
    _invocations: dict[str, Invocation] = field(default_factory=dict)
    _delivered: dict[str, Invocation] = field(default_factory=dict)
    _latest: dict[str, str] = field(default_factory=dict)
    _hid: dict[str, float] = field(default_factory=dict)
    _held: dict[str, set[str]] = field(default_factory=dict)

    def read(self, entry: Entry) -> None:
        if entry.what == "sent" and entry.subject == "ChangeMessageVisibilityBatch":
            self._hid[entry.who] = entry.at_s
        if entry.what == "claim held":
            self._held.setdefault(entry.who, set()).add(entry.subject)
            if self._delivered.get(entry.subject) is self._invocations.get(entry.who):
                self._delivered.pop(entry.subject, None)
        elif entry.what.startswith("claim ") and entry.who in self._invocations:
            self._is_back(entry.subject, self._invocations[entry.who])

    def began(self, who: str, invocation: Invocation, jobs: list[str]) -> None:
        """Its messages are not hidden yet."""
        self._invocations[who] = invocation
        self._latest.update(dict.fromkeys(jobs, invocation.request_id))
        for job in jobs:
            # It may take a while until the job's turn comes, but it is not the crash that hides it.
            self._delivered.setdefault(job, invocation)
        self._hid.pop(who, None)
        self._held.pop(who, None)

    def crashed(self, who: str, invocation: Invocation, now_s: float, jobs: list[str]) -> None:
        """Jobs that somebody else has got meanwhile are not hidden by this crash."""
        hid_at_s = self._hid.get(who)
        was_hidden = hid_at_s is not None
        if hid_at_s is None:
            until_s = invocation.began_s + self.timings.visibility_s
        else:
            # The seconds of hiding count from when SQS gets the call, which may have been slow.
            slow_s = hid_at_s - invocation.began_s
            until_s = invocation.deadline_s + LEASE_SKEW_MS / 1000 + slow_s
        for job in jobs:
            if self._latest[job] == invocation.request_id:
                self._pending[job] = Crash(now_s, until_s, was_hidden)
                self._delivered.pop(job, None)

    def deleted(self, jobs: list[str]) -> None:
        """Whoever had them is done with them: they need not come back."""
        for job in jobs:
            self._pending.pop(job, None)

    def answered(
        self, who: str, invocation: Invocation, jobs: list[str], *, is_faulty: bool
    ) -> None:
        """What was in it came back, unless it was refused as held; if then the message's return
        met a fault, too, that one hides the job from now on, not the crash.
        """
        held = set() if is_faulty else self._held.get(who, set())
        for job in jobs:
            if job not in held:
                self._is_back(job, invocation)

    def _is_back(self, job: str, invocation: Invocation) -> None:
        crash = self._pending.get(job)
        if crash is None or invocation.began_s < crash.at_s:
            return
        del self._pending[job]
        first = self._delivered.get(job, invocation)
        hidden_until_s = min(first.began_s, max(first.hidden_at_s, crash.until_s))
        recovery_s = hidden_until_s - crash.at_s
        self.max_s = max(self.max_s, recovery_s)
        if crash.was_hidden:
            self.max_after_hiding_s = max(self.max_after_hiding_s, recovery_s)
        if hidden_until_s > crash.until_s + SLACK_S:
            self.late.append(
                f"{job} was hidden until {recovery_s:.0f} s after a crash,"
                f" {hidden_until_s - crash.until_s:.0f} s beyond its bound"
            )
