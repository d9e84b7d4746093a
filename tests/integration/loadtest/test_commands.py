"""The commands that send load, as their users meet them: refusals, prices, Ctrl-C, a sweep."""

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from integration.loadtest.fixed_consumer import fixed_consumer
from integration.loadtest.fixed_runs import as_if_aws, until, write_scenario

from zeroidle_contract import ServiceProfile
from zeroidle_loadtest.cli import main
from zeroidle_loadtest.conclusion import exit_code
from zeroidle_loadtest.driving import Drive
from zeroidle_loadtest.record import read_run
from zeroidle_loadtest.sweep import read_ledger
from zeroidle_ops.stack.local import LocalStack

pytestmark = pytest.mark.emulator

PROGRAM = Path(sys.executable).with_name("zeroidle-load")


@pytest.fixture(autouse=True)
def _empty_queue(fixed_stack: LocalStack) -> Iterator[None]:
    yield
    with fixed_stack.target() as target:
        target.sqs.purge_queue(QueueUrl=target.stack.queue_url)


def test_ctrl_c_in_the_middle_leaves_the_record_of_what_there_is(
    fixed_stack: LocalStack, tmp_path: Path
) -> None:
    scenario = write_scenario(tmp_path, duration_s=60)
    program = (
        "import sys; from pathlib import Path; from zeroidle_loadtest.driving import Drive; "
        "print(Drive(results=Path(sys.argv[1]), local=Path(sys.argv[2])).run(Path(sys.argv[3])))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path / "runs", fixed_stack.home, scenario],
        stdout=subprocess.PIPE,
        text=True,
    )
    records = tmp_path / "runs"
    until(lambda: any(file.stat().st_size for file in records.glob("*/requests.jsonl")))

    process.send_signal(signal.SIGINT)
    folder = Path(process.communicate(timeout=60)[0].strip())

    run = read_run(folder)
    assert run.interrupted
    assert exit_code(run) == 5
    assert run.counts.closes
    assert 0 < run.counts.succeeded < run.counts.scheduled
    assert not still_runs(str(scenario))


def test_no_permission_to_publish_ends_the_run_at_once_and_says_so(
    fixed_stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fixed_stack.target() as target:
        key = limited_key(target.iam)
        endpoint = fixed_stack.status().endpoint
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    scenario = write_scenario(tmp_path, duration_s=120)
    began_s = time.monotonic()

    folder = Drive(results=tmp_path / "runs", stack="zeroidle-local").run(scenario)

    run = read_run(folder)
    assert time.monotonic() - began_s < 60
    assert any("AWS refuses to publish" in problem for problem in run.problems)
    assert run.counts.closes
    assert run.counts.succeeded == 0


def test_a_run_on_aws_is_priced_before_anything_is_sent(
    fixed_stack: LocalStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_if_aws(fixed_stack, monkeypatch)
    scenario = write_scenario(tmp_path)
    command = ["measure-aws", str(scenario), "--stack", "zeroidle-local", "--requests", "4"]

    refused = main([*command, "--results", str(tmp_path / "runs"), "--most-usd", "0.0001"])

    told = capsys.readouterr().err
    assert refused == 2
    assert "4 requests on zeroidle-local: at most $0.0" in told
    assert "above --most-usd" in told
    assert not list((tmp_path / "runs").glob("*"))


def test_a_bounded_run_on_aws_gives_a_profile_that_is_not_projected(
    fixed_stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_if_aws(fixed_stack, monkeypatch)
    scenario = write_scenario(tmp_path)

    main([
        "measure-aws", str(scenario), "--stack", "zeroidle-local", "--requests", "4",
        "--rate", "2", "--yes", "--results", str(tmp_path / "runs"),
    ])  # fmt: skip

    [profile] = (tmp_path / "runs").glob("*/profile.json")
    assert not ServiceProfile.load(profile).is_projected
    assert read_run(profile.parent).counts.submitted == 4


def test_a_sweep_finds_what_a_known_consumer_can_do_and_goes_on_after_ctrl_c(
    fixed_stack: LocalStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_if_aws(fixed_stack, monkeypatch)
    slo, results = tmp_path / "slo.toml", tmp_path / "sweep"
    slo.write_text("latency_p95_s = 1.5")
    # Two servers of 250 ms do 8 a second: 4 are met; at 32 the last of 2 s waits 6 s.
    command = [
        "sweep", str(write_scenario(tmp_path)), "--stack", "zeroidle-local", "--slo", str(slo),
        "--results", str(results), "--low", "4", "--high", "32", "--precision", "7",
        "--run-s", "2",
    ]  # fmt: skip

    with (
        fixed_stack.target() as target,
        fixed_consumer(target, service_s=0.25, servers=2),
    ):
        first = subprocess.Popen(
            [PROGRAM, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        until((results / "sweep.json").is_file)
        until(lambda: len(list(results.glob("*/requests.jsonl"))) == 2)
        first.send_signal(signal.SIGINT)
        told = first.communicate(timeout=60)[1]
        kept = read_ledger(results).tried
        code = main(command)

    assert first.returncode == 5
    assert "4 a second: met" in told
    assert [(one.rate_per_s, one.verdict) for one in kept] == [(4, "met")]
    assert code == 0
    tried = read_ledger(results).tried
    assert tried[0] == kept[0]
    assert [one.verdict for one in tried[1:]] == ["met"] * (len(tried) - 2) + ["missed"]
    assert "going on after 1 rates" in (said := capsys.readouterr()).err
    assert f"missed at {tried[-1].rate_per_s:g}" in said.out
    page = (results / "report.html").read_text()
    assert f"Over {len(tried)} runs of a sweep: goodput keeps up to" in page


def limited_key(iam: Any) -> dict[str, str]:
    """A user who may find the stack, and nothing else."""
    name = f"reader-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "cloudformation:DescribeStacks", "Resource": "*"}
    iam.put_user_policy(
        UserName=name,
        PolicyName="find",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    key: dict[str, str] = iam.create_access_key(UserName=name)["AccessKey"]
    return key


def still_runs(argument: str) -> bool:
    """True when a process was given this argument."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument in file.read_bytes().decode(errors="replace").split("\0"):
                return True
        except OSError:
            continue
    return False
