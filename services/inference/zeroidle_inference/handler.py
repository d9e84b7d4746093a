"""The Lambda entry and composition root: the one module that does work when it is imported.

The model's file is read from the first line on. Its load begins as soon as llama.cpp is imported,
before all else that is heavy, and goes on in a thread: on-demand init is cut at ten seconds. Under
provisioned concurrency it is awaited here, because the environment is frozen when init ends, and
what is not loaded then is cold.
"""

# ruff: noqa: E402 - the order of the imports is what this module is about
import gc

# They make 90,000 objects and next to no garbage: looking for some is a seventh of their time.
gc.disable()

import os
from functools import partial

from zeroidle_inference.engine import readahead
from zeroidle_inference.settings import Settings

READERS = 4
"""Threads that fetch the model file's chunks; they end with the file."""

_SETTINGS = Settings.parse(os.environ)
readahead.start(_SETTINGS.model_path, readers=READERS)

# Alone, for the load can begin no sooner.
from zeroidle_inference.engine.load import load
from zeroidle_inference.loading import Loading


def _load(settings: Settings) -> "InferenceEngine":
    return load(
        settings.model_path,
        threads=settings.threads,
        context_tokens=settings.context_tokens,
        max_sequences=settings.max_sequences,
        memory_bytes=settings.memory_bytes,
        prefix_states=settings.prefix_states,
    )


_LOADING = Loading(partial(_load, _SETTINGS))

# Everything below is imported while the model is already loading.
import random
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.session import get_session

from zeroidle_contract import ClaimCheck
from zeroidle_contract.trace import TraceHeader
from zeroidle_inference import tasks, telemetry
from zeroidle_inference.clients import NETWORK_THREADS, make_clients
from zeroidle_inference.clock import SystemClock
from zeroidle_inference.documents import Documents
from zeroidle_inference.runner import Runner
from zeroidle_inference.seams import InferenceEngine
from zeroidle_inference.service import Context, Service
from zeroidle_inference.sqs import SqsQueue
from zeroidle_inference.store import DynamoJobStore
from zeroidle_inference.telemetry.tracing import Tracer
from zeroidle_inference.telemetry.witness import Witness

TRACE_VARIABLE = "_X_AMZN_TRACE_ID"
"""Set anew by the runtime client for each invocation."""


def _compose(settings: Settings, loading: Loading[InferenceEngine]) -> Service:
    clients = make_clients(get_session())
    clock, rng = SystemClock(), random.SystemRandom()
    log = telemetry.Log(telemetry.configure())
    claim_check = ClaimCheck(s3=clients.s3, bucket=settings.bucket)
    queue = SqsQueue(
        sqs=clients.sqs,
        queue_url=settings.queue_url,
        dead_letter_queue_url=settings.dead_letter_queue_url,
    )
    store = DynamoJobStore(
        dynamodb=clients.dynamodb,
        table=settings.jobs_table,
        outputs=claim_check,
        clock=clock,
    )

    def make_runner(engine: InferenceEngine) -> Runner:
        return Runner(
            engine=engine,
            store=store,
            queue=queue,
            documents=Documents(claim_check),
            start_task=tasks.start,
            prompt_version=tasks.PROMPT_VERSION,
            max_attempts=settings.max_attempts,
            executor=ThreadPoolExecutor(NETWORK_THREADS, thread_name_prefix="network"),
            clock=clock,
            rng=rng,
            log=log,
        )

    tracer = Tracer(settings.xray_daemon)

    def open_witness(log: telemetry.Log) -> Witness:
        return Witness(
            tracer=tracer,
            header=TraceHeader.parse(os.environ.get(TRACE_VARIABLE)),
            clock=clock,
            log=log,
            function_name=settings.function_name,
        )

    return Service(
        environment_id=uuid.uuid4().hex,
        loading=loading,
        make_runner=make_runner,
        queue=queue,
        clock=clock,
        rng=rng,
        log=log,
        open_witness=open_witness,
    )


_SERVICE = _compose(_SETTINGS, _LOADING)
if _SETTINGS.waits_in_init:
    _LOADING.wait()
# What is here now stays, so no collection looks at it again: that would stop the engine for 30 ms.
gc.freeze()
gc.enable()


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Answer one event of Lambda."""
    return _SERVICE.handle(event, context)
