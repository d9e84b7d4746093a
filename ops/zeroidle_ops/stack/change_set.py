"""A stack's next state as a change set: prepared, shown, executed or discarded.

Knows CloudFormation's states and what an operator can do in each. What the parameters mean is not
known here.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from zeroidle_ops.errors import DeploymentError, NothingToDeployError
from zeroidle_ops.stack import deploy

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

ABSENT: Final = "ABSENT"
STACK_TAG: Final = "zeroidle-stack"
"""Names the stack on all its resources, for the allocation of costs."""

_SHELL = "REVIEW_IN_PROGRESS"
_NEW = frozenset({ABSENT, _SHELL})
_NEVER_CREATED = "it was never created; remove it with `zeroidle deploy destroy`, then apply"
_REMEDIES = {
    "ROLLBACK_COMPLETE": _NEVER_CREATED,
    "ROLLBACK_FAILED": _NEVER_CREATED,
    "CREATE_FAILED": _NEVER_CREATED,
    "DELETE_FAILED": "run `zeroidle deploy destroy` again; its events say what was in the way",
    "UPDATE_ROLLBACK_FAILED": (
        "mend what its last events name, then run `aws cloudformation continue-update-rollback`"
    ),
    "UPDATE_FAILED": "run `aws cloudformation rollback-stack`, then apply",
}
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
_GOOD_ENDS = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_POLL_S = 0.1
_SLOW_POLL_S = 3.0
"""CloudFormation counts calls; the first seconds are for small changes and emulators."""

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource that will change. `replaced` is CloudFormation's: True, False or Conditional."""

    action: str
    logical_id: str
    resource_type: str
    replaced: str
    causes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChangeSet:
    """Prepared, not executed."""

    stack_name: str
    name: str
    is_new: bool
    changes: tuple[Change, ...]


def describe(cloudformation: "CloudFormationClient", stack_name: str) -> "StackTypeDef | None":
    """The stack, or None where there is none."""
    try:
        return cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    except cloudformation.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ValidationError":
            raise
        return None


def check_state(stack_name: str, status: str) -> None:
    """May a change begin?

    Raises:
        DeploymentError: not in this state, and what to do about it.
    """
    if status in _NEW:
        return
    remedy = _REMEDIES.get(status)
    if remedy is None and status.endswith("_IN_PROGRESS"):
        remedy = "it is being changed right now; wait until that has ended"
    if remedy is None and status.endswith("_FAILED"):
        remedy = "its last events say why; mend that in CloudFormation's console, then apply"
    if remedy is not None:
        raise DeploymentError(f"stack {stack_name!r} is {status}: {remedy}")


def prepare(
    cloudformation: "CloudFormationClient",
    *,
    stack_name: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
) -> ChangeSet:
    """Ask CloudFormation what it would do. Parameters and tags not given keep their values.

    Raises:
        NothingToDeployError: nothing would change.
        DeploymentError: the parameters or the stack's state do not allow it.
    """
    stack = describe(cloudformation, stack_name)
    status = stack["StackStatus"] if stack is not None else ABSENT
    check_state(stack_name, status)
    is_new = status in _NEW
    name = f"zeroidle-{uuid.uuid4().hex[:12]}"
    values: Any = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
    ]
    if stack is not None and not is_new:
        known = {one.get("ParameterKey", "") for one in stack.get("Parameters", [])}
        kept = (known & set(deploy.defaults())) - set(parameters)
        values += [{"ParameterKey": key, "UsePreviousValue": True} for key in sorted(kept)]
    standing = {
        one["Key"]: one["Value"] for one in (stack.get("Tags", []) if stack is not None else [])
    }
    # CloudFormation hands a stack's tags on to every resource that can be tagged.
    told = {**standing, STACK_TAG: stack_name, **tags}
    try:
        cloudformation.create_change_set(
            StackName=stack_name,
            ChangeSetName=name,
            ChangeSetType="CREATE" if is_new else "UPDATE",
            TemplateBody=deploy.compact(),
            Parameters=values,
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": key, "Value": value} for key, value in told.items()],
        )
    except ClientError as error:
        raise _refused(error) from error
    change_set = ChangeSet(stack_name=stack_name, name=name, is_new=is_new, changes=())
    try:
        changes = _await_changes(cloudformation, change_set)
    except BaseException:
        discard(cloudformation, change_set)
        raise
    return ChangeSet(stack_name=stack_name, name=name, is_new=is_new, changes=changes)


def execute(
    cloudformation: "CloudFormationClient", change_set: ChangeSet, *, timeout_s: float, tell: Tell
) -> None:
    """Do it, and wait until it is done.

    Raises:
        DeploymentError: with the first resource that failed and why. What was changed until then
            has been taken back.
    """
    before = _last_event(cloudformation, change_set.stack_name)
    # What a failed creation made is removed, also what outlives a stack otherwise: it is empty.
    extra: Any = {"RetainExceptOnCreate": True} if change_set.is_new else {}
    cloudformation.execute_change_set(
        StackName=change_set.stack_name, ChangeSetName=change_set.name, **extra
    )
    status = await_end(cloudformation, change_set.stack_name, timeout_s=timeout_s, tell=tell)
    if status not in _GOOD_ENDS:
        reason = _first_failure(cloudformation, change_set.stack_name, since=before)
        raise DeploymentError(f"stack {change_set.stack_name!r} is {status}: {reason}")


def discard(cloudformation: "CloudFormationClient", change_set: ChangeSet) -> None:
    """Leave everything as it was."""
    cloudformation.delete_change_set(StackName=change_set.stack_name, ChangeSetName=change_set.name)
    if not change_set.is_new:
        return
    # The empty shell that a change set makes of a new stack goes, too. Somebody else may have made
    # the stack in the meantime: that one stays.
    stack = describe(cloudformation, change_set.stack_name)
    if stack is not None and stack["StackStatus"] == _SHELL:
        cloudformation.delete_stack(StackName=change_set.stack_name)


def await_end(
    cloudformation: "CloudFormationClient", stack_name: str, *, timeout_s: float, tell: Tell
) -> str:
    """Wait until nothing is in progress; the state it ended in.

    Raises:
        DeploymentError: it took too long. CloudFormation goes on.
    """
    began_s, told = time.monotonic(), ""
    while True:
        stack = describe(cloudformation, stack_name)
        status = stack["StackStatus"] if stack is not None else ABSENT
        # Its shell is REVIEW_IN_PROGRESS until the execution has begun.
        if not status.endswith("_IN_PROGRESS"):
            return status
        if status != told:
            tell(f"{stack_name}: {status}")
            told = status
        waited_s = time.monotonic() - began_s
        if waited_s > timeout_s:
            raise DeploymentError(
                f"stack {stack_name!r} is still {status} after {timeout_s:g} s; CloudFormation "
                "goes on by itself: look again later"
            )
        time.sleep(_POLL_S if waited_s < _SLOW_POLL_S else _SLOW_POLL_S)


def _await_changes(
    cloudformation: "CloudFormationClient", change_set: ChangeSet
) -> tuple[Change, ...]:
    names: Any = {"StackName": change_set.stack_name, "ChangeSetName": change_set.name}
    while (answer := cloudformation.describe_change_set(**names))["Status"] in {
        "CREATE_PENDING",
        "CREATE_IN_PROGRESS",
    }:
        time.sleep(_POLL_S)
    if answer["Status"] == "FAILED":
        reason = answer.get("StatusReason", "no reason given")
        if any(sign in reason for sign in _UNCHANGED):
            raise NothingToDeployError(f"stack {change_set.stack_name!r} is as asked already")
        raise DeploymentError(f"CloudFormation refuses the change: {reason}")
    found = list(answer["Changes"])
    while token := answer.get("NextToken"):
        answer = cloudformation.describe_change_set(**names, NextToken=token)
        found += answer["Changes"]
    return tuple(_change(one["ResourceChange"]) for one in found if "ResourceChange" in one)


def _change(told: Any) -> Change:  # noqa: ANN401 - a dictionary of CloudFormation's
    causes = {
        detail.get("CausingEntity") or detail.get("Target", {}).get("Name", "")
        for detail in told.get("Details", [])
    }
    return Change(
        action=told["Action"],
        logical_id=told["LogicalResourceId"],
        resource_type=told["ResourceType"],
        replaced=told.get("Replacement", "False"),
        causes=tuple(sorted(causes - {""})),
    )


def _refused(error: ClientError) -> Exception:
    detail = error.response.get("Error", {})
    if detail.get("Code") != "ValidationError":
        return error
    return DeploymentError(f"CloudFormation refuses it: {detail.get('Message', '')}")


def _last_event(cloudformation: "CloudFormationClient", stack_name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack_name)["StackEvents"]
    return events[0]["EventId"] if events else ""


def _first_failure(cloudformation: "CloudFormationClient", stack_name: str, *, since: str) -> str:
    found = "no event tells why"
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_name)
    for page in pages:
        for event in page["StackEvents"]:  # the newest first
            if event["EventId"] == since:
                return found
            reason = event.get("ResourceStatusReason", "")
            if event.get("ResourceStatus", "").endswith("_FAILED") and "cancelled" not in reason:
                found = f"{event.get('LogicalResourceId', stack_name)}: {reason}"
    return found
