"""Brings a plan's archive back into the dead-letter queue, once, with the same ledger.

A job that has succeeded or was cancelled since is not brought back. SQS gives each message a new
id and a new retention; a new plan finds them.
"""

from dataclasses import replace

from zeroidle_ops.lock import Lock
from zeroidle_ops.redrive.archive import Archive, Archived, Fate
from zeroidle_ops.redrive.chunk import Chunk, Purpose, Step
from zeroidle_ops.redrive.ledger import Ledger
from zeroidle_ops.redrive.mover import AbortedError
from zeroidle_ops.redrive.rows import JobRows, Standing
from zeroidle_ops.redrive.transfer import Outgoing, Transfer


def restore_chunks(
    *,
    ledger: Ledger,
    archive: Archive,
    transfer: Transfer,
    rows: JobRows,
    lock: Lock,
    operator: str,
) -> tuple[int, int]:
    """Send archived messages back; how many, and how many were left out as done.

    Raises:
        AbortedError: somebody aborted the plan.
    """
    chunks = list(ledger.chunks())
    begun = {chunk.number: chunk for chunk in chunks if chunk.purpose is Purpose.RESTORE}
    restored = left_out = 0
    for chunk in chunks:
        if chunk.purpose is Purpose.RESTORE or chunk.step is not Step.DELETED:
            continue
        before = begun.get(chunk.number)
        if before is not None and before.step is Step.DELETED:
            continue
        lock.renew()
        known = set(chunk.entries)
        archived = [one for one in archive.read(chunk.archive_key) if one.entry in known]
        chosen = _worth_restoring(chunk.purpose, archived, rows)
        mine = replace(
            chunk,
            purpose=Purpose.RESTORE,
            step=Step.PLANNED,
            entries=[one.entry for one in chosen],
            sent=len(chosen),
            dropped=len(archived) - len(chosen),
            operator=operator,
        )
        if before is None and not ledger.plan_chunk(mine, lock):
            raise AbortedError("the plan was aborted")
        taken = _send_back(transfer, chosen)
        ledger.advance(replace(mine, step=Step.DELETED, sent=len(taken)))
        restored += len(taken)
        left_out += len(archived) - len(chosen)
    return restored, left_out


def _worth_restoring(purpose: Purpose, archived: list[Archived], rows: JobRows) -> list[Archived]:
    found = rows.read(one.letter.job_key for one in archived)
    return [
        one
        for one in archived
        if (purpose is Purpose.DISCARD or one.fate is Fate.SEND)
        and not _is_done(one, found.get(one.letter.job_key or ""))
    ]


def _is_done(one: Archived, row: Standing | None) -> bool:
    job = one.letter.job
    return (
        row is not None
        and job is not None
        and row.status.is_terminal
        and row.content_sha256 == job.content_sha256()
    )


def _send_back(transfer: Transfer, archived: list[Archived]) -> set[int]:
    return transfer.send(
        (
            Outgoing(
                ticket=one.entry,
                body=one.letter.body,
                attributes=one.letter.attributes,
                trace_header=one.letter.trace_header,
                size_bytes=one.letter.size_bytes,
            )
            for one in archived
        ),
        to_url=transfer.route.source.url,
    )


def is_unfinished(chunk: Chunk) -> bool:
    """True for a chunk that only another run of its plan can finish."""
    return chunk.purpose is not Purpose.RESTORE and chunk.step is not Step.DELETED
