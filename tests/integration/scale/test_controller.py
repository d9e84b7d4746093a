"""The controller on the emulator: what its API shows while work comes and goes."""

import time
from collections.abc import Callable

import pytest
from integration.scale.queue_and_mapping import limit, mapping, send

from zeroidle_ops.errors import LockBusyError
from zeroidle_ops.lock import Lock
from zeroidle_ops.scale.controller import Controller, Tick
from zeroidle_ops.scale.errors import NotPausedError, PausedAlreadyError, StoppedError
from zeroidle_ops.scale.law import Cause
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import SystemClock

pytestmark = pytest.mark.emulator

Make = Callable[..., Controller]
QUICK = Policy(most=8, drain_target_s=10, lower_after_s=3, settle_s=2, freeze_s=4)
BURST = 500


def reserve(target: Target, count: int) -> None:
    target.lambda_.put_function_concurrency(
        FunctionName=target.stack.function_name, ReservedConcurrentExecutions=count
    )


def reserved(target: Target) -> int:
    return target.lambda_.get_function_concurrency(FunctionName=target.stack.function_name)[
        "ReservedConcurrentExecutions"
    ]


@pytest.mark.timeout(180)
def test_a_burst_of_500_raises_limit_and_reservation_and_both_come_down_again(
    target: Target, controller: Make
) -> None:
    reserve(target, 2)
    shown: list[tuple[int, int]] = []
    until_s = time.monotonic() + 120

    def on_tick(tick: Tick) -> None:
        shown.append((limit(target), reserved(target)))

    def has_gone() -> bool:
        came_down = len(shown) > 3 and shown[-1] == (2, 2) and max(shown) > (2, 2)
        return came_down or time.monotonic() > until_s

    send(target, BURST)
    controller(QUICK).run(should_stop=has_gone, on_tick=on_tick, on_skip=pytest.fail, tick_s=1)

    assert max(shown) == (8, 8)
    assert shown[-1] == (2, 2)
    assert all(limit <= reserved for limit, reserved in shown)


def test_a_decision_is_written_with_what_it_stood_on(target: Target, controller: Make) -> None:
    one = controller(QUICK)

    one.tick()

    (entry,) = one.history(5)
    assert (entry.holder, entry.target, entry.cause) == ("alice", None, "steady")
    assert entry.observation["current"] == 2
    assert entry.observation["backlog"] == 0


def test_recommend_changes_nothing(target: Target, controller: Make) -> None:
    send(target, 200)
    one = controller(QUICK)

    tick = one.recommend()

    assert tick.decision.target is not None
    assert tick.decision.target > 2
    assert limit(target) == 2
    assert one.history(5) == []


def test_a_pause_holds_until_a_resume_whatever_the_controller_thinks(
    target: Target, controller: Make
) -> None:
    controller().pause(reason="INC-1")
    send(target, 200)

    tick = controller(QUICK, operator="scaler").tick()

    assert tick.decision.cause is Cause.PAUSED
    assert "paused by alice" in tick.decision.reason
    assert mapping(target)["State"] == "Disabled"
    with pytest.raises(PausedAlreadyError, match=r"paused by alice \(INC-1\)"):
        controller(operator="bob").pause(reason="too")
    assert controller(operator="bob").resume(reason="fixed") == 2
    assert mapping(target)["State"] == "Enabled"
    with pytest.raises(NotPausedError):
        controller().resume(reason="again")


def test_a_pause_made_past_zeroidle_is_kept_too(target: Target, controller: Make) -> None:
    target.lambda_.update_event_source_mapping(
        UUID=target.stack.event_source_mapping_id, Enabled=False
    )

    assert controller().tick().decision.cause is Cause.PAUSED
    assert mapping(target)["State"] == "Disabled"


def test_on_call_can_pause_while_a_controller_runs_and_a_second_controller_cannot_start(
    target: Target, controller: Make
) -> None:
    causes: list[Cause] = []

    def on_tick(tick: Tick) -> None:
        causes.append(tick.decision.cause)
        if len(causes) == 1:
            controller(operator="bob").pause(reason="now")
            with pytest.raises(LockBusyError, match="alice works on this stack's scaling"):
                controller(operator="bob").tick()

    controller().run(
        should_stop=lambda: len(causes) > 1, on_tick=on_tick, on_skip=pytest.fail, tick_s=0.1
    )

    assert causes == [Cause.STEADY, Cause.PAUSED]


def test_an_emergency_stop_by_reserved_concurrency_is_left_alone(
    target: Target, controller: Make
) -> None:
    reserve(target, 0)

    assert controller().tick().decision.cause is Cause.STOPPED
    assert reserved(target) == 0


def test_a_resume_lifts_an_emergency_stop_only_when_told_to(
    target: Target, controller: Make
) -> None:
    controller().pause(reason="INC-1")
    reserve(target, 0)

    with pytest.raises(StoppedError, match="reserved concurrency is 0: somebody has stopped"):
        controller(operator="bob").resume(reason="fixed")
    assert (mapping(target)["State"], reserved(target)) == ("Disabled", 0)

    assert controller(operator="bob").resume(reason="fixed", lift_stop=True) == 2
    assert (mapping(target)["State"], reserved(target)) == ("Enabled", 2)


def test_a_reservation_is_left_alone_while_an_operator_has_paused(
    target: Target, controller: Make
) -> None:
    reserve(target, 10)
    controller().pause(reason="INC-1")

    assert controller(operator="scaler").tick().decision.cause is Cause.PAUSED
    assert reserved(target) == 10


def test_a_reservation_is_not_lowered_below_what_is_provisioned(
    target: Target, controller: Make
) -> None:
    reserve(target, 10)
    alias = {
        "FunctionName": target.stack.function_name,
        "Qualifier": target.stack.alias_name,
    }
    target.lambda_.put_provisioned_concurrency_config(**alias, ProvisionedConcurrentExecutions=6)
    try:
        controller().tick()
    finally:
        target.lambda_.delete_provisioned_concurrency_config(**alias)

    assert reserved(target) == 6


def test_a_lock_that_a_crashed_controller_left_ends_by_itself(
    target: Target, controller: Make
) -> None:
    crashed = Lock(
        dynamodb=target.dynamodb,
        table=target.stack.ops_table_name,
        thing=f"scale-controller#{target.stack.event_source_mapping_id}",
        called="this stack's scaling",
        holder="carol",
        purpose="crashed",
        clock=SystemClock(),
        lease_s=0.5,
    )
    crashed.__enter__()
    with pytest.raises(LockBusyError, match="carol works on this stack's scaling"):
        controller().tick()
    time.sleep(0.6)

    assert controller().tick().decision.cause is Cause.STEADY
