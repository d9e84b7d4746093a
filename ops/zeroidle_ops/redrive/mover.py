"""Moves one chunk of letters, crash-safe: archive, ledger, send, ledger, delete, ledger.

The order is the whole point. A crash before the ledger's first line has touched nothing; after it,
`recover` finishes the chunk from ledger and archive, and repeats at worst its sends.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Self

from zeroidle_ops.lock import Lock
from zeroidle_ops.redrive.archive import Archive, Archived, Fate
from zeroidle_ops.redrive.chunk import Chunk, Purpose, Step
from zeroidle_ops.redrive.errors import RedriveError
from zeroidle_ops.redrive.index import PlanIndex
from zeroidle_ops.redrive.ledger import Ledger
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.rows import JobRows
from zeroidle_ops.redrive.transfer import Outgoing, Transfer
from zeroidle_ops.redrive.triage import Kept, Verdict, triage


class AbortedError(RedriveError):
    """Somebody aborted the plan while it ran."""


class Mover:
    """Carries out a plan's chunks, whatever their order and pace.

    Deleting a chunk overlaps with what comes next; leaving the `with` statement waits for it.
    """

    def __init__(
        self,
        *,
        plan_id: str,
        purpose: Purpose,
        operator: str,
        index: PlanIndex,
        transfer: Transfer,
        rows: JobRows,
        archive: Archive,
        ledger: Ledger,
        lock: Lock,
        max_redrives: int,
    ) -> None:
        self._plan_id = plan_id
        self._purpose = purpose
        self._operator = operator
        self._index = index
        self._transfer = transfer
        self._rows = rows
        self._archive = archive
        self._ledger = ledger
        self._lock = lock
        self._max_redrives = max_redrives
        self._next_number = 0
        self._deleter = ThreadPoolExecutor(1, thread_name_prefix="zeroidle-delete")
        self._deleting: Future[None] | None = None
        self.sent = 0
        self.dropped = 0
        self.kept = Counter[Kept]()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._deleter.shutdown(wait=True)
        if exc is None:
            self._finish_deleting()

    def recover(self) -> int:
        """Finish what a crash left and take over what was done; the number of unfinished chunks."""
        unfinished = 0
        for chunk in self._ledger.chunks():
            if chunk.purpose is not self._purpose:
                continue
            self._next_number = max(self._next_number, chunk.number + 1)
            if chunk.step is Step.DELETED:
                self._index.done(chunk.entries)
                continue
            unfinished += 1
            self._lock.renew()
            archived = self._archive.read(chunk.archive_key)
            if chunk.step is Step.PLANNED:
                self._send(chunk, archived, unless=self._has_run(archived))
            else:
                self._index.done(chunk.entries)
                known = set(chunk.entries)
                self._delete_soon(chunk, [one for one in archived if one.entry in known])
        return unfinished

    def _has_run(self, archived: Sequence[Archived]) -> set[int]:
        """Entries whose job has run since they were archived, so that they must have been sent."""
        rows = self._rows.read(one.letter.job_key for one in archived)
        return {
            one.entry
            for one in archived
            if (row := rows.get(one.letter.job_key or "")) is not None
            and (row.mark != one.mark or row.status.is_terminal)
        }

    def move(self, letters: Sequence[tuple[int, Letter]]) -> tuple[list[Archived], list[Letter]]:
        """Move letters; what was sent, and what stays in the queue.

        Raises:
            AbortedError: somebody aborted the plan.
            LockLostError: the lock is another operator's now.
        """
        chosen, kept = self._triage(letters)
        if not chosen:
            return [], kept
        number, self._next_number = self._next_number, self._next_number + 1
        chunk = Chunk(
            purpose=self._purpose,
            number=number,
            step=Step.PLANNED,
            archive_key="",
            entries=[one.entry for one in chosen],
            sent=0,
            dropped=0,
            operator=self._operator,
        )
        key = self._archive.write(self._plan_id, chunk.name.replace("#", "-"), chosen)
        chunk = replace(chunk, archive_key=key)
        if not self._ledger.plan_chunk(chunk, self._lock):
            raise AbortedError("the plan was aborted")
        sent, refused = self._send(chunk, chosen)
        return sent, kept + refused

    def _triage(self, letters: Sequence[tuple[int, Letter]]) -> tuple[list[Archived], list[Letter]]:
        discards = self._purpose is Purpose.DISCARD
        rows = {} if discards else self._rows.read(letter.job_key for _, letter in letters)
        chosen: list[Archived] = []
        kept: list[Letter] = []
        for place, letter in letters:
            row = rows.get(letter.job_key or "")
            verdict = (
                Verdict(fate=Fate.DROP)
                if discards
                else triage(letter, row, plan_id=self._plan_id, max_redrives=self._max_redrives)
            )
            if verdict.fate is not None:
                mark = row.mark if row is not None else None
                chosen.append(Archived(entry=place, fate=verdict.fate, mark=mark, letter=letter))
            elif verdict.kept is not None:
                self._keep(place, verdict.kept)
                kept.append(letter)
        return chosen, kept

    def _keep(self, place: int, reason: Kept) -> None:
        self._index.keep(place)
        self.kept[reason] += 1

    def _send(
        self,
        chunk: Chunk,
        archived: Sequence[Archived],
        unless: frozenset[int] | set[int] = frozenset(),
    ) -> tuple[list[Archived], list[Letter]]:
        to_send = [a for a in archived if a.fate is Fate.SEND and a.entry not in unless]
        taken = self._transfer.send(
            (self._outgoing(one) for one in to_send),
            to_url=self._transfer.route.destination.url,
        )
        refused = [one for one in to_send if one.entry not in taken]
        for one in refused:
            self._keep(one.entry, Kept.NOT_SENT)
        lost = {one.entry for one in refused}
        done = [one for one in archived if one.entry not in lost]
        dropped = sum(one.fate is Fate.DROP for one in done)
        chunk = replace(
            chunk,
            step=Step.SENT,
            entries=[one.entry for one in done],
            sent=len(done) - dropped,
            dropped=dropped,
        )
        self._ledger.advance(chunk)
        self._index.done(chunk.entries)
        self.sent += chunk.sent
        self.dropped += chunk.dropped
        self._delete_soon(chunk, done)
        return [one for one in to_send if one.entry in taken], [one.letter for one in refused]

    def _outgoing(self, one: Archived) -> Outgoing:
        letter = one.letter
        attributes = letter.redriven(self._plan_id) or letter.attributes
        return Outgoing(
            ticket=one.entry,
            body=letter.body,
            attributes=attributes,
            trace_header=letter.trace_header,
            size_bytes=letter.size_bytes + 256,  # the two attributes that a redrive adds
        )

    def _delete_soon(self, chunk: Chunk, archived: Sequence[Archived]) -> None:
        self._finish_deleting()
        receipts = [one.letter.receipt_handle for one in archived]
        self._deleting = self._deleter.submit(self._delete, chunk, receipts)

    def _delete(self, chunk: Chunk, receipts: Sequence[str]) -> None:
        # One that SQS does not take shows up again, and is deleted on sight.
        self._transfer.delete(receipts)
        self._ledger.advance(replace(chunk, step=Step.DELETED))

    def _finish_deleting(self) -> None:
        if self._deleting is not None:
            deleting, self._deleting = self._deleting, None
            deleting.result()
