"""The function's instruments: their names, and how many values their labels may have."""

import re
from typing import get_args

from prometheus_client import Metric

from zeroidle_contract import Task
from zeroidle_inference.telemetry.metrics import NO_TASK, TASKS, Metrics


def families() -> list[Metric]:
    metrics = Metrics()
    metrics.touch_all()
    return list(metrics.registry.collect())


def test_the_names_are_the_ones_that_alarms_and_dashboards_know() -> None:
    names = {family.name + ("_total" if family.type == "counter" else "") for family in families()}
    assert names == {
        "zeroidle_jobs_total",
        "zeroidle_tokens_total",
        "zeroidle_batch_width",
        "zeroidle_step_seconds",
        "zeroidle_queue_wait_seconds",
        "zeroidle_cold_starts_total",
        "zeroidle_lost_claims_total",
        "zeroidle_partial_failures_total",
        "zeroidle_dependency_down_total",
        "zeroidle_gb_seconds_total",
        "zeroidle_prefix_cache_hits_total",
    }


def test_every_instrument_has_a_help_text_of_one_sentence_at_least() -> None:
    assert [family.name for family in families() if not family.documentation.endswith(".")] == []


def test_labels_have_few_values() -> None:
    for family in families():
        combinations = {
            tuple(sorted(sample.labels.items()))
            for sample in family.samples
            if family.type == "counter"
        }
        assert len(combinations) <= 30, family.name


def test_every_task_of_the_contract_is_a_value_of_the_label() -> None:
    union, _ = get_args(Task)
    kinds = {model.model_fields["kind"].default for model in get_args(union)}
    assert set(TASKS) == kinds | {NO_TASK}


def test_names_follow_the_conventions_of_prometheus() -> None:
    for family in families():
        assert re.fullmatch(r"zeroidle_[a-z_]+", family.name)
        assert not family.name.endswith(("_count", "_sum", "_bucket"))
        assert family.unit in family.name
