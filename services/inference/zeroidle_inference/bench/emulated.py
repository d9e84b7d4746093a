"""A queue, a table and a bucket on an emulator of the benchmark's own, and clients for them."""

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from botocore.session import Session

from zeroidle_contract.table import JOB_KEY
from zeroidle_inference.clients import Clients, make_clients

HOST = "127.0.0.1"
START_TIMEOUT_S = 30
NAME = "overhead"


@dataclass(frozen=True)
class Emulated:
    """What the template makes of them."""

    clients: Clients
    queue_url: str
    dead_letter_queue_url: str
    jobs_table: str
    bucket: str


@contextmanager
def emulated(program: Path) -> Iterator[Emulated]:
    """Start the emulator, make the resources; afterwards nothing is left running.

    Raises:
        SystemExit: there is no emulator, or it does not start.
    """
    if not program.is_file():
        raise SystemExit(f"there is no emulator at {program}: run `make emulator`")
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    endpoint = f"http://{HOST}:{port}"
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(  # noqa: S603 - the emulator that `make` installed
            [str(program)],
            env={
                "PATH": os.environ["PATH"],
                "TMPDIR": folder,
                "BIND_HOST": HOST,
                "GATEWAY_PORT": str(port),
                "STATE_DIR": folder,
                "LOG_LEVEL": "WARNING",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _await_ready(process, port)
            yield _make_resources(endpoint)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < give_up_at:
        connection = http.client.HTTPConnection(HOST, port, timeout=2)
        with suppress(OSError):
            connection.request("GET", "/_ministack/ready")
            if connection.getresponse().status == http.HTTPStatus.OK:
                connection.close()
                return
        connection.close()
        time.sleep(0.1)
    raise SystemExit("the emulator did not start")


def _make_resources(endpoint: str) -> Emulated:
    os.environ["AWS_ENDPOINT_URL"] = endpoint  # as the function finds it
    session = Session()
    session.set_config_variable("region", "us-east-1")
    session.set_credentials("test", "test")  # the emulator's
    clients = make_clients(session)
    clients.dynamodb.create_table(
        TableName=NAME,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": JOB_KEY, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": JOB_KEY, "KeyType": "HASH"}],
    )
    clients.s3.create_bucket(Bucket=NAME)
    return Emulated(
        clients=clients,
        queue_url=clients.sqs.create_queue(QueueName=NAME)["QueueUrl"],
        dead_letter_queue_url=clients.sqs.create_queue(QueueName=f"{NAME}-dead")["QueueUrl"],
        jobs_table=NAME,
        bucket=NAME,
    )
