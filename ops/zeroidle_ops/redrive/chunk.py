"""The ledger's words: what a plan is used for, how it stands, how far a chunk has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """What a plan is used for. A plan is either applied or discarded; restoring comes after."""

    APPLY = "apply"
    DISCARD = "discard"
    RESTORE = "restore"


class State(StrEnum):
    """How a plan stands."""

    OPEN = "open"
    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"
    ABORTED = "aborted"


class Step(StrEnum):
    """How far a chunk has come."""

    PLANNED = "planned"
    SENT = "sent"
    DELETED = "deleted"


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A chunk's row. `entries` are places in the plan; `sent` and `dropped` count them."""

    purpose: Purpose
    number: int
    step: Step
    archive_key: str
    entries: Sequence[int]
    sent: int
    dropped: int
    operator: str

    @property
    def name(self) -> str:
        """Its sort key, in the order of its number."""
        return f"{self.purpose}#{self.number:06d}"


@dataclass(frozen=True, kw_only=True)
class Head:
    """A plan's row."""

    state: State
    purpose: Purpose | None
    operator: str
    reason: str
    updated_at: str
