"""The brake as a pure function: what was seen decides, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from zeroidle_ops.redrive.brake import (
    Action,
    BrakeDecision,
    Observation,
    Pace,
    decide,
    next_rate,
)

PACE = Pace(rate_per_s=80, canary=10, max_refailed_share=0.1, least_refailed=2)

counts = st.dictionaries(st.sampled_from(["aaa", "bbb", "ccc"]), st.integers(1, 50), max_size=3)


def seen(**values: object) -> Observation:
    given_values: dict[str, object] = {"sent": 0, "settled": 0, "refailed": {}, "returned": {}}
    return Observation(**{**given_values, **values})  # type: ignore[arg-type]


def test_without_trouble_it_goes_faster() -> None:
    decision = decide(seen(sent=100, settled=50), PACE)

    assert decision == BrakeDecision(action=Action.FASTER)


def test_refailures_above_the_tolerated_share_stop_and_name_the_worst_fingerprint() -> None:
    decision = decide(seen(settled=20, refailed={"aaa": 1, "bbb": 4}), PACE)

    assert decision.action is Action.STOP
    assert decision.fingerprint == "bbb"
    assert decision.reason == ("5 of 20 redriven jobs failed again, 4 of them with fingerprint bbb")


def test_a_few_refailures_among_many_are_tolerated() -> None:
    decision = decide(seen(settled=100, refailed={"aaa": 9}), PACE)

    assert decision.action is Action.FASTER


def test_one_refailure_is_no_pattern() -> None:
    decision = decide(seen(settled=5, refailed={"aaa": 1}), PACE)

    assert decision.action is Action.FASTER


def test_the_only_job_failing_again_is_enough() -> None:
    decision = decide(seen(settled=1, refailed={"aaa": 1}), PACE)

    assert decision.action is Action.STOP


def test_messages_that_came_back_count_where_no_row_tells() -> None:
    decision = decide(seen(sent=20, returned={"ccc": 3}), PACE)

    assert (decision.action, decision.fingerprint) == (Action.STOP, "ccc")


def test_inflow_from_elsewhere_slows_down() -> None:
    decision = decide(seen(inflow_per_s=20.0), PACE)

    assert decision.action is Action.SLOWER
    assert "20.0 other messages a second" in decision.reason


def test_a_long_wait_for_a_consumer_holds_the_run() -> None:
    decision = decide(seen(longest_wait_s=400.0), PACE)

    assert decision.action is Action.WAIT
    assert "wait 400 s" in decision.reason


def test_trouble_beyond_patience_stops() -> None:
    decision = decide(seen(longest_wait_s=400.0, trouble_s=PACE.patience_s + 1), PACE)

    assert decision.action is Action.STOP


@given(settled=st.integers(0, 500), refailed=counts)
def test_more_refailures_never_release_the_brake(settled: int, refailed: dict[str, int]) -> None:
    settled = max(settled, sum(refailed.values()))
    worse = {name: count + 1 for name, count in refailed.items()}

    if decide(seen(settled=settled, refailed=refailed), PACE).action is Action.STOP:
        assert decide(seen(settled=settled, refailed=worse), PACE).action is Action.STOP


@given(
    rate=st.floats(0.1, 1000),
    action=st.sampled_from([Action.FASTER, Action.SLOWER, Action.WAIT]),
)
def test_the_rate_stays_above_nothing_and_within_what_was_asked(
    rate: float, action: Action
) -> None:
    following = next_rate(min(rate, PACE.rate_per_s), BrakeDecision(action=action), PACE)

    assert 0 < following <= PACE.rate_per_s
