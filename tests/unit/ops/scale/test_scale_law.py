"""The scaling law as properties, and its cases with the numbers in sight."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from unit.ops.scale import broken_laws

from zeroidle_ops.scale.errors import PolicyError
from zeroidle_ops.scale.law import Cause, Decision, decide
from zeroidle_ops.scale.memory import Memory
from zeroidle_ops.scale.observation import Observation, seconds_since
from zeroidle_ops.scale.policy import Policy

SANE = Observation(
    current=10,
    backlog=0,
    in_flight=100,
    arrivals_per_s=1.0,
    running=10,
    seconds_per_invocation=60.0,
    messages_per_invocation=10.0,
)
LONGEST_TICKS = 5
"""An invocation takes as many minutes at most, where its end matters."""

rates = st.floats(0, 5) | st.floats(0, 500)
faults = st.just(0.0) | rates
"""Half of them none: else all would be storms."""

seconds = st.floats(0, 5000)


def observations(**fixed: Any) -> st.SearchStrategy[Observation]:
    fields: dict[str, Any] = {
        "data_age_s": seconds,
        "current": st.none() | st.integers(2, 1000),
        "backlog": st.integers(0, 1000) | st.integers(0, 1_000_000),
        "in_flight": st.integers(0, 120_000),
        "oldest_age_s": seconds,
        "arrivals_per_s": rates,
        "running": st.floats(0, 10) | st.floats(0, 1000),
        "seconds_per_invocation": st.floats(0.01, 900),
        "usual_seconds_per_invocation": st.none() | st.floats(0.01, 900),
        "messages_per_invocation": st.floats(0.1, 100),
        "throttles_per_s": faults,
        "ended_per_s": rates,
        "failed_per_s": faults,
        "dead_letters_per_s": faults,
        "available": st.integers(0, 1000),
        "reserved": st.none() | st.integers(0, 1000),
        "spent_usd": st.floats(0, 100),
        "hour_left_s": st.floats(0, 3600),
        "usd_per_second": st.floats(0, 0.001),
        "paused_by": st.none() | st.just("alice"),
        "is_own_pause": st.booleans(),
        "since_change_s": seconds,
        "since_fault_s": seconds,
        "since_resume_s": seconds,
    }
    drawn = {name: one for name, one in fields.items() if name not in fixed}
    given_ones = {
        name: one if isinstance(one, st.SearchStrategy) else st.just(one)
        for name, one in fixed.items()
    }
    return st.builds(Observation, **drawn, **given_ones)


def policies() -> st.SearchStrategy[Policy]:
    return st.builds(
        lambda least, more, budget, pause: Policy(
            least=least,
            most=min(1000, least + more),
            budget_usd_per_hour=budget,
            pause_at_share=pause,
        ),
        st.integers(2, 1000),
        st.integers(0, 1000),
        st.none() | st.floats(0.01, 100),
        st.none() | st.floats(0.5, 1),
    )


@given(observations(data_age_s=0.0, is_own_pause=True), policies())
def test_a_target_is_a_pause_or_within_policy_api_and_account(
    seen: Observation, policy: Policy
) -> None:
    target = decide(seen, policy).target

    if target:
        assert 2 <= target <= min(policy.most, seen.available)
        assert target >= min(policy.least, seen.available) or policy.budget_usd_per_hour is not None


@given(observations(), policies())
def test_stale_data_changes_nothing(seen: Observation, policy: Policy) -> None:
    stale = replace(seen, data_age_s=policy.stale_after_s + 1)

    assert decide(stale, policy).target is None


@given(observations(paused_by="alice", is_own_pause=False), policies())
def test_an_operators_pause_is_never_ended(seen: Observation, policy: Policy) -> None:
    assert decide(seen, policy).target is None


HEALTHY = {
    "data_age_s": 0.0,
    "throttles_per_s": 0.0,
    "failed_per_s": 0.0,
    "dead_letters_per_s": 0.0,
    "usual_seconds_per_invocation": None,
    "paused_by": None,
    "since_fault_s": float("inf"),
}


def limit(decision: Decision, seen: Observation) -> int:
    """The limit in force after the decision."""
    if decision.target is None:
        return seen.current if seen.current is not None else 1000
    return decision.target


ORDINARY = {
    "arrivals_per_s": st.floats(0, 5),
    "backlog": st.integers(0, 1000),
    "running": st.floats(0, 10),
    "seconds_per_invocation": st.floats(1, 300),
    "messages_per_invocation": st.floats(1, 10),
    "available": 1000,
}
"""Loads at which the backlog decides."""


@settings(max_examples=300)
@given(
    observations(**HEALTHY) | observations(**HEALTHY | ORDINARY),
    policies(),
    st.integers(0, 1_000_000),
)
def test_more_backlog_never_means_a_lower_limit_while_all_is_well(
    seen: Observation, policy: Policy, more: int
) -> None:
    fuller = replace(seen, backlog=seen.backlog + more)

    assert limit(decide(fuller, policy), fuller) >= limit(decide(seen, policy), seen)


@given(
    observations(**HEALTHY, reserved=None, available=1000),
    st.integers(2, 1000),
    st.sampled_from([(10.0, 0.0), (0.0, 10.0)]),
)
def test_in_a_storm_the_limit_shrinks_to_the_floor_however_the_backlog_grows(
    calm: Observation, current: int, seen_at: tuple[float, float]
) -> None:
    since_fault_s = float("inf")
    for tick in range(6):
        seen = replace(
            calm,
            current=current,
            backlog=calm.backlog + 10_000 * tick,
            ended_per_s=12.0,
            failed_per_s=seen_at[0],
            dead_letters_per_s=seen_at[1],
            since_fault_s=since_fault_s,
        )
        decision = decide(seen, Policy())
        assert decision.cause is Cause.STORM
        assert limit(decision, seen) <= max(2, current // 4)
        current, since_fault_s = limit(decision, seen), 60.0

    assert current == 2


@pytest.mark.parametrize("every_s", [10, 30, 58, 60, 61, 90])
def test_a_storm_is_shrunk_to_the_floor_however_often_the_controller_looks(every_s: float) -> None:
    """Each tick remembers the fault anew, as the controller's memory does."""
    memory, current = Memory(), 1000
    for at_s in itertools.takewhile(lambda s: s < 1600, itertools.count(1000, every_s)):
        seen = replace(
            SANE,
            current=current,
            backlog=100_000,
            ended_per_s=12.0,
            failed_per_s=10.0,
            since_fault_s=seconds_since(memory.fault_at_s, at_s),
            since_change_s=seconds_since(memory.changed_at_s, at_s),
        )
        decision = decide(seen, Policy())
        memory, current = memory.after(decision, at_s=at_s), limit(decision, seen)
        if at_s == 1000:
            assert current == 250

    assert current == 2


@pytest.mark.parametrize("every_s", [10, 60, 90])
@pytest.mark.parametrize(
    ("throttled_until_s", "limits"),
    [
        (1000, {100, 70}),  # a throttle at 1000 s: in the sum from 1060 to 1360 s
        (1500, {100, 70, 49}),  # and on, though shrunk
    ],
)
def test_throttles_shrink_once_for_all_the_minutes_that_they_are_summed_over(
    every_s: float, throttled_until_s: float, limits: set[int]
) -> None:
    memory, current, seen_limits = Memory(), 100, {100}
    for at_s in itertools.takewhile(lambda s: s < 1850, itertools.count(1060, every_s)):
        seen = replace(
            SANE,
            current=current,
            backlog=100_000,
            in_flight=1000,
            data_age_s=60.0,
            throttles_per_s=0.1 if at_s - 360 <= throttled_until_s else 0.0,
            since_fault_s=seconds_since(memory.fault_at_s, at_s),
            since_change_s=seconds_since(memory.changed_at_s, at_s),
        )
        decision = decide(seen, Policy())
        memory = memory.after(decision, at_s=at_s)
        if not decision.is_fault:
            break
        current = limit(decision, seen)
        seen_limits.add(current)

    assert seen_limits == limits


@given(
    current=st.integers(2, 1000),
    backlog=st.integers(0, 100_000),
    arrivals=st.floats(0, 50),
    service=st.floats(1, 300),
    batch=st.integers(1, 10),
)
def test_on_constant_load_the_target_settles_and_stays(
    current: int, backlog: int, arrivals: float, service: float, batch: int
) -> None:
    """A fluid queue under the law: up, then down, then still once the backlog has gone."""
    waiting, limits, empty_ticks = float(backlog), [current], 0
    since_change_s = float("inf")
    for _ in range(240):
        work = min(current, (waiting + arrivals * service) / batch)
        seen = Observation(
            current=current,
            backlog=round(waiting),
            in_flight=round(work * batch),
            arrivals_per_s=arrivals,
            running=work,
            seconds_per_invocation=service,
            messages_per_invocation=batch,
            since_change_s=since_change_s,
        )
        target = decide(seen, Policy()).target
        since_change_s += 60
        if target is not None:
            current, since_change_s = target, 0.0
        limits.append(current)
        empty_ticks = empty_ticks + 1 if waiting == 0 else 0
        waiting = max(0.0, waiting + 60 * (arrivals - current * batch / service))

    moves = [b - a for a, b in itertools.pairwise(limits) if a != b]
    turns = sum((a > 0) != (b > 0) for a, b in itertools.pairwise(moves))
    assert turns <= 2  # a limit that is too high may fall first, while the backlog is small
    if empty_ticks > 15:
        assert len(set(limits[-10:])) == 1


@given(
    current=st.integers(2, 1000),
    budget=st.floats(0.5, 20),
    usd_per_second=st.floats(0.0001, 0.001),
    service=st.floats(1, 300),
    backlog=st.integers(0, 1_000_000),
)
def test_an_hour_costs_at_most_the_budget_and_what_is_in_flight_when_it_is_spent(
    current: int, budget: float, usd_per_second: float, service: float, backlog: int
) -> None:
    """Ticks of a minute. All that may run do run, and those that a lower limit or a pause ends
    run for their five minutes yet."""
    policy = Policy(budget_usd_per_hour=budget)
    paused, spent, greatest = False, 0.0, current
    ending = [0] * LONGEST_TICKS
    """How many end in so many ticks, the next first."""
    for minute in range(60 + LONGEST_TICKS):
        before = 0 if paused else current
        seen = Observation(
            current=current,
            backlog=backlog,
            in_flight=current * 10,
            running=before + sum(ending),
            seconds_per_invocation=service,
            messages_per_invocation=1,
            spent_usd=spent,
            hour_left_s=3600 - 60 * minute,
            usd_per_second=usd_per_second,
            longest_invocation_s=60 * LONGEST_TICKS,
            paused_by="controller" if paused else None,
            is_own_pause=paused,
        )
        target = decide(seen, policy).target if minute < 60 else 0
        if target is not None:
            paused = target == 0
            current = target or current
        greatest = max(greatest, current)
        running = 0 if paused else current
        ending = [*ending[1:], max(0, before - running)]
        spent += (running + sum(ending)) * usd_per_second * 60

    assert spent <= budget + greatest * usd_per_second * 60 * LONGEST_TICKS


NOTICED = settings(
    settings.get_profile("zeroidle"),
    max_examples=3000,
    phases=[Phase.generate],
    database=None,
    report_multiple_bugs=False,
)
"""That a property fails is enough; the smallest case that shows it takes long to find."""


@pytest.mark.parametrize(
    ("broken", "property_"),
    [
        (
            broken_laws.without_the_account,
            test_a_target_is_a_pause_or_within_policy_api_and_account,
        ),
        (
            broken_laws.ramp_without_memory,
            test_more_backlog_never_means_a_lower_limit_while_all_is_well,
        ),
        (broken_laws.backlog_alone, test_on_constant_load_the_target_settles_and_stays),
        (
            broken_laws.storm_only_while_nothing_waits,
            test_in_a_storm_the_limit_shrinks_to_the_floor_however_the_backlog_grows,
        ),
        (broken_laws.own_pause_before_age, test_stale_data_changes_nothing),
        (
            broken_laws.budget_when_it_is_spent,
            test_an_hour_costs_at_most_the_budget_and_what_is_in_flight_when_it_is_spent,
        ),
        (
            broken_laws.budget_without_a_pause,
            test_an_hour_costs_at_most_the_budget_and_what_is_in_flight_when_it_is_spent,
        ),
    ],
)
def test_a_broken_law_is_noticed(
    broken: Callable[[pytest.MonkeyPatch], None],
    property_: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken(monkeypatch)
    # A property's settings are those of its making; hypothesis offers no other way to them.
    monkeypatch.setattr(property_, "_hypothesis_internal_use_settings", NOTICED)

    with pytest.raises(AssertionError):
        property_()


@pytest.mark.parametrize(
    ("change", "target", "cause"),
    [
        ({}, 6, Cause.DEMAND),  # 60 s / 10 messages * 1/s
        ({"backlog": 240}, 12, Cause.DEMAND),  # * (1/s + 240 / (0.8 * 300 s))
        ({"backlog": 240, "oldest_age_s": 120}, 18, Cause.DEMAND),  # 120 s are left
        ({"backlog": 240, "oldest_age_s": 900}, 30, Cause.DEMAND),  # never less than 60 s
        ({"backlog": 240, "in_flight": 0, "current": 11}, None, Cause.STEADY),
        ({"since_change_s": 100}, None, Cause.COOLDOWN),
        ({"backlog": 50, "in_flight": 10, "arrivals_per_s": 5}, None, Cause.NOT_BINDING),
        ({"backlog": 50_000, "running": 10}, 610, Cause.RAMP),
        ({"backlog": 3000, "since_fault_s": 60}, None, Cause.FROZEN),
        ({"backlog": 3000, "since_fault_s": 300}, 20, Cause.RECOVERY),
        ({"backlog": 3000, "since_resume_s": 30}, 20, Cause.RECOVERY),
        ({"backlog": 3000, "throttles_per_s": 0.1}, 7, Cause.THROTTLED),
        ({"backlog": 3000, "usual_seconds_per_invocation": 20}, 7, Cause.SLOW),
        ({"backlog": 3000, "failed_per_s": 1, "ended_per_s": 2}, 2, Cause.STORM),
        ({"backlog": 3000, "dead_letters_per_s": 1, "ended_per_s": 2}, 2, Cause.STORM),
        ({"backlog": 3000, "available": 20}, 20, Cause.ACCOUNT),
        ({"reserved": 0}, None, Cause.STOPPED),
        ({"available": 1}, None, Cause.ACCOUNT),
        ({"paused_by": "scaler", "is_own_pause": True}, 2, Cause.RESUMED),
        ({"current": None}, 6, Cause.DEMAND),
    ],
)
def test_cases(change: dict[str, Any], target: int | None, cause: Cause) -> None:
    decision = decide(replace(SANE, **change), Policy())

    assert (decision.target, decision.cause) == (target, cause)


def test_the_slow_are_not_shrunk_below_what_arrivals_need_at_the_usual_speed() -> None:
    seen = replace(SANE, usual_seconds_per_invocation=25, arrivals_per_s=4)

    assert decide(seen, Policy()).target is None  # 25 s / 10 * 4/s = 10


def test_a_storm_above_the_pause_share_pauses_and_waits_before_it_resumes() -> None:
    policy = Policy(pause_at_share=0.9)
    storm = replace(SANE, failed_per_s=2, ended_per_s=2)

    assert decide(storm, policy).target == 0
    paused = replace(SANE, paused_by="scaler", is_own_pause=True, since_fault_s=60)
    assert decide(paused, policy).cause is Cause.FROZEN


def test_impossible_bounds_are_all_reported() -> None:
    with pytest.raises(PolicyError) as caught:
        Policy(least=1, most=2000, budget_usd_per_hour=-1, shrink=1.5)

    assert str(caught.value) == (
        "the policy cannot be: least is 1, AWS allows 2 or more; most is 2000, AWS allows 1000 at "
        "most; budget_usd_per_hour must be above 0; shrink is 1.5, it must be between 0 and 1"
    )
