"""The function's activity from CloudWatch: one call for all of its numbers.

On AWS the namespaces `AWS/SQS`, `AWS/Lambda` and the function's own `zeroidle` answer, a minute or
two late; the local emulator keeps next to nothing. What has no points is None.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from zeroidle_contract import Stack
from zeroidle_ops.observe.snapshot import WINDOW_S, Activity

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDataQueryTypeDef

_MINUTE_S = 60

FAILED = (
    ("classify", "failed"),
    ("extract", "failed"),
    ("redact", "failed"),
    ("summarize", "failed"),
    ("complete", "failed"),
    ("none", "invalid"),
)
"""Labels of the jobs, by task and outcome, that were given up."""


@dataclass(frozen=True)
class _Metric:
    namespace: str
    name: str
    statistic: str
    over: Literal["QueueName", "FunctionName"] = "FunctionName"
    labels: tuple[tuple[str, str], ...] = ()


_METRICS = {
    "invocations": _Metric("AWS/Lambda", "Invocations", "Sum"),
    "errors": _Metric("AWS/Lambda", "Errors", "Sum"),
    "throttles": _Metric("AWS/Lambda", "Throttles", "Sum"),
    "busy_ms": _Metric("AWS/Lambda", "Duration", "Sum"),
    "longest_ms": _Metric("AWS/Lambda", "Duration", "Maximum"),
    "concurrent": _Metric("AWS/Lambda", "ConcurrentExecutions", "Maximum"),
    "oldest_age_s": _Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", "QueueName"),
    "jobs": _Metric("zeroidle", "zeroidle_jobs_total", "Sum"),
    "returned": _Metric("zeroidle", "zeroidle_partial_failures_total", "Sum"),
    "dependency_down": _Metric("zeroidle", "zeroidle_dependency_down_total", "Sum"),
    "queue_wait_p95_s": _Metric("zeroidle", "zeroidle_queue_wait_seconds", "p95"),
    **{
        f"failed_{task}": _Metric(
            "zeroidle",
            "zeroidle_jobs_total",
            "Sum",
            labels=(("task", task), ("outcome", outcome)),
        )
        for task, outcome in FAILED
    },
}


def read_activity(cloudwatch: "CloudWatchClient", stack: Stack, *, now: datetime) -> Activity:
    """What the function did in the last five minutes."""
    values = {
        "QueueName": stack.queue_arn.rsplit(":", maxsplit=1)[-1],
        "FunctionName": stack.function_name,
    }
    queries: list[MetricDataQueryTypeDef] = [
        {
            "Id": key,
            "MetricStat": {
                "Metric": {
                    "Namespace": metric.namespace,
                    "MetricName": metric.name,
                    "Dimensions": _dimensions(metric, values[metric.over]),
                },
                "Period": _MINUTE_S,
                "Stat": metric.statistic,
            },
        }
        for key, metric in _METRICS.items()
    ]
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries,
        StartTime=now - timedelta(seconds=WINDOW_S),
        EndTime=now + timedelta(seconds=_MINUTE_S),
        ScanBy="TimestampDescending",
    )
    points = {
        result["Id"]: result["Values"] for result in answer["MetricDataResults"] if result["Values"]
    }

    def total(key: str) -> float | None:
        return sum(points[key]) if key in points else None

    def latest(key: str) -> float | None:
        return points[key][0] if key in points else None

    busy_ms, longest_ms = total("busy_ms"), points.get("longest_ms")
    failed = sum(total(f"failed_{task}") or 0.0 for task, _ in FAILED)
    return Activity(
        window_s=WINDOW_S,
        invocations=total("invocations"),
        errors=total("errors"),
        throttles=total("throttles"),
        busy_s=None if busy_ms is None else busy_ms / 1000,
        longest_s=None if longest_ms is None else max(longest_ms) / 1000,
        concurrent=latest("concurrent"),
        oldest_age_s=latest("oldest_age_s"),
        jobs=total("jobs"),
        # The function writes no 0 under labels: where it told of jobs and none failed, none did.
        failed=None if total("jobs") is None else failed,
        returned=total("returned"),
        queue_wait_p95_s=latest("queue_wait_p95_s"),
        dependency_down=total("dependency_down"),
    )


def _dimensions(metric: _Metric, value: str) -> "list[DimensionTypeDef]":
    found: list[DimensionTypeDef] = [{"Name": metric.over, "Value": value}]
    for name, label in metric.labels:
        found.append({"Name": name, "Value": label})
    return found
