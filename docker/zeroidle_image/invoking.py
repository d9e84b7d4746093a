"""One job through an image: queue and table of the AWS emulator, the function of the image.

The job's text lies in S3, so that all three clients of the function are used. The event is what
Lambda's mapping would make of the message that the producer library sent; the image's own command
answers it under the Runtime Interface Emulator. Uses the tests' emulator.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Final

from emulator import PROGRAM, REGION, Emulator, StackResources, stack_resources
from zeroidle_contract import ClaimCheck, Classify, Document, Job
from zeroidle_image.containers import BROUGHT, Container, start
from zeroidle_image.errors import ImageError
from zeroidle_producer import Producer

JOB_ID: Final = "image-check"
TEXT: Final = "The kettle leaks, and nobody answers my letters."
MEMORY_MB: Final = 3008
"""What a new AWS account may be held to."""

_INVOKE: Final = "/2015-03-31/functions/function/invocations"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the job."""

    status: str
    invocation_s: float


def answer_one_job(container: Container, scratch: Path, *, patience_s: float) -> Outcome:
    """Send a job, let the image answer it, read its result.

    Raises:
        ImageError: the image did not answer, or not with exactly one succeeded result.
    """
    if not PROGRAM.exists():
        raise ImageError("the AWS emulator is not installed: make emulator")
    with (
        Emulator(folder=scratch / "emulator") as emulator,
        stack_resources(emulator, visibility_timeout_s=3600) as resources,
        _producer(emulator, resources) as producer,
    ):
        claims = ClaimCheck(s3=emulator.s3, bucket=resources.bucket)
        producer.submit(
            Job(
                job_id=JOB_ID,
                task=Classify(labels=("praise", "complaint")),
                document=Document(s3=claims.put_document(None, JOB_ID, TEXT)),
            )
        )
        event = _event(emulator, resources)
        invocation_s = _invoke(container, emulator, resources, event, patience_s)
        rows = emulator.dynamodb.scan(TableName=resources.jobs_table)["Count"]
        result = producer.result(JOB_ID)
    if rows != 1 or result is None or result.error is not None:
        code = result.error.code if result and result.error else "none"
        raise ImageError(f"the table holds {rows} rows, not one succeeded result (error: {code})")
    return Outcome(status=result.status, invocation_s=invocation_s)


def _producer(emulator: Emulator, resources: StackResources) -> Producer:
    return Producer(
        queue_url=resources.queue_url,
        jobs_table=resources.jobs_table,
        bucket=resources.bucket,
        sqs=emulator.sqs,
        dynamodb=emulator.dynamodb,
        s3=emulator.s3,
    )


def _event(emulator: Emulator, resources: StackResources) -> dict[str, Any]:
    (message,) = emulator.sqs.receive_message(
        QueueUrl=resources.queue_url, MessageSystemAttributeNames=["All"], WaitTimeSeconds=5
    )["Messages"]
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message.get("Attributes", {}),
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": resources.queue_arn,
                "awsRegion": REGION,
            }
        ]
    }


def _invoke(
    container: Container,
    emulator: Emulator,
    resources: StackResources,
    event: dict[str, Any],
    patience_s: float,
) -> float:
    """How long the function took to answer, in seconds, cold start and all.

    Raises:
        ImageError: it did not answer, or returned the job to the queue.
    """
    address, runtime_api = (f"127.0.0.1:{_free_port()}" for _ in range(2))
    words = [f"{BROUGHT}/rie", "--runtime-interface-emulator-address", address]
    words += ["--runtime-api-address", runtime_api, *container.config.command]
    environment = emulator.environment() | {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(round(patience_s)),
        "ZEROIDLE_JOBS_TABLE": resources.jobs_table,
        "ZEROIDLE_BUCKET": resources.bucket,
        "ZEROIDLE_QUEUE_URL": resources.queue_url,
        "ZEROIDLE_DEAD_LETTER_QUEUE_URL": resources.dead_letter_queue_url,
    }
    with tempfile.TemporaryFile() as output:
        process = start(container, words, environment, output)
        try:
            _await_port(address, process, output)
            began_s = time.monotonic()
            answer = _post(address, json.dumps(event).encode(), patience_s, output)
            if answer != {"batchItemFailures": []}:
                raise ImageError(
                    f"the function answered {json.dumps(answer)[:500]}; it said: {_end_of(output)}"
                )
            return time.monotonic() - began_s
        finally:
            _end(process)


def _post(address: str, body: bytes, patience_s: float, output: IO[bytes]) -> dict[str, Any]:
    connection = http.client.HTTPConnection(address, timeout=patience_s)
    try:
        connection.request("POST", _INVOKE, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise ImageError(
            f"the image did not answer ({error}); it said: {_end_of(output)}"
        ) from error
    finally:
        connection.close()
    if response.status != HTTPStatus.OK:
        raise ImageError(f"the image answered {response.status}; it said: {_end_of(output)}")
    answered: dict[str, Any] = json.loads(answer)
    return answered


def _await_port(address: str, process: "subprocess.Popen[bytes]", output: IO[bytes]) -> None:
    host, _, port = address.partition(":")
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.05)
    raise ImageError(f"the image's command did not start; it said: {_end_of(output)}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_of(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - 4000))
    return output.read().decode(errors="replace").strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
