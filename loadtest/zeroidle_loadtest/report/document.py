"""Everything a report says, as values: what Markdown and the page are both written from.

Works nothing out that the analysis and the cost model have; chooses, names and orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from zeroidle_contract import Prices
from zeroidle_loadtest import analysis
from zeroidle_loadtest.analysis import FUNCTIONS, Figures, Measured, Priced, figure, price_run
from zeroidle_loadtest.calibration import calibrate
from zeroidle_loadtest.cost.alternatives import managed_apis
from zeroidle_loadtest.cost.assumptions import Assumptions, Band
from zeroidle_loadtest.cost.bill import COMPUTE, gb_second_usd
from zeroidle_loadtest.cost.crossover import BreakEven, Crossover, break_even, crossover
from zeroidle_loadtest.cost.floor import Floor, monthly_floor
from zeroidle_loadtest.cost.projection import (
    Function,
    MeasuredFactor,
    Projection,
    project,
    run_function,
)
from zeroidle_loadtest.cost.seed_table import Claim, seed_claims
from zeroidle_loadtest.cost.token_cost import (
    TaskPrice,
    TokenCost,
    from_run,
    of_8b,
    of_8b_alone,
)
from zeroidle_loadtest.record import RequestRecord, RunRecord
from zeroidle_loadtest.report.words import amount_with_range

State = Literal["met", "breached", "invalid"]


@dataclass(frozen=True)
class Report:
    """One run, or a sweep whose headline is the fastest run that met the SLO.

    `on_lambda` is what a run on Lambda gave; it replaces what is assumed of Lambda's speed.
    """

    figures: tuple[Figures, ...]
    headline: Figures
    prices: Prices
    assumptions: Assumptions
    on_lambda: MeasuredFactor | None = None

    @property
    def run(self) -> RunRecord:
        """The headline's record."""
        return self.headline.run

    @property
    def state(self) -> State:
        """The verdict."""
        if not self.run.is_valid:
            return "invalid"
        return "met" if self.run.meets_slo else "breached"

    @cached_property
    def verdict(self) -> str:
        """The verdict in a sentence."""
        if self.state == "invalid":
            return "Not a valid measurement: " + "; ".join(self.run.problems)
        if not self.run.slo:
            return "Valid; there were no thresholds to meet"
        missed = [
            check.name.removesuffix("_s").replace("_", " ")
            for check in self.run.slo
            if not check.is_met
        ]
        if missed:
            return "Misses its SLO: " + ", ".join(missed)
        return "Meets its SLO"

    @cached_property
    def watermark(self) -> str | None:
        """What must be said of every dollar while durations are not Lambda's."""
        if self.projection.is_measured:
            return None
        factor = self.projection.factor
        return (
            f"Projected. Durations were measured on {self.run.machine.description}, not on Lambda. "
            f"Dollars take {amount_with_range(factor)} seconds of {self.projection.function} for "
            "each second here; the ranges below are that uncertainty."
        )

    @cached_property
    def measured_note(self) -> str | None:
        """What replaced the watermark, where a run on Lambda did."""
        if self.on_lambda is None or not self.run.is_projected:
            return None
        return (
            f"Durations are Lambda's. {self.on_lambda.function} takes "
            f"{amount_with_range(self.on_lambda.factor)} seconds for each second here (95 % "
            f"interval), measured: {self.on_lambda.why}."
        )

    @property
    def reference_note(self) -> str | None:
        """What stays projected when the run itself is not: a model that it did not run."""
        if not self.projection.is_measured:
            return None
        return (
            f"The 8B shape did not run on Lambda: its figures are projected from "
            f"{self.assumptions.shape_8b.cores} cores of another machine "
            f"({self.assumptions.shape_8b.why}), with that range."
        )

    @property
    def function(self) -> Function:
        """The function that dollars are for: the one that was measured, or the run's own."""
        return self.on_lambda.function if self.on_lambda else run_function(self.run)

    @cached_property
    def projection(self) -> Projection:
        """From the run to the function that it stands for."""
        return self.priced.projection

    @cached_property
    def priced(self) -> Priced:
        """The run on its own function."""
        return self._price(self.function)

    @cached_property
    def priced_elsewhere(self) -> tuple[Priced, ...]:
        """The run on other functions: x86, and less memory."""
        return tuple(self._price(function) for function in FUNCTIONS if function != self.function)

    def _price(self, function: Function) -> Priced:
        return price_run(
            self.headline.measured, function, self.prices, self.assumptions, self.on_lambda
        )

    @cached_property
    def wasted_share(self) -> float:
        """Of the run's dollars, what no committed result came from."""
        total = self.priced.bill.total_usd.mid
        return self.priced.bill.wasted_usd.mid / total if total else 0.0

    @cached_property
    def floor(self) -> Floor:
        """A month at rest."""
        return monthly_floor(self.prices, self.projection.function)

    @cached_property
    def token_costs(self) -> tuple[TokenCost, ...]:
        """This run's model, where it read and wrote; and the 8B shape at its cheapest."""
        own = self._own_tokens("", self.headline.measured.requests)
        reference = of_8b(self.assumptions.shape_8b)
        return (reference,) if own is None else (own, reference)

    def _own_tokens(self, when: str, requests: Sequence[RequestRecord]) -> TokenCost | None:
        name = self.run.model.name if self.run.model else "this run's model"
        memory_gb = run_function(self.run).memory_gb
        return from_run(requests, name=f"{name}{when}", memory_gb=memory_gb)

    @cached_property
    def task_prices(self) -> tuple[TaskPrice, ...]:
        """Dollars of a task for each of them, on the run's function."""
        return tuple(self._task_price(cost) for cost in self.token_costs)

    @cached_property
    def task_prices_by_occupancy(self) -> tuple[TaskPrice, ...]:
        """The same, once alone in the batch and once in the fullest third of the batches."""
        batched = [one for one in self.headline.measured.succeeded if one.batch_size]
        sizes = sorted(one.batch_size or 0 for one in batched)
        fullest = max(2, sizes[len(sizes) * 2 // 3]) if sizes else 2
        found = [
            self._own_tokens(", alone", [one for one in batched if one.batch_size == 1]),
            self._own_tokens(
                f", batches of {fullest} and more",
                [one for one in batched if (one.batch_size or 0) >= fullest],
            ),
            of_8b_alone(self.assumptions.shape_8b),
            of_8b(self.assumptions.shape_8b),
        ]
        return tuple(self._task_price(cost) for cost in found if cost is not None)

    def _task_price(self, cost: TokenCost) -> TaskPrice:
        return TaskPrice(
            cost=cost,
            factor=self._factor_8b() if cost.is_reference else self.projection.factor,
            function=self.projection.function,
            gb_second_usd=gb_second_usd(self.projection.function, self.prices),
            fixed_usd=self._fixed_usd(),
        )

    def _fixed_usd(self) -> float:
        """What a task costs beside compute: requests, rows, logs, traces."""
        lines = [line for line in self.priced.bill.lines if line.name not in COMPUTE]
        return sum(line.usd.mid for line in lines) / max(1, self.priced.bill.succeeded)

    def _factor_8b(self) -> Band:
        """The 8B figures are of the reference machine: its cores, not the run's."""
        here = self.run.model_copy(
            update={
                "is_projected": True,
                "machine": self.run.machine.model_copy(
                    update={"cpus": self.assumptions.shape_8b.cores}
                ),
                "target": self.run.target.model_copy(update={"maximum_concurrency": 1}),
            }
        )
        return project(here, self.projection.function, self.assumptions).factor

    @property
    def gap(self) -> str | None:
        """Why this run's model has no price for a task, where it has none."""
        if len(self.token_costs) > 1:
            return None
        return (
            "This run wrote no tokens (labels are scored, spans are short), so its own model has "
            "no price for a task of 100 tokens out. Put a task that writes into its scenario."
        )

    @cached_property
    def claims(self) -> tuple[tuple[str, tuple[Claim, ...]], ...]:
        """The seed article's claims, judged for each model."""
        growth = analysis.growth(self.headline.measured)
        own = analysis.cold_starts_s(self.headline.measured)
        judged = []
        for price in self.task_prices:
            is_8b = price.cost.is_reference
            waits = self.assumptions.shape_8b.load_s.band if is_8b else own
            cold = None if waits is None else price.factor * waits
            judged.append(
                (
                    price.cost.name,
                    seed_claims(
                        price,
                        self.prices,
                        self.assumptions,
                        cold_start_s=cold,
                        growth=None if is_8b else growth,
                    ),
                )
            )
        return tuple(judged)

    @cached_property
    def crossovers(self) -> tuple[tuple[str, tuple[Crossover, ...]], ...]:
        """Each model beside each managed API."""
        apis = managed_apis(self.prices)
        return tuple(
            (price.cost.name, tuple(crossover(price, api) for api in apis))
            for price in self.task_prices_by_occupancy
        )

    @cached_property
    def break_evens(self) -> tuple[tuple[str, tuple[BreakEven, ...]], ...]:
        """Each model beside a GPU instance that is always on."""
        hour_usd = self.prices.ec2.g5_xlarge_hour
        return tuple(
            (price.cost.name, break_even(price, hour_usd))
            for price in self.task_prices_by_occupancy
        )


def make_report(
    measured: Sequence[Measured],
    prices: Prices,
    assumptions: Assumptions,
    *,
    on_lambda: Measured | None = None,
) -> Report:
    """A report of one run, or of the runs of a sweep; `on_lambda` is a run of `measure-aws`.

    Raises:
        RecordError: `on_lambda` cannot stand for the run's durations.
    """
    figures = tuple(figure(one) for one in measured)
    met = [one for one in figures if one.run.is_valid and one.run.meets_slo]
    headline = met[-1] if met else figures[0]
    return Report(
        figures=figures,
        headline=headline,
        prices=prices,
        assumptions=assumptions,
        on_lambda=calibrate(headline.measured, on_lambda) if on_lambda else None,
    )
