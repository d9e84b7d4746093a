"""The controller on the emulator: what its API shows while work comes and goes."""

import itertools
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from integration.scale.queue_and_mapping import mapping, send

from zeroidle_ops.errors import LockBusyError, explain
from zeroidle_ops.lock import Lock
from zeroidle_ops.scale.controller import Controller, Tick
from zeroidle_ops.scale.errors import MappingBusyError, NotPausedError, PausedAlreadyError
from zeroidle_ops.scale.law import Cause
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import SystemClock

pytestmark = pytest.mark.emulator

Make = Callable[..., Controller]
QUICK = Policy(most=8, drain_target_s=10, lower_after_s=3, settle_s=2, freeze_s=4)
BURST = 500


def limit(target: Target) -> int:
    value: int = mapping(target)["ScalingConfig"]["MaximumConcurrency"]
    return value


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


class LambdaThat:
    """The real client, but for one call that is refused."""

    def __init__(self, client: Any, *, refuses: str, code: str) -> None:
        self._client = client
        self._refuses = refuses
        self._code = code

    def __getattr__(self, name: str) -> Any:
        return self._refuse if name == self._refuses else getattr(self._client, name)

    def _refuse(self, **_: object) -> None:
        known = {"ResourceInUseException": self._client.exceptions.ResourceInUseException}
        error = known.get(self._code, ClientError)
        raise error({"Error": {"Code": self._code, "Message": "no"}}, self._refuses)


def test_a_mapping_that_somebody_else_updates_is_not_changed(
    target: Target, controller: Make
) -> None:
    send(target, 200)
    busy = LambdaThat(
        target.lambda_, refuses="update_event_source_mapping", code="ResourceInUseException"
    )

    with pytest.raises(MappingBusyError, match="somebody else changes the event source mapping"):
        controller(QUICK, lambda_=busy).tick()

    assert limit(target) == 2


def test_a_run_skips_the_ticks_in_which_somebody_else_updates_the_mapping(
    target: Target, controller: Make
) -> None:
    skipped: list[str] = []
    send(target, 200)
    busy = LambdaThat(
        target.lambda_, refuses="update_event_source_mapping", code="ResourceInUseException"
    )

    controller(QUICK, lambda_=busy).run(
        should_stop=lambda: len(skipped) > 1,
        on_tick=lambda tick: pytest.fail(tick.decision.reason),
        on_skip=skipped.append,
        tick_s=0.1,
    )

    assert all("somebody else changes the event source mapping" in why for why in skipped)
    assert limit(target) == 2


class HurriedClock(SystemClock):
    """A second's sleep is twenty."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._ahead_s)

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self._ahead_s

    def sleep(self, seconds: float) -> None:
        self._ahead_s += 20 * seconds


def test_a_controller_that_waits_for_the_mapping_longer_than_a_lease_stays_the_only_one(
    target: Target, controller: Make
) -> None:
    clock = HurriedClock()
    looks = itertools.count(1)
    ticks: list[Tick] = []

    class SlowToSettle(LambdaThat):
        def _refuse(self, **_: object) -> Any:
            look = next(looks)
            if look == 6:  # the first is the observer's; 80 s have passed since the second
                with pytest.raises(LockBusyError, match="alice works on this stack's scaling"):
                    controller(QUICK, operator="bob", clock=clock).tick()
            return mapping(target) | ({"State": "Updating"} if 1 < look < 7 else {})

    send(target, 200)
    slow = SlowToSettle(target.lambda_, refuses="get_event_source_mapping", code="")

    controller(QUICK, lambda_=slow, clock=clock).run(
        should_stop=lambda: len(ticks) > 1,
        on_tick=ticks.append,
        on_skip=pytest.fail,
        tick_s=1,
    )

    assert ticks[0].decision.target is not None
    assert next(looks) > 6


def test_a_missing_permission_is_one_sentence(target: Target, controller: Make) -> None:
    denied = LambdaThat(
        target.lambda_, refuses="get_account_settings", code="AccessDeniedException"
    )

    with pytest.raises(ClientError) as caught:
        controller(lambda_=denied).tick()

    assert explain(caught.value) == (
        "AWS denies get_account_settings: no; ask for a role that allows it"
    )


def test_an_account_capped_below_the_wish_caps_the_limit_and_says_so(
    target: Target, controller: Make
) -> None:
    class Capped(LambdaThat):
        def _refuse(self, **_: object) -> Any:
            return {"AccountLimit": {"UnreservedConcurrentExecutions": 3}}

    send(target, 300)
    capped = Capped(target.lambda_, refuses="get_account_settings", code="")

    tick = controller(QUICK, lambda_=capped).tick()

    assert (tick.decision.target, tick.decision.cause) == (3, Cause.ACCOUNT)
    assert "account and reservation leave 3" in tick.decision.reason
    assert limit(target) == 3


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
