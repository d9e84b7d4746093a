"""From records to claimed jobs: claim each in the table, fetch its text, hand it to the engine.

The order saves work: a duplicate of a finished job costs one refused write, no read of S3 and no
inference.
"""

import random
from collections.abc import Sequence

from zeroidle_contract import ErrorCode, Job
from zeroidle_inference import policy
from zeroidle_inference.attempt import Claimed
from zeroidle_inference.documents import Documents
from zeroidle_inference.errors import DependencyDownError, UnexpectedAnswerError
from zeroidle_inference.inbox import Inbox
from zeroidle_inference.invocation import Invocation
from zeroidle_inference.lease import Lease, Refusal, Refused
from zeroidle_inference.outcomes import Outage
from zeroidle_inference.pool import Pool
from zeroidle_inference.records import Delivery
from zeroidle_inference.seams import Clock, JobStore
from zeroidle_inference.telemetry.witness import Witness
from zeroidle_inference.writer import Writer


class Intake:
    """Claims the deliveries of one invocation, each in a call of its own."""

    def __init__(
        self,
        *,
        invocation: Invocation,
        store: JobStore,
        documents: Documents,
        writer: Writer,
        outage: Outage,
        witness: Witness,
        pool: Pool,
        clock: Clock,
        rng: random.Random,
        max_attempts: int,
    ) -> None:
        self._invocation = invocation
        self._store = store
        self._documents = documents
        self._writer = writer
        self._outage = outage
        self._witness = witness
        self._pool = pool
        self._clock = clock
        self._rng = rng
        self._max_attempts = max_attempts

    def find_suspects(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Jobs with an attempt that somebody began and nobody ended, the least tried first.

        One of them may have crashed the process: in company it would take its batch mates along,
        again and again, and use up their attempts with its own. Only a message that was received
        before can be one, so that a usual batch costs no read.
        """
        attempts: dict[str, int] = {}
        if len(deliveries) > 1:
            try:
                for delivery in deliveries:
                    if delivery.is_repeated:
                        attempts[delivery.job.key] = self._store.attempts(delivery.job.key)
            except DependencyDownError as error:
                self._outage.note(error)
            except UnexpectedAnswerError:
                pass  # each claim will be answered so too, and fail its own job alone
        suspects = [delivery for delivery in deliveries if attempts.get(delivery.job.key)]
        return sorted(suspects, key=lambda delivery: attempts[delivery.job.key])

    def begin(self, deliveries: Sequence[Delivery]) -> Inbox:
        """Claim them all, in this order, without waiting; the inbox gets what was claimed."""
        inbox = Inbox(expected=len(deliveries))
        for delivery in deliveries:
            self._pool.submit(self._take_in, delivery, inbox)
        return inbox

    def _take_in(self, delivery: Delivery, inbox: Inbox) -> None:
        claimed: Claimed | None = None
        try:
            lease = self._claim(delivery)
            if lease is not None:
                claimed = self._prepare(delivery, lease)
        finally:
            # The engine loop counts the reports: one must come whatever happened.
            is_taken = inbox.put(claimed)
        if claimed is not None and not is_taken:
            self._writer.give_back(claimed, policy.SOON_S, reason="out_of_time")

    def _claim(self, delivery: Delivery) -> Lease | None:
        if self._outage.is_on:
            self._writer.give_back_unclaimed(delivery, self._outage_visibility_s(), "outage")
            return None
        if self._clock.monotonic_s() >= self._invocation.stop_s:
            self._writer.give_back_unclaimed(delivery, policy.SOON_S, "out_of_time")
            return None
        record = delivery.records[0]
        start_s = self._clock.monotonic_s()
        try:
            answer = self._store.claim(
                delivery.job,
                owner=f"{self._invocation.request_id}/{record.message_id}",
                lease_expires_at_ms=self._invocation.lease_expires_at_ms,
                trace_header=record.trace_header,
            )
        except DependencyDownError as error:
            self._outage.note(error)
            self._writer.give_back_unclaimed(delivery, self._outage_visibility_s(), "outage")
            return None
        self._witness.claimed(delivery, start_s)
        if isinstance(answer, Refused):
            self._refuse(delivery, answer)
            return None
        return answer

    def _refuse(self, delivery: Delivery, refused: Refused) -> None:
        if refused.reason is Refusal.CONFLICT:
            conflict = policy.explain(
                ErrorCode.CONTENT_CONFLICT, "another job stands under this id, with other content"
            )
            self._writer.dead_letter(delivery, conflict)
        elif refused.reason.is_final:
            self._writer.acknowledge_duplicate(delivery, refused.reason)
        else:
            visibility_s = policy.visibility_after_refusal_s(
                refused, self._clock.now_ms(), self._rng
            )
            self._writer.give_back_unclaimed(delivery, visibility_s, refused.reason.value)

    def _prepare(self, delivery: Delivery, lease: Lease) -> Claimed | None:
        claimed = Claimed(delivery, lease, None)
        if lease.attempts > self._max_attempts:
            exhausted = policy.explain(
                ErrorCode.ATTEMPTS_EXHAUSTED,
                f"{self._max_attempts} attempts began and none of them finished",
            )
            self._writer.fail(claimed, exhausted, attempts=self._max_attempts)
            return None
        if is_late(delivery.job, self._clock):
            self._writer.fail(claimed, DEADLINE_PASSED)
            return None
        try:
            document = self._documents.read(delivery.job)
        except Exception as error:  # noqa: BLE001 - the policy has a row for every error
            self._writer.settle_error(claimed, error)
            return None
        return Claimed(delivery, lease, document)

    def _outage_visibility_s(self) -> int:
        return policy.OUTAGE.backoff.visibility_s(1, self._rng)


DEADLINE_PASSED = policy.explain(ErrorCode.DEADLINE_PASSED, "the job's deadline has passed")


def is_late(job: Job, clock: Clock) -> bool:
    """True when the job's own deadline has passed."""
    return job.deadline is not None and job.deadline <= clock.now()
