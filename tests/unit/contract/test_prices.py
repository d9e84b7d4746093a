"""The dated prices and the arithmetic on them."""

from datetime import date

import pytest

from zeroidle_contract import Result, Status, load_prices


def test_prices_say_for_which_day_and_region_they_hold() -> None:
    prices = load_prices()

    assert prices.as_of == date(2026, 11, 1)
    assert prices.region == "us-east-1"


def test_a_jobs_compute_costs_its_gigabyte_seconds_on_arm64() -> None:
    result = Result(job_id="a", status=Status.SUCCEEDED, gb_seconds=150.0)

    assert load_prices().compute_usd(result) == pytest.approx(0.00200001)


def test_managed_prices_give_the_published_cost_of_1000_tokens_in_and_100_out() -> None:
    haiku = load_prices().managed["Claude 3 Haiku"]

    assert (1000 * haiku.input + 100 * haiku.output) / 1e6 == pytest.approx(0.000375)


def test_an_idle_environment_of_ten_gigabytes_costs_what_the_price_list_says() -> None:
    idle = load_prices().aws_lambda.provisioned_arm64_gb_second_idle

    assert 10 * 3600 * idle == pytest.approx(0.12, rel=0.001)


def test_every_price_names_the_page_it_stands_on() -> None:
    tables = load_prices().model_dump()

    services = [table for table in tables.values() if isinstance(table, dict)]
    managed = tables["managed"].values()

    sources = [table["source"] for table in [*services, *managed] if table is not tables["managed"]]
    assert len(sources) == len(services) - 1 + len(managed)
    assert all(source.startswith("https://aws.amazon.com/") for source in sources)


def test_a_managed_model_is_priced_by_its_tokens() -> None:
    haiku = load_prices().managed["Claude 3 Haiku"]

    assert haiku.usd(tokens_in=1000, tokens_out=100) == pytest.approx(0.000375)
