"""A plan: which messages, chosen by whom, when and why. Immutable, and proved so by its hash.

The plan itself is a page; its entries lie beside it in parts, each named with its SHA-256. The
plan's own hash is also in the ops table, so that an edit in the bucket cannot hide.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from pydantic import AwareDatetime

from zeroidle_contract.task import Frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message of a plan."""

    message_id: str
    body_sha256: str
    sent_ms: int
    code: str
    fingerprint: str
    task: str | None
    tenant: str | None
    job_id: str | None
    attempts: int | None
    redrive_count: int
    attributes: dict[str, dict[str, str]]
    trace_header: str | None

    def to_line(self) -> str:
        """The entry as a line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"), ensure_ascii=True)

    @classmethod
    def from_line(cls, line: str) -> Self:
        """The entry in a line of JSON."""
        return cls(**json.loads(line))


class Part(Frozen):
    """An object with some of the plan's entries."""

    key: str
    count: int
    sha256: str


class Cause(Frozen):
    """The messages of one cause."""

    code: str
    fingerprint: str
    count: int


class BlastRadius(Frozen):
    """What an application of the plan touches."""

    jobs: int
    tenants: tuple[str, ...]
    tasks: dict[str, int]
    already_done: int
    backlog_before: int
    first_expires_at: AwareDatetime
    newest_sent_at: AwareDatetime


class Estimate(Frozen):
    """What an application takes. `inference_usd` is None when no finished job tells its price."""

    rate_per_s: float
    seconds: float
    requests_usd: float
    inference_usd: float | None
    sampled_jobs: int


class Plan(Frozen):
    """An immutable plan."""

    schema_version: int = 1
    plan_id: str
    created_at: AwareDatetime
    created_by: str
    reason: str
    where: str
    source_url: str
    source_arn: str
    destination_url: str
    destination_arn: str
    retention_s: int
    scanned: int
    is_partial: bool
    count: int
    causes: tuple[Cause, ...]
    blast_radius: BlastRadius
    estimate: Estimate
    parts: tuple[Part, ...]
    sha256: str = ""

    def sealed(self) -> "Plan":
        """The plan with its hash."""
        return self.model_copy(update={"sha256": self.content_sha256()})

    def content_sha256(self) -> str:
        """The hash of everything but itself."""
        content: Any = self.model_dump(mode="json", exclude={"sha256"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
