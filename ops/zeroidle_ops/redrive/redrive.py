"""The redrive library: inspect, plan, apply, discard, restore, status, abort, reconcile, move.

The composition root of this package: it puts queue, table, bucket, lock and clock together, and
holds the rules that are common to all: one operator at a time on one queue, and nothing is touched
before it is recorded.
"""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import boto3

from zeroidle_contract import Stack, load_prices
from zeroidle_ops.lock import LEASE_S
from zeroidle_ops.redrive.archive import Archive
from zeroidle_ops.redrive.brake import Pace
from zeroidle_ops.redrive.chunk import Purpose, State
from zeroidle_ops.redrive.errors import NothingToDoError, PlanUnusableError
from zeroidle_ops.redrive.estimate import estimate
from zeroidle_ops.redrive.filter import EVERYTHING, Filter
from zeroidle_ops.redrive.index import PlanIndex
from zeroidle_ops.redrive.inspection import Inspection, inspect
from zeroidle_ops.redrive.ledger import Ledger
from zeroidle_ops.redrive.native import MoveTask, NativeMove
from zeroidle_ops.redrive.outcome import Outcome, Progress
from zeroidle_ops.redrive.plan import Plan
from zeroidle_ops.redrive.plan_store import PlanStore
from zeroidle_ops.redrive.planning import Selection, new_plan_id
from zeroidle_ops.redrive.queues import Route, find_route
from zeroidle_ops.redrive.reconciling import Reconciler
from zeroidle_ops.redrive.restoring import is_unfinished, restore_chunks
from zeroidle_ops.redrive.run import RUN_HIDE_S
from zeroidle_ops.redrive.run_building import build_run
from zeroidle_ops.redrive.status import PlanStatus, read_status
from zeroidle_ops.redrive.workplace import Workshop
from zeroidle_producer.clock import Clock, SystemClock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


def _nothing_to_tell(_: object) -> None:
    pass


class Redrive:
    """A stack's dead-letter queue in one operator's hands. Safe to use from one thread.

    Args:
        stack: the stack's names.
        operator: who works here; stands in plans, ledgers and the lock.
        sqs: low-level client of boto3, as `dynamodb` and `s3`.
        dynamodb: low-level client.
        s3: low-level client.
        source_url: another dead-letter queue than the stack's.
        destination_url: another queue than the stack's; the source must be its dead-letter queue.
        clock: the time, for tests.
        lease_s: how long a crashed operator's lock holds.
        hide_s: how long a crashed run keeps messages hidden, at worst.
    """

    def __init__(
        self,
        *,
        stack: Stack,
        operator: str,
        sqs: "SQSClient",
        dynamodb: "DynamoDBClient",
        s3: "S3Client",
        source_url: str | None = None,
        destination_url: str | None = None,
        clock: Clock | None = None,
        lease_s: float = LEASE_S,
        hide_s: int = RUN_HIDE_S,
    ) -> None:
        self._stack = stack
        self._operator = operator
        self._sqs = sqs
        self._dynamodb = dynamodb
        self._workshop = Workshop(
            stack=stack,
            operator=operator,
            sqs=sqs,
            dynamodb=dynamodb,
            clock=clock or SystemClock(),
            lease_s=lease_s,
        )
        self._source_url = source_url or stack.dead_letter_queue_url
        self._destination_url = destination_url or stack.queue_url
        self._clock = self._workshop.clock
        self._hide_s = hide_s
        self._plans = PlanStore(s3=s3, bucket=stack.bucket_name)
        self._archive = Archive(s3=s3, bucket=stack.bucket_name)

    @classmethod
    def from_stack(
        cls, name: str, *, operator: str, session: boto3.session.Session | None = None
    ) -> Self:
        """The library for a deployed stack, found by its name. Raises StackNotFoundError."""
        session = session or boto3.session.Session()
        return cls(
            stack=Stack.read(session.client("cloudformation"), name),
            operator=operator,
            sqs=session.client("sqs"),
            dynamodb=session.client("dynamodb"),
            s3=session.client("s3"),
        )

    def inspect(self, *, with_text: bool = False) -> Inspection:
        """Group what lies in the dead-letter queue; every message is visible again afterwards.

        Raises:
            NothingToDoError: the queue is empty.
            QueueRefusedError: the queue cannot be redriven.
            LockBusyError: another operator works on it.
        """
        route = self._route()
        with self._workshop.scan(route, "inspect") as (scan, sightings):
            groups, first = inspect(
                sightings, retention_s=route.source.retention_s, with_text=with_text
            )
            return Inspection(
                queue=route.source.name,
                messages=scan.seen,
                is_partial=scan.is_partial,
                groups=groups,
                expiring_first=first,
            )

    def plan(
        self,
        *,
        reason: str,
        where: str = EVERYTHING,
        pace: Pace | None = None,
        on_scanned: Callable[[int], None] = _nothing_to_tell,
    ) -> Plan:
        """Make a plan of all letters that the filter matches, and store it in the bucket.

        Raises:
            FilterError: the filter does not parse.
            NothingToDoError: the queue is empty, or nothing matches.
            QueueRefusedError: the queue cannot be redriven.
            LockBusyError: another operator works on it.
        """
        with closing(Selection(where=Filter(where))) as selection:
            plan = self._select(selection, reason, pace or Pace(), on_scanned)
        self._plans.save(plan)
        self._ledger(plan.plan_id).open(plan)
        return plan

    def _select(
        self, selection: Selection, reason: str, pace: Pace, on_scanned: Callable[[int], None]
    ) -> Plan:
        route = self._route()
        with self._workshop.scan(route, "plan") as (scan, sightings):
            for batch in sightings:
                selection.add(batch)
                on_scanned(scan.seen)
        if selection.count == 0:
            raise NothingToDoError(
                f"none of the {scan.seen} messages matches {selection.where!r}; "
                "`zeroidle redrive inspect` shows what is there"
            )
        plan_id = new_plan_id(self._clock)
        return Plan(
            plan_id=plan_id,
            created_at=self._clock.now(),
            created_by=self._operator,
            reason=reason,
            where=selection.where,
            source_url=route.source.url,
            source_arn=route.source.arn,
            destination_url=route.destination.url,
            destination_arn=route.destination.arn,
            retention_s=route.source.retention_s,
            scanned=scan.seen,
            is_partial=scan.is_partial,
            count=selection.count,
            causes=selection.causes(),
            blast_radius=selection.blast_radius(
                backlog=route.destination.depth, retention_s=route.source.retention_s
            ),
            estimate=estimate(
                selection.count,
                pace=pace,
                prices=load_prices(),
                dynamodb=self._dynamodb,
                jobs_table=self._stack.jobs_table_name,
            ),
            parts=tuple(self._plans.save_entries(plan_id, selection.lines())),
        ).sealed()

    def load(self, plan_id: str) -> Plan:
        """A plan, verified against its own hash and the ledger's.

        Raises:
            PlanNotFoundError: there is none.
            PlanAlteredError: it is not as it was made.
        """
        plan = self._plans.load(plan_id)
        self._ledger(plan_id).verify(plan)
        return plan

    def apply(
        self,
        plan_id: str,
        *,
        pace: Pace | None = None,
        on_progress: Callable[[Progress], None] = _nothing_to_tell,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Send a plan's messages back to their queue. The same call resumes after a crash.

        Raises:
            PlanNotFoundError, PlanAlteredError, PlanUnusableError: nothing was touched.
            NothingToDoError: nothing is left of the plan.
            LockBusyError: another operator works on the queue.
        """
        return self._run(Purpose.APPLY, plan_id, pace or Pace(), on_progress, should_stop)

    def discard(
        self,
        plan_id: str,
        *,
        on_progress: Callable[[Progress], None] = _nothing_to_tell,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Archive a plan's messages and delete them. Raises as `apply`."""
        return self._run(Purpose.DISCARD, plan_id, Pace(), on_progress, should_stop)

    def restore(self, plan_id: str) -> tuple[int, int]:
        """Bring a plan's archive back into the dead-letter queue, except for jobs done since.

        Returns how many messages came back, and how many were left out.

        Raises:
            PlanNotFoundError, PlanAlteredError: nothing was touched.
            PlanUnusableError: a run of it was cut short; finish that first.
            NothingToDoError: there is nothing to bring back.
        """
        plan = self.load(plan_id)
        ledger = self._ledger(plan_id)
        with self._workshop.open(self._route_of(plan), f"restore {plan_id}") as work:
            if any(is_unfinished(chunk) for chunk in ledger.chunks()):
                raise PlanUnusableError(
                    f"a run of plan {plan_id!r} was cut short; run its command again first"
                )
            counts = restore_chunks(
                ledger=ledger,
                archive=self._archive,
                transfer=work.transfer,
                rows=work.rows,
                lock=work.lock,
                operator=self._operator,
            )
        if sum(counts) == 0:
            raise NothingToDoError(f"plan {plan_id!r} has no archive that is not restored already")
        return counts

    def status(self, plan_id: str) -> PlanStatus:
        """How a plan stands. Raises PlanNotFoundError, PlanAlteredError."""
        return read_status(self._plans.load(plan_id), self._ledger(plan_id))

    def abort(self, plan_id: str, *, reason: str) -> None:
        """Give a plan up for good: a run of it, wherever, stops at its next chunk.

        Raises:
            NothingToDoError: it is done or aborted already.
        """
        plan = self._plans.load(plan_id)
        ledger = self._ledger(plan_id)
        state = ledger.verify(plan).state
        if state in {State.DONE, State.ABORTED}:
            raise NothingToDoError(f"plan {plan_id!r} is {state} already")
        ledger.end(State.ABORTED, reason)

    def reconcile(self) -> tuple[int, int]:
        """Mark the rows of jobs that SQS itself moved to the dead-letter queue.

        Returns how many messages were seen, and how many rows were marked.
        """
        route = self._route()
        reconciler = Reconciler(
            dynamodb=self._dynamodb, table=self._stack.jobs_table_name, clock=self._clock
        )
        with self._workshop.scan(route, "reconcile") as (scan, sightings):
            marked = sum(reconciler.mark(batch) for batch in sightings)
        return scan.seen, marked

    def move_natively(
        self,
        *,
        rate_per_s: int = 500,
        on_progress: Callable[[MoveTask], None] = _nothing_to_tell,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> MoveTask:
        """Move the whole queue by SQS's own move task, unfiltered, without archive or ledger.

        Raises:
            NothingToDoError: the queue is empty.
            MoveTaskError: it did not start, or failed.
        """
        route = self._route()
        if route.source.depth == 0:
            raise NothingToDoError(f"{route.source.name} is empty")
        with self._workshop.open(route, "native move") as work:
            return NativeMove(sqs=self._sqs, route=route, clock=self._clock, lock=work.lock).run(
                rate_per_s=rate_per_s, on_progress=on_progress, should_stop=should_stop
            )

    def _run(
        self,
        purpose: Purpose,
        plan_id: str,
        pace: Pace,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> Outcome:
        plan = self.load(plan_id)
        self._refuse_outlived(plan)
        index = PlanIndex(self._plans.entries(plan))
        with self._workshop.open(self._route_of(plan), f"{purpose} {plan_id}") as work:
            return build_run(
                work=work,
                sqs=self._sqs,
                plan_id=plan_id,
                purpose=purpose,
                operator=self._operator,
                index=index,
                archive=self._archive,
                ledger=self._ledger(plan_id),
                pace=pace,
                clock=self._clock,
                hide_s=self._hide_s,
                on_progress=on_progress,
                should_stop=should_stop,
            ).execute()

    def _refuse_outlived(self, plan: Plan) -> None:
        if self._clock.now() > plan.created_at + timedelta(seconds=plan.retention_s):
            raise PlanUnusableError(
                f"plan {plan.plan_id!r} of {plan.created_at:%Y-%m-%d} is older than the "
                f"{plan.retention_s // 86_400} days that a message lives in this queue: nothing "
                "of it can be left; make a new plan"
            )

    def _route(self) -> Route:
        return find_route(
            self._sqs, source_url=self._source_url, destination_url=self._destination_url
        )

    def _route_of(self, plan: Plan) -> Route:
        return find_route(
            self._sqs, source_url=plan.source_url, destination_url=plan.destination_url
        )

    def _ledger(self, plan_id: str) -> Ledger:
        return Ledger(
            dynamodb=self._dynamodb,
            table=self._stack.ops_table_name,
            plan_id=plan_id,
            operator=self._operator,
            clock=self._clock,
        )
