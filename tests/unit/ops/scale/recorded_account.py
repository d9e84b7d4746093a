"""An AWS account of which every answer is written down beforehand; for the observer's tests."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

NOW_S = 1_764_002_400.0
"""A full minute, and 40 minutes after the hour."""


@dataclass
class Account:
    """It stands for all four clients."""

    waiting: int = 0
    in_flight: int = 0
    dead: int = 0
    limit: int | None = 10
    batch_size: int = 10
    failures: int = 0
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def get_queue_attributes(self, *, QueueUrl: str, **_: Any) -> Any:  # noqa: N803 - boto3's
        waiting, in_flight = (
            (self.dead, 0) if QueueUrl == "dead" else (self.waiting, self.in_flight)
        )
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(waiting),
                "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            }
        }

    def get_event_source_mapping(self, **_: Any) -> Any:
        scaling = {} if self.limit is None else {"MaximumConcurrency": self.limit}
        return {"State": "Enabled", "BatchSize": self.batch_size, "ScalingConfig": scaling}

    def get_function_configuration(self, **_: Any) -> Any:
        return {"MemorySize": 10240, "Timeout": 300, "Architectures": ["arm64"]}

    def get_function_concurrency(self, **_: Any) -> Any:
        return {}

    def get_account_settings(self) -> Any:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}}

    def get_paginator(self, _: str) -> "Account":
        return self

    def paginate(self, *, ExpressionAttributeValues: Any, **_: Any) -> Iterator[Any]:  # noqa: N803 - boto3's
        is_internal = ExpressionAttributeValues[":code"] == {"S": "internal"}
        yield {"Count": self.failures if is_internal else 0}

    def get_metric_data(self, *, MetricDataQueries: Any, StartTime: datetime, **_: Any) -> Any:  # noqa: N803 - boto3's
        return {
            "MetricDataResults": [
                {
                    "Id": query["Id"],
                    "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in points],
                    "Values": [value for _, value in points],
                }
                for query in MetricDataQueries
                for points in [self._since(StartTime, query["Id"])]
            ]
        }

    def _since(self, start: datetime, name: str) -> list[tuple[float, float]]:
        return [point for point in self.series.get(name, []) if point[0] >= start.timestamp()]


class StoppedClock:
    """Always that moment."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(NOW_S, UTC)

    def monotonic_s(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


def minutes(*values: float, ended_ago_s: float) -> list[tuple[float, float]]:
    """A series whose last minute ended so long ago, the newest first as CloudWatch answers."""
    last_s = NOW_S - ended_ago_s - 60
    return [(last_s - 60 * number, value) for number, value in enumerate(reversed(values))]
