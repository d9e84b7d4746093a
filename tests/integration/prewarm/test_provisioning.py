"""Schedules brought about on moto's Application Auto Scaling, in process."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from integration.prewarm.alias_double import OFFICE, AliasOf, StoppedClock

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
        "zeroidle-stock-taking-up": ("at(2027-01-02T07:57:00)", 10),
        "zeroidle-stock-taking-down": ("at(2027-01-02T20:00:00)", 0),
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


@pytest.mark.parametrize(("minute", "asked"), [(56, []), (57, [4]), (59, [4])])
def test_within_a_lead_it_allocates_too_for_the_action_of_the_day_has_gone_by(
    autoscaling: Any, schedule: Schedule, minute: int, asked: list[int]
) -> None:
    alias = AliasOf()
    works = provisioning(autoscaling, alias, datetime(2026, 11, 24, 6, minute, 30, tzinfo=UTC))

    works.apply(works.plan(schedule, lead=LEAD), timeout_s=60)

    assert alias.asked == asked


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
        ("stock-taking", "office", "a name of its own"),
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


LATE = """
[[daily]]
name = "evening"
days = "SAT-TUE"
from = {begin}
until = 23:00:00
environments = 2
"""


@pytest.mark.parametrize(
    ("begin", "meets"), [("17:00:00", True), ("18:03:00", True), ("18:04:00", False)]
)
def test_windows_that_meet_are_refused_their_leads_included(
    tmp_path: Path, begin: str, *, meets: bool
) -> None:
    both = read(tmp_path, OFFICE.replace("2027-01-02", "2027-01-06") + LATE.format(begin=begin))
    office_only = both.model_copy(update={"event": ()})

    if meets:
        with pytest.raises(ScheduleError, match="office and evening meet"):
            office_only.actions(LEAD)
    else:
        assert len(office_only.actions(LEAD)) == 4


@pytest.mark.parametrize(
    ("day", "meets"),
    [("2027-01-02", False), ("2027-01-04", True)],  # a Saturday, a Monday
)
def test_an_event_on_a_day_with_a_window_is_refused(
    tmp_path: Path, day: str, *, meets: bool
) -> None:
    schedule = read(tmp_path, OFFICE.replace("2027-01-02", day))

    if meets:
        with pytest.raises(ScheduleError, match="office and stock-taking meet"):
            schedule.actions(LEAD)
    else:
        assert len(schedule.actions(LEAD)) == 4
