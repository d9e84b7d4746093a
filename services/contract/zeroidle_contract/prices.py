"""Dated list prices (`prices.toml`) and the arithmetic on them."""

import tomllib
from datetime import date
from functools import cache
from importlib import resources
from typing import Annotated

from pydantic import Field

from zeroidle_contract.result import Result
from zeroidle_contract.task import Frozen

Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_PER_MILLION = 1_000_000


class Sourced(Frozen):
    """Prices of one service, and the page they stand on."""

    source: str


class LambdaPrices(Sourced):
    """AWS Lambda, USD."""

    arm64_gb_second: Usd
    x86_64_gb_second: Usd
    million_requests: Usd
    provisioned_arm64_gb_second_idle: Usd
    provisioned_arm64_gb_second_executing: Usd
    provisioned_x86_64_gb_second_idle: Usd
    provisioned_x86_64_gb_second_executing: Usd


class SqsPrices(Sourced):
    """Amazon SQS, USD for a million requests of up to 64 KB."""

    million_requests: Usd


class DynamoDbPrices(Sourced):
    """DynamoDB on demand, USD for a million writes of 1 KB and reads of 4 KB; storage a month."""

    million_writes: Usd
    million_reads: Usd
    gb_month: Usd
    recovery_gb_month: Usd


class S3Prices(Sourced):
    """S3 Standard, USD for a million requests; storage a month."""

    million_puts: Usd
    million_gets: Usd
    gb_month: Usd


class CloudWatchPrices(Sourced):
    """CloudWatch, USD for a GB of logs taken in, what is kept a month, and metrics read."""

    log_gb: Usd
    log_gb_month: Usd
    alarm_month: Usd
    metric_month: Usd
    dashboard_month: Usd
    million_metrics_read: Usd


class XRayPrices(Sourced):
    """AWS X-Ray, USD for a million recorded traces."""

    million_traces: Usd


class KmsPrices(Sourced):
    """AWS KMS, USD for a key a month and a million requests."""

    key_month: Usd
    million_requests: Usd


class EcrPrices(Sourced):
    """The image registry, USD for a GB a month."""

    gb_month: Usd


class PrivateLinkPrices(Sourced):
    """Interface endpoints, USD an hour in each availability zone, and for a GB."""

    endpoint_zone_hour: Usd
    gb: Usd


class Ec2Prices(Sourced):
    """GPU instances, USD an hour on demand."""

    g5_xlarge_hour: Usd


class ManagedPrices(Sourced):
    """A managed model, USD for a million tokens."""

    input: Usd
    output: Usd

    def usd(self, *, tokens_in: float, tokens_out: float) -> float:
        """What a task of so many tokens costs."""
        return (tokens_in * self.input + tokens_out * self.output) / _PER_MILLION


class Prices(Frozen):
    """All prices, with the day and region they were read for."""

    as_of: date
    region: str
    aws_lambda: LambdaPrices
    sqs: SqsPrices
    dynamodb: DynamoDbPrices
    s3: S3Prices
    cloudwatch: CloudWatchPrices
    xray: XRayPrices
    kms: KmsPrices
    ecr: EcrPrices
    privatelink: PrivateLinkPrices
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
