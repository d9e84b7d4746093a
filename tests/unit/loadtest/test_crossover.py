"""Who is cheaper, and where: straight lines that cross at the length that arithmetic gives."""

import pytest

from zeroidle_contract import load_prices
from zeroidle_loadtest.cost.alternatives import ManagedApi, gpu
from zeroidle_loadtest.cost.assumptions import Band, load_assumptions
from zeroidle_loadtest.cost.crossover import break_even, crossover
from zeroidle_loadtest.cost.projection import Function
from zeroidle_loadtest.cost.seed_table import Growth, judge, seed_claims
from zeroidle_loadtest.cost.token_cost import TaskPrice, TokenCost, of_8b
from zeroidle_loadtest.intervals import Interval


def price(
    *, read_s: float, written_s: float = 0.0, factor: Band | None = None, fixed_usd: float = 0.0
) -> TaskPrice:
    return TaskPrice(
        cost=TokenCost("model", Interval(read_s), Interval(written_s), "a test"),
        factor=factor or Band.exactly(1.0),
        function=Function("arm64", 1024),
        gb_second_usd=0.001,
        fixed_usd=fixed_usd,
    )


def test_a_dear_start_and_cheap_tokens_cross_where_the_lines_meet() -> None:
    ours = price(read_s=0.001, fixed_usd=0.002)  # 1e-6 a token, and 0.002
    theirs = ManagedApi("api", input_usd=3e-6, output_usd=0.0)

    found = crossover(ours, theirs)

    assert found.cheaper_above == pytest.approx(1000.0)
    assert found.sentence == "Lambda is cheaper above 1,000 tokens"


def test_what_is_dearer_at_every_length_never_crosses() -> None:
    found = crossover(price(read_s=0.01), ManagedApi("api", input_usd=1e-6, output_usd=0.0))

    assert found.sentence == "api is cheaper at every length"
    assert found.ratio.mid == pytest.approx(10.0)


def test_a_range_that_has_both_in_it_decides_nothing() -> None:
    ours = price(read_s=0.001, factor=Band(0.5, 0.9, 2.0))

    found = crossover(ours, ManagedApi("api", input_usd=1e-6, output_usd=0.0))

    assert "decides nothing" in found.sentence


def test_below_the_break_even_lambda_costs_less_than_the_instances_hour() -> None:
    rows = break_even(price(read_s=0.1), 1.006)

    thousand = next(row for row in rows if row.tokens_in == 1000)
    assert thousand.tasks_per_hour.mid == pytest.approx(1.006 / (1000 * 0.1 * 0.001))


def test_a_gpu_that_is_mostly_idle_is_dearer_in_proportion() -> None:
    at = {"tokens_in": 1000.0, "tokens_out": 100.0}
    busy, idle = (gpu(load_prices(), load_assumptions(), share) for share in (1.0, 0.1))

    assert idle.usd(**at).mid == pytest.approx(10 * busy.usd(**at).mid)


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        (Band(14, 15, 16), "holds"),
        (Band(30, 40, 60), "does not hold"),
        (Band(1, 2, 3), "does not hold"),
        (Band(5, 15, 50), "not decided"),
    ],
)
def test_a_claim_is_judged_by_a_narrow_range_only(ours: Band, verdict: str) -> None:
    assert judge(15, 15, ours) == verdict


def test_an_8b_model_on_lambda_is_judged_as_the_readme_says() -> None:
    """The README: 56 s and $0.0075 before the range, so the article's $0.0034 does not hold."""
    model = load_assumptions().shape_8b
    ours = TaskPrice(of_8b(model), Band.exactly(1.0), Function("arm64", 10240), 0.0000133334, 0.0)

    claims = {
        one.claim: one
        for one in seed_claims(
            ours, load_prices(), load_assumptions(), cold_start_s=Band(11, 12, 20), growth=None
        )
    }

    assert claims["serverless CPU costs $0.0034 a task"].verdict == "does not hold"
    assert claims["inference takes about 15 s"].ours == "56.3 s"
    assert claims["a managed API costs $0.000375 a task"].verdict == "holds"
    assert claims["a managed API is the cheapest a task"].verdict == "holds"
    assert claims["a cold start takes 10 to 30 s"].verdict == "holds"


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (Interval(3.0, 2.5, 3.5), "does not hold"),
        (Interval(1.0, 0.95, 1.05), "holds"),
        (Interval(1.5, 0.8, 2.5), "not decided"),
    ],
)
def test_a_fixed_cost_is_refuted_by_long_documents_that_cost_more(
    ratio: Interval, verdict: str
) -> None:
    claims = seed_claims(
        price(read_s=0.01),
        load_prices(),
        load_assumptions(),
        cold_start_s=None,
        growth=Growth(short_tokens=100, long_tokens=400, ratio=ratio),
    )

    assert claims[-1].claim == "Lambda's cost stays fixed as context grows"
    assert claims[-1].verdict == verdict
