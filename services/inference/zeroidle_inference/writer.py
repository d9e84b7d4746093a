"""Ends jobs: commits, failures with their dead letters, and returns to the queue.

Each public method only schedules; the calls run on the pool, so that the engine never waits for
the network. A record is acknowledged only when what it stands for is safe elsewhere: in the table
as succeeded or cancelled, or in the table as failed *and* in the dead-letter queue.
"""

import random
from collections.abc import Sequence

from zeroidle_contract import JobError
from zeroidle_contract.codec import ATTRIBUTE_ERROR_CODE, ATTRIBUTE_FINGERPRINT, ATTRIBUTE_JOB_ID
from zeroidle_inference import policy
from zeroidle_inference.attempt import Claimed, Finished
from zeroidle_inference.errors import DependencyDownError, ServiceError
from zeroidle_inference.lease import Refusal, Refused
from zeroidle_inference.outcomes import Outage, Outcomes
from zeroidle_inference.pool import Pool
from zeroidle_inference.records import Delivery, InvalidRecord, Record
from zeroidle_inference.seams import Clock, JobStore, Queue
from zeroidle_inference.telemetry import Log
from zeroidle_inference.telemetry.metrics import Outcome
from zeroidle_inference.telemetry.witness import Witness

UNSETTLED = "unsettled"


class Writer:
    """Settles the records of one invocation."""

    def __init__(
        self,
        *,
        store: JobStore,
        queue: Queue,
        outcomes: Outcomes,
        outage: Outage,
        pool: Pool,
        clock: Clock,
        rng: random.Random,
        log: Log,
        witness: Witness,
        max_attempts: int,
    ) -> None:
        self._store = store
        self._queue = queue
        self._outcomes = outcomes
        self._outage = outage
        self._pool = pool
        self._clock = clock
        self._rng = rng
        self._log = log
        self._witness = witness
        self._max_attempts = max_attempts

    def commit(self, finished: Finished) -> None:
        """Record a result, and acknowledge."""
        self._pool.submit(self._commit, finished)

    def fail(self, claimed: Claimed, error: JobError, *, attempts: int | None = None) -> None:
        """Record a failure, send the dead letter, and acknowledge."""
        self._pool.submit(self._fail, claimed, error, attempts or claimed.lease.attempts)

    def settle_error(self, claimed: Claimed, error: Exception) -> None:
        """Fail or return the job, as the policy has it."""
        self._pool.submit(self._settle_error, claimed, error)

    def give_back(self, claimed: Claimed, visibility_s: int, *, reason: str) -> None:
        """Return a claimed job; nobody's fault, so no attempt is spent."""
        self._pool.submit(self._release, claimed, visibility_s, reason, spend_attempt=False)

    def give_back_after_outage(self, claimed: Claimed) -> None:
        """Return a claimed job because a dependency is down."""
        visibility_s = self._outage_visibility_s()
        self._pool.submit(self._release, claimed, visibility_s, "outage", spend_attempt=False)

    def reject(self, invalid: InvalidRecord) -> None:
        """Record where possible that the record can never become a job; send the dead letter."""
        self._pool.submit(self._reject, invalid)

    def dead_letter(self, delivery: Delivery, error: JobError) -> None:
        """Send the dead letter of a job whose row is another job's, and acknowledge."""
        self._pool.submit(self._dead_letter, delivery, error)

    def give_back_unclaimed(self, delivery: Delivery, visibility_s: int, reason: str) -> None:
        """Return a job that was not claimed."""
        self._returned(delivery, visibility_s, reason)

    def acknowledge_duplicate(self, delivery: Delivery, reason: Refusal) -> None:
        """Acknowledge a job that has ended before."""
        self._outcomes.acknowledge(delivery.records)
        self._of(delivery).info("job_duplicate", status=reason.value)
        self._witness.ended(delivery, Outcome.DUPLICATE, reason=reason.value)

    def tell_unsettled(
        self, deliveries: Sequence[Delivery], invalid: Sequence[InvalidRecord]
    ) -> None:
        """Say of what nobody settled that it comes back. Nothing else is known of it."""
        for delivery in deliveries:
            if not self._outcomes.is_settled(delivery.records[0]):
                self._of(delivery).warning("job_returned", reason=UNSETTLED)
                self._witness.ended(delivery, Outcome.RETURNED, reason=UNSETTLED)
        for one in invalid:
            if not self._outcomes.is_settled(one.record):
                self._of_record(one).warning("record_returned", reason=UNSETTLED)
                self._witness.rejected(
                    one.record, Outcome.RETURNED, job_id=_job_id(one), reason=UNSETTLED
                )

    def _commit(self, finished: Finished) -> None:
        claimed = finished.claimed
        self._witness.settling(claimed.delivery.records[0])
        result = finished.result(self._clock.now_ms())
        try:
            refused = self._store.commit(claimed.lease, result)
        except DependencyDownError as error:
            self._after_outage(claimed, error)
        except ServiceError as error:
            self._settle_error(claimed, error)
        else:
            if refused is not None:
                self._after_refusal(claimed, refused)
                return
            self._outcomes.acknowledge(claimed.delivery.records)
            self._of(claimed.delivery).info(
                "job_succeeded",
                attempts=result.attempts,
                usage=result.usage.model_dump(),
                timings=result.timings.model_dump(),
                gb_seconds=round(result.gb_seconds, 6),
            )
            self._witness.ended(claimed.delivery, Outcome.SUCCEEDED, attempts=result.attempts)

    def _settle_error(self, claimed: Claimed, error: Exception) -> None:
        rule = policy.rule_for(error)
        lease = claimed.lease
        if isinstance(error, DependencyDownError):
            self._after_outage(claimed, error)
            return
        described = policy.job_error(error)
        is_last = rule.spends_attempt and lease.attempts >= self._max_attempts
        if rule.verdict is policy.Verdict.FAIL or is_last:
            self._fail(claimed, described, lease.attempts)
            return
        self._of(claimed.delivery).warning(
            "attempt_failed",
            attempts=lease.attempts,
            code=described.code.value,
            fingerprint=described.fingerprint,
            error=described.message,
        )
        visibility_s = rule.backoff.visibility_s(lease.attempts, self._rng)
        self._release(
            claimed, visibility_s, described.code.value, spend_attempt=rule.spends_attempt
        )

    def _fail(self, claimed: Claimed, error: JobError, attempts: int) -> None:
        self._witness.settling(claimed.delivery.records[0])
        try:
            refused = self._store.fail(claimed.lease, error, attempts=attempts)
        except DependencyDownError as down:
            self._after_outage(claimed, down)
            return
        if refused is not None:
            self._after_refusal(claimed, refused)
            return
        self._dead_letter(claimed.delivery, error, attempts=attempts)

    def _dead_letter(
        self, delivery: Delivery, error: JobError, *, attempts: int | None = None
    ) -> None:
        self._witness.settling(delivery.records[0])
        if not self._send_dead_letter(delivery.records[0], delivery.job.job_id, error):
            self._returned(delivery, self._outage_visibility_s(), "outage")
            return
        self._outcomes.acknowledge(delivery.records)
        self._of(delivery).warning(
            "job_failed",
            attempts=attempts,
            code=error.code.value,
            fingerprint=error.fingerprint,
            error=error.message,
        )
        self._witness.ended(delivery, Outcome.FAILED, reason=error.code.value, attempts=attempts)

    def _reject(self, invalid: InvalidRecord) -> None:
        record, key = invalid.record, invalid.error.job_key
        self._witness.settling(record)
        error = policy.job_error(invalid.error)
        job_id, log = _job_id(invalid), self._of_record(invalid)
        try:
            if key is not None:
                self._store.fail_unclaimed(key, error)
        except DependencyDownError as down:
            self._outage.note(down)
            is_safe = False
        else:
            is_safe = self._send_dead_letter(record, job_id, error)
        if not is_safe:
            self._outcomes.give_back((record,), self._outage_visibility_s())
            log.info("record_returned", reason="outage")
            self._witness.rejected(record, Outcome.RETURNED, job_id=job_id, reason="outage")
            return
        self._outcomes.acknowledge((record,))
        log.warning(
            "record_invalid",
            code=error.code.value,
            fingerprint=error.fingerprint,
            error=error.message,
        )
        self._witness.rejected(record, Outcome.INVALID, job_id=job_id, reason=error.code.value)

    def _send_dead_letter(self, record: Record, job_id: str | None, error: JobError) -> bool:
        attributes = {
            ATTRIBUTE_ERROR_CODE: error.code.value,
            ATTRIBUTE_FINGERPRINT: error.fingerprint,
        }
        if job_id is not None:
            attributes[ATTRIBUTE_JOB_ID] = job_id
        try:
            self._queue.send_dead_letter(record, attributes)
        except DependencyDownError as down:
            self._outage.note(down)
            return False
        return True

    def _release(
        self, claimed: Claimed, visibility_s: int, reason: str, *, spend_attempt: bool
    ) -> None:
        self._witness.settling(claimed.delivery.records[0])
        # The lease goes first: a message that is seen again before would be refused as held.
        try:
            self._store.release(claimed.lease, spend_attempt=spend_attempt)
        except DependencyDownError as down:
            # The row stays leased until the lease runs out; the message must not come earlier.
            self._outage.note(down)
            visibility_s = max(visibility_s, self._outage_visibility_s())
        self._returned(claimed.delivery, visibility_s, reason)

    def _after_outage(self, claimed: Claimed, error: DependencyDownError) -> None:
        self._outage.note(error)
        self._release(claimed, self._outage_visibility_s(), "outage", spend_attempt=False)

    def _after_refusal(self, claimed: Claimed, refused: Refused) -> None:
        """The lease was lost. Who has the job now decides; this work was for nothing."""
        if refused.reason is not Refusal.CANCELLED:
            self._witness.lost_claim()
        if refused.reason.is_final:
            self.acknowledge_duplicate(claimed.delivery, refused.reason)
            return
        visibility_s = policy.visibility_after_refusal_s(refused, self._clock.now_ms(), self._rng)
        self._returned(claimed.delivery, visibility_s, refused.reason.value)

    def _returned(self, delivery: Delivery, visibility_s: int, reason: str) -> None:
        self._outcomes.give_back(delivery.records, visibility_s)
        self._of(delivery).info("job_returned", reason=reason, visibility_s=visibility_s)
        self._witness.ended(delivery, Outcome.RETURNED, reason=reason)

    def _outage_visibility_s(self) -> int:
        return policy.OUTAGE.backoff.visibility_s(1, self._rng)

    def _of_record(self, invalid: InvalidRecord) -> Log:
        record = invalid.record
        return self._log.bind(
            message_id=record.message_id,
            job_id=_job_id(invalid),
            trace_id=record.trace_id or self._witness.trace_id,
        )

    def _of(self, delivery: Delivery) -> Log:
        job, record = delivery.job, delivery.records[0]
        return self._log.bind(
            job_id=job.job_id,
            tenant=job.tenant,
            task=job.task.kind,
            message_id=record.message_id,
            trace_id=record.trace_id or self._witness.trace_id,
        )


def _job_id(invalid: InvalidRecord) -> str | None:
    key = invalid.error.job_key
    return key.split("/", maxsplit=1)[1] if key is not None else None
