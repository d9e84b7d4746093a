"""A run's bill: each quantity times its dated price, every line with where both come from.

Work on environments that are kept warm has a price of its own, beside that of keeping them.
"""

from dataclasses import dataclass

from zeroidle_contract import Prices
from zeroidle_loadtest.cost.assumptions import Band
from zeroidle_loadtest.cost.projection import Function
from zeroidle_loadtest.cost.usage import Quantity, Usage

PER_MILLION = 1_000_000
PER_THOUSAND = 1000
COMPUTE = ("compute", "compute, kept warm", "init before the model", "provisioned concurrency")
"""Lines that go by the second; the others go by the job."""


@dataclass(frozen=True)
class Line:
    """One line: `quantity` of `unit` at `unit_usd`, which stands in prices.toml under `price`."""

    name: str
    quantity: Quantity
    unit: str
    unit_usd: float
    price: str
    source: str

    @property
    def usd(self) -> Band:
        """What it comes to."""
        return self.quantity.amount * self.unit_usd


@dataclass(frozen=True)
class Bill:
    """All lines. `wasted` is no line of its own: it is part of the compute."""

    function: Function
    lines: tuple[Line, ...]
    succeeded: int
    wasted_usd: Band
    cold_start_usd: Band

    @property
    def total_usd(self) -> Band:
        """The sum of the lines."""
        return sum((line.usd for line in self.lines), Band.exactly(0.0))

    @property
    def per_thousand_usd(self) -> Band | None:
        """For a thousand jobs that succeeded; None when none did."""
        if not self.succeeded:
            return None
        return self.total_usd * (PER_THOUSAND / self.succeeded)


def gb_second_usd(function: Function, prices: Prices) -> float:
    """The price of a GB-second on the function's architecture."""
    price: float = getattr(prices.aws_lambda, f"{function.architecture}_gb_second")
    return price


def make_bill(usage: Usage, function: Function, prices: Prices) -> Bill:
    """Price a run's usage."""
    compute = gb_second_usd(function, prices)
    compute_price = f"aws_lambda.{function.architecture}_gb_second"
    executing, executing_price = _provisioned(prices, function, "executing")
    idle, idle_price = _provisioned(prices, function, "idle")
    warm = usage.provisioned_share
    # Work that was wasted was spread over both kinds of environments as all work was.
    mean_usd = warm * executing + (1 - warm) * compute
    rows = (
        ("compute", _part(usage.gb_seconds, 1 - warm), "GB-s", compute, compute_price),
        *(
            [
                (
                    "compute, kept warm",
                    _part(usage.gb_seconds, warm),
                    "GB-s",
                    executing,
                    executing_price,
                )
            ]
            if warm
            else []
        ),
        ("init before the model", usage.init_gb_seconds, "GB-s", compute, compute_price),
        ("provisioned concurrency", usage.provisioned_gb_seconds, "GB-s", idle, idle_price),
        ("invocations", usage.lambda_requests, "", *_million(prices, "aws_lambda.requests")),
        ("queue requests", usage.sqs_requests, "", *_million(prices, "sqs.requests")),
        ("table writes", usage.writes, "units", *_million(prices, "dynamodb.writes")),
        ("table reads", usage.reads, "units", *_million(prices, "dynamodb.reads")),
        ("documents put in S3", usage.puts, "", *_million(prices, "s3.puts")),
        ("documents got from S3", usage.gets, "", *_million(prices, "s3.gets")),
        ("logs", usage.log_gb, "GB", prices.cloudwatch.log_gb, "cloudwatch.log_gb"),
        ("traces", usage.traces, "", *_million(prices, "xray.traces")),
    )
    return Bill(
        function=function,
        lines=tuple(
            Line(
                name=name,
                quantity=quantity,
                unit=unit,
                unit_usd=unit_usd,
                price=price,
                source=getattr(prices, price.partition(".")[0]).source,
            )
            for name, quantity, unit, unit_usd, price in rows
        ),
        succeeded=usage.succeeded,
        wasted_usd=usage.wasted_gb_seconds.amount * mean_usd,
        cold_start_usd=(usage.cold_gb_seconds.amount + usage.init_gb_seconds.amount) * compute,
    )


def _part(quantity: Quantity, share: float) -> Quantity:
    if share == 1:
        return quantity
    why = f"{quantity.why}; {share:.0%} of them by the concurrency over time"
    return Quantity(quantity.amount * share, quantity.basis, why)


def _provisioned(prices: Prices, function: Function, kind: str) -> tuple[float, str]:
    key = f"provisioned_{function.architecture}_gb_second_{kind}"
    return getattr(prices.aws_lambda, key), f"aws_lambda.{key}"


def _million(prices: Prices, name: str) -> tuple[float, str]:
    service, _, unit = name.partition(".")
    key = f"million_{unit}"
    return getattr(getattr(prices, service), key) / PER_MILLION, f"{service}.{key}"
