"""Schedules brought about on moto's Application Auto Scaling, in process.

moto's Lambda has no provisioned concurrency, so a small double stands for that one part.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from zeroidle_contract import Stack
from zeroidle_ops.prewarm.errors import AliasError, AllocationError, RoomError, ScheduleError
from zeroidle_ops.prewarm.provisioning import DIMENSION, Provisioning
from zeroidle_ops.prewarm.schedule import Schedule, lead_time

TUESDAY_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 3, tzinfo=UTC)
LEAD = lead_time(45)  # 45 s and AWS's two minutes
RESOURCE = "function:f:live"
TARGET: dict[str, Any] = {
    "ServiceNamespace": "lambda",
    "ResourceId": RESOURCE,
    "ScalableDimension": DIMENSION,
}
OFFICE = """
timezone = "Europe/Berlin"
[[daily]]
name = "office"
days = "MON-FRI"
from = 08:00:00
until = 18:00:00
environments = 4
[[event]]
name = "quarter-end"
from = 2026-12-31T08:00:00
until = 2026-12-31T20:00:00
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
        return {"RequestedProvisionedConcurrentExecutions": self.allocated, "Status": status}


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


@pytest.fixture
def autoscaling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("application-autoscaling", region_name="us-east-1")
        yield client
        client.close()


def provisioning(autoscaling: Any, alias: AliasOf, now: datetime = NIGHT) -> Provisioning:
    names = dict.fromkeys(Stack.model_fields, "none")
    return Provisioning(
        stack=Stack.model_validate(names | {"function_name": "f", "alias_name": "live"}),
        lambda_=alias,  # type: ignore[arg-type] # what it needs of a client
        autoscaling=autoscaling,
        clock=StoppedClock(now),
    )


@pytest.fixture
def schedule(tmp_path: Path) -> Schedule:
    return read(tmp_path, OFFICE)


def read(folder: Path, text: str) -> Schedule:
    file = folder / "schedule.toml"
    file.write_text(text)
    return Schedule.load(file)


def actions(autoscaling: Any) -> dict[str, tuple[str, int]]:
    found = autoscaling.describe_scheduled_actions(**TARGET)["ScheduledActions"]
    return {
        one["ScheduledActionName"]: (one["Schedule"], one["ScalableTargetAction"]["MinCapacity"])
        for one in found
    }


def test_environments_come_a_lead_before_the_window_and_go_with_it(
    autoscaling: Any, schedule: Schedule
) -> None:
    works = provisioning(autoscaling, AliasOf())

    works.apply(works.plan(schedule, lead=LEAD), timeout_s=60)

    assert timedelta(minutes=3) == LEAD
    assert actions(autoscaling) == {
        "zeroidle-office-up": ("cron(57 7 ? * MON-FRI *)", 4),
        "zeroidle-office-down": ("cron(0 18 ? * MON-FRI *)", 0),
        "zeroidle-quarter-end-up": ("at(2026-12-31T07:57:00)", 10),
        "zeroidle-quarter-end-down": ("at(2026-12-31T20:00:00)", 0),
    }


def test_a_second_apply_has_nothing_to_do(autoscaling: Any, schedule: Schedule) -> None:
    works = provisioning(autoscaling, AliasOf())
    works.apply(works.plan(schedule, lead=LEAD), timeout_s=60)

    assert works.plan(schedule, lead=LEAD).is_empty


def test_what_others_scheduled_is_left_alone_and_what_we_no_longer_want_goes(
    autoscaling: Any, schedule: Schedule, tmp_path: Path
) -> None:
    works = provisioning(autoscaling, AliasOf())
    works.apply(works.plan(schedule, lead=LEAD), timeout_s=60)
    autoscaling.put_scheduled_action(
        **TARGET,
        ScheduledActionName="theirs",
        Schedule="rate(1 day)",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )

    plan = works.plan(read(tmp_path, 'timezone = "UTC"'), lead=LEAD)
    works.apply(plan, timeout_s=60)

    assert plan.foreign == ("theirs",)
    assert actions(autoscaling) == {"theirs": ("rate(1 day)", 1)}


def test_within_a_window_it_allocates_and_waits_until_ready(
    autoscaling: Any, schedule: Schedule
) -> None:
    alias = AliasOf(states=("IN_PROGRESS", "IN_PROGRESS", "READY"))
    works = provisioning(autoscaling, alias, TUESDAY_NOON)

    works.apply(works.plan(schedule, lead=LEAD), timeout_s=60)

    assert (alias.asked, alias.states) == ([4], ("READY",))


@pytest.mark.parametrize(
    ("states", "why"), [(("FAILED",), "could not provision 4"), (("IN_PROGRESS",), "not ready")]
)
def test_an_allocation_that_fails_leaves_everything_as_it_was(
    autoscaling: Any, schedule: Schedule, states: tuple[str, ...], why: str
) -> None:
    alias = AliasOf(states=states)
    works = provisioning(autoscaling, alias, TUESDAY_NOON)

    with pytest.raises(AllocationError, match=why):
        works.apply(works.plan(schedule, lead=LEAD), timeout_s=60)

    assert actions(autoscaling) == {}
    assert autoscaling.describe_scalable_targets(ServiceNamespace="lambda")["ScalableTargets"] == []
    assert alias.allocated == 0


@pytest.mark.parametrize(
    ("alias", "error", "sentence"),
    [
        (AliasOf(version=""), AliasError, "has no alias 'live'"),
        (AliasOf(version="$LATEST"), AliasError, r"stands for \$LATEST"),
        (AliasOf(reserved=9), RoomError, "asks for 10 environments, the function's reserved"),
        (AliasOf(unreserved=105), RoomError, "the account leaves .* 5;"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_changed(
    autoscaling: Any,
    schedule: Schedule,
    alias: AliasOf,
    error: type[Exception],
    sentence: str,
) -> None:
    with pytest.raises(error, match=sentence):
        provisioning(autoscaling, alias).plan(schedule, lead=LEAD)


@pytest.mark.parametrize(
    ("was", "becomes", "sentence"),
    [
        ("Europe/Berlin", "Mars/North", "timezone"),
        ("08:00:00", "19:00:00", "until must be later"),
        ("MON-FRI", "MONDAY", "daily.0.days"),
        ("environments = 4", "environments = 0", "daily.0.environments"),
        ("quarter-end", "office", "a name of its own"),
        ("timezone =", "timezone", "is no TOML"),
    ],
)
def test_a_faulty_file_says_where(tmp_path: Path, was: str, becomes: str, sentence: str) -> None:
    with pytest.raises(ScheduleError, match=sentence):
        read(tmp_path, OFFICE.replace(was, becomes, 1))


def test_a_window_that_would_begin_the_day_before_is_refused(tmp_path: Path) -> None:
    early = read(tmp_path, OFFICE.replace("08:00:00", "00:01:00", 1))

    with pytest.raises(ScheduleError, match="is the day before"):
        early.actions(LEAD)
