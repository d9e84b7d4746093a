"""The controller where something refuses: the mapping is busy, a right is missing, the account is
small."""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from integration.scale.queue_and_mapping import limit, mapping, send

from zeroidle_ops.errors import LockBusyError, explain
from zeroidle_ops.scale.controller import Controller, Tick
from zeroidle_ops.scale.errors import MappingBusyError
from zeroidle_ops.scale.law import Cause
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import SystemClock

pytestmark = pytest.mark.emulator

Make = Callable[..., Controller]
QUICK = Policy(most=8, drain_target_s=10, lower_after_s=3, settle_s=2, freeze_s=4)


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


def refusal(code: str, *, status: int = 400) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": "no"},
            "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item] # enough
        },
        "GetMetricData",
    )


class Failing:
    """The real client, but for the first calls of one kind."""

    def __init__(self, client: Any, name: str, error: Exception, *, times: int) -> None:
        self._client = client
        self._name = name
        self._error = error
        self.left = times

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._name and self.left else getattr(self._client, name)

    def _fail(self, **_: object) -> None:
        self.left -= 1
        raise self._error


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


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (refusal("Throttling"), "AWS refused GetMetricData (Throttling): no"),
        (refusal("InternalError", status=500), "AWS refused GetMetricData (InternalError): no"),
        (EndpointConnectionError(endpoint_url="https://aws"), "AWS cannot be reached"),
        (ReadTimeoutError(endpoint_url="https://aws"), "AWS cannot be reached"),
    ],
)
def test_a_run_skips_a_tick_that_aws_throttles_or_breaks_and_goes_on(
    target: Target, controller: Make, error: Exception, sentence: str
) -> None:
    told: list[str] = []
    cloudwatch = Failing(target.cloudwatch, "get_metric_data", error, times=1)

    controller(QUICK, cloudwatch=cloudwatch).run(
        should_stop=lambda: len(told) > 1,
        on_tick=lambda tick: told.append(tick.decision.cause),
        on_skip=told.append,
        tick_s=0.1,
    )

    assert sentence in told[0]
    assert told[1] == Cause.STEADY


def test_a_run_holds_its_lock_though_a_renewal_is_throttled(
    target: Target, controller: Make
) -> None:
    ticks: list[Tick] = []
    renewal = Failing(target.dynamodb, "update_item", refusal("ThrottlingException"), times=2)

    controller(QUICK, dynamodb=renewal, clock=HurriedClock()).run(
        should_stop=lambda: len(ticks) > 1,
        on_tick=ticks.append,
        on_skip=pytest.fail,
        tick_s=100,
    )

    assert renewal.left == 0


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ExpiredTokenException", "ResourceNotFoundException"]
)
def test_a_run_ends_where_waiting_does_not_help(
    target: Target, controller: Make, code: str
) -> None:
    cloudwatch = Failing(target.cloudwatch, "get_metric_data", refusal(code, status=400), times=1)

    with pytest.raises(ClientError, match=code):
        controller(QUICK, cloudwatch=cloudwatch).run(
            should_stop=lambda: False,
            on_tick=lambda tick: pytest.fail(tick.decision.reason),
            on_skip=pytest.fail,
            tick_s=0.1,
        )


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


def test_a_pause_that_the_mapping_is_slow_to_take_is_still_the_controllers_own(
    target: Target, controller: Make
) -> None:
    class SlowToDisable(LambdaThat):
        def _refuse(self, **_: object) -> Any:
            seen = mapping(target)
            return seen | ({"State": "Disabling"} if seen["State"] == "Disabled" else {})

    slow = SlowToDisable(target.lambda_, refuses="get_event_source_mapping", code="")
    spent = Policy(budget_usd_per_hour=1e-9)

    with pytest.raises(MappingBusyError, match="took the change, but has been Disabling"):
        controller(spent, lambda_=slow, clock=HurriedClock()).tick()

    assert mapping(target)["State"] == "Disabled"
    assert controller(QUICK).tick().decision.cause is Cause.RESUMED
    assert mapping(target)["State"] == "Enabled"


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
