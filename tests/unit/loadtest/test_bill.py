"""A bill is quantities times dated prices, and every line can be traced."""

from pathlib import Path
from typing import Any

import pytest

from recorded_run import record_run
from zeroidle_contract import Prices, load_prices
from zeroidle_loadtest.analysis import FUNCTIONS, Measured, price_run, read_measured
from zeroidle_loadtest.cost.assumptions import Band, load_assumptions
from zeroidle_loadtest.cost.bill import Bill
from zeroidle_loadtest.record import RequestRecord, Sample, TargetRecord

ARM = FUNCTIONS[0]


@pytest.fixture
def on_lambda(tmp_path: Path) -> Measured:
    """A run whose durations are Lambda's own, so that nothing is projected."""
    return read_measured(record_run(tmp_path / "run", duration_s=30, is_local=False, changes=arm()))


def arm() -> dict[str, Any]:
    target = TargetRecord(
        stack="prod", is_local=False, memory_mb=10240, architecture="arm64", maximum_concurrency=10
    )
    return {"target": target}


def with_requests(measured: Measured, *requests: RequestRecord) -> Measured:
    return Measured(run=measured.run, requests=requests)


def request(**changes: Any) -> RequestRecord:
    fields: dict[str, Any] = {
        "job_id": "a",
        "task": "classify",
        "sample": "s",
        "worker": 0,
        "intended_ms": 0.0,
        "sent_ms": 0.0,
        "publish_ms": 1.0,
        "outcome": "succeeded",
        "completed_ms": 10_000.0,
        "queued_ms": 100,
        "prefill_ms": 9900,
        "gb_seconds": 100.0,
        "attempts": 1,
        "invocation": "i",
        "batch_size": 1,
    }
    return RequestRecord(**{**fields, **changes})


def bill_of(measured: Measured) -> Bill:
    return price_run(measured, ARM, load_prices(), load_assumptions()).bill


def line(bill: Bill, name: str) -> Band:
    return next(line.usd for line in bill.lines if line.name == name)


def test_compute_is_gigabyte_seconds_times_the_price(on_lambda: Measured) -> None:
    bill = bill_of(with_requests(on_lambda, request(gb_seconds=100.0)))

    assert line(bill, "compute").low == pytest.approx(0.00133334)
    assert line(bill, "compute").high == pytest.approx(0.00133334)


def test_a_batch_is_one_invocation_with_three_queue_requests(on_lambda: Measured) -> None:
    two = (request(), request(job_id="b"))

    bill = bill_of(with_requests(on_lambda, *two))

    assert line(bill, "invocations").mid == pytest.approx(0.2e-6)
    assert line(bill, "queue requests").mid == pytest.approx((2 + 3) * 0.4e-6)


def test_a_cold_start_is_billed_with_its_init(on_lambda: Measured) -> None:
    bill = bill_of(with_requests(on_lambda, request(cold_start_ms=2000)))

    init = load_assumptions().init_s
    assert line(bill, "init before the model").mid == pytest.approx(init.mid * 10 * 0.0000133334)
    assert bill.cold_start_usd.mid == pytest.approx((init.mid + 2.0) * 10 * 0.0000133334)


def test_what_was_begun_in_vain_is_wasted_and_billed(on_lambda: Measured) -> None:
    bill = bill_of(with_requests(on_lambda, request(attempts=3, gb_seconds=10.0)))

    assert bill.wasted_usd.mid == pytest.approx(20 * 0.0000133334)
    assert line(bill, "compute").mid == pytest.approx(30 * 0.0000133334)


def test_a_failed_jobs_work_is_wasted(on_lambda: Measured) -> None:
    failed = request(outcome="failed", error_code="output_truncated", gb_seconds=10.0)

    bill = bill_of(with_requests(on_lambda, failed))

    assert bill.wasted_usd.mid == pytest.approx(10 * 0.0000133334)
    assert bill.per_thousand_usd is None


def test_a_request_that_was_not_sent_costs_nothing(on_lambda: Measured) -> None:
    unsent = request(outcome="failed", error_code="not_sent", attempts=0, invocation=None)

    bill = bill_of(with_requests(on_lambda, unsent))

    assert bill.total_usd == Band.exactly(0.0)


def test_a_long_document_travels_through_s3(on_lambda: Measured) -> None:
    long = request(document_bytes=200_000, attempts=3)
    short = request(job_id="b", document_bytes=128 * 1024)

    bill = bill_of(with_requests(on_lambda, long, short))

    assert line(bill, "documents put in S3").mid == pytest.approx(5e-6)
    assert line(bill, "documents got from S3").mid == pytest.approx(3 * 0.4e-6)


def test_a_long_message_is_several_requests_of_the_queue(on_lambda: Measured) -> None:
    # 100,000 bytes and the envelope are two units; both in a batch are four, deleted at once.
    two = (request(document_bytes=100_000), request(job_id="b", document_bytes=100_000))

    bill = bill_of(with_requests(on_lambda, *two))

    assert line(bill, "queue requests").mid == pytest.approx((2 + 2 + 4 + 2) * 0.4e-6)


def kept_warm(measured: Measured, environments: int, concurrency: tuple[int, ...]) -> Measured:
    target = measured.run.target.model_copy(update={"provisioned_concurrency": environments})
    samples = tuple(Sample(at_ms=0.0, concurrency=count) for count in concurrency)
    run = measured.run.model_copy(
        update={"target": target, "samples": samples, "ended_ms": 60_000.0}
    )
    return Measured(run=run, requests=(request(gb_seconds=100.0),))


def test_environments_kept_warm_are_paid_for_the_whole_run(on_lambda: Measured) -> None:
    bill = bill_of(kept_warm(on_lambda, 2, (1, 2)))

    assert line(bill, "provisioned concurrency").mid == pytest.approx(2 * 10 * 60 * 0.0000033334)
    assert line(bill, "compute, kept warm").mid == pytest.approx(100 * 0.0000077778)
    assert line(bill, "compute").mid == 0.0


def test_beyond_the_warm_environments_compute_has_its_usual_price(on_lambda: Measured) -> None:
    bill = bill_of(kept_warm(on_lambda, 1, (1, 3)))  # two of four were warm

    assert line(bill, "compute, kept warm").mid == pytest.approx(50 * 0.0000077778)
    assert line(bill, "compute").mid == pytest.approx(50 * 0.0000133334)


def test_without_provisioned_concurrency_the_bill_says_so(on_lambda: Measured) -> None:
    bill = bill_of(kept_warm(on_lambda, 0, (1,)))

    [found] = [one for one in bill.lines if one.name == "provisioned concurrency"]
    assert found.usd == Band.exactly(0.0)
    assert found.quantity.why == "none was set"
    assert "compute, kept warm" not in [one.name for one in bill.lines]


def test_every_line_names_a_price_that_stands_in_the_price_list(on_lambda: Measured) -> None:
    prices: Prices = load_prices()

    for one in bill_of(on_lambda).lines:
        service, _, key = one.price.partition(".")
        listed = getattr(getattr(prices, service), key)
        assert one.unit_usd in (pytest.approx(listed), pytest.approx(listed / 1e6))
        assert one.source.startswith("https://")
        assert one.quantity.why


def test_the_dollars_of_a_thousand_are_the_total_over_what_succeeded(on_lambda: Measured) -> None:
    bill = bill_of(on_lambda)

    assert bill.per_thousand_usd is not None
    assert bill.per_thousand_usd.mid == pytest.approx(
        sum(line.usd.mid for line in bill.lines) / bill.succeeded * 1000
    )
