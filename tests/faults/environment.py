"""What a mapping works with: environments, their invocations, the stack's timings, an observer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from faults.population import name_in


@dataclass(frozen=True)
class Timings:
    """The template's own, in seconds."""

    timeout_s: int
    visibility_s: int
    max_receives: int


@dataclass(frozen=True)
class Likelihoods:
    """Of what may happen to one message or one invocation."""

    twin: float = 0.02
    early_redelivery: float = 0.01
    delete_fails: float = 0.01
    answer_dropped: float = 0.005
    zombie: float = 0.5
    """Of a stalled environment to go on for a moment beyond its deadline."""


@dataclass
class Environment:
    """One process, and what it is doing."""

    who: str
    pid: int
    connection: Connection
    invocation: "Invocation | None" = None
    stalled_until_s: float | None = None

    @property
    def runs(self) -> bool:
        return self.invocation is not None and self.stalled_until_s is None


@dataclass(frozen=True)
class Invocation:
    """One call of the function."""

    request_id: str
    began_s: float
    deadline_s: float
    receipts: dict[str, str]
    bodies: dict[str, str]
    hidden_at_s: float
    """When a poll last found less than it asked for: the messages were not visible then."""

    def jobs(self, message_ids: Iterable[str] | None = None) -> list[str]:
        """The jobs of these messages, or of all."""
        chosen = self.bodies if message_ids is None else message_ids
        return [name_in(self.bodies[message_id]) for message_id in chosen]


@dataclass
class Observer:
    """Is told of invocations as they end; the recovery of crashed ones is measured by it."""

    began: Callable[[str, Invocation], None]
    crashed: Callable[[str, Invocation], None]
    answered: Callable[[str, Invocation, list[str]], None]
