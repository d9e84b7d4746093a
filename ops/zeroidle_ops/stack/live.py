"""What runs right now: which version serves, and the values that operators and the scaler have set.

Reads alone. CloudFormation does not know any of this.
"""

from dataclasses import dataclass

from zeroidle_ops.errors import DeploymentError
from zeroidle_ops.stack import deploy
from zeroidle_ops.stack.target import Target

_READING = frozenset({"Enabled", "Enabling", "Creating", "Updating"})


@dataclass(frozen=True, kw_only=True)
class Live:
    """A stack's function as it is.

    `deployed_version` is the stack's newest, `serving_version` the one that the alias points to.
    """

    deployed_version: int
    serving_version: int
    maximum_concurrency: int
    reserved_concurrency: int | None
    """None: nothing is reserved. 0: somebody has stopped the function."""
    reads_queue: bool

    @property
    def is_rolled_back(self) -> bool:
        """True when an older version serves than the stack's newest."""
        return self.serving_version != self.deployed_version

    @property
    def parameters(self) -> dict[str, str]:
        """As the template's parameters: a deployment hands them on as they are.

        Raises:
            DeploymentError: the function is stopped. A 0 means "none reserved" to the template,
                so that the deployment would start it again.
        """
        if self.reserved_concurrency == 0:
            raise DeploymentError(
                "somebody has stopped the function (its reserved concurrency is 0), and a "
                "deployment would start it again; when it may run, `zeroidle scale resume "
                "--lift-stop`, then deploy"
            )
        return {
            "MaximumConcurrency": str(self.maximum_concurrency),
            "ReservedConcurrency": str(self.reserved_concurrency or 0),
            "ReadQueue": "true" if self.reads_queue else "false",
        }


def read_live(target: Target) -> Live | None:
    """The stack's function; None where the stack has none yet."""
    resource = _version_resource(target)
    if resource is None:
        return None
    names = target.stack
    alias = target.lambda_.get_alias(FunctionName=names.function_name, Name=names.alias_name)
    mapping = target.lambda_.get_event_source_mapping(UUID=names.event_source_mapping_id)
    reserved = target.lambda_.get_function_concurrency(FunctionName=names.function_name)
    scaling = mapping.get("ScalingConfig", {})
    return Live(
        deployed_version=int(resource.rsplit(":", 1)[1]),
        serving_version=int(alias["FunctionVersion"]),
        maximum_concurrency=int(
            scaling.get("MaximumConcurrency", deploy.defaults()["MaximumConcurrency"])
        ),
        reserved_concurrency=reserved.get("ReservedConcurrentExecutions"),
        reads_queue=mapping.get("State", "") in _READING,
    )


def earlier_version(target: Target, serving: int) -> int:
    """The version before the one that serves.

    Raises:
        DeploymentError: there is none.
    """
    found = [number for number in versions(target) if number < serving]
    if not found:
        raise DeploymentError(f"version {serving} is the first: there is nothing to go back to")
    return max(found)


def versions(target: Target) -> list[int]:
    """The published versions."""
    pages = target.lambda_.get_paginator("list_versions_by_function").paginate(
        FunctionName=target.stack.function_name
    )
    found = [one["Version"] for page in pages for one in page["Versions"]]
    return sorted(int(version) for version in found if version.isdecimal())


def _version_resource(target: Target) -> str | None:
    pages = target.cloudformation.get_paginator("list_stack_resources").paginate(
        StackName=target.stack_name
    )
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            if resource["LogicalResourceId"] == "Version":
                return resource.get("PhysicalResourceId")
    return None
