"""Judges a history: was anything lost, invented, doubled, or sent to the wrong place?

In the manner of Jepsen's total-queue, with one more place to look: what was sent must be found, as
a multiset, in the table, in the queue or in the dead-letter queue, and nothing else may be there.
A pure function of what was observed; it knows neither faults nor how they were injected.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from faults.population import ENDS, INNOCENT, Kind, Planned

from zeroidle_contract import Status


@dataclass(frozen=True)
class Letter:
    """A dead letter: whose, and the code that it carries."""

    name: str
    code: str | None


@dataclass(frozen=True)
class Version:
    """A row as one write left it."""

    status: Status
    fence: int
    attempts: int
    commits: int
    result: str | None
    owner: str | None = None


@dataclass(frozen=True, kw_only=True)
class History:
    """What was observed.

    `acknowledged` are jobs that the producer library took (or that were put into the queue);
    `cancelled` those of which it said that they are cancelled. `versions` are all states of each
    row in the order of the writes. `begun` counts the engine steps spent on each job.
    """

    planned: Mapping[str, Planned]
    acknowledged: frozenset[str]
    cancelled: frozenset[str]
    versions: Mapping[str, Sequence[Version]]
    queue: Counter[str]
    letters: Sequence[Letter]
    steps: Counter[str]


@dataclass(frozen=True)
class Verdict:
    """What the checker found. Each problem is a sentence that names its job."""

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    unexpected: tuple[str, ...]
    innocent_in_dlq: tuple[str, ...]
    wasted_inference: float

    @property
    def problems(self) -> tuple[str, ...]:
        return self.lost + self.doubled + self.unexpected + self.innocent_in_dlq


def check(history: History) -> Verdict:
    """The verdict on a history whose faults are over and whose queue had the time to drain."""
    letters: dict[str, list[Letter]] = {}
    for letter in history.letters:
        letters.setdefault(letter.name, []).append(letter)
    return Verdict(
        lost=tuple(
            problem
            for name in sorted(history.acknowledged)
            if (problem := _lost(name, history, letters.get(name, [])))
        ),
        doubled=tuple(
            problem
            for name, versions in history.versions.items()
            for problem in _doubled(name, versions)
        ),
        unexpected=tuple(_unexpected(history)),
        innocent_in_dlq=tuple(
            f"{letter.name} ({history.planned[letter.name].kind}) is in the dead-letter queue"
            f" with {letter.code}"
            for letter in history.letters
            if letter.name in history.planned and history.planned[letter.name].kind in INNOCENT
        ),
        wasted_inference=_wasted(history),
    )


def _lost(name: str, history: History, letters: Sequence[Letter]) -> str | None:
    """A job is safe in the queue, in the table for good, or as a failed row with its letter."""
    planned = history.planned[name]
    if history.queue[name]:
        return None
    versions = history.versions.get(name, ())
    status = versions[-1].status if versions else None
    if status in {Status.SUCCEEDED, Status.CANCELLED}:
        return None
    if letters and (status is Status.FAILED or planned.job is None):
        return None
    where = f"its row is {status}" if status else "it has no row"
    return f"{name} ({planned.kind}) is lost: {where}, {len(letters)} dead letters, no message"


def _doubled(name: str, versions: Sequence[Version]) -> list[str]:
    """At most one final write in each life of a row, and none after success."""
    problems = [
        f"{name} was committed {version.commits} times"
        for version in versions
        if version.commits > 1
    ]
    results = {version.result for version in versions if version.result is not None}
    if len(results) > 1:
        problems.append(f"{name} has {len(results)} results")
    problems += [
        f"{name} changed from {before.status} to {after.status}"
        for before, after in pairwise(versions)
        if before.status.is_terminal and before != after
    ]
    problems += [
        f"the fence of {name} fell from {before.fence} to {after.fence}"
        for before, after in pairwise(versions)
        if after.fence < before.fence
    ]
    return problems


def _uncounted(name: str, versions: Sequence[Version]) -> list[str]:
    """Within a life of a row each claim counts, and a release gives back its own at most."""
    problems = []
    for before, after in pairwise(versions):
        if before.status not in {Status.QUEUED, Status.RUNNING}:
            continue
        gained = after.attempts - before.attempts
        if after.status is Status.RUNNING and gained != 1:
            problems.append(f"a claim of {name} counted {gained} attempts")
        if after.status is Status.QUEUED and gained not in {0, -1}:
            problems.append(f"a release of {name} counted {gained} attempts")
    return problems


def _unexpected(history: History) -> list[str]:
    """What nobody sent, and ends that a job of its kind cannot have."""
    found = {*history.versions, *history.queue, *(letter.name for letter in history.letters)}
    problems = [f"{name} was never sent" for name in sorted(found - history.planned.keys())]
    for name, versions in history.versions.items():
        problems += _uncounted(name, versions)
    for name in sorted(history.acknowledged):
        planned = history.planned[name]
        statuses, codes = ENDS[planned.kind]
        versions = history.versions.get(name, ())
        status = versions[-1].status if versions else None
        if not history.queue[name] and status not in statuses:
            problems.append(f"{name} ({planned.kind}) ended as {status}")
        if name in history.cancelled and status is not Status.CANCELLED:
            problems.append(f"{name} was cancelled, and ended as {status}")
        problems += [
            f"{name} ({planned.kind}) has a dead letter with {letter.code}"
            for letter in history.letters
            if letter.name == name and letter.code not in codes and planned.kind not in INNOCENT
        ]
    return problems


def _wasted(history: History) -> float:
    """The share of engine steps, of jobs that can only succeed, that led to no committed result."""
    spent = needed = 0
    for name, planned in history.planned.items():
        if planned.kind not in INNOCENT - {Kind.CANCELLED}:
            continue
        spent += history.steps[name]
        versions = history.versions.get(name, ())
        if versions and versions[-1].status is Status.SUCCEEDED:
            needed += planned.steps
    return 1 - needed / spent if spent else 0.0
