"""Metrics as lines that CloudWatch reads."""

import json
import statistics
from typing import Any

import emf_documents
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroidle_inference.engine.request import TokenUsage
from zeroidle_inference.telemetry import emf
from zeroidle_inference.telemetry.metrics import Metrics, Outcome


def written(metrics: Metrics) -> list[dict[str, Any]]:
    documents = emf.documents(metrics, function_name="consumer", now_ms=1_800_000_000_000)
    return [emf_documents.check(json.dumps(document)) for document in documents]


def test_a_counter_is_told_for_the_function_and_for_its_labels() -> None:
    metrics = Metrics()
    metrics.jobs.labels("classify", "succeeded").inc(3)
    metrics.jobs.labels("extract", "failed").inc()
    documents = written(metrics)
    name = "zeroidle_jobs_total"
    assert emf_documents.totals(documents, name, "FunctionName") == {("consumer",): 4}
    assert emf_documents.totals(documents, name, "FunctionName", "task", "outcome") == {
        ("consumer", "classify", "succeeded"): 3,
        ("consumer", "extract", "failed"): 1,
    }


def test_counters_without_labels_are_told_when_nothing_happened() -> None:
    [document] = written(Metrics())
    assert document["zeroidle_partial_failures_total"] == 0
    assert document["zeroidle_cold_starts_total"] == 0
    assert "zeroidle_jobs_total" not in document


def test_a_distribution_is_told_as_its_values() -> None:
    metrics = Metrics()
    for seconds in (0.012345678, 2):
        metrics.step.observe(seconds)
    [document] = written(metrics)
    assert document["zeroidle_step_seconds"] == [0.01235, 2]
    [directive] = document["_aws"]["CloudWatchMetrics"]
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units["zeroidle_step_seconds"] == "Seconds"
    assert units["zeroidle_gb_seconds_total"] == "None"
    assert units["zeroidle_cold_starts_total"] == "Count"
    assert directive["Namespace"] == "zeroidle"


@pytest.mark.parametrize("observations", [100, 101, 999])
def test_any_number_of_values_is_told_once_each_and_counters_once(observations: int) -> None:
    metrics = Metrics()
    metrics.gb_seconds.inc(7)
    for _ in range(observations):
        metrics.batch_width.observe(2)
        metrics.step.observe(0.5)
    documents = written(metrics)
    for name, expected in {
        "zeroidle_batch_width": 2 * observations,
        "zeroidle_step_seconds": observations / 2,
        "zeroidle_gb_seconds_total": 7,
    }.items():
        assert emf_documents.totals(documents, name, "FunctionName") == {("consumer",): expected}


def test_tokens_are_told_by_kind_and_none_twice() -> None:
    metrics = Metrics()
    metrics.count_tokens(TokenUsage(prompt=300, cached=250, forced=20, sampled=5))
    found = emf_documents.totals(written(metrics), "zeroidle_tokens_total", "FunctionName", "kind")
    assert found == {
        ("consumer", "prefilled"): 50,
        ("consumer", "cached"): 250,
        ("consumer", "forced"): 20,
        ("consumer", "sampled"): 5,
    }


def test_a_very_long_invocation_is_told_in_few_lines_with_the_same_percentiles() -> None:
    metrics = Metrics()
    for step in range(180_000):
        metrics.step.observe(step / 1000)
    documents = written(metrics)
    values = [value for document in documents for value in document["zeroidle_step_seconds"]]
    assert len(documents) <= 10
    assert statistics.quantiles(values, n=100)[94] == pytest.approx(171, rel=0.01)
    assert statistics.median(values) == pytest.approx(90, rel=0.01)


@given(
    jobs=st.lists(st.tuples(st.sampled_from(["classify", "none"]), st.sampled_from(Outcome))),
    widths=st.lists(st.integers(1, 256), max_size=250),
    waits=st.lists(st.floats(0, 1e9, allow_nan=False), max_size=30),
)
def test_whatever_was_measured_makes_valid_documents(
    jobs: list[tuple[str, Outcome]], widths: list[int], waits: list[float]
) -> None:
    metrics = Metrics()
    for task, outcome in jobs:
        metrics.jobs.labels(task, outcome.value).inc()
    for width in widths:
        metrics.batch_width.observe(width)
    for wait in waits:
        metrics.queue_wait.observe(wait)
    documents = written(metrics)
    total = emf_documents.totals(documents, "zeroidle_jobs_total", "FunctionName")
    assert sum(total.values()) == len(jobs)
    total = emf_documents.totals(documents, "zeroidle_batch_width", "FunctionName")
    assert sum(total.values()) == sum(widths)
