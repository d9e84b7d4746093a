"""The runbook's commands, run page by page as they stand there, on a stack of the module's own.

As each page says, `--local` stands for `--stack prod`. Whatever surprises a command is a failed
test: `main` lets it through as a traceback.
"""

import json
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from redrive_world import World

from zeroidle_contract import ErrorCode, Job
from zeroidle_ops import cli
from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.local_deployment import Settings
from zeroidle_ops.stack.target import Target

pytestmark = pytest.mark.emulator

ROOT = Path(__file__).parents[3]
PAGES = sorted((ROOT / "docs/runbook").glob("*.md"))
ZEROIDLE = Path(sys.executable).parent / "zeroidle"

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(zeroidle [^`]* --stack prod[^`]*)`")

STANDS_FOR = {
    "--stack prod": "--local",
    "864000": "-1",  # nobody waits here until a message is ten days old
}
ANSWERED = re.compile(r"redrive (apply|discard|restore)|scale (pause|resume|run)")
"""Commands that ask an operator, who says yes."""

TAKES_A_PLAN = re.compile(r"redrive (apply|discard|abort) PLAN")
"""Commands after which a plan has nothing left to do: each here gets one of its own."""

ENDS_WITH = {
    # The rows of all dead letters say already that their jobs failed.
    ("dlq-filling", "redrive reconcile"): 4,
    # SQS's own move is not in the emulator; tests/integration/redrive/test_native.py has it.
    ("dlq-filling", "redrive apply --native"): 1,
}
"""Exit codes other than 0."""


def commands(page: Path) -> list[str]:
    """All commands of the page's blocks and, named whole, of its text; in the page's order."""
    text = page.read_text()
    found = [
        (match.start(), line)
        for match in BLOCK.finditer(text)
        if match.group(1) == "sh"
        for line in match.group(2).splitlines()
    ]
    found += [(match.start(), match.group(1)) for match in INLINE.finditer(text)]
    return [line for _, line in sorted(found, key=lambda one: one[0])]


def expected(page: str, command: str) -> int:
    told = command.removeprefix("zeroidle ")
    return next(
        (
            code
            for (on, begins), code in ENDS_WITH.items()
            if on == page and told.startswith(begins)
        ),
        0,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Path]:
    """A folder in which `zeroidle local up` was run."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "build").mkdir()
    (folder / "build" / "emulator").symlink_to(ROOT / "build" / "emulator")
    stack = LocalStack(build=folder / "build")
    stack.up(settings, progress=lambda _: None)
    yield folder
    stack.down()


@pytest.fixture(scope="module")
def world(home: Path) -> Iterator[World]:
    """The stack, with the job that the pages ask for."""
    with LocalStack(build=home / "build").target() as target:
        with target.producer("claims") as producer:
            producer.submit(a_job("claim-4711", tenant="claims"))
            producer.wait(["claim-4711"], timeout_s=60)
        yield on(target)


def on(target: Target) -> World:
    return World(sqs=target.sqs, dynamodb=target.dynamodb, s3=target.s3, stack=target.stack)


def a_job(job_id: str, *, tenant: str) -> Job:
    return Job.model_validate(
        {
            "job_id": job_id,
            "tenant": tenant,
            "task": {"kind": "classify", "labels": ["a", "b"]},
            "document": {"text": "a letter"},
        }
    )


class Operator:
    """Works through a page. Dead letters are there when a plan is made."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self._world = world
        self._capsys = capsys
        self._ids = (f"job-{number}" for number in count())
        self._plan_command = ""
        self._plan_id = ""
        self._is_used = False

    def finds_dead_letters(self) -> None:
        self._world.sqs.purge_queue(QueueUrl=self._world.stack.dead_letter_queue_url)
        for code in (ErrorCode.INTERNAL, ErrorCode.INVALID_JOB):
            self._world.fail([a_job(next(self._ids), tenant="acme") for _ in range(3)], code=code)

    def gives(self, command: str) -> int:
        if TAKES_A_PLAN.search(command):
            if self._is_used:
                self.finds_dead_letters()
                assert self.gives(self._plan_command) == 0
            self._is_used = True
        words = shlex.split(command.replace("PLAN", self._plan_id))
        yes = ["--yes"] if ANSWERED.search(command) else []
        code = cli.main([*words[1:], *yes, "--json"])
        out = self._capsys.readouterr().out
        if "redrive plan" in command:
            self._plan_command, self._plan_id = command, json.loads(out)["plan_id"]
            self._is_used = False
        return code


@pytest.fixture
def operator(
    world: World, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Operator:
    monkeypatch.chdir(home)
    operator = Operator(world, capsys)
    operator.finds_dead_letters()
    return operator


def run_until_told(command: str, *, home: Path, ready: Callable[[str], None]) -> int:
    """Start what runs until Ctrl-C, hand its first line to `ready`, press Ctrl-C."""
    with subprocess.Popen(
        [ZEROIDLE, *shlex.split(command)[1:]],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            ready(line)
            process.send_signal(signal.SIGINT)
            return process.wait(60)
        finally:
            process.kill()


def serves_metrics(line: str) -> None:
    url = line.removeprefix("serving ").strip()
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - http
        assert b"zeroidle_queue_messages{" in answer.read()


def has_decided(line: str) -> None:
    assert json.loads(line)["decision"]["cause"]


UNTIL_TOLD: dict[str, tuple[str, Callable[[str], None]]] = {
    "zeroidle exporter": ("--port 0", serves_metrics),
    "zeroidle scale run": ("--yes --json", has_decided),
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_the_page_runs(page: Path, operator: Operator, home: Path) -> None:
    given = commands(page)
    assert given
    for command in given:
        assert command.startswith("zeroidle "), command
        meant = command
        for written, real in STANDS_FOR.items():
            meant = meant.replace(written, real)
        lasting = next(
            (how for begins, how in UNTIL_TOLD.items() if meant.startswith(begins)), None
        )
        if lasting is not None:
            more, ready = lasting
            code = run_until_told(f"{meant} {more}", home=home, ready=ready)
        else:
            code = operator.gives(meant)
        assert code == expected(page.stem, command), command
