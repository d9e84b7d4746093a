"""The local AWS emulator as tests use it: started, asked, stopped with everything it started."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Self

import boto3
from botocore.config import Config

from zeroidle_contract.table import (
    ERROR_CODE,
    EXPIRES_AT,
    FAILED_AT,
    FAILURES_INDEX,
    JOB_KEY,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

PROGRAM = Path(__file__).parents[1] / "build" / "emulator" / "bin" / "ministack"
REGION = "us-east-1"
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10


class EmulatorError(Exception):
    """The emulator did not start."""


class Emulator:
    """One emulator on a free port of 127.0.0.1. Its state lies in `folder`, which it removes."""

    def __init__(self, *, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.session = boto3.session.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION
        )
        self._process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        """What a program needs to reach this emulator as if it were AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / "emulator.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(PROGRAM)],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self._folder),
                    "TMPDIR": str(self._folder),
                    "STATE_DIR": str(self._folder / "state"),
                    "S3_DATA_DIR": str(self._folder / "s3"),
                    "BIND_HOST": "127.0.0.1",
                    "GATEWAY_PORT": str(self.port),
                    "LOG_LEVEL": "WARNING",
                    **self.environment(),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(log)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        for client in (self.sqs, self.dynamodb, self.s3):
            client.close()
        self._stop()

    @cached_property
    def sqs(self) -> "SQSClient":
        return self.session.client("sqs", endpoint_url=self.url)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self.session.client("dynamodb", endpoint_url=self.url)

    @cached_property
    def s3(self) -> "S3Client":
        return self.session.client(
            "s3", endpoint_url=self.url, config=Config(s3={"addressing_style": "path"})
        )

    def _wait_until_ready(self, log: Path) -> None:
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < give_up_at:
            if self._process is None or self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/_ministack/ready")
                ready = connection.getresponse().status == HTTPStatus.OK
                connection.close()
                if ready:
                    return
            time.sleep(0.1)
        tail = log.read_text(errors="replace")[-2000:]
        raise EmulatorError(f"the emulator did not become ready on port {self.port}:\n{tail}")

    def _stop(self) -> None:
        """Ask the whole process group to end (functions run in it too), then make sure of it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True)
class StackResources:
    """What the template makes of queues, table and bucket, fresh for one test."""

    queue_url: str
    queue_arn: str
    dead_letter_queue_url: str
    dead_letter_queue_arn: str
    jobs_table: str
    bucket: str


@contextlib.contextmanager
def stack_resources(
    emulator: Emulator, *, visibility_timeout_s: int = 30, max_receive_count: int = 50
) -> Iterator[StackResources]:
    """Queue, dead-letter queue, jobs table and bucket under names of their own; removed after."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    dlq_url, dlq_arn = _create_queue(emulator.sqs, f"{name}-dlq", {})
    queue_url, queue_arn = _create_queue(
        emulator.sqs,
        name,
        {
            "VisibilityTimeout": str(visibility_timeout_s),
            "RedrivePolicy": (
                f'{{"deadLetterTargetArn":"{dlq_arn}","maxReceiveCount":{max_receive_count}}}'
            ),
        },
    )
    _create_jobs_table(emulator.dynamodb, name)
    emulator.s3.create_bucket(Bucket=name)
    try:
        yield StackResources(
            queue_url=queue_url,
            queue_arn=queue_arn,
            dead_letter_queue_url=dlq_url,
            dead_letter_queue_arn=dlq_arn,
            jobs_table=name,
            bucket=name,
        )
    finally:
        emulator.sqs.delete_queue(QueueUrl=queue_url)
        emulator.sqs.delete_queue(QueueUrl=dlq_url)
        emulator.dynamodb.delete_table(TableName=name)
        for page in emulator.s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            for entry in page.get("Contents", []):
                emulator.s3.delete_object(Bucket=name, Key=entry["Key"])
        emulator.s3.delete_bucket(Bucket=name)


def _create_queue(sqs: "SQSClient", name: str, attributes: dict[str, str]) -> tuple[str, str]:
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type] # keys are literals in the stubs
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, answer["Attributes"]["QueueArn"]


def _create_jobs_table(dynamodb: "DynamoDBClient", name: str) -> None:
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": JOB_KEY, "AttributeType": "S"},
            {"AttributeName": ERROR_CODE, "AttributeType": "S"},
            {"AttributeName": FAILED_AT, "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": JOB_KEY, "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": FAILURES_INDEX,
                "KeySchema": [
                    {"AttributeName": ERROR_CODE, "KeyType": "HASH"},
                    {"AttributeName": FAILED_AT, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRES_AT}
    )
