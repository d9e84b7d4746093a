"""What became of each record of a batch, and whether a dependency failed on the way.

Both are written by several threads and read when these are done.
"""

import threading
from collections.abc import Iterable

from zeroidle_inference.errors import DependencyDownError
from zeroidle_inference.records import Record
from zeroidle_inference.telemetry import Log
from zeroidle_inference.telemetry.witness import Witness


class Outcomes:
    """Records that are safe elsewhere and may be deleted; all others come back."""

    def __init__(self) -> None:
        self._acknowledged: set[str] = set()
        self._returned: dict[str, tuple[Record, int]] = {}

    def acknowledge(self, records: Iterable[Record]) -> None:
        """Nothing is left to do for these."""
        self._acknowledged.update(record.message_id for record in records)

    def give_back(self, records: Iterable[Record], visibility_s: int) -> None:
        """These come back after so many seconds."""
        self._returned.update({record.message_id: (record, visibility_s) for record in records})

    def visibilities_s(self) -> list[tuple[Record, int]]:
        """When to show the returned records again."""
        return list(self._returned.values())

    def is_settled(self, record: Record) -> bool:
        """True when it is known what becomes of the record."""
        return record.message_id in self._acknowledged or record.message_id in self._returned

    def to_retry(self, records: Iterable[Record]) -> list[str]:
        """The message ids to report as failed: all that were not acknowledged, each once."""
        ids = dict.fromkeys(record.message_id for record in records)
        return [message_id for message_id in ids if message_id not in self._acknowledged]


class Outage:
    """Remembers that a dependency failed during this invocation, and says so once."""

    def __init__(self, log: Log, witness: Witness) -> None:
        self._log = log
        self._witness = witness
        self._lock = threading.Lock()
        self._seen = False

    @property
    def is_on(self) -> bool:
        """True when nothing new should be begun."""
        return self._seen

    def note(self, error: DependencyDownError) -> None:
        """A call failed."""
        self._witness.dependency_down(error.dependency)
        with self._lock:
            first, self._seen = not self._seen, True
        if first:
            self._log.error("dependency_down", dependency=error.dependency, reason=error.reason)
