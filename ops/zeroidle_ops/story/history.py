"""What the function's log tells of one job: an event for each line about it.

The lines are those of the table "Log lines" in docs/metrics.md. Calls nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from zeroidle_ops.log_lines import Line

TOLD: Final = (
    "job_succeeded",
    "job_failed",
    "job_returned",
    "job_duplicate",
    "attempt_failed",
    "record_invalid",
    "record_returned",
)

_REASONS: Final = {
    "out_of_time": "the invocation's time was over",
    "outage": "a dependency did not serve",
    "unsettled": "its end could not be recorded in time",
    "held": "another invocation had it",
    "lost": "another invocation had taken it over",
}


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to the job in one invocation."""

    at: datetime
    action: str
    request_id: str | None = None
    trace_id: str | None = None
    attempts: int | None = None
    code: str | None = None
    fingerprint: str | None = None
    reason: str | None = None
    visibility_s: int | None = None

    @property
    def sentence(self) -> str:
        """What happened, for people."""
        if self.action == "job_succeeded":
            return f"succeeded in attempt {self.attempts}"
        if self.action == "job_failed":
            spent = f" after {self.attempts} attempts" if (self.attempts or 0) > 1 else ""
            return f"given up{spent}: {self.code}"
        if self.action == "attempt_failed":
            return f"attempt {self.attempts} failed: {self.code} ({self.fingerprint})"
        if self.action == "job_duplicate":
            return f"delivered once more; it had {self.reason} before"
        if self.action == "record_invalid":
            return f"its message was no valid job: {self.code}"
        why = _REASONS.get(self.reason or "", self.reason or "no reason told")
        hidden = "" if self.visibility_s is None else f"; hidden for {self.visibility_s} s"
        return f"went back to the queue: {why}{hidden}"


def events(lines: Iterable[Line], *, job_id: str, tenant: str | None) -> Iterator[Event]:
    """The events of one job, of lines that may be about others, too."""
    for line in lines:
        fields = line.fields
        if fields.get("job_id") != job_id or fields.get("action") not in TOLD:
            continue
        # A record that is no job may not tell whose it was.
        if fields.get("tenant") != tenant and not fields["action"].startswith("record_"):
            continue
        yield _event(line, fields)


def _event(line: Line, fields: dict[str, Any]) -> Event:
    return Event(
        at=datetime.fromisoformat(fields["timestamp"]) if "timestamp" in fields else line.at,
        action=fields["action"],
        request_id=fields.get("request_id"),
        trace_id=fields.get("invocation_trace_id"),
        attempts=fields.get("attempts"),
        code=fields.get("code"),
        fingerprint=fields.get("fingerprint"),
        reason=fields.get("reason") or fields.get("status"),
        visibility_s=fields.get("visibility_s"),
    )
