"""What the harness's processes are: an environment of the function, or a publisher.

An environment is the real Service, Runner, store and queue adapters on a played engine; a publisher
is the real producer library. Both speak to the emulator through boto3, with faults in between, and
may be killed at any moment.
"""

import io
import os
import random
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.endpoint
from botocore.config import Config
from faults.injector import Injector, Rates
from faults.journal import Journal
from faults.messages import Answered, Invoke, Publish, Published, Resume, Stalled
from faults.mutants import MUTANTS
from faults.played_engine import PlayedEngine, start_task
from faults.population import S3_DOCUMENT_BYTES
from faults.simulated_clock import SimulatedClock

from emulator import REGION, StackResources
from zeroidle_contract import ClaimCheck, Job, Status, decode
from zeroidle_inference import telemetry
from zeroidle_inference.documents import Documents
from zeroidle_inference.lease import Lease, Refused
from zeroidle_inference.loading import Loading
from zeroidle_inference.records import Record
from zeroidle_inference.runner import Runner
from zeroidle_inference.service import Service
from zeroidle_inference.sqs import SqsQueue
from zeroidle_inference.store import DynamoJobStore
from zeroidle_inference.telemetry.tracing import Tracer
from zeroidle_inference.telemetry.witness import Witness
from zeroidle_producer import Producer
from zeroidle_producer.errors import ProducerError

MEMORY_MB = 10_240
MAX_ATTEMPTS = 3
NETWORK_THREADS = 8


@dataclass(frozen=True)
class Setting:
    """What a process is told when it is made."""

    role: str
    who: str
    seed: int
    endpoint: str
    clock: Path
    journal: Path
    cured: Path
    skew_s: float
    rates: Rates
    resources: StackResources
    mutant: str | None = None


class Process:
    """What both roles need: a clock, a journal, clients with faults, and a way to tell."""

    def __init__(self, setting: Setting, connection: Connection) -> None:
        self.setting = setting
        self.clock = SimulatedClock(setting.clock, skew_s=setting.skew_s)
        self.journal = Journal(setting.journal)
        self._connection = connection
        self._lock = threading.Lock()
        self._injector = Injector(
            seed=setting.seed,
            who=setting.who,
            rates=setting.rates,
            clock=self.clock,
            journal=self.journal,
            tell=self.tell,
        )
        # botocore's pauses between its tries are simulated, too.
        endpoint: Any = botocore.endpoint
        endpoint.time = SimpleNamespace(sleep=self.clock.sleep)
        self.dynamodb = self._client("dynamodb", parameter_validation=False)
        self.sqs = self._client("sqs")
        self.s3 = self._client("s3", s3={"addressing_style": "path"})

    def tell(self, message: Any) -> None:
        with self._lock:
            self._connection.send(message)

    def _client(self, service: str, **options: Any) -> Any:
        client = SESSION.client(
            service,  # type: ignore[call-overload] # one of three
            endpoint_url=self.setting.endpoint,
            config=Config(
                connect_timeout=20,
                read_timeout=20,
                retries={"mode": "standard", "total_max_attempts": 3},
                **options,
            ),
        )
        self._injector.attach(client)
        return client


class JournallingStore(DynamoJobStore):
    """Notes what each claim was answered."""

    process: Process

    def claim(
        self, job: Job, *, owner: str, lease_expires_at_ms: int, trace_header: str | None
    ) -> Lease | Refused:
        answer = super().claim(
            job, owner=owner, lease_expires_at_ms=lease_expires_at_ms, trace_header=trace_header
        )
        what = f"claim {answer.reason.value if isinstance(answer, Refused) else 'granted'}"
        process = self.process
        process.journal.write(process.clock.true_s, process.setting.who, what, job.job_id)
        return answer


class JournallingQueue(SqsQueue):
    """Notes when messages are to be seen again."""

    process: Process

    def change_visibility(self, visibilities_s: Iterable[tuple[Record, int]]) -> None:
        asked = list(visibilities_s)
        super().change_visibility(asked)
        process = self.process
        for seconds in {seconds for _, seconds in asked}:
            process.journal.write(
                process.clock.true_s, process.setting.who, "visibility", str(seconds)
            )


class Context:
    """Lambda's context on simulated time."""

    memory_limit_in_mb: str | int = MEMORY_MB

    def __init__(self, invoke: Invoke, clock: SimulatedClock) -> None:
        self.aws_request_id = invoke.request_id
        self._deadline_s = invoke.deadline_s
        self._clock = clock

    def get_remaining_time_in_millis(self) -> int:
        return round(max(0.0, self._deadline_s - self._clock.true_s) * 1000)


def serve_environment(setting: Setting, connection: Connection) -> None:
    """Answer events until the harness closes the pipe."""
    if setting.mutant is not None:
        MUTANTS[setting.mutant]()
    process = Process(setting, connection)

    def stall(until_s: float) -> None:
        process.tell(Stalled(until_s))
        if not isinstance(connection.recv(), Resume):
            msg = "a stalled environment can only be resumed"
            raise TypeError(msg)

    engine = PlayedEngine(
        seed=setting.seed,
        who=setting.who,
        rates=setting.rates,
        clock=process.clock,
        journal=process.journal,
        stall=stall,
        is_cured=setting.cured.exists,
    )
    service = _service(process, engine)
    while True:
        try:
            invoke: Invoke = connection.recv()
        except EOFError:
            return
        process.tell(Answered(service.handle(invoke.event, Context(invoke, process.clock))))


def _service(process: Process, engine: PlayedEngine) -> Service:
    resources = process.setting.resources
    rng = random.Random(f"{process.setting.seed} {process.setting.who}")  # noqa: S311 - jitter
    claim_check = ClaimCheck(s3=process.s3, bucket=resources.bucket)
    queue = JournallingQueue(
        sqs=process.sqs,
        queue_url=resources.queue_url,
        dead_letter_queue_url=resources.dead_letter_queue_url,
    )
    queue.process = process
    store = JournallingStore(
        dynamodb=process.dynamodb,
        table=resources.jobs_table,
        outputs=claim_check,
        clock=process.clock,
    )
    store.process = process
    log = telemetry.Log(telemetry.configure(io.StringIO()))

    def make_runner(engine: Any) -> Runner:
        return Runner(
            engine=engine,
            store=store,
            queue=queue,
            documents=Documents(claim_check),
            start_task=start_task,
            prompt_version="p1",
            max_attempts=MAX_ATTEMPTS,
            executor=ThreadPoolExecutor(NETWORK_THREADS),
            clock=process.clock,
            rng=rng,
            log=log,
        )

    def open_witness(log: telemetry.Log) -> Witness:
        return Witness(
            tracer=Tracer(None), header=None, clock=process.clock, log=log, function_name="faults"
        )

    return Service(
        environment_id=process.setting.who,
        loading=Loading(lambda: engine),
        make_runner=make_runner,
        queue=queue,
        clock=process.clock,
        rng=rng,
        log=log,
        open_witness=open_witness,
    )


def serve_publisher(setting: Setting, connection: Connection) -> None:
    """Publish what is asked until the harness closes the pipe."""
    process = Process(setting, connection)
    resources = setting.resources
    producer = Producer(
        queue_url=resources.queue_url,
        jobs_table=resources.jobs_table,
        bucket=resources.bucket,
        sqs=process.sqs,
        dynamodb=process.dynamodb,
        s3=process.s3,
        inline_limit_bytes=S3_DOCUMENT_BYTES,
        clock=process.clock,
        random=random.Random(setting.seed),  # noqa: S311 - jitter
    )
    while True:
        try:
            publish: Publish = connection.recv()
        except EOFError:
            return
        submissions = producer.submit_many([decode(body) for body in publish.bodies.values()])
        accepted = tuple(one.job_id for one in submissions if one.error is None)
        cancelled = tuple(name for name in publish.cancel if _cancel(producer, name))
        process.tell(Published(accepted, cancelled))


def _cancel(producer: Producer, name: str) -> bool:
    try:
        return producer.cancel(name) is Status.CANCELLED
    except (ProducerError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        return False


ROLES = {"environment": serve_environment, "publisher": serve_publisher}

SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
"""Shared by all processes that are forked from one: the service models are read once."""

if os.environ.get("FAULTS_NURSERY"):
    for name in ("dynamodb", "sqs", "s3"):
        SESSION.client(name, endpoint_url="http://127.0.0.1:9")
