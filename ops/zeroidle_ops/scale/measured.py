"""What CloudWatch measured of function and queue in the last minutes, where it has it.

The local emulator has none of it; then every figure is None and the observer reckons instead.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

WINDOW_S: Final = 300
_PERIOD_S = 60


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Figures of the window, None where CloudWatch has none. `age_s` is that of the newest.

    `handled` counts every job that left an invocation, those that come back among them; `ended`
    only those that succeeded or failed for good.
    """

    duration_s: float | None = None
    invocations: float | None = None
    throttles: float | None = None
    sent: float | None = None
    gb_seconds_this_hour: float | None = None
    ended: float | None = None
    handled: float | None = None
    oldest_age_s: float | None = None
    age_s: float | None = None


def measure(cloudwatch: "CloudWatchClient", *, function: str, queue: str, now_s: float) -> Measured:
    """Ask CloudWatch for everything in one call."""
    by_function = {"FunctionName": function}
    queries = [
        _query("duration", "AWS/Lambda", "Duration", "Average", by_function),
        _query("invocations", "AWS/Lambda", "Invocations", "Sum", by_function),
        _query("throttles", "AWS/Lambda", "Throttles", "Sum", by_function),
        _query("sent", "AWS/SQS", "NumberOfMessagesSent", "Sum", {"QueueName": queue}),
        _query(
            "oldest",
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            "Maximum",
            {"QueueName": queue},
        ),
        _query("gb_seconds", "zeroidle", "zeroidle_gb_seconds_total", "Sum", by_function),
        _jobs("ended", function, ' (outcome="succeeded" OR outcome="failed")'),
        _jobs("handled", function, ""),
    ]
    hour_s = now_s - now_s % 3600
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries,
        StartTime=datetime.fromtimestamp(min(hour_s, now_s - WINDOW_S), UTC),
        EndTime=datetime.fromtimestamp(now_s, UTC) + timedelta(seconds=_PERIOD_S),
    )
    series: dict[str, list[tuple[float, float]]] = {
        one.get("Id", ""): [
            (at.timestamp(), value)
            for at, value in zip(one.get("Timestamps", []), one.get("Values", []), strict=True)
        ]
        for one in answer["MetricDataResults"]
    }
    lately = {
        name: [value for at, value in points if at >= now_s - WINDOW_S]
        for name, points in series.items()
    }
    # A period is published when it is over.
    newest_s = max((at + _PERIOD_S for points in series.values() for at, _ in points), default=None)
    durations_ms = lately.get("duration", [])
    return Measured(
        duration_s=sum(durations_ms) / len(durations_ms) / 1000 if durations_ms else None,
        invocations=_sum(lately.get("invocations")),
        throttles=_sum(lately.get("throttles")),
        sent=_sum(lately.get("sent")),
        ended=_sum(lately.get("ended")),
        handled=_sum(lately.get("handled")),
        gb_seconds_this_hour=_sum(
            [value for at, value in series.get("gb_seconds", []) if at >= hour_s]
        ),
        # The newest comes first.
        oldest_age_s=next(iter(lately.get("oldest", [])), None),
        age_s=max(0.0, now_s - newest_s) if newest_s is not None else None,
    )


def _sum(values: list[float] | None) -> float | None:
    return sum(values) if values else None


def _jobs(name: str, function: str, outcomes: str) -> Any:  # noqa: ANN401 - a TypedDict of the stubs
    """Jobs of every kind of task, added up."""
    search = (
        '{zeroidle,FunctionName,outcome,task} MetricName="zeroidle_jobs_total" '
        f'FunctionName="{function}"{outcomes}'
    )
    return {"Id": name, "Expression": f"SUM(SEARCH('{search}', 'Sum', {_PERIOD_S}))"}


def _query(name: str, namespace: str, metric: str, statistic: str, of: dict[str, str]) -> Any:  # noqa: ANN401 - a TypedDict of the stubs
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": metric,
                "Dimensions": [{"Name": key, "Value": value} for key, value in of.items()],
            },
            "Period": _PERIOD_S,
            "Stat": statistic,
        },
    }
