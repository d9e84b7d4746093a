"""What harness and its processes say to each other over their pipes."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Invoke:
    """To an environment: one event, and when Lambda would kill it."""

    request_id: str
    event: dict[str, Any]
    deadline_s: float


@dataclass(frozen=True)
class Answered:
    """From an environment: what the handler returned."""

    response: Any


@dataclass(frozen=True)
class Stalled:
    """From an environment: it stands still until this moment, and then waits for `Resume`."""

    until_s: float


@dataclass(frozen=True)
class Resume:
    """To an environment that stalled."""


@dataclass(frozen=True)
class Delayed:
    """A request that left its process and reaches AWS only at `due_s`, whatever became of it."""

    due_s: float
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Publish:
    """To a publisher: jobs by name, and whom of them to cancel afterwards."""

    bodies: dict[str, str]
    cancel: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """From a publisher: the jobs that the producer library took, and those it cancelled."""

    accepted: tuple[str, ...]
    cancelled: tuple[str, ...]
