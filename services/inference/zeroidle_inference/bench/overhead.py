"""What a job costs beside inference: CPU of everything around the engine, on the local emulator.

`make bench-overhead` runs batches of 1 and 10 through the real service, store, queue and clients,
with an engine that answers at once, and counts this process's CPU; the emulator is another one.
Each batch is what Lambda hands over: the event as JSON in, the answer as JSON out.
"""

import argparse
import io
import json
import random
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from zeroidle_contract import ClaimCheck, Document, Job, Summarize, encode
from zeroidle_contract.table import JOB_KEY
from zeroidle_inference import telemetry
from zeroidle_inference.bench import report
from zeroidle_inference.bench.emulated import Emulated, emulated
from zeroidle_inference.bench.instant_engine import InstantEngine, one_wave
from zeroidle_inference.clients import NETWORK_THREADS
from zeroidle_inference.clock import SystemClock
from zeroidle_inference.documents import Documents
from zeroidle_inference.loading import Loading
from zeroidle_inference.runner import Runner
from zeroidle_inference.service import Service
from zeroidle_inference.sqs import SqsQueue
from zeroidle_inference.store import DynamoJobStore
from zeroidle_inference.telemetry.tracing import Tracer
from zeroidle_inference.telemetry.witness import Witness

EMULATOR = Path("build/emulator/bin/ministack")
BATCHES = (1, 10)
JOBS_PER_RUN = 200
RUNS = 7
GOAL_CPU_MS = 3.0
"""Of a job in a batch of ten."""

DOCUMENT = "The kettle boils fast and looks lovely. I would buy it again. " * 10


class Context:
    """Lambda's context, with time to spare."""

    aws_request_id = "overhead"
    memory_limit_in_mb: str | int = 2048

    def get_remaining_time_in_millis(self) -> int:
        """A minute."""
        return 60_000


def service(stack: Emulated) -> Service:
    """The service as the handler composes it, on an engine that takes no time."""
    clock, rng = SystemClock(), random.Random(1)  # noqa: S311 - jitter
    log = telemetry.Log(telemetry.configure(io.StringIO()))
    claim_check = ClaimCheck(s3=stack.clients.s3, bucket=stack.bucket)
    queue = SqsQueue(
        sqs=stack.clients.sqs,
        queue_url=stack.queue_url,
        dead_letter_queue_url=stack.dead_letter_queue_url,
    )
    store = DynamoJobStore(
        dynamodb=stack.clients.dynamodb,
        table=stack.jobs_table,
        outputs=claim_check,
        clock=clock,
    )

    def make_runner(engine: Any) -> Runner:  # noqa: ANN401 - the engine that is made below
        return Runner(
            engine=engine,
            store=store,
            queue=queue,
            documents=Documents(claim_check),
            start_task=one_wave,
            prompt_version="overhead",
            max_attempts=3,
            executor=ThreadPoolExecutor(NETWORK_THREADS),
            clock=clock,
            rng=rng,
            log=log,
        )

    def open_witness(log: telemetry.Log) -> Witness:
        return Witness(
            tracer=Tracer(None), header=None, clock=clock, log=log, function_name="overhead"
        )

    return Service(
        environment_id="overhead",
        loading=Loading(InstantEngine),
        make_runner=make_runner,
        queue=queue,
        clock=clock,
        rng=rng,
        log=log,
        open_witness=open_witness,
    )


def event(jobs: int) -> str:
    """A batch of new jobs."""
    records = [
        {
            "messageId": uuid.uuid4().hex,
            "receiptHandle": uuid.uuid4().hex,
            "body": encode(
                Job(job_id=uuid.uuid4().hex, task=Summarize(), document=Document(text=DOCUMENT))
            ),
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
        }
        for _ in range(jobs)
    ]
    return json.dumps({"Records": records})


def cpu_ms(work: Callable[[], object], times: int) -> float:
    """CPU of this process, all its threads, for one time."""
    began_s = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began_s) * 1000 / times


def measure(handled: Service, batch: int) -> float:
    """CPU milliseconds of one job in batches of this size."""
    events = iter([event(batch) for _ in range(JOBS_PER_RUN // batch)])

    def handle() -> None:
        answer = handled.handle(json.loads(next(events)), Context())
        if answer["batchItemFailures"]:
            msg = "a job was not committed: the figure would be worthless"
            raise RuntimeError(msg)
        json.dumps(answer)

    return cpu_ms(handle, JOBS_PER_RUN // batch) / batch


def bare_call(stack: Emulated) -> float:
    """CPU milliseconds of the cheapest call of DynamoDB that boto3 can make."""
    return cpu_ms(
        lambda: stack.clients.dynamodb.get_item(
            TableName=stack.jobs_table, Key={JOB_KEY: {"S": "none"}}
        ),
        JOBS_PER_RUN,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write `build/bench/overhead.json`. Exit code 0 only if the goal is met."""
    parser = argparse.ArgumentParser(
        prog="python -m zeroidle_inference.bench.overhead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--emulator", type=Path, default=EMULATOR, help="the emulator's program")
    chosen = parser.parse_args(arguments)
    runs: dict[int, list[float]] = {batch: [] for batch in BATCHES}
    bare: list[float] = []
    with emulated(chosen.emulator) as stack:
        handled = service(stack)
        measure(handled, BATCHES[-1])  # connections are made, and code is warm
        for _ in range(RUNS):
            for batch in BATCHES:
                runs[batch].append(measure(handled, batch))
            bare.append(bare_call(stack))
    rows = [
        {"batch": batch, "cpu_ms_per_job": round(statistics.median(found), 2)}
        for batch, found in runs.items()
    ]
    report.write("overhead", rows)
    for row in rows:
        calls = 2 + 1 / row["batch"]
        sys.stdout.write(
            f"batch {row['batch']:>2}: {row['cpu_ms_per_job']:.2f} ms of CPU a job, with "
            f"{calls:.1f} calls of AWS\n"
        )
    sys.stdout.write(
        f"a bare GetItem through boto3: {statistics.median(bare):.2f} ms of CPU. A job takes two "
        "writes, its claim and its commit; a batch takes one call to hide its messages.\n"
    )
    return 0 if rows[-1]["cpu_ms_per_job"] <= GOAL_CPU_MS else 1


if __name__ == "__main__":
    sys.exit(main())
