"""The exporter on a real stack, and a real Prometheus that scrapes it and fires an alert."""

import io
import json
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from assumed_role import AssumedRole, role_arn
from programs import program
from terminal import log_in

from zeroidle_contract import load_prices
from zeroidle_contract.codec import ATTRIBUTE_ERROR_CODE, ATTRIBUTE_FINGERPRINT
from zeroidle_ops import cli
from zeroidle_ops.lock import lock_key
from zeroidle_ops.observe.exporter import MAY_NOT_LOOK, serve
from zeroidle_ops.observe.observer import Observer
from zeroidle_ops.observe.snapshot import Cause, LeftOut, Source
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import SystemClock

pytestmark = pytest.mark.emulator

ALERTS = Path(__file__).parents[3] / "ops/zeroidle_ops/observe/alerts.yaml"
ALWAYS = dict.fromkeys(Source, 0.0)


@pytest.fixture
def observer(target: Target) -> Observer:
    return Observer(target=target, prices=load_prices(), clock=SystemClock(), periods_s=ALWAYS)


@pytest.fixture
def dead_letters(target: Target) -> Iterator[Callable[[int, str], None]]:
    """Sends dead letters of one cause; the queue is empty before and after."""

    def send(count: int, fingerprint: str) -> None:
        for number in range(count):
            target.sqs.send_message(
                QueueUrl=target.stack.dead_letter_queue_url,
                MessageBody=f"not a job {number}",
                MessageAttributes={
                    ATTRIBUTE_ERROR_CODE: {"DataType": "String", "StringValue": "internal"},
                    ATTRIBUTE_FINGERPRINT: {"DataType": "String", "StringValue": fingerprint},
                },
            )

    target.sqs.purge_queue(QueueUrl=target.stack.dead_letter_queue_url)
    yield send
    target.sqs.purge_queue(QueueUrl=target.stack.dead_letter_queue_url)


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text: bytes = answer.read()
    return text.decode()


def test_a_scrape_tells_the_stack_and_leaves_dead_letters_visible(
    target: Target, observer: Observer, dead_letters: Callable[[int, str], None]
) -> None:
    dead_letters(12, "a" * 12)
    dead_letters(2, "b" * 12)

    with serve(observer, host="127.0.0.1", port=0) as port:
        text = scrape(port)

    assert 'zeroidle_queue_messages{state="waiting"} 0.0' in text
    assert "zeroidle_dead_letter_messages 14.0" in text
    assert f'causes{{code="internal",fingerprint="{"a" * 12}"}} 12.0' in text
    assert f'causes{{code="internal",fingerprint="{"b" * 12}"}} 2.0' in text
    assert "zeroidle_concurrency_maximum 2.0" in text
    assert "zeroidle_concurrency_mapping_enabled 1.0" in text
    assert 'read_errors_total{source="queue"} 0.0' in text
    expires = re.search(r"^zeroidle_dead_letter_expires_in_seconds (\S+)$", text, re.MULTILINE)
    assert expires is not None
    assert 14 * 86_400 - 120 < float(expires.group(1)) <= 14 * 86_400
    visible = target.sqs.get_queue_attributes(
        QueueUrl=target.stack.dead_letter_queue_url,
        AttributeNames=["ApproximateNumberOfMessages"],
    )["Attributes"]["ApproximateNumberOfMessages"]
    assert visible == "14"


@contextmanager
def redrive_under_way(target: Target) -> Iterator[list[str]]:
    """Holds the lock that a redrive holds; yields the queues that were received from meanwhile."""
    key = lock_key(target.stack.dead_letter_queue_arn)
    held = {**key, "lease_ends_ms": {"N": str(int(time.time() * 1000) + 60_000)}}
    received: list[str] = []

    def note(params: Mapping[str, str], **_: object) -> None:
        received.append(params["QueueUrl"])

    events = target.sqs.meta.events
    target.dynamodb.put_item(TableName=target.stack.ops_table_name, Item=held)
    events.register("provide-client-params.sqs.ReceiveMessage", note)
    try:
        yield received
    finally:
        events.unregister("provide-client-params.sqs.ReceiveMessage", note)
        target.dynamodb.delete_item(TableName=target.stack.ops_table_name, Key=key)


def test_during_a_redrive_the_number_goes_on_and_the_causes_stay(
    target: Target, observer: Observer, dead_letters: Callable[[int, str], None]
) -> None:
    dead_letters(1, "a" * 12)
    before = observer.look().dead_letters
    assert before is not None
    with redrive_under_way(target) as received:
        dead_letters(1, "b" * 12)
        during = observer.look().dead_letters
        dead_letters(1, "b" * 12)
        later = observer.look().dead_letters
        target.sqs.purge_queue(QueueUrl=target.stack.dead_letter_queue_url)
        emptied = observer.look().dead_letters
        dead_letters(1, "b" * 12)

    assert received == []
    assert during == replace(before, messages=2, is_partial=True, left_out=LeftOut.REDRIVE)
    assert later == replace(during, messages=3)
    assert emptied is not None
    assert (emptied.messages, emptied.by_cause, emptied.expires_in_s) == (0, {}, None)
    after = observer.look().dead_letters
    assert after is not None
    assert after.by_cause == {Cause(code="internal", fingerprint="b" * 12): 1}
    assert after.left_out is None


def test_a_first_look_during_a_redrive_counts_and_receives_nothing(
    target: Target, observer: Observer, dead_letters: Callable[[int, str], None]
) -> None:
    dead_letters(2, "a" * 12)

    with redrive_under_way(target) as received:
        found = observer.look().dead_letters

    assert received == []
    assert found is not None
    assert (found.messages, found.seen, found.left_out) == (2, None, LeftOut.REDRIVE)


def test_a_role_that_may_not_look_serves_the_number_and_says_once_what_is_missing(
    target: Target, dead_letters: Callable[[int, str], None]
) -> None:
    dead_letters(3, "a" * 12)
    operator = AssumedRole(target, role_arn(target, "OperatorRole")).target
    observer = Observer(
        target=operator, prices=load_prices(), clock=SystemClock(), periods_s=ALWAYS
    )
    told: list[str] = []

    with operator, serve(observer, host="127.0.0.1", port=0, tell=told.append) as port:
        scrape(port)
        text = scrape(port)

    assert "zeroidle_dead_letter_messages 3.0" in text
    assert "\nzeroidle_dead_letter_causes" not in text
    assert "\nzeroidle_dead_letter_seen_messages" not in text
    assert 'read_errors_total{source="dead_letters"} 0.0' in text
    assert told == [MAY_NOT_LOOK]


def test_what_cannot_be_read_is_counted_and_the_rest_is_served(
    target: Target, observer: Observer
) -> None:
    told: list[str] = []
    with serve(observer, host="127.0.0.1", port=0, tell=told.append) as port:
        scrape(port)
        names = target.stack
        target.__dict__["stack"] = names.model_copy(update={"event_source_mapping_id": "gone"})
        try:
            scrape(port)
            text = scrape(port)
        finally:
            target.__dict__["stack"] = names

    assert 'zeroidle_exporter_read_errors_total{source="limits"} 2.0' in text
    assert told == ["limits cannot be read (ParamValidationError): its metrics are absent"]
    assert "\nzeroidle_concurrency_maximum" not in text
    assert 'zeroidle_queue_messages{state="waiting"} 0.0' in text


def test_a_read_that_failed_is_counted_once_however_often_it_is_scraped(target: Target) -> None:
    patient = dict.fromkeys(Source, 600.0)
    observer = Observer(target=target, prices=load_prices(), clock=SystemClock(), periods_s=patient)
    names = target.stack
    target.__dict__["stack"] = names.model_copy(update={"event_source_mapping_id": "gone"})
    try:
        with serve(observer, host="127.0.0.1", port=0) as port:
            scrape(port)
            text = scrape(port)
    finally:
        target.__dict__["stack"] = names

    assert 'zeroidle_exporter_read_errors_total{source="limits"} 1.0' in text


def test_a_stack_that_is_not_there_is_one_sentence(
    target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log_in(monkeypatch, target)

    assert cli.main(["exporter", "--stack", "nowhere", "--port", "0"]) == 1

    assert "there is no stack named 'nowhere'" in capsys.readouterr().err


def test_a_port_that_is_taken_is_one_sentence(
    target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log_in(monkeypatch, target)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code = cli.main(["exporter", "--stack", target.stack_name, "--port", str(port)])

    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use)" in capsys.readouterr().err


def test_an_output_that_takes_nothing_is_no_matter_of_the_port(
    target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log_in(monkeypatch, target)
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(full, write_through=True))
        code = cli.main(["exporter", "--stack", target.stack_name, "--port", "0"])

    assert code == 1
    assert capsys.readouterr().err == "zeroidle: cannot write to stdout (No space left on device)\n"


@contextmanager
def prometheus(folder: Path, *, scrapes: int) -> Iterator[str]:
    """A Prometheus with our rules, on a free port, with evaluations every second."""
    rules = yaml.safe_load(ALERTS.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["for"] = "2s"
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    config = {
        "global": {"scrape_interval": "2s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": "zeroidle",
                "static_configs": [{"targets": [f"127.0.0.1:{scrapes}"]}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program("prometheus", package="prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def firing(url: str) -> dict[str, str]:
    """The firing alerts with their runbook pages; none while Prometheus is not up yet."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/alerts", timeout=5) as answer:  # noqa: S310 - http
            alerts = json.load(answer)["data"]["alerts"]
    except OSError:
        return {}
    return {
        alert["labels"]["alertname"]: alert["annotations"]["runbook"]
        for alert in alerts
        if alert["state"] == "firing"
    }


def test_a_real_prometheus_fires_the_dead_letter_alert_and_resolves_it(
    target: Target, observer: Observer, dead_letters: Callable[[int, str], None], tmp_path: Path
) -> None:
    def wait_until(fires: bool) -> dict[str, str]:
        give_up_at = time.monotonic() + 60
        while time.monotonic() < give_up_at:
            found = firing(url)
            if ("ZeroidleDeadLetters" in found) is fires:
                return found
            time.sleep(0.5)
        pytest.fail(f"fires={fires} was not reached; firing: {firing(url)}")

    with (
        serve(observer, host="127.0.0.1", port=0) as port,
        prometheus(tmp_path, scrapes=port) as url,
    ):
        assert firing(url) == {}
        dead_letters(3, "c" * 12)
        found = wait_until(fires=True)
        target.sqs.purge_queue(QueueUrl=target.stack.dead_letter_queue_url)
        wait_until(fires=False)

    assert found == {"ZeroidleDeadLetters": "docs/runbook/dlq-filling.md"}
