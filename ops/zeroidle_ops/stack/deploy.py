"""Creates the stack from the one template. Knows neither which account it speaks to nor why."""

import time
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING

from zeroidle_ops.errors import DeploymentError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_POLL_S = 0.1


def template() -> str:
    """The CloudFormation template's text."""
    return resources.files(__package__).joinpath("template.yaml").read_text(encoding="utf-8")


def create_stack(
    cloudformation: "CloudFormationClient",
    *,
    name: str,
    parameters: Mapping[str, str],
    timeout_s: float,
) -> None:
    """Create a stack and wait until it stands.

    Raises:
        DeploymentError: with the first resource that failed and why.
    """
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=template(),
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    deadline = time.monotonic() + timeout_s
    while (status := _status(cloudformation, name)) == "CREATE_IN_PROGRESS":
        if time.monotonic() > deadline:
            raise DeploymentError(f"stack {name!r} was not created within {timeout_s:g} s")
        time.sleep(_POLL_S)
    if status != "CREATE_COMPLETE":
        raise DeploymentError(f"stack {name!r} is {status}: {_first_failure(cloudformation, name)}")


def _status(cloudformation: "CloudFormationClient", name: str) -> str:
    return cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]


def _first_failure(cloudformation: "CloudFormationClient", name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    for event in reversed(events):
        if event.get("ResourceStatus", "").endswith("_FAILED"):
            reason = event.get("ResourceStatusReason", "no reason given")
            return f"{event.get('LogicalResourceId', name)}: {reason}"
    return "no event tells why"
