"""Whole runs: Locust as a process, the emulator's queue and table, a consumer of known speed."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.loadtest.fixed_consumer import fixed_consumer
from integration.loadtest.fixed_runs import drive, until, write_scenario
from unit.loadtest.known_queue import path_latencies_s

from zeroidle_contract import ServiceProfile
from zeroidle_loadtest.arrivals import due_s
from zeroidle_loadtest.conclusion import exit_code
from zeroidle_loadtest.driving import LOCUSTFILE, Drive
from zeroidle_loadtest.errors import DriveError
from zeroidle_loadtest.quantiles import quantile
from zeroidle_loadtest.record import read_requests, read_run
from zeroidle_loadtest.scenario import load_scenario
from zeroidle_ops.stack.local import LocalStack

pytestmark = pytest.mark.emulator

SERVICE_S, SERVERS = 0.25, 2


@pytest.fixture(autouse=True)
def _empty_queue(fixed_stack: LocalStack) -> Iterator[None]:
    yield
    with fixed_stack.target() as target:
        target.sqs.purge_queue(QueueUrl=target.stack.queue_url)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_accounting_closes_and_the_parts_of_each_latency_add_up(
    fixed_stack: LocalStack, tmp_path: Path, workers: int
) -> None:
    scenario = write_scenario(tmp_path)

    folder = drive(fixed_stack, tmp_path, workers=workers).run(scenario)

    run, requests = read_run(folder), list(read_requests(folder))
    assert run.problems == ()
    assert exit_code(run) == 0
    assert run.counts.model_dump() == {
        "scheduled": 20, "submitted": 20, "succeeded": 20, "failed": 0, "unresolved": 0,
    }  # fmt: skip
    assert len({one.job_id for one in requests}) == 20
    assert {one.worker for one in requests} == set(range(workers))
    assert all(abs(one.clock_gap_ms or 0.0) <= run.clock_error_ms for one in requests)
    assert any(sample.concurrency for sample in run.samples)
    assert ServiceProfile.load(folder / "profile.json").of("classify").jobs == 20


def test_a_known_queue_gives_the_latencies_that_arithmetic_gives(
    fixed_stack: LocalStack, tmp_path: Path
) -> None:
    file = write_scenario(
        tmp_path, duration_s=15, arrivals={"kind": "poisson", "rate_per_s": 5.6}, seed=7
    )

    with (
        fixed_stack.target() as target,
        fixed_consumer(target, service_s=SERVICE_S, servers=SERVERS),
    ):
        folder = drive(fixed_stack, tmp_path).run(file)

    scenario = load_scenario(file)
    arrivals_s = due_s(scenario.arrivals, duration_s=15, seed=7)  # type: ignore[arg-type]
    expected_s = sorted(path_latencies_s(arrivals_s, service_s=SERVICE_S, servers=SERVERS))
    measured_s = sorted((one.latency_ms or 0.0) / 1000 for one in read_requests(folder))
    assert len(measured_s) == len(expected_s)
    # Each call of the emulator takes some milliseconds that theory does not know, on a server that
    # is busy seven tenths of the time; they add up along the line.
    for share in (0.5, 0.95):
        expected = quantile(expected_s, share)
        assert expected - 0.01 <= quantile(measured_s, share) <= 1.25 * expected + 0.1


def test_closed_clients_have_one_request_each_under_way(
    fixed_stack: LocalStack, tmp_path: Path
) -> None:
    scenario = write_scenario(tmp_path, duration_s=4, arrivals={"kind": "closed", "clients": 3})

    folder = drive(fixed_stack, tmp_path).run(scenario)

    run = read_run(folder)
    spans = [(one.sent_ms, one.completed_ms or 0.0) for one in read_requests(folder)]
    most = max(sum(begin <= at < end for begin, end in spans) for at, _ in spans)
    assert (run.load.kind, run.load.clients, run.load.offered_per_s) == ("closed", 3, None)
    assert most <= 3
    assert run.counts.succeeded > 3


def test_no_stack_is_told_in_one_sentence(tmp_path: Path) -> None:
    nowhere = Drive(results=tmp_path, local=tmp_path / "local")

    with pytest.raises(DriveError, match="no local stack runs"):
        nowhere.run(write_scenario(tmp_path))


def test_locusts_own_page_starts_a_run_and_shows_its_statistics(
    fixed_stack: LocalStack, tmp_path: Path
) -> None:
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "locust", "-f", str(LOCUSTFILE),
            "--web-host", "127.0.0.1", "--web-port", port,
            "--scenario", str(write_scenario(tmp_path)), "--local-stack", str(fixed_stack.home),
            "--results", str(tmp_path / "runs"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(url))
        urllib.request.urlopen(f"{url}/swarm", data=b"user_count=4&spawn_rate=4").close()  # noqa: S310
        until(lambda: list((tmp_path / "runs").glob("*/run.json")))
        with urllib.request.urlopen(f"{url}/stats/requests") as answer:  # noqa: S310
            stats = {one["method"]: one["num_requests"] for one in json.load(answer)["stats"]}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)

    assert (stats["PUBLISH"], stats["END-TO-END"]) == (20, 20)
    assert process.returncode == 0


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310
    except OSError:
        return False
    return True
