"""What the law is told: late figures, and the same from the controller as from the simulation."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from unit.ops.scale.recorded_account import NOW_S, Account, StoppedClock, minutes

from zeroidle_contract import Stack, load_prices
from zeroidle_contract.profile import ServiceProfile
from zeroidle_ops.scale.law import Cause, Decision, decide
from zeroidle_ops.scale.measured import measure
from zeroidle_ops.scale.memory import Memory
from zeroidle_ops.scale.observation import Observation, fills, full_batch, running_now
from zeroidle_ops.scale.observer import Observer, ServiceTime
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.scale.simulation.scenario import load_scenario
from zeroidle_ops.scale.simulation.service_time import ServiceTimes
from zeroidle_ops.scale.simulation.shipped import SHIPPED_PROFILE
from zeroidle_ops.scale.simulation.sight import Metrics, Sight
from zeroidle_ops.scale.simulation.zeroidle import zeroidle

NAMES = Stack.model_validate(
    dict.fromkeys(Stack.model_fields, "none")
    | {"queue_url": "queue", "dead_letter_queue_url": "dead", "queue_arn": "arn:queue"}
)
TIMES = ServiceTimes(ServiceProfile.load(SHIPPED_PROFILE))
FULL_S = TIMES.invocation_s(10).p50
SENT = (300.0, 300.0, 300.0, 300.0, 300.0)  # five a second


def look(account: Any, memory: Memory | None = None) -> Observation:
    return (
        Observer(
            stack=NAMES,
            sqs=account,
            dynamodb=account,
            lambda_=account,
            cloudwatch=account,
            clock=StoppedClock(),
            service_time=ServiceTime(seconds=FULL_S, is_measured=True),
        )
        .look(memory or Memory())
        .observation
    )


@pytest.mark.parametrize("late_s", [0, 60, 120, 600])
def test_a_rate_is_that_of_the_published_minutes_however_late_they_are(late_s: float) -> None:
    account = Account(
        series={
            "heartbeat": minutes(0, 0, 0, 0, 0, ended_ago_s=late_s),
            "sent": minutes(*SENT, ended_ago_s=late_s),
        }
    )

    seen = look(account)

    assert (seen.arrivals_per_s, seen.data_age_s) == (5.0, late_s)


@pytest.mark.parametrize(
    ("late_s", "age_s", "arrivals_per_s"),
    [
        (2_340, 2_340, 1.0),  # within the hour: one minute is seen, and too old to act on
        (2_400, 0, 2.0),  # not seen: 120 more wait than a minute ago
    ],
)
def test_figures_that_are_too_old_to_be_asked_for_are_done_without(
    late_s: float, age_s: float, arrivals_per_s: float
) -> None:
    late = {"ended_ago_s": late_s}
    figures = {"heartbeat": minutes(*(0.0,) * 5, **late), "sent": minutes(*SENT, **late)}
    account = Account(waiting=120, series=figures)

    seen = look(account, Memory(at_s=NOW_S - 60, messages=0))

    assert (seen.data_age_s, seen.arrivals_per_s) == (age_s, arrivals_per_s)


@pytest.mark.parametrize(("rested_s", "seconds"), [(60, 16.0), (600, FULL_S)])
def test_a_function_that_rested_is_not_taken_for_late_figures(
    rested_s: float, seconds: float
) -> None:
    """Without the queue's figures, as on the emulator."""
    account = Account(series={"duration": minutes(16_000.0, ended_ago_s=rested_s)})

    seen = look(account)

    assert (seen.data_age_s, seen.seconds_per_invocation) == (0, seconds)


@pytest.mark.parametrize(
    ("looked_s_ago", "ran_s"),
    [(60, 60), (1_800, 300), (2_520, 180), (8 * 3_600, 0)],  # the hour began 2,400 s ago
)
def test_what_ran_at_the_last_look_is_not_taken_to_have_run_ever_since(
    looked_s_ago: float, ran_s: float
) -> None:
    seen = look(Account(), Memory(at_s=NOW_S - looked_s_ago, running=200))

    assert seen.spent_usd == pytest.approx(200 * seen.usd_per_second * ran_s)


def test_the_minute_that_is_not_over_does_not_count() -> None:
    account = Account(
        series={
            "heartbeat": minutes(0, 0, 0, 0, 0, 0, ended_ago_s=-30),
            "sent": minutes(*SENT, 7, ended_ago_s=-30),
        }
    )

    assert look(account).arrivals_per_s == 5.0


def test_minutes_in_which_nothing_was_sent_count_as_none() -> None:
    account = Account(
        series={
            "heartbeat": minutes(0, 0, 0, 0, 0, ended_ago_s=60),
            "sent": minutes(600, ended_ago_s=240),
        }
    )

    assert look(account).arrivals_per_s == 2.0
    account.series["sent"] = []
    assert look(account).arrivals_per_s == 0.0


def test_an_account_without_figures_measures_nothing() -> None:
    found = measure(Account(), function="f", queue="q", now_s=NOW_S)  # type: ignore[arg-type] # stands for it

    assert set(asdict(found).values()) == {None}


def test_batches_tell_of_capacity_only_while_the_work_fills_the_limit() -> None:
    figures: dict[str, Any] = {"batch_size": 10.0, "handled": 160.0, "invocations": 100.0}

    assert full_batch(**figures, fills_limit=False) == 10.0
    assert full_batch(**figures, fills_limit=True) == 1.6
    assert full_batch(**figures | {"invocations": None}, fills_limit=True) == 10.0
    assert fills(3, backlog=30, batch_size=10)
    assert not fills(3, backlog=29, batch_size=10)
    assert not fills(None, backlog=9_999, batch_size=10)


def test_more_than_the_limit_never_runs() -> None:
    assert running_now(in_flight=45, messages=10, limit=10) == 4.5
    assert running_now(in_flight=450, messages=10, limit=10) == 10
    assert running_now(in_flight=450, messages=10, limit=None) == 45


def burst_after_a_trickle(*, failures: int, handled: float) -> Observation:
    """Of five minutes with five jobs each the figures; now 90,000 wait, and ten invocations run."""
    account = Account(
        waiting=90_000,
        in_flight=100,
        failures=failures,
        series={
            "heartbeat": minutes(*(0.0,) * 5, ended_ago_s=60),
            "invocations": minutes(*(handled,) * 5, ended_ago_s=60),
            "duration": minutes(*(4_000.0,) * 5, ended_ago_s=60),
            "ended": minutes(*(5.0,) * 5, ended_ago_s=60),
            "handled": minutes(*(handled,) * 5, ended_ago_s=60),
        },
    )
    return look(account, Memory(at_s=NOW_S - 60))


def test_a_few_failures_at_the_start_of_a_burst_are_no_storm() -> None:
    seen = burst_after_a_trickle(failures=7, handled=5.0)

    assert seen.ended_per_s == 2.5  # ten that take 4 s for one, not 5 in a minute
    assert seen.failed_share == pytest.approx(7 / 60 / 2.5)
    assert decide(seen, Policy()).cause is not Cause.STORM


def test_what_comes_back_to_be_tried_again_does_not_hide_a_storm() -> None:
    """Every job is tried three times: of three that leave an invocation one ends."""
    seen = burst_after_a_trickle(failures=45, handled=15.0)

    assert seen.ended_per_s == pytest.approx(2.5 / 3)
    assert decide(seen, Policy()).cause is Cause.STORM


@pytest.mark.parametrize(
    ("waiting", "dead", "faulty"),
    [(0, 0, False), (50, 0, False), (5_000, 90, False), (700, 9, True)],
)
def test_the_simulation_shows_the_law_what_the_controller_shows_it(
    waiting: int, dead: int, *, faulty: bool
) -> None:
    """The same five minutes: 1,500 sent, 100 invocations with 800 jobs, 16 s each."""
    metrics = Metrics(
        sent=1500,
        invocations=100,
        attempts=800,
        succeeded=700,
        dead=50,
        throttles=6,
        billed_s=1600.0,
        oldest_age_s=120.0,
    )
    late = {"ended_ago_s": 60.0}
    account = Account(
        waiting=waiting,
        in_flight=60,
        dead=dead,
        failures=dead,
        series={
            "heartbeat": minutes(*(0.0,) * 5, **late),
            "sent": minutes(*SENT, **late),
            "invocations": minutes(*(20.0,) * 5, **late),
            "duration": minutes(*(16_000.0,) * 5, **late),
            "throttles": minutes(0, 6, 0, 0, 0, **late),
            "ended": minutes(*(150.0,) * 5, **late),
            "handled": minutes(*(160.0,) * 5, **late),
            "oldest": minutes(30, 60, 80, 100, 120, **late),
        },
    )
    simulated = zeroidle(load_scenario("steady"), TIMES, load_prices())
    sight = Sight(
        now_s=NOW_S % 3600,
        waiting=waiting,
        in_flight=60,
        dead=dead,
        limit=10,
        spent_this_hour_usd=0.0,
        metrics=metrics,
    )
    memory = Memory(at_s=NOW_S - 60, running=0.0)
    if faulty:
        storm = Decision(target=10, cause=Cause.STORM, reason="")
        memory = memory.after(storm, at_s=NOW_S - 60)
        simulated._memory = memory

    told = simulated.observation(sight, NOW_S)

    assert replace(told, spent_usd=0.0) == replace(look(account, memory), spent_usd=0.0)
