"""Sees what environments do: reads their journal, and looks after jobs that come back."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from faults.environment import Invocation
from faults.journal import JournalReader
from faults.recovery import Recoveries
from faults.simulated_clock import SimulatedClock

from zeroidle_contract import job_key
from zeroidle_contract import table as t


@dataclass
class Witness:
    """Observes a mapping.

    `steps` counts engine steps by job, `happened` faults by kind; `left` tells of jobs that were
    returned without a fault and are leased all the same.
    """

    reader: JournalReader
    recoveries: Recoveries
    clock: SimulatedClock
    dynamodb: Any
    table: str
    steps: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)
    _faulty: set[str] = field(default_factory=set)
    _returns_s: list[float] = field(default_factory=list)

    def read(self) -> list[float]:
        """Take in what was written; the moments at which messages are to be seen again."""
        for entry in self.reader.read():
            self.recoveries.read(entry)
            if entry.what == "step":
                self.steps.update(entry.subject.split(","))
            elif entry.what == "visibility":
                self._returns_s.append(entry.at_s + int(entry.subject))
            elif entry.what != "sent" and not entry.what.startswith("claim"):
                self.happened[entry.what] += 1
                self._faulty.add(entry.who)
        returns_s, self._returns_s = self._returns_s, []
        return returns_s

    def began(self, who: str, invocation: Invocation) -> None:
        self._read()
        self._faulty.discard(who)
        self.recoveries.began(who, invocation, invocation.jobs())

    def crashed(self, who: str, invocation: Invocation) -> None:
        self._read()
        self.recoveries.crashed(who, invocation, self.clock.true_s, invocation.jobs())

    def answered(self, who: str, invocation: Invocation, returned: list[str]) -> None:
        self._read()
        is_faulty = who in self._faulty
        self.recoveries.answered(who, invocation, invocation.jobs(), is_faulty=is_faulty)
        self.recoveries.deleted(invocation.jobs(invocation.bodies.keys() - set(returned)))
        if not is_faulty:
            for job in invocation.jobs(returned):
                self._check_lease(job, invocation)

    def close(self) -> None:
        self.reader.close()

    def _read(self) -> None:
        self._returns_s = self.read()

    def _check_lease(self, job: str, invocation: Invocation) -> None:
        """Whoever returns a job, and could reach the table, has no business with it any more."""
        item = self.dynamodb.get_item(
            TableName=self.table, Key={t.JOB_KEY: {"S": job_key(None, job)}}
        ).get("Item", {})
        if (t.text(item, t.LEASE_OWNER) or "").startswith(f"{invocation.request_id}/"):
            self.left.append(f"{job} was returned, and stays leased to {invocation.request_id}")
