"""The function's activity from its own log, where CloudWatch has made no metrics of it (yet).

Two kinds of lines tell it: the function's metrics, which leave it as lines in CloudWatch's embedded
metric format, and Lambda's `REPORT` at the end of each invocation. CloudWatch makes metrics of the
first a minute or two later; the local emulator never does. Crashes, throttles and the age of the
oldest message stand in neither.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from zeroidle_contract import Stack
from zeroidle_ops.log_lines import Line, read_lines
from zeroidle_ops.observe.cloudwatch import FAILED
from zeroidle_ops.observe.snapshot import Activity, Told

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

REPORT: Final = re.compile(r"REPORT RequestId: \S+\s+Duration: ([0-9.]+) ms")
_P95: Final = 0.95
_MINUTE_S: Final = 60


def fill_in(
    activity: Activity, logs: "CloudWatchLogsClient", stack: Stack, *, now: datetime
) -> Activity:
    """The activity with what the log tells of the same window; as it was where that is nothing."""
    start = now - timedelta(seconds=activity.window_s)
    reports, documents = (
        read_lines(logs, stack.log_group_name, word=word, start=start, end=now).found
        for word in ("REPORT RequestId", "CloudWatchMetrics")
    )
    return told_by_lines(activity, reports=reports, documents=documents)


def told_by_lines(
    activity: Activity, *, reports: Iterable[Line], documents: Iterable[Line]
) -> Activity:
    """The activity, completed by lines of the log."""
    durations_s = [
        float(match.group(1)) / 1000
        for line in reports
        if (match := REPORT.search(line.text)) is not None
    ]
    told = [line.fields for line in documents]
    own = [one for one in told if "_aws" in one]
    if not durations_s and not own:
        return activity
    if durations_s:
        activity = replace(
            activity,
            invocations=len(durations_s),
            busy_s=sum(durations_s),
            longest_s=max(durations_s),
        )
    if own:
        by_labels = [one for one in own if "outcome" in one]
        activity = replace(
            activity,
            jobs=_total(by_labels, "zeroidle_jobs_total"),
            failed=_total(
                [one for one in by_labels if (one["task"], one["outcome"]) in FAILED],
                "zeroidle_jobs_total",
            ),
            returned=_total(own, "zeroidle_partial_failures_total"),
            dependency_down=_total(own, "zeroidle_dependency_down_total"),
            queue_wait_p95_s=_latest_p95(own, "zeroidle_queue_wait_seconds"),
        )
    return replace(activity, told_by=Told.LOG)


def _total(documents: Iterable[dict[str, Any]], name: str) -> float:
    return sum(float(document.get(name, 0)) for document in documents)


def _latest_p95(documents: Iterable[dict[str, Any]], name: str) -> float | None:
    """Of the last minute that has one, as CloudWatch tells it."""
    minutes: dict[datetime, list[float]] = defaultdict(list)
    for document in documents:
        at_s = document["_aws"]["Timestamp"] / 1000
        minute = datetime.fromtimestamp(at_s - at_s % _MINUTE_S, UTC)
        minutes[minute] += document.get(name, [])
    measured = {minute: values for minute, values in minutes.items() if values}
    return _percentile(measured[max(measured)]) if measured else None


def _percentile(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(_P95 * len(values)) - 1]
