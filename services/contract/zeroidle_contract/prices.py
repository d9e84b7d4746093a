"""Dated list prices (`prices.toml`) and the arithmetic on them."""

import tomllib
from datetime import date
from functools import cache
from importlib import resources

from zeroidle_contract.result import Result
from zeroidle_contract.task import Frozen


class LambdaPrices(Frozen):
    """AWS Lambda, USD."""

    arm64_gb_second: float
    x86_64_gb_second: float
    million_requests: float
    provisioned_arm64_gb_second_idle: float
    provisioned_arm64_gb_second_executing: float


class SqsPrices(Frozen):
    """Amazon SQS, USD for a million requests of up to 64 KB."""

    million_requests: float


class DynamoDbPrices(Frozen):
    """DynamoDB on demand, USD for a million writes of 1 KB and reads of 4 KB."""

    million_writes: float
    million_reads: float


class Ec2Prices(Frozen):
    """GPU instances, USD an hour on demand."""

    g5_xlarge_hour: float


class ManagedPrices(Frozen):
    """A managed model, USD for a million tokens."""

    input: float
    output: float


class Prices(Frozen):
    """All prices, with the day and region they were read for."""

    as_of: date
    region: str
    aws_lambda: LambdaPrices
    sqs: SqsPrices
    dynamodb: DynamoDbPrices
    ec2: Ec2Prices
    managed: dict[str, ManagedPrices]

    def compute_usd(self, result: Result) -> float:
        """What a job's share of its invocation costs on arm64: GB-seconds times the price."""
        return result.gb_seconds * self.aws_lambda.arm64_gb_second


@cache
def load_prices() -> Prices:
    """The prices that ship with this version."""
    raw = resources.files(__package__).joinpath("prices.toml").read_text(encoding="utf-8")
    return Prices.model_validate(tomllib.loads(raw))
