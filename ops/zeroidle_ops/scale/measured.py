"""What CloudWatch measured of function and queue in the last minutes, where it has it.

CloudWatch is late, by one to several minutes. An active queue publishes its depth every minute, so
the newest of those tells how late: the window ends there, and no sum counts minutes that are not
published yet. Where it publishes none, as on the local emulator, nobody knows how late the others
are: the window ends now. What CloudWatch has not is None, and the observer reckons instead.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from zeroidle_ops.scale.observation import WINDOW_S

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

LATEST_S: Final = 900
"""Of figures this late or less the law waits for the next, still. Older ones are not asked for,
but for the hour's spend: then there is no CloudWatch to wait for, and the observer reckons."""

_PERIOD_S = 60
_HEARTBEAT = "heartbeat"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Sums and means of the window, None where CloudWatch has none.

    `handled` counts every job that left an invocation, those that come back among them; `ended`
    only those that succeeded or failed for good. `age_s` is since the window's end, where a depth
    of the queue tells it.
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
    by_function, of_queue = {"FunctionName": function}, {"QueueName": queue}
    queries = [
        _query("duration", "AWS/Lambda", "Duration", "Average", by_function),
        _query("invocations", "AWS/Lambda", "Invocations", "Sum", by_function),
        _query("throttles", "AWS/Lambda", "Throttles", "Sum", by_function),
        _query("sent", "AWS/SQS", "NumberOfMessagesSent", "Sum", of_queue),
        _query("oldest", "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", of_queue),
        _query(_HEARTBEAT, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", of_queue),
        _query("gb_seconds", "zeroidle", "zeroidle_gb_seconds_total", "Sum", by_function),
        _jobs("ended", function, ' (outcome="succeeded" OR outcome="failed")'),
        _jobs("handled", function, ""),
    ]
    hour_s = now_s - now_s % 3600
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries,
        StartTime=datetime.fromtimestamp(min(hour_s, now_s - WINDOW_S - LATEST_S), UTC),
        EndTime=datetime.fromtimestamp(now_s, UTC),
    )
    series = {one.get("Id", ""): _complete(one, now_s) for one in answer["MetricDataResults"]}
    heartbeat = series.get(_HEARTBEAT)
    # The function's figures come with invocations only: that they are old says that it rested.
    end_s = max(at for at, _ in heartbeat) + _PERIOD_S if heartbeat else now_s
    lately = {
        name: [value for at, value in points if end_s - WINDOW_S <= at < end_s]
        for name, points in series.items()
    }
    durations_ms = lately.get("duration", [])
    # A queue that lives and says nothing of sendings had none.
    sent = lately.get("sent") or ([0.0] if heartbeat else [])
    return Measured(
        duration_s=sum(durations_ms) / len(durations_ms) / 1000 if durations_ms else None,
        invocations=_sum(lately.get("invocations")),
        throttles=_sum(lately.get("throttles")),
        sent=_sum(sent),
        ended=_sum(lately.get("ended")),
        handled=_sum(lately.get("handled")),
        gb_seconds_this_hour=_sum(
            [value for at, value in series.get("gb_seconds", []) if at >= hour_s]
        ),
        # The newest comes first.
        oldest_age_s=next(iter(lately.get("oldest", [])), None),
        age_s=max(0.0, now_s - end_s) if heartbeat else None,
    )


def _complete(result: Any, now_s: float) -> list[tuple[float, float]]:  # noqa: ANN401 - a TypedDict of the stubs
    """A series without the minute that is not over."""
    points = zip(result.get("Timestamps", []), result.get("Values", []), strict=True)
    return [(at.timestamp(), value) for at, value in points if at.timestamp() + _PERIOD_S <= now_s]


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
