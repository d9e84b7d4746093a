"""What a row says about its lease: who holds it, and why a write was refused."""

from collections.abc import Callable

from zeroidle_contract import Job, Status
from zeroidle_contract import table as t
from zeroidle_contract.table import Item
from zeroidle_inference.lease import Lease, Refusal, Refused


def held_by(owner: str, lease_expires_at_ms: int) -> Callable[[Item], bool]:
    """Recognises the running row of this very claim."""
    return lambda item: (
        t.text(item, t.STATUS) == Status.RUNNING
        and t.text(item, t.LEASE_OWNER) == owner
        and t.number(item, t.LEASE_EXPIRES_AT_MS) == lease_expires_at_ms
    )


def left_by(lease: Lease, status: Status) -> Callable[[Item], bool]:
    """Recognises a write of this lease: whoever claims later grows the fence."""
    owner = None if status is Status.QUEUED else lease.owner
    return lambda item: (
        t.text(item, t.STATUS) == status
        and t.text(item, t.LEASE_OWNER) == owner
        and t.number(item, t.FENCE) == lease.fence
    )


def never(_: Item) -> bool:
    """Recognises nothing."""
    return False


def lease_of(job: Job, item: Item) -> Lease:
    """The lease that a running row stands for."""
    return Lease(
        job_key=job.key,
        job_id=job.job_id,
        tenant=job.tenant,
        owner=t.text(item, t.LEASE_OWNER) or "",
        fence=t.number(item, t.FENCE) or 0,
        attempts=t.number(item, t.ATTEMPTS) or 0,
        expires_at_ms=t.number(item, t.LEASE_EXPIRES_AT_MS) or 0,
    )


def conflicts(job: Job, item: Item) -> bool:
    """True when the row is that of a job with other content."""
    content = t.text(item, t.CONTENT_SHA256)
    return content is not None and content != job.content_sha256()


def claim_refusal(job: Job, item: Item | None) -> Refused:
    """Why the row could not be claimed for this job."""
    if item is not None and conflicts(job, item):
        return Refused(Refusal.CONFLICT)
    return refusal_of(item)


def refusal_of(item: Item | None) -> Refused:
    """Why the row could not be written; without a row, the lease is lost."""
    status = t.text(item, t.STATUS) if item is not None else None
    if item is not None and status == Status.RUNNING:
        return Refused(Refusal.HELD, t.number(item, t.LEASE_EXPIRES_AT_MS))
    if status in {Status.SUCCEEDED, Status.CANCELLED}:
        return Refused(Refusal(status))
    return Refused(Refusal.LOST)
