"""Reads a part of the function's log: the lines that hold a word, of one stretch of time.

CloudWatch searches a log group by reading it, so a read is bounded: it may be a part, and says so.
Knows nothing of what the lines tell.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

CALLS_AT_MOST: Final = 30
"""Each looks through about a megabyte; CloudWatch allows some ten a second."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the log, and when CloudWatch says that it was written."""

    at: datetime
    text: str

    @property
    def fields(self) -> dict[str, Any]:
        """What a structured line holds; nothing where it is no JSON object."""
        try:
            read = json.loads(self.text)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}


@dataclass(frozen=True, kw_only=True)
class Lines:
    """What was found, in the order of time; `is_partial` when the bound came first."""

    found: tuple[Line, ...]
    is_partial: bool


def read_lines(
    logs: "CloudWatchLogsClient", group: str, *, word: str, start: datetime, end: datetime
) -> Lines:
    """The lines from `start` to `end` that hold `word`."""
    found: list[Line] = []
    token: str | None = None
    for _ in range(CALLS_AT_MOST):
        more: Any = {"nextToken": token} if token else {}
        answer = logs.filter_log_events(
            logGroupName=group,
            # In double quotes it is taken as it stands, and not for an operator.
            filterPattern=f'"{word}"',
            startTime=int(start.timestamp() * 1000),
            endTime=int(end.timestamp() * 1000),
            **more,
        )
        found += [
            Line(at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC), text=event["message"])
            for event in answer["events"]
        ]
        token = answer.get("nextToken")
        if token is None:
            break
    found.sort(key=lambda line: line.at)
    return Lines(found=tuple(found), is_partial=token is not None)
