"""Starts Locust as a process of its own and waits for it. Does not import it.

Locust must patch sockets before anything opens one, so it cannot run in a process that has already
spoken to AWS.
"""

import os
import signal
import socket
import subprocess
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import boto3

from zeroidle_loadtest.errors import DriveError
from zeroidle_loadtest.record import RUN_FILE
from zeroidle_loadtest.scenario import Closed, Scenario, load_scenario
from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.target import Target

LOCUSTFILE = Path(str(resources.files("zeroidle_loadtest"))) / "swarm" / "locustfile.py"
LOG_FILE = "locust.log"


@dataclass(frozen=True, kw_only=True)
class Drive:
    """Where and how to drive. Give `stack` (on AWS) or `local` (the local stack's folder)."""

    results: Path
    slo: Path | None = None
    stack: str | None = None
    local: Path | None = None
    workers: int = 1

    def target(self) -> Target:
        """The stack."""
        if self.local is not None:
            return LocalStack(build=self.local.parent, name=self.local.name).target()
        return Target(stack_name=self.stack or "", session=boto3.Session())

    def run(self, scenario: Path, *, run_id: str | None = None) -> Path:
        """Drive one run to its end; its folder.

        Ctrl-C is handed to Locust, which ends the run in good order: the folder then holds what
        there is.

        Raises:
            ScenarioError: the scenario cannot be read.
            DriveError: Locust ended without a run; its last words are in the message.
        """
        parsed = load_scenario(scenario)
        run_id = run_id or new_run_id()
        folder = self.results / run_id
        self.results.mkdir(parents=True, exist_ok=True)
        log = self.results / f"{run_id}.log"
        with log.open("w") as file:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter
                self.command(scenario, parsed, run_id),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal must not reach it on its own
            )
            code = _wait(process)
        if not (folder / RUN_FILE).is_file():
            raise DriveError(f"the load could not be driven (exit code {code}): {_last_words(log)}")
        log.replace(folder / LOG_FILE)
        return folder

    def command(self, file: Path, scenario: Scenario, run_id: str) -> list[str]:
        """Locust's command line."""
        users = scenario.senders * self.workers
        if isinstance(scenario.arrivals, Closed):
            users = scenario.arrivals.clients
        arguments = [
            *(sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE)),
            *("--headless", "--only-summary"),
            *("--users", str(users), "--spawn-rate", str(min(100, users))),
            *("--scenario", str(file), "--results", str(self.results), "--run-id", run_id),
        ]
        arguments += ["--stack", self.stack] if self.stack else []
        arguments += ["--local-stack", str(self.local)] if self.local else []
        arguments += ["--slo", str(self.slo)] if self.slo else []
        if self.workers > 1:
            arguments += ["--processes", str(self.workers), *_master_port()]
        return arguments


def new_run_id() -> str:
    """A name that sorts as time does."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"


def _master_port() -> list[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    local = "127.0.0.1"
    return ["--master-bind-host", local, "--master-bind-port", port, "--master-port", port]


def _wait(process: "subprocess.Popen[bytes]") -> int:
    """The exit code. Each interrupt is handed on; whatever happens, nothing is left running."""
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    told = [line.removeprefix("zeroidle-load: ") for line in lines if "zeroidle-load: " in line]
    return told[-1] if told else " ".join(lines[-3:])
