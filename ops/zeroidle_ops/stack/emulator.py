"""The AWS emulator as a process: its own environment, its start, its health and its end.

It binds 127.0.0.1 alone, on a free port, because it runs whatever code it is given. It knows
nothing of zeroidle's stack.
"""

import fcntl
import hashlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from zeroidle_ops.errors import LocalStackError

HOST: Final = "127.0.0.1"
REGION: Final = "us-east-1"
ROOT_KEY: Final = "test"
"""The emulator's root account: key and secret are this word."""

_SERVICES = "sqs,dynamodb,lambda,s3,cloudformation,cloudwatch,logs,iam,sts,events,kms,ecr,sns,pipes"
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 3.0
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL")

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """A running emulator: the leader of a process group of its own."""

    pid: int
    port: int

    @property
    def endpoint(self) -> str:
        """The URL that stands for every AWS service."""
        return f"http://{HOST}:{self.port}"

    def is_healthy(self) -> bool:
        """True when it answers."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def install(folder: Path, *, progress: Progress) -> None:
    """Make the emulator's environment, unless it is there in the wanted versions.

    Raises:
        LocalStackError: it cannot be installed.
    """
    requirements = resources.files(__package__).joinpath("emulator-requirements.txt").read_text()
    stamp = folder / "requirements.sha256"
    wanted = hashlib.sha256(requirements.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    progress("installing the AWS emulator")
    folder.mkdir(parents=True, exist_ok=True)
    with _exclusive(folder / "install.lock"):
        if stamp.is_file() and stamp.read_text() == wanted:
            return  # someone else installed it while we waited
        listed = folder / "requirements.txt"
        listed.write_text(requirements)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin/pip"), "install", "--quiet", "--requirement", str(listed)])
        stamp.write_text(wanted)


def start(folder: Path, *, home: Path, lock: int) -> Emulator:
    """Start the emulator that is installed in `folder`; its files and log go to `home`.

    The process inherits `lock`, the descriptor of a locked file, and so holds the lock as long as
    it lives. Next to nothing of our environment reaches it and, through it, the functions: real
    AWS credentials least of all.

    Raises:
        LocalStackError: it did not start.
    """
    port = _free_port()
    scratch = (home / "tmp").resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    log = home / "logs" / "emulator.log"
    log.parent.mkdir(exist_ok=True)
    os.set_inheritable(lock, True)  # noqa: FBT003 - the standard library's signature
    # Not subprocess: its object would have to live as long as the emulator, which outlives us.
    pid = os.posix_spawn(
        program := str(folder / "bin/ministack"),
        [program],
        {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "TMPDIR": str(scratch),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "GATEWAY_PORT": str(port),
            "SERVICES": _SERVICES,
            "AUTH": "true",  # IAM is enforced, so that the template's roles are tried daily
            "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_DEFAULT_REGION": REGION,
        },
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    emulator = Emulator(pid=pid, port=port)
    try:
        _await_health(emulator, log)
    except BaseException:
        stop(emulator)
        raise
    return emulator


def _await_health(emulator: Emulator, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not emulator.is_healthy():
        if not _lives(emulator.pid) or time.monotonic() > deadline:
            tail = " ".join(log.read_text(errors="replace").split()[-40:])
            raise LocalStackError(f"the emulator did not start; its log ({log}) ends: {tail}")
        time.sleep(0.05)


def stop(emulator: Emulator) -> None:
    """End the emulator and every function process in its group.

    At once: what they hold is gone with them anyway.
    """
    with suppress(ProcessLookupError):
        os.killpg(emulator.pid, signal.SIGKILL)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while _lives(emulator.pid) and time.monotonic() < deadline:
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:  # started by another process, which is gone: init reaps it
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a file's lock."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode != 0:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise LocalStackError(
            f"the emulator cannot be installed ({' '.join(reason)}); check the network and pip"
        )
