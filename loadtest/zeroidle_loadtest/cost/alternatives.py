"""The same task elsewhere: managed APIs by tokens, a GPU instance by hours and utilisation."""

from dataclasses import dataclass
from typing import Protocol

from zeroidle_contract import Prices
from zeroidle_loadtest.cost.assumptions import Assumptions, Band, GpuRates

SECONDS_PER_HOUR = 3600


class Alternative(Protocol):
    """Something else that does the task."""

    @property
    def name(self) -> str:
        """As the report calls it."""
        ...

    def usd(self, *, tokens_in: float, tokens_out: float) -> Band:
        """What a task of so many tokens costs."""
        ...


@dataclass(frozen=True)
class ManagedApi:
    """A managed model at its list price. Its tokenizer is taken to count as ours does."""

    name: str
    input_usd: float
    output_usd: float

    def usd(self, *, tokens_in: float, tokens_out: float) -> Band:
        """Tokens times prices: exact, and without a fixed part."""
        return Band.exactly(tokens_in * self.input_usd + tokens_out * self.output_usd)


@dataclass(frozen=True)
class GpuInstance:
    """A GPU instance that is busy for `utilisation` of the hours that it is paid for."""

    hour_usd: float
    rates: GpuRates
    utilisation: float

    @property
    def name(self) -> str:
        """With its utilisation."""
        return f"g5.xlarge, {self.utilisation:.0%} busy"

    def usd(self, *, tokens_in: float, tokens_out: float) -> Band:
        """Its range is that of the assumed rates: a faster card is a cheaper task."""
        read, written = self.rates.input, self.rates.output
        second_usd = self.hour_usd / SECONDS_PER_HOUR / self.utilisation
        return Band(
            low=(tokens_in / read.high + tokens_out / written.high) * second_usd,
            mid=(tokens_in / read.mid + tokens_out / written.mid) * second_usd,
            high=(tokens_in / read.low + tokens_out / written.low) * second_usd,
        )


def managed_apis(prices: Prices) -> tuple[ManagedApi, ...]:
    """All that have a price, cheapest first."""
    apis = [
        ManagedApi(name=name, input_usd=price.input / 1e6, output_usd=price.output / 1e6)
        for name, price in prices.managed.items()
    ]
    return tuple(sorted(apis, key=lambda api: api.usd(tokens_in=1000, tokens_out=100).mid))


def gpu(prices: Prices, assumptions: Assumptions, utilisation: float) -> GpuInstance:
    """The GPU instance at one utilisation."""
    return GpuInstance(
        hour_usd=prices.ec2.g5_xlarge_hour,
        rates=assumptions.gpu_tokens_per_s,
        utilisation=utilisation,
    )
