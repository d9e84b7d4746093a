"""Makes a plan from a scan: filters, counts, sorts by expiry, writes, seals.

Entries wait in a nameless temporary file until the scan is over, so that a deep queue does not
fill the memory. The file holds ids, hashes and attributes, never a body.
"""

import tempfile
import uuid
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import IO

from zeroidle_ops.redrive.facts import Sighting
from zeroidle_ops.redrive.filter import Filter
from zeroidle_ops.redrive.index import short_hash
from zeroidle_ops.redrive.inspection import moment
from zeroidle_ops.redrive.plan import BlastRadius, Cause, Entry
from zeroidle_producer.clock import Clock


def new_plan_id(clock: Clock) -> str:
    """A name that sorts by time and that no other plan has."""
    return f"{clock.now():%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"


class Selection:
    """The letters that a filter matched, and what they amount to."""

    def __init__(self, *, where: Filter) -> None:
        self._filter = where
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        # For each entry: when it was sent, and where its line begins and ends.
        self._sent_ms, self._starts, self._ends = array("Q"), array("Q"), array("Q")
        self._causes = Counter[tuple[str, str]]()
        self._tasks = Counter[str]()
        self._tenants = set[str]()
        self._jobs = set[int]()
        self._already_done = 0

    def close(self) -> None:
        """Forget the entries."""
        self._file.close()

    @property
    def where(self) -> str:
        """The filter's expression."""
        return self._filter.expression

    @property
    def count(self) -> int:
        """Letters that matched."""
        return len(self._sent_ms)

    def add(self, sightings: Iterable[Sighting]) -> None:
        """Take those that the filter matches."""
        for sighting in sightings:
            if self._filter.matches(sighting.facts()):
                self._take(sighting)

    def _take(self, sighting: Sighting) -> None:
        letter = sighting.letter
        line = Entry(
            message_id=letter.message_id,
            body_sha256=letter.body_sha256,
            sent_ms=letter.sent_ms,
            code=letter.code,
            fingerprint=letter.fingerprint,
            task=letter.task,
            tenant=letter.tenant,
            job_id=letter.job_id,
            attempts=sighting.standing.attempts if sighting.standing is not None else None,
            redrive_count=letter.redrive_count,
            attributes={name: dict(value) for name, value in letter.attributes.items()},
            trace_header=letter.trace_header,
        ).to_line()
        data = line.encode()
        self._sent_ms.append(letter.sent_ms)
        self._starts.append(self._file.tell())
        self._file.write(data)
        self._ends.append(self._file.tell())
        self._causes[letter.code, letter.fingerprint] += 1
        self._tasks[letter.task or "no valid job"] += 1
        self._tenants.add(letter.tenant or "-")
        self._jobs.add(short_hash(letter.job_key or letter.message_id))
        self._already_done += sighting.is_done

    def lines(self) -> Iterator[str]:
        """The entries, those that expire first at the front."""
        for at in sorted(range(self.count), key=self._sent_ms.__getitem__):
            self._file.seek(self._starts[at])
            yield self._file.read(self._ends[at] - self._starts[at]).decode()

    def causes(self) -> tuple[Cause, ...]:
        """Counts by code and fingerprint, the largest first."""
        return tuple(
            Cause(code=code, fingerprint=fingerprint, count=count)
            for (code, fingerprint), count in self._causes.most_common()
        )

    def blast_radius(self, *, backlog: int, retention_s: int) -> BlastRadius:
        """What an application touches."""
        oldest_ms, newest_ms = min(self._sent_ms), max(self._sent_ms)
        return BlastRadius(
            jobs=len(self._jobs),
            tenants=tuple(sorted(self._tenants)),
            tasks=dict(self._tasks.most_common()),
            already_done=self._already_done,
            backlog_before=backlog,
            first_expires_at=moment(oldest_ms + retention_s * 1000),
            newest_sent_at=moment(newest_ms),
        )
