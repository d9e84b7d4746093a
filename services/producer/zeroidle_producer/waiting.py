"""Waits for many jobs at once by reading their rows in batches. Knows rows, not results."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from zeroidle_contract import JobRow, Status
from zeroidle_producer.clock import Clock
from zeroidle_producer.errors import WaitTimeoutError
from zeroidle_producer.rows import READ_KEYS

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
PAUSE_GROWTH = 1.5

ENDED = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
"""A failed job may be redriven and run again; for who waits, it has ended."""


def ended_rows(
    ids_by_key: Mapping[str, str],
    *,
    read_many: Callable[[Sequence[str]], list[JobRow]],
    clock: Clock,
    timeout_s: float,
) -> Iterator[JobRow]:
    """Each job's row once it has ended, as they end.

    The pause between rounds grows by half up to `LONGEST_PAUSE_S`, and starts anew when something
    has ended. A last round begins when the time is over, so every job is looked at, however short
    the time; a round takes one read for a hundred jobs.

    Raises:
        WaitTimeoutError: with the ids still pending, those without a row included.
    """
    pending = dict(ids_by_key)
    give_up_at_s = clock.monotonic_s() + timeout_s
    pause_s = FIRST_PAUSE_S
    while pending:
        began_at_s = clock.monotonic_s()
        keys = list(pending)
        for start in range(0, len(keys), READ_KEYS):
            for row in read_many(keys[start : start + READ_KEYS]):
                if row.status in ENDED:
                    del pending[row.job_key]
                    yield row
        if not pending:
            break
        if began_at_s >= give_up_at_s:
            raise WaitTimeoutError(timeout_s=timeout_s, pending=tuple(pending.values()), results={})
        if len(pending) < len(keys):
            pause_s = FIRST_PAUSE_S
        clock.sleep(max(0.0, min(pause_s, give_up_at_s - clock.monotonic_s())))
        pause_s = min(pause_s * PAUSE_GROWTH, LONGEST_PAUSE_S)
