"""A deployed stack's names, read from its CloudFormation outputs."""

from typing import TYPE_CHECKING, Self

from pydantic import ConfigDict, ValidationError
from pydantic.alias_generators import to_pascal

from zeroidle_contract.errors import ContractError
from zeroidle_contract.task import Frozen

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


class StackNotFoundError(ContractError):
    """No stack of that name, or one that zeroidle did not make."""


class Stack(Frozen):
    """What `template.yaml` puts out, under the same names in PascalCase."""

    model_config = ConfigDict(alias_generator=to_pascal, populate_by_name=True, extra="ignore")

    queue_url: str
    queue_arn: str
    dead_letter_queue_url: str
    dead_letter_queue_arn: str
    jobs_table_name: str
    ops_table_name: str
    bucket_name: str
    function_name: str
    alias_name: str
    alias_arn: str
    event_source_mapping_id: str
    log_group_name: str

    @classmethod
    def read(cls, cloudformation: "CloudFormationClient", name: str) -> Self:
        """Find a stack by name.

        Raises:
            StackNotFoundError: there is none, or its outputs are not zeroidle's.
        """
        try:
            described = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except cloudformation.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ValidationError":
                raise
            raise StackNotFoundError(f"there is no stack named {name!r} in this region") from error
        outputs = {
            output["OutputKey"]: output["OutputValue"]
            for output in described[0].get("Outputs", [])
            if "OutputKey" in output and "OutputValue" in output
        }
        try:
            return cls.model_validate(outputs)
        except ValidationError as error:
            missing = sorted(str(problem["loc"][0]) for problem in error.errors())
            status = described[0]["StackStatus"]
            raise StackNotFoundError(
                f"stack {name!r} ({status}) has not these outputs of zeroidle: {', '.join(missing)}"
            ) from None
