"""What X-Ray's daemon gets of real invocations: the real handler, model, queue and table."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from e2e.faults.runtime_api import FrozenFunction
from e2e.telemetry.queued_jobs import REFUSED, REVIEW, SUMMARY, job, submitted
from e2e.telemetry.segment_documents import HEADER, MOST_BYTES, Received, check, names

from emulator import Emulator, StackResources

pytestmark = [pytest.mark.emulator, pytest.mark.model]

TRACE_ID = "1-67891233-abcdef012345678912345678"
SEGMENT_ID = "53995c3f42cd8ad8"
SAMPLED = f"Root={TRACE_ID};Parent={SEGMENT_ID};Sampled=1"
NOT_SAMPLED = f"Root={TRACE_ID};Parent={SEGMENT_ID};Sampled=0"


class Daemon:
    """X-Ray's daemon as the SDK sees it: a UDP port."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._packets: list[bytes] = []
        self._is_closing = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                self._packets.append(self._socket.recv(1 << 17))
            except TimeoutError:
                if self._is_closing.is_set():
                    return

    def close(self) -> Received:
        self._is_closing.set()
        self._reader.join()
        self._socket.close()
        documents = []
        for packet in self._packets:
            assert len(packet) <= MOST_BYTES
            header, document = packet.decode().split("\n", 1)
            assert json.loads(header) == HEADER
            documents.append(json.loads(document))
        return Received(documents)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    running = Daemon()
    yield running
    running.close()


def test_a_batch_is_a_tree_of_valid_subsegments(
    make_function: Callable[..., FrozenFunction],
    emulator: Emulator,
    resources: StackResources,
    daemon: Daemon,
) -> None:
    good = [job(f"good-{n}", REVIEW if n % 2 else SUMMARY) for n in range(24)]
    event = submitted(emulator, resources, [*good, job("bad", REFUSED)])
    event["Records"].append({"messageId": "x", "receiptHandle": "r", "body": "no JSON"})
    began_s = time.time()
    with make_function(AWS_XRAY_DAEMON_ADDRESS=daemon.address) as function:
        answer = function.invoke(event, request_id="r", trace=SAMPLED)
    output = function.output
    ended_s = time.time()
    received = daemon.close()

    assert answer == {"batchItemFailures": []}, output
    for document in received.documents:
        check(document)
        assert (document["trace_id"], document["parent_id"]) == (TRACE_ID, SEGMENT_ID)
        assert began_s <= document["start_time"] <= document["end_time"] <= ended_s
    ids = list(received.ids())
    assert len(ids) == len(set(ids))
    assert len(received.named("load_model")) == 1
    for phase in ("claim", "prefill", "decode", "commit"):
        assert len(received.named(phase)) == 1

    annotations = [document["annotations"] for document in received.named("job")]
    by_job = {found.get("job_id"): found for found in annotations}
    assert len(annotations) == len(by_job) == len(good) + 2
    assert by_job["good-0"] == {
        "job_id": "good-0",
        "task": "summarize",
        "outcome": "succeeded",
        "attempts": 1,
        "producer_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
    }
    assert by_job["bad"]["outcome"] == "failed"
    assert by_job["bad"]["reason"] == "invalid_schema"
    assert by_job[None] == {"task": "none", "outcome": "invalid", "reason": "invalid_json"}
    for document in received.named("job"):
        outcome = document["annotations"]["outcome"]
        assert document.get("fault", False) is (outcome == "failed")
        assert document.get("error", False) is (outcome == "invalid")
        if outcome == "succeeded":
            assert names(document) == ["claim", "prefill", "decode", "commit"]


def test_without_sampling_nothing_is_sent(
    make_function: Callable[..., FrozenFunction],
    emulator: Emulator,
    resources: StackResources,
    daemon: Daemon,
) -> None:
    event = submitted(emulator, resources, [job("a", SUMMARY)])
    with make_function(AWS_XRAY_DAEMON_ADDRESS=daemon.address) as function:
        answer = function.invoke(event, request_id="r", trace=NOT_SAMPLED)
    output = function.output
    assert answer == {"batchItemFailures": []}, output
    assert daemon.close().documents == []


def test_nothing_is_sent_outside_of_an_invocation(
    make_function: Callable[..., FrozenFunction], daemon: Daemon
) -> None:
    with make_function(
        AWS_XRAY_DAEMON_ADDRESS=daemon.address,
        AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency",
        _X_AMZN_TRACE_ID=SAMPLED,
    ) as function:
        function.await_end_of_init()
    assert daemon.close().documents == []


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no.such.host.invalid:2000", "nonsense"])
def test_without_a_daemon_jobs_succeed_and_nobody_complains(
    make_function: Callable[..., FrozenFunction],
    emulator: Emulator,
    resources: StackResources,
    address: str,
) -> None:
    event = submitted(emulator, resources, [job("a", REVIEW)])
    with make_function(AWS_XRAY_DAEMON_ADDRESS=address) as function:
        answer = function.invoke(event, request_id="r", trace=SAMPLED)
    output = function.output
    assert answer == {"batchItemFailures": []}
    assert '"action":"job_succeeded"' in output
    assert "trace_failed" not in output
    assert "Traceback" not in output
