"""Lambda's part in provisioned concurrency, which moto lacks; and time that passes by sleeping."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

OFFICE = """
timezone = "Europe/Berlin"
[[daily]]
name = "office"
days = "MON-FRI"
from = 08:00:00
until = 18:00:00
environments = 4
[[event]]
name = "stock-taking"
from = 2027-01-02T08:00:00
until = 2027-01-02T20:00:00
environments = 10
"""


class NotFoundError(Exception):
    """No such alias, or no configuration."""


class Exceptions:
    ResourceNotFoundException = NotFoundError
    ProvisionedConcurrencyConfigNotFoundException = NotFoundError


@dataclass
class AliasOf:
    """Lambda as far as provisioned concurrency goes: each look at an allocation is a state on."""

    version: str = "1"
    reserved: int | None = None
    unreserved: int = 1000
    states: tuple[str, ...] = ("IN_PROGRESS", "READY")
    allocated: int = 0
    asked: list[int] = field(default_factory=list)
    exceptions = Exceptions

    def get_alias(self, **_: Any) -> Any:
        if not self.version:
            raise NotFoundError
        return {"FunctionVersion": self.version}

    def get_function_concurrency(self, **_: Any) -> Any:
        return {} if self.reserved is None else {"ReservedConcurrentExecutions": self.reserved}

    def get_account_settings(self) -> Any:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self.unreserved}}

    def put_provisioned_concurrency_config(self, **asked: Any) -> None:
        self.allocated = asked["ProvisionedConcurrentExecutions"]
        self.asked.append(self.allocated)

    def delete_provisioned_concurrency_config(self, **_: Any) -> None:
        self.allocated = 0

    def get_provisioned_concurrency_config(self, **_: Any) -> Any:
        if not self.allocated:
            raise NotFoundError
        status, self.states = self.states[0], self.states[1:] or self.states
        return {
            "RequestedProvisionedConcurrentExecutions": self.allocated,
            "AllocatedProvisionedConcurrentExecutions": self.allocated if status == "READY" else 0,
            "Status": status,
        }


class StoppedClock:
    """Time that passes by sleeping only."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._slept_s = 0.0

    def now(self) -> datetime:
        return self._now + timedelta(seconds=self._slept_s)

    def monotonic_s(self) -> float:
        return self._slept_s

    def sleep(self, seconds: float) -> None:
        self._slept_s += seconds
