"""`zeroidle scale` as on-call types it: what it prints, how it exits, what it leaves alone."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from integration.scale.queue_and_mapping import mapping, send
from terminal import ClientThat, Terminal, log_in, log_in_as_one_who_may

from zeroidle_ops.cli import Options
from zeroidle_ops.lock import Lock
from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import SystemClock

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("in_a_folder_with_a_stack", "target")]

COMMANDS = ("recommend", "run", "pause", "resume", "history", "simulate", "tune")


@pytest.fixture
def in_a_folder_with_a_stack(
    scaled_stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a clone where `zeroidle local up` was run."""
    (tmp_path / "build").symlink_to(scaled_stack.home.parent)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal("scale", capsys, where="--local")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_names_the_command(terminal: Terminal, command: str) -> None:
    code, out = terminal(f"{command} --help", where="")

    assert code == 0
    assert f"zeroidle scale {command} " in " ".join(out.split())


def test_recommend_prints_the_decision_and_what_it_stands_on_and_changes_nothing(
    target: Target, terminal: Terminal
) -> None:
    code, told = terminal.json("recommend --most 50")

    assert code == 0
    assert told["decision"]["cause"] == "steady"
    assert told["decision"]["target"] is None
    assert told["observation"]["current"] == 2
    assert terminal("recommend")[1].startswith(" decision")
    assert terminal("history --json") == (4, '{\n  "decisions": []\n}\n')


def test_a_pause_is_asked_for_made_known_and_ended_by_a_resume(
    target: Target, terminal: Terminal
) -> None:
    assert terminal("pause --reason INC-1")[0] == 2
    assert "give --yes" in terminal.err
    assert mapping(target)["State"] == "Enabled"

    code, told = terminal.json("pause --reason INC-1 --yes")
    assert (code, told["paused"], told["reason"]) == (0, True, "INC-1")
    assert mapping(target)["State"] == "Disabled"
    assert terminal("pause --reason too --yes")[0] == 4
    assert "(INC-1)" in terminal.err

    assert terminal.json("resume --reason fixed --yes") == (0, {"paused": False, "limit": 2})
    assert terminal("resume --reason again --yes")[0] == 4
    assert "nothing to resume" in terminal.err
    _, told = terminal.json("history")
    assert [one["reason"] for one in told["decisions"]] == ["fixed", "INC-1"]


def test_a_resume_beside_an_emergency_stop_names_the_option_that_lifts_it(
    target: Target, terminal: Terminal
) -> None:
    function = target.stack.function_name
    assert terminal("pause --reason INC-1 --yes")[0] == 0
    target.lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)

    assert terminal("resume --reason fixed --yes")[0] == 1
    assert "--lift-stop" in terminal.err
    assert terminal.json("resume --reason fixed --yes --lift-stop")[0] == 0


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("recommend --least 1 --most 2000", "least is 1, AWS allows 2 or more; most is 2000"),
        ("recommend --least 50 --most 10", "least (50) is above most (10)"),
        ("recommend --budget-usd-per-hour 0", "budget_usd_per_hour must be above 0"),
        ("recommend --pause-at-share 2", "pause_at_share is 2, it must be 0 to 1"),
        ("recommend --seconds-per-invocation 0", "--seconds-per-invocation must be above 0"),
        ("run --yes --every-s 999", "--every-s must be above 0, and at most 180"),
        ("run --every-s 10", "give --yes"),
        ("pause --yes", "--reason"),
    ],
)
def test_what_cannot_be_is_a_usage_error(terminal: Terminal, line: str, sentence: str) -> None:
    code, out = terminal(line)

    assert (code, out) == (2, "")
    assert sentence in terminal.err


def test_a_run_ends_with_ctrl_c_after_a_line_for_each_decision(target: Target) -> None:
    program = Path(sys.executable).with_name("zeroidle")
    arguments = ["scale", "run", "--local", "--yes", "--json", "--every-s", "0.1"]
    with subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        first = json.loads(running.stdout.readline())
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()

    assert running.returncode == 0
    assert first["decision"]["cause"] == "steady"
    assert all(json.loads(line)["decision"] for line in rest.splitlines())
    assert mapping(target)["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_a_run_says_when_it_decided_and_that_the_limits_stay(target: Target) -> None:
    program = Path(sys.executable).with_name("zeroidle")
    arguments = ["scale", "run", "--local", "--yes", "--every-s", "0.1"]
    with subprocess.Popen([program, *arguments], stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        first = running.stderr.readline()
        running.send_signal(signal.SIGINT)
        last = running.stderr.read().splitlines()[-1]

    assert running.returncode == 0
    assert re.match(r"\d\d:\d\d:\d\d 2 stays \(steady\): ", first)
    assert last == "stopped; the limits stay as they are"


def test_a_second_controller_is_refused_and_told_who_is_at_it(
    target: Target, terminal: Terminal
) -> None:
    with Lock(
        dynamodb=target.dynamodb,
        table=target.stack.ops_table_name,
        thing=f"scale-controller#{target.stack.event_source_mapping_id}",
        called="this stack's scaling",
        holder="carol",
        purpose="controls the scaling",
        clock=SystemClock(),
    ):
        assert terminal("run --yes")[0] == 1

    assert "carol works on this stack's scaling" in terminal.err


def test_who_may_not_change_the_mapping_is_told_which_call_was_denied(
    target: Target, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With IAM enforced: an operator who may only look."""
    where = log_in_as_one_who_may(
        monkeypatch,
        target,
        *("cloudformation:*", "sqs:*", "dynamodb:*", "cloudwatch:*", "lambda:GetFunction*"),
    )

    code, _ = terminal("pause --reason x --yes", where=where)

    assert code == 1
    assert "AWS denies GetEventSourceMapping" in terminal.err
    assert mapping(target)["State"] == "Enabled"
    assert terminal("history")[0] == 4


@pytest.fixture
def with_client(target: Target) -> Iterator[Callable[..., None]]:
    """Has the commands use one other client of the stack; undone before the stack is tidied."""
    with pytest.MonkeyPatch.context() as patch:

        def put(name: str, client: ClientThat) -> None:
            patch.setitem(target.__dict__, name, client)
            patch.setattr(Options, "target", lambda _: target)

        yield put


def test_a_mapping_that_somebody_else_updates_is_left_alone(
    target: Target, terminal: Terminal, with_client: Callable[..., None]
) -> None:
    def busy(**_: object) -> None:
        raise target.lambda_.exceptions.ResourceInUseException({"Error": {}}, "Update")

    with_client("lambda_", ClientThat(target.lambda_, update_event_source_mapping=busy))

    assert terminal("pause --reason x --yes")[0] == 1
    assert "somebody else changes the event source mapping" in terminal.err
    assert terminal("history")[0] == 4


def test_an_account_capped_below_the_wish_is_said(
    target: Target, terminal: Terminal, with_client: Callable[..., None]
) -> None:
    def capped() -> Any:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": 3}}

    send(target, 100)
    with_client("lambda_", ClientThat(target.lambda_, get_account_settings=capped))

    code, told = terminal.json("recommend --drain-target-s 10")

    assert (code, told["decision"]["target"]) == (0, 3)
    assert "account and reservation leave 3" in told["decision"]["reason"]


def test_on_stale_figures_nothing_is_recommended(
    target: Target, terminal: Terminal, with_client: Callable[..., None]
) -> None:
    old = datetime.now(UTC) - timedelta(seconds=600)

    def late(**_: object) -> Any:
        return {"MetricDataResults": [{"Id": "heartbeat", "Timestamps": [old], "Values": [5.0]}]}

    with_client("cloudwatch", ClientThat(target.cloudwatch, get_metric_data=late))

    code, told = terminal.json("recommend")

    assert (code, told["decision"]["target"], told["decision"]["cause"]) == (0, None, "stale")
    assert re.search(r"the data is 5[4-9]\d s old", told["decision"]["reason"])


def test_a_stack_that_is_not_there_is_one_sentence(
    target: Target, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(monkeypatch, target)

    assert terminal("recommend", where="--stack nowhere")[0] == 1
    assert "nowhere" in terminal.err
    assert terminal.err.count("\n") == 1
