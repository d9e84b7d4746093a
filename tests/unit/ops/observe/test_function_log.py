"""The function's activity, read from its own log lines."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from stack_snapshots import ACTIVITY

from zeroidle_inference.telemetry import emf
from zeroidle_inference.telemetry.metrics import TASKS, Metrics, Outcome
from zeroidle_ops.log_lines import Line
from zeroidle_ops.observe.cloudwatch import FAILED
from zeroidle_ops.observe.function_log import told_by_lines
from zeroidle_ops.observe.snapshot import Told

AT = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
UNTOLD = replace(
    ACTIVITY,
    invocations=None,
    busy_s=None,
    longest_s=None,
    jobs=None,
    failed=None,
    returned=None,
    queue_wait_p95_s=None,
)


def line(text: str) -> Line:
    return Line(at=AT, text=text)


def written(metrics: Metrics, *, now_ms: int = 1_000_000) -> list[Line]:
    """The lines in which the function's own code writes them."""
    return [
        line(json.dumps({"action": "metrics", **document}))
        for document in emf.documents(metrics, function_name="f", now_ms=now_ms)
    ]


def told(**lines: Any) -> Any:
    return told_by_lines(UNTOLD, **{"reports": [], "documents": [], **lines})


def test_reports_tell_invocations_and_their_durations() -> None:
    found = told(
        reports=[
            line("REPORT RequestId: a\tDuration: 1500 ms\tBilled Duration: 1500 ms"),
            line("REPORT RequestId: b\tDuration: 250.50 ms\tBilled Duration: 251 ms"),
            line("a document that says REPORT RequestId: and nothing else"),
        ]
    )

    assert (found.invocations, found.busy_s, found.longest_s) == (2, 1.7505, 1.5)
    assert found.told_by is Told.LOG


def test_metric_lines_tell_jobs_by_outcome_and_what_came_back() -> None:
    first, second = Metrics(), Metrics()
    first.jobs.labels("classify", "succeeded").inc(3)
    first.jobs.labels("extract", "failed").inc()
    first.jobs.labels("none", "invalid").inc()
    first.partial_failures.inc(2)
    second.jobs.labels("classify", "succeeded").inc(4)
    second.dependency_down.labels("s3").inc()

    found = told(documents=[*written(first), *written(second)])

    assert (found.jobs, found.failed, found.returned, found.dependency_down) == (9, 2, 2, 1)


def test_the_wait_is_that_of_the_last_minute_that_has_one() -> None:
    early, late, without = Metrics(), Metrics(), Metrics()
    early.queue_wait.observe(900)
    for seconds in range(1, 101):
        late.queue_wait.observe(seconds)

    found = told(
        documents=[
            *written(late, now_ms=120_000),
            *written(early, now_ms=59_000),
            *written(without, now_ms=300_000),
        ]
    )

    assert found.queue_wait_p95_s == 95


def test_a_silent_log_leaves_all_as_it_was() -> None:
    assert told() == UNTOLD


def test_what_the_log_cannot_tell_stays_as_cloudwatch_has_it() -> None:
    found = told(documents=written(Metrics()))

    assert (found.errors, found.throttles, found.oldest_age_s) == (0, 3, 75)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INVALID])
def test_every_way_of_being_given_up_is_counted(outcome: Outcome) -> None:
    can_be = {
        (task, outcome.value) for task in TASKS if (task == "none") == (outcome is Outcome.INVALID)
    }

    assert can_be <= set(FAILED)
