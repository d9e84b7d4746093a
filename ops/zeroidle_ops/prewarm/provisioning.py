"""Brings a schedule about: scheduled actions of Application Auto Scaling on the function's alias.

Touches only scheduled actions of our own names. Within a window it allocates at once and waits
until AWS is ready; whatever fails, what stood before is restored.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from zeroidle_contract import Stack
from zeroidle_ops.observe.limits import Provisioned, read_provisioned
from zeroidle_ops.prewarm.errors import AllocationError, RoomError
from zeroidle_ops.prewarm.schedule import OWN, Schedule, ScheduledAction
from zeroidle_ops.prewarm.warmup import check_alias
from zeroidle_ops.scale.observer import UNRESERVED_FLOOR
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_lambda import LambdaClient

DIMENSION: Final = "lambda:function:ProvisionedConcurrency"
_POLL_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Change:
    """One scheduled action that is to be made, altered, deleted or left as it is."""

    kind: Literal["create", "alter", "delete", "keep"]
    action: ScheduledAction


@dataclass(frozen=True, kw_only=True)
class ProvisioningPlan:
    """What apply would do. `foreign` are the scheduled actions of others: left alone."""

    changes: tuple[Change, ...]
    foreign: tuple[str, ...]
    most: int
    now: int
    allocated: int
    lead: timedelta

    @property
    def is_empty(self) -> bool:
        """True when everything is as it shall be."""
        return all(one.kind == "keep" for one in self.changes) and self.now <= self.allocated


class Provisioning:
    """One alias's provisioned concurrency."""

    def __init__(
        self,
        *,
        stack: Stack,
        lambda_: "LambdaClient",
        autoscaling: "ApplicationAutoScalingClient",
        clock: Clock,
    ) -> None:
        self._stack = stack
        self._lambda = lambda_
        self._autoscaling = autoscaling
        self._clock = clock
        self._resource_id = f"function:{stack.function_name}:{stack.alias_name}"

    def plan(self, schedule: Schedule, *, lead: timedelta) -> ProvisioningPlan:
        """Compare what shall be with what is. Changes nothing.

        Raises:
            AliasError: no alias, or one that stands for $LATEST.
            RoomError: account or reservation leave less than the schedule asks for.
            ScheduleError: a window that cannot be begun in time.
        """
        check_alias(self._lambda, self._stack)
        self._check_room(schedule.most)
        wanted = schedule.actions(lead)
        found = self._found()
        own = {name: action for name, action in found.items() if name.startswith(OWN)}
        changes = [
            Change(
                kind=("create" if name not in own else "keep" if own[name] == action else "alter"),
                action=action,
            )
            for name, action in wanted.items()
        ]
        changes += [
            Change(kind="delete", action=action)
            for name, action in own.items()
            if name not in wanted
        ]
        return ProvisioningPlan(
            changes=tuple(changes),
            foreign=tuple(sorted(set(found) - set(own))),
            most=schedule.most,
            now=schedule.environments_at(self._clock.now(), lead),
            allocated=self._provisioned().requested,
            lead=lead,
        )

    def apply(self, plan: ProvisioningPlan, *, timeout_s: float) -> None:
        """Make it so; within a window, wait until the environments are ready.

        Raises:
            AllocationError: AWS could not, or not in time; everything is as it was.
        """
        before = {name: action for name, action in self._found().items() if name.startswith(OWN)}
        was_registered = self._is_registered()
        try:
            if not was_registered and plan.changes:
                self._autoscaling.register_scalable_target(
                    **self._target, MinCapacity=0, MaxCapacity=max(1, plan.most)
                )
            for change in plan.changes:
                self._carry_out(change)
            if plan.now > plan.allocated:
                self._allocate(plan.now, timeout_s=timeout_s)
        except BaseException:
            self._restore(before, plan, was_registered=was_registered)
            raise

    def _carry_out(self, change: Change) -> None:
        if change.kind == "delete":
            self._autoscaling.delete_scheduled_action(
                **self._target, ScheduledActionName=change.action.name
            )
        elif change.kind != "keep":
            self._put(change.action)

    def _put(self, action: ScheduledAction) -> None:
        self._autoscaling.put_scheduled_action(
            **self._target,
            ScheduledActionName=action.name,
            Schedule=action.schedule,
            Timezone=action.timezone,
            ScalableTargetAction={
                "MinCapacity": action.environments,
                "MaxCapacity": action.environments,
            },
        )

    def _allocate(self, environments: int, *, timeout_s: float) -> None:
        self._set_provisioned(environments)
        give_up_s = self._clock.monotonic_s() + timeout_s
        while True:
            found = self._provisioned()
            if found.status == "READY":
                return
            if found.status != "IN_PROGRESS":
                raise AllocationError(
                    f"AWS could not provision {environments} environments "
                    f"({found.status_reason or 'no reason given'}); what stood before stands"
                )
            if self._clock.monotonic_s() > give_up_s:
                raise AllocationError(
                    f"{environments} environments were not ready within {timeout_s:g} s; what "
                    "stood before stands"
                )
            self._clock.sleep(_POLL_S)

    def _restore(
        self, before: dict[str, ScheduledAction], plan: ProvisioningPlan, *, was_registered: bool
    ) -> None:
        for name in self._found():
            if name.startswith(OWN) and name not in before:
                self._autoscaling.delete_scheduled_action(**self._target, ScheduledActionName=name)
        for action in before.values():
            self._put(action)
        if not was_registered and self._is_registered():
            self._autoscaling.deregister_scalable_target(**self._target)
        if self._provisioned().requested != plan.allocated:
            self._set_provisioned(plan.allocated)

    def _set_provisioned(self, environments: int) -> None:
        alias = {
            "FunctionName": self._stack.function_name,
            "Qualifier": self._stack.alias_name,
        }
        if environments:
            self._lambda.put_provisioned_concurrency_config(
                **alias, ProvisionedConcurrentExecutions=environments
            )
        else:
            self._lambda.delete_provisioned_concurrency_config(**alias)

    def _provisioned(self) -> Provisioned:
        return read_provisioned(self._lambda, self._stack)

    def _check_room(self, most: int) -> None:
        reserved: int | None = self._lambda.get_function_concurrency(
            FunctionName=self._stack.function_name
        ).get("ReservedConcurrentExecutions")
        if reserved is not None:
            room, whose = reserved, "the function's reserved concurrency is"
        else:
            limits = self._lambda.get_account_settings()["AccountLimit"]
            room = limits["UnreservedConcurrentExecutions"] - UNRESERVED_FLOOR
            whose = f"the account leaves (beside {UNRESERVED_FLOOR} that stay unreserved)"
        if most > room:
            raise RoomError(
                f"the schedule asks for {most} environments, {whose} {max(0, room)}; ask for "
                "fewer, or raise it"
            )

    def _is_registered(self) -> bool:
        found = self._autoscaling.describe_scalable_targets(
            ServiceNamespace="lambda",
            ResourceIds=[self._resource_id],
            ScalableDimension=DIMENSION,
        )
        return bool(found["ScalableTargets"])

    def _found(self) -> dict[str, ScheduledAction]:
        pages = self._autoscaling.get_paginator("describe_scheduled_actions").paginate(
            ServiceNamespace="lambda", ResourceId=self._resource_id, ScalableDimension=DIMENSION
        )
        return {
            one["ScheduledActionName"]: ScheduledAction(
                name=one["ScheduledActionName"],
                schedule=one["Schedule"],
                timezone=one.get("Timezone", "UTC"),
                environments=one.get("ScalableTargetAction", {}).get("MinCapacity", 0),
            )
            for page in pages
            for one in page["ScheduledActions"]
        }

    @property
    def _target(self) -> Any:  # noqa: ANN401 - arguments whose literals the stubs know
        return {
            "ServiceNamespace": "lambda",
            "ResourceId": self._resource_id,
            "ScalableDimension": DIMENSION,
        }
