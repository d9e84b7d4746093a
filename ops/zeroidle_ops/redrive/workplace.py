"""Where a redrive works: the queue's lock, threads to call AWS with, and a scan of the queue.

Leaving the block gives all of it back: messages visible, threads ended, lock free.
"""

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zeroidle_contract import Stack
from zeroidle_ops.lock import Lock
from zeroidle_ops.redrive.errors import NothingToDoError
from zeroidle_ops.redrive.facts import Sighting
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.queues import Route
from zeroidle_ops.redrive.rows import JobRows
from zeroidle_ops.redrive.scan import Scan
from zeroidle_ops.redrive.transfer import THREADS, Transfer
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """One route under one operator's lock."""

    transfer: Transfer
    rows: JobRows
    lock: Lock


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Opens workplaces for one operator."""

    stack: Stack
    operator: str
    sqs: "SQSClient"
    dynamodb: "DynamoDBClient"
    clock: Clock
    lease_s: float

    @contextmanager
    def open(self, route: Route, purpose: str) -> Iterator[Workplace]:
        """Take the queue's lock. Raises LockBusyError."""
        lock = Lock(
            dynamodb=self.dynamodb,
            table=self.stack.ops_table_name,
            thing=route.source.arn,
            called="this queue",
            holder=self.operator,
            purpose=purpose,
            clock=self.clock,
            lease_s=self.lease_s,
        )
        # Messages and rows have threads of their own: a delete must not wait for a read.
        with (
            lock,
            ThreadPoolExecutor(THREADS, thread_name_prefix="zeroidle-messages") as messages,
            ThreadPoolExecutor(THREADS, thread_name_prefix="zeroidle-rows") as reads,
        ):
            yield Workplace(
                transfer=Transfer(sqs=self.sqs, route=route, pool=messages),
                rows=JobRows(dynamodb=self.dynamodb, table=self.stack.jobs_table_name, pool=reads),
                lock=lock,
            )

    @contextmanager
    def scan(self, route: Route, purpose: str) -> Iterator[tuple[Scan, Iterable[list[Sighting]]]]:
        """A scan and what it sees.

        Raises:
            NothingToDoError: at the end of the block, when the queue held nothing.
            LockBusyError: another operator works on it.
        """
        with self.open(route, purpose) as work:
            scan = Scan(sqs=self.sqs, transfer=work.transfer)
            with closing(scan.batches()) as batches:
                yield scan, self._see(batches, work)
            if scan.seen == 0:
                hidden = route.source.in_flight
                more = f" ({hidden} are hidden by a consumer or a crashed scan)" if hidden else ""
                raise NothingToDoError(f"{route.source.name} is empty{more}")

    def _see(self, batches: Generator[list[Letter]], work: Workplace) -> Iterator[list[Sighting]]:
        for letters in batches:
            work.lock.renew()
            standings = work.rows.read(letter.job_key for letter in letters)
            now_ms = int(self.clock.now().timestamp() * 1000)
            yield [
                Sighting(letter=letter, standing=standings.get(letter.job_key or ""), now_ms=now_ms)
                for letter in letters
            ]
