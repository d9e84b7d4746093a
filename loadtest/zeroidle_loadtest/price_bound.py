"""The most that a bounded run on Lambda can cost. Arithmetic on dated prices; an upper bound.

Every request on its own in an invocation, tried as often as the function allows, each time until
the timeout, with an init as long as Lambda lets one be on demand. What is kept warm all day is paid
with or without the run, and is not in it.
"""

from dataclasses import dataclass

from zeroidle_contract import Prices
from zeroidle_loadtest.errors import UsageError
from zeroidle_loadtest.record import TargetRecord

DEFAULT_ATTEMPTS = 3
"""The template's MaxAttempts, where the function's own cannot be read."""

INIT_S = 10.0
_SQS_CALLS = 50
"""Send, receive, delete, changes of visibility, and empty receives, of 64 KB; for each attempt."""

_WRITES = 8
"""Rows of up to 1 KB: the producer's, claims, commits; and as many for their index."""

_READS = 100
"""The watcher's."""

_S3_CALLS = 2
"""Of each kind: the document, and a long output."""

_KMS_CALLS = 10
_LOG_GB = 20_000 / 1e9
"""Ten times what an attempt that fails writes."""


@dataclass(frozen=True, kw_only=True)
class PriceBound:
    """By service, USD. `attempts` is how often each request is taken to be tried."""

    compute_usd: float
    requests_usd: float
    attempts: int
    as_of: str

    @property
    def total_usd(self) -> float:
        """All together."""
        return self.compute_usd + self.requests_usd


def price_bound(requests: int, target: TargetRecord, prices: Prices) -> PriceBound:
    """The most that so many requests can cost on this stack.

    Raises:
        UsageError: the function's memory or timeout cannot be read.
    """
    if target.memory_mb is None or target.timeout_s is None:
        raise UsageError(
            "the function's settings cannot be read, so its price cannot be bounded; use "
            "credentials that allow lambda:GetFunctionConfiguration"
        )
    each = target.max_attempts or DEFAULT_ATTEMPTS
    attempts = requests * each
    lambda_ = prices.aws_lambda
    is_arm = target.architecture == "arm64"
    gb_second_usd = lambda_.arm64_gb_second if is_arm else lambda_.x86_64_gb_second
    gb_seconds = attempts * (target.timeout_s + INIT_S) * target.memory_mb / 1024
    millions = (
        lambda_.million_requests
        + _SQS_CALLS * prices.sqs.million_requests
        + _WRITES * prices.dynamodb.million_writes
        + _READS * prices.dynamodb.million_reads
        + _S3_CALLS * (prices.s3.million_puts + prices.s3.million_gets)
        + _KMS_CALLS * prices.kms.million_requests
        + prices.xray.million_traces
    )
    return PriceBound(
        compute_usd=gb_seconds * gb_second_usd,
        requests_usd=attempts * (millions / 1_000_000 + _LOG_GB * prices.cloudwatch.log_gb),
        attempts=each,
        as_of=prices.as_of.isoformat(),
    )
