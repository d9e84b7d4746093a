"""Follows published jobs to their end by reading the jobs table in batches.

Reads round robin, a bounded number of rows a round: a job's end carries its own time, so being
seen late makes no latency longer, and a deep queue makes no round more expensive.
"""

from collections import deque
from collections.abc import Callable, Sequence

from zeroidle_contract import JobRow, Status, job_key
from zeroidle_loadtest.ends import Published
from zeroidle_producer.rows import READ_KEYS

CALLS_A_ROUND = 10

_ENDED = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})


class Watcher:
    """The requests that are waited for.

    Args:
        read_many: up to `READ_KEYS` keys to the rows there are.
        on_ended: told of each request that has ended, with its row.
    """

    def __init__(
        self,
        *,
        read_many: Callable[[Sequence[str]], list[JobRow]],
        on_ended: Callable[[Published, JobRow], None],
    ) -> None:
        self._read_many = read_many
        self._on_ended = on_ended
        self._waiting: deque[Published] = deque()

    def __len__(self) -> int:
        """How many are waited for."""
        return len(self._waiting)

    def add(self, request: Published) -> None:
        """Wait for this one, too."""
        self._waiting.append(request)

    def look(self) -> None:
        """One round: the next `CALLS_A_ROUND` batches, oldest first."""
        for _ in range(min(CALLS_A_ROUND, -(-len(self._waiting) // READ_KEYS))):
            self._look_at_batch()

    def look_at_all(self) -> None:
        """A last look at every one."""
        for _ in range(-(-len(self._waiting) // READ_KEYS)):
            self._look_at_batch()

    def give_up(self) -> list[Published]:
        """Wait for none any more; those that had not ended."""
        rest = list(self._waiting)
        self._waiting.clear()
        return rest

    def _look_at_batch(self) -> None:
        count = min(READ_KEYS, len(self._waiting))
        batch = {}
        for _ in range(count):
            request = self._waiting.popleft()
            batch[job_key(None, request.job_id)] = request
        try:
            for row in self._read_many(list(batch)):
                if row.status in _ENDED:
                    self._on_ended(batch.pop(row.job_key), row)
        finally:
            self._waiting.extend(batch.values())
