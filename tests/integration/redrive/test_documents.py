"""The runbook's commands and the worked script, run as they stand on the page."""

import json
import os
import re
import shlex
import signal
import threading
from pathlib import Path

import pytest
from redrive_world import World, make_job

from emulator import Emulator
from zeroidle_contract import ErrorCode
from zeroidle_ops import cli
from zeroidle_ops.redrive import NothingToDoError
from zeroidle_ops.stack.target import Target

pytestmark = pytest.mark.emulator

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    found = BLOCK.findall((DOCS / page).read_text())
    return [text for kind, text in found if kind == language]


class Operator:
    """Gives commands in the world's account and remembers the plan that was made last."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self._world = world
        self._capsys = capsys
        self.plan_id = ""

    def gives(self, command: str, *, more: str = "") -> int:
        words = shlex.split(f"{command} {more}".replace("PLAN", self.plan_id))
        assert words[0] == "zeroidle"
        code = cli.main([*words[1:], "--json"])
        out = self._capsys.readouterr().out
        if words[2] == "plan" and code == 0:
            self.plan_id = json.loads(out)["plan_id"]
        return code


@pytest.fixture
def operator(
    world: World,
    emulator: Emulator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Operator:
    target = Target(stack_name="prod", session=emulator.session, endpoint=emulator.url)
    monkeypatch.setitem(vars(target), "stack", world.stack)
    monkeypatch.setattr(cli.Options, "target", lambda _: target)
    return Operator(world, capsys)


def commands() -> list[str]:
    return [line for block in blocks("runbook/dlq-filling.md", "sh") for line in block.splitlines()]


def command(words: str) -> str:
    [found] = {line for line in commands() if line.startswith(f"zeroidle {words}")}
    return found


def test_from_alarm_to_empty_queue_by_the_page(world: World, operator: Operator) -> None:
    world.fail([make_job(f"job-{number}") for number in range(12)])
    world.fail([make_job(f"bad-{number}") for number in range(3)], code=ErrorCode.INVALID_JOB)
    plan_worthless = next(c for c in commands() if "invalid_job" in c)

    assert operator.gives(command("redrive inspect")) == 0
    assert operator.gives(command("job job-0")) == 0
    assert operator.gives(command("redrive reconcile")) == 4
    assert operator.gives(next(c for c in commands() if "'internal'" in c)) == 0
    assert operator.gives(command("redrive apply PLAN"), more="--yes --canary 0") == 0
    assert operator.gives(command("redrive status")) == 0
    assert operator.gives(plan_worthless) == 0
    assert operator.gives(command("redrive discard"), more="--yes") == 0
    assert operator.gives(command("redrive restore"), more="--yes") == 0
    assert operator.gives(plan_worthless) == 0
    assert operator.gives(command("redrive discard"), more="--yes") == 0
    assert operator.gives(command("redrive inspect")) == 4
    assert world.consume().total() == 12


def test_abort_by_the_page(world: World, operator: Operator) -> None:
    world.fail([make_job("a")])
    operator.gives(next(c for c in commands() if "'internal'" in c))

    assert operator.gives(command("redrive abort")) == 0
    assert operator.gives(command("redrive apply PLAN"), more="--yes") == 1
    assert world.depth() == (1, 0)


def test_the_native_move_by_the_page_is_refused_where_there_is_none(
    world: World, operator: Operator
) -> None:
    world.fail([make_job("a")])

    assert operator.gives(command("redrive apply --native"), more="--yes") == 1


def test_without_a_terminal_an_apply_needs_yes(world: World, operator: Operator) -> None:
    world.fail([make_job("a")])
    operator.gives(next(c for c in commands() if "'internal'" in c))

    assert operator.gives(command("redrive apply PLAN")) == 2
    assert world.depth() == (1, 0)


def test_the_worked_script_does_what_it_says(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    setup, *rest = blocks("redrive-script.md", "python")
    world.fail([make_job(f"a-{number}", tenant="acme") for number in range(4)])
    world.fail([make_job(f"b-{number}", tenant="beta") for number in range(3)])
    world.fail([make_job("bad")], code=ErrorCode.INVALID_JOB)
    module: dict[str, object] = {}
    exec(setup.split("redrive = ")[0], module)  # noqa: S102 - our own page
    module["redrive"] = world.redrive("night script of alice")
    script = "\n".join(rest).replace("canary=10", "canary=0")

    exec(script, module)  # noqa: S102 - our own page

    assert world.consume().total() == 7
    assert "1 discarded" in capsys.readouterr().out
    with pytest.raises(NothingToDoError):
        world.redrive().inspect()


def test_ctrl_c_stops_cleanly_and_the_rest_is_visible(world: World, operator: Operator) -> None:
    world.fail([make_job(f"job-{number}") for number in range(40)])
    operator.gives(next(c for c in commands() if "'internal'" in c))
    ctrl_c = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT))

    ctrl_c.start()
    code = operator.gives(command("redrive apply PLAN"), more="--yes --canary 0 --rate 8")
    ctrl_c.join()

    visible, hidden = world.depth()
    assert code == 3
    assert 0 < visible < 40
    assert hidden == 0
    assert visible + world.consume().total() == 40
