"""What the function answers to its events: an SQS batch, or a warm-up.

Whatever happens, a batch is answered with the list of messages that SQS must keep: an exception
would only return all of them without a word.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from zeroidle_inference import policy
from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.errors import DependencyDownError, ModelNotReadyError, ServiceError
from zeroidle_inference.invocation import Invocation
from zeroidle_inference.lease import LEASE_SKEW_MS
from zeroidle_inference.loading import Loading
from zeroidle_inference.records import Record, parse_event
from zeroidle_inference.runner import Runner
from zeroidle_inference.seams import Clock, InferenceEngine, Queue
from zeroidle_inference.telemetry import Log, where
from zeroidle_inference.telemetry.witness import Witness

WARM = "warm"
ANSWER_S = 1.0
"""Kept of an invocation's time for its answer."""


class Context(Protocol):
    """What we read of Lambda's context."""

    @property
    def aws_request_id(self) -> str:
        """The invocation's id."""
        ...

    @property
    def memory_limit_in_mb(self) -> str | int:
        """The function's memory."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Until Lambda kills the invocation."""
        ...


class Service:
    """One environment of the function."""

    def __init__(
        self,
        *,
        environment_id: str,
        loading: Loading[InferenceEngine],
        make_runner: Callable[[InferenceEngine], Runner],
        queue: Queue,
        clock: Clock,
        rng: random.Random,
        log: Log,
        open_witness: Callable[[Log], Witness],
    ) -> None:
        self._environment_id = environment_id
        self._loading = loading
        self._make_runner = make_runner
        self._queue = queue
        self._clock = clock
        self._rng = rng
        self._log = log
        self._open_witness = open_witness
        self._runner: Runner | None = None
        self._timeout_s = 0.0

    def handle(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Answer an event.

        Raises:
            ServiceError: the event is neither an SQS batch nor a warm-up.
            ModelFileError: for a warm-up, when the model cannot be loaded.
        """
        if event.get("zeroidle") == WARM:
            return self._warm(event, context)
        if "Records" not in event:
            raise ServiceError('the event is neither an SQS batch nor {"zeroidle": "warm"}')
        to_retry = self._run(parse_event(event), context)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in to_retry]}

    def _warm(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Answer when the model is ready, and hold the environment so that others start too."""
        engine = self._loading.wait(self._remaining_s(context) - ANSWER_S)
        hold_s = float(event.get("hold_ms", 0)) / 1000
        self._clock.sleep(max(0.0, min(hold_s, self._remaining_s(context) - ANSWER_S)))
        return {
            "environment_id": self._environment_id,
            "init_ms": round(self._loading.took_s * 1000),
            "model_sha256": engine.identity.sha256,
        }

    def _run(self, records: list[Record], context: Context) -> list[str]:
        started_s = self._clock.monotonic_s()
        log = self._log.bind(request_id=context.aws_request_id)
        witness = self._open_witness(log)
        log = log.bind(invocation_trace_id=witness.trace_id)
        to_retry = self._settle(records, context, started_s, witness, log)
        witness.close(
            returned=len(to_retry),
            memory_mb=int(context.memory_limit_in_mb),
            start_s=started_s,
        )
        return to_retry

    def _settle(
        self,
        records: list[Record],
        context: Context,
        started_s: float,
        witness: Witness,
        log: Log,
    ) -> list[str]:
        remaining_s = self._remaining_s(context)
        deadline_ms = self._clock.now_ms() + context.get_remaining_time_in_millis()
        # Lambda does not tell the timeout; nothing but the start itself is missing from this.
        self._timeout_s = max(self._timeout_s, remaining_s)
        if self._runner is None:
            # The load is what an environment most likely dies of: even then its messages must not
            # be hidden longer than a lease.
            hidden_s = math.floor(remaining_s + LEASE_SKEW_MS / 1000)
            self._change_visibility([(record, hidden_s) for record in records], witness, log)
        try:
            runner, model_wait_s = self._ready_runner(remaining_s - ANSWER_S, witness)
            invocation = Invocation(
                request_id=context.aws_request_id,
                deadline_ms=deadline_ms,
                started_s=started_s,
                deadline_s=started_s + remaining_s,
                timeout_s=self._timeout_s,
                memory_mb=int(context.memory_limit_in_mb),
                model_wait_s=model_wait_s,
            )
            return runner.run(records, invocation, witness)
        except (ModelFileError, ModelNotReadyError) as error:
            log.error("model_not_ready", error=str(error))  # noqa: TRY400 - one clear sentence
        except Exception as error:  # noqa: BLE001 - the batch must be answered whatever happened
            log.error(  # noqa: TRY400 - a traceback's message may quote a document
                "batch_failed", error=type(error).__name__, where=where(error)
            )
        visibility_s = policy.MODEL_NOT_READY.visibility_s
        again_s = [(one, visibility_s(1, self._rng)) for one in records]
        self._change_visibility(again_s, witness, log)
        return list(dict.fromkeys(record.message_id for record in records))

    def _ready_runner(self, timeout_s: float, witness: Witness) -> tuple[Runner, float]:
        """The runner, and the seconds that the model was waited for."""
        if self._runner is not None:
            return self._runner, 0.0
        began_s = self._clock.monotonic_s()
        is_cold = not self._loading.is_done
        engine = self._loading.wait(timeout_s)
        if is_cold:
            witness.waited_for_model(began_s)
        waited_s = self._clock.monotonic_s() - began_s
        self._runner = self._make_runner(engine)
        return self._runner, waited_s

    def _change_visibility(
        self, visibilities_s: Sequence[tuple[Record, int]], witness: Witness, log: Log
    ) -> None:
        try:
            self._queue.change_visibility(visibilities_s)
        except ServiceError as error:
            if isinstance(error, DependencyDownError):
                witness.dependency_down(error.dependency)
            log.warning("visibility_not_changed", error=str(error))

    def _remaining_s(self, context: Context) -> float:
        return context.get_remaining_time_in_millis() / 1000
