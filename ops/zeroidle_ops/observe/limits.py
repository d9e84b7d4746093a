"""What bounds the function's concurrency: mapping, reservation, provisioning, account."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zeroidle_contract import Stack
from zeroidle_ops.observe.snapshot import Limits

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_MB_PER_GB = 1024


@dataclass(frozen=True, kw_only=True)
class Provisioned:
    """Environments kept warm on an alias: asked for, and there. `status` is AWS's word for it."""

    requested: int = 0
    allocated: int = 0
    status: str | None = None
    status_reason: str | None = None


def read_limits(lambda_: "LambdaClient", stack: Stack) -> Limits:
    """The limits as they are set now. Five calls of Lambda's control plane."""
    mapping = lambda_.get_event_source_mapping(UUID=stack.event_source_mapping_id)
    # The alias serves a version: what runs is that version's configuration, not the newest.
    function = lambda_.get_function_configuration(
        FunctionName=stack.function_name, Qualifier=stack.alias_name
    )
    reserved = lambda_.get_function_concurrency(FunctionName=stack.function_name)
    account = lambda_.get_account_settings()["AccountLimit"]
    return Limits(
        mapping_state=mapping["State"],
        maximum=mapping.get("ScalingConfig", {}).get("MaximumConcurrency"),
        reserved=reserved.get("ReservedConcurrentExecutions"),
        provisioned=read_provisioned(lambda_, stack).allocated,
        account=account["ConcurrentExecutions"],
        account_unreserved=account["UnreservedConcurrentExecutions"],
        batch_size=mapping["BatchSize"],
        timeout_s=function["Timeout"],
        memory_gb=function["MemorySize"] / _MB_PER_GB,
        architecture=function["Architectures"][0],
    )


def read_provisioned(lambda_: "LambdaClient", stack: Stack) -> Provisioned:
    """The provisioned concurrency of the stack's alias; zeros where it has none."""
    try:
        found = lambda_.get_provisioned_concurrency_config(
            FunctionName=stack.function_name, Qualifier=stack.alias_name
        )
    except lambda_.exceptions.ProvisionedConcurrencyConfigNotFoundException:
        return Provisioned()
    return Provisioned(
        requested=found["RequestedProvisionedConcurrentExecutions"],
        allocated=found["AllocatedProvisionedConcurrentExecutions"],
        status=found["Status"],
        status_reason=found.get("StatusReason"),
    )
