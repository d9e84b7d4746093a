"""One SQS batch: claim, infer, commit, answer.

Puts the parts of an invocation together: intake claims on threads, the engine loop infers on this
one, the writer ends jobs on threads, and the outcomes say which records SQS must keep. Jobs that
may have crashed an earlier invocation run one by one, before the others are even claimed.
"""

import math
import random
from collections.abc import Sequence
from concurrent.futures import Executor

from zeroidle_inference.documents import Documents
from zeroidle_inference.engine_loop import EngineLoop
from zeroidle_inference.errors import DependencyDownError, ServiceError
from zeroidle_inference.inbox import Inbox
from zeroidle_inference.intake import Intake
from zeroidle_inference.invocation import Invocation
from zeroidle_inference.outcomes import Outage, Outcomes
from zeroidle_inference.pool import Pool
from zeroidle_inference.records import Record, read_jobs
from zeroidle_inference.seams import Clock, InferenceEngine, JobStore, Queue, StartTask
from zeroidle_inference.share import Shares
from zeroidle_inference.telemetry import Log, where
from zeroidle_inference.telemetry.witness import Witness
from zeroidle_inference.watchdog import Watchdog
from zeroidle_inference.writer import Writer

ANSWER_S = 0.3
"""Kept for the answer itself, after the last call."""


class Runner:
    """Runs batches on one engine, one at a time."""

    def __init__(
        self,
        *,
        engine: InferenceEngine,
        store: JobStore,
        queue: Queue,
        documents: Documents,
        start_task: StartTask,
        prompt_version: str,
        max_attempts: int,
        executor: Executor,
        clock: Clock,
        rng: random.Random,
        log: Log,
    ) -> None:
        self._engine = engine
        self._store = store
        self._queue = queue
        self._documents = documents
        self._start_task = start_task
        self._prompt_version = prompt_version
        self._max_attempts = max_attempts
        self._executor = executor
        self._clock = clock
        self._rng = rng
        self._log = log

    def run(self, records: Sequence[Record], invocation: Invocation, witness: Witness) -> list[str]:
        """Settle what can be settled in time.

        Returns:
            The ids of the messages that SQS must keep.
        """
        log = self._log.bind(request_id=invocation.request_id, invocation_trace_id=witness.trace_id)
        deliveries, invalid = read_jobs(records)
        outcomes, outage = Outcomes(), Outage(log, witness)
        pool = Pool(executor=self._executor, log=log)
        writer = Writer(
            store=self._store,
            queue=self._queue,
            outcomes=outcomes,
            outage=outage,
            pool=pool,
            clock=self._clock,
            rng=self._rng,
            log=log,
            witness=witness,
            max_attempts=self._max_attempts,
        )
        intake = Intake(
            invocation=invocation,
            store=self._store,
            documents=self._documents,
            writer=writer,
            outage=outage,
            witness=witness,
            pool=pool,
            clock=self._clock,
            rng=self._rng,
            max_attempts=self._max_attempts,
        )
        after_s = invocation.stop_s - self._clock.monotonic_s()
        with Watchdog(self._engine.abort, after_s=after_s) as watchdog:
            pool.submit(self._hide, records, invocation, witness, log)
            for record in invalid:
                writer.reject(record)
            loop = EngineLoop(
                invocation=invocation,
                engine=self._engine,
                start_task=self._start_task,
                prompt_version=self._prompt_version,
                width=self._engine.sequences,
                writer=writer,
                outage=outage,
                witness=witness,
                shares=Shares(
                    clock=self._clock,
                    started_s=invocation.started_s,
                    jobs=len(deliveries),
                    memory_mb=invocation.memory_mb,
                ),
                clock=self._clock,
                log=log,
                is_aborted=watchdog.has_fired,
            )
            suspects = intake.find_suspects(deliveries)
            for suspect in suspects:
                self._infer(intake.begin([suspect]), loop, log)
                # A suspect may end the process: what others have done must be safe before.
                pool.drain(lambda: self._left_s(invocation))
            innocents = [delivery for delivery in deliveries if delivery not in suspects]
            self._infer(intake.begin(innocents), loop, log)
        if watchdog.has_fired() or self._engine.has_work:
            self._engine.reset()
        is_settled = pool.drain(lambda: self._left_s(invocation))
        if not is_settled:
            log.error("unsettled", records=len(outcomes.to_retry(records)))
        writer.tell_unsettled(deliveries, invalid)
        self._show_again(outcomes, witness, log)
        return outcomes.to_retry(records)

    def _infer(self, inbox: Inbox, loop: EngineLoop, log: Log) -> None:
        try:
            loop.run(inbox)
        except Exception as error:  # noqa: BLE001 - the jobs must be settled whatever happened
            log.error(  # noqa: TRY400 - a traceback's message may quote a document
                "engine_failed", error=type(error).__name__, where=where(error)
            )
            self._engine.reset()
            loop.abandon(error)
        loop.give_back_rest(inbox)

    def _left_s(self, invocation: Invocation) -> float:
        return invocation.deadline_s - self._clock.monotonic_s() - ANSWER_S

    def _hide(
        self, records: Sequence[Record], invocation: Invocation, witness: Witness, log: Log
    ) -> None:
        """Shorten the messages' visibility to the leases, so that a crash hides no job longer."""
        remaining_ms = invocation.lease_expires_at_ms - self._clock.now_ms()
        seconds = max(0, math.floor(remaining_ms / 1000))
        self._change_visibility([(record, seconds) for record in records], witness, log)

    def _show_again(self, outcomes: Outcomes, witness: Witness, log: Log) -> None:
        returned = outcomes.visibilities_s()
        if returned:
            self._change_visibility(returned, witness, log)

    def _change_visibility(
        self, visibilities_s: Sequence[tuple[Record, int]], witness: Witness, log: Log
    ) -> None:
        try:
            self._queue.change_visibility(visibilities_s)
        except ServiceError as error:
            if isinstance(error, DependencyDownError):
                witness.dependency_down(error.dependency)
            # The messages come back all the same, only later than wished.
            log.warning("visibility_not_changed", error=str(error))
