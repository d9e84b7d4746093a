"""The stack on this machine: the same template, handler, mapping, table and IAM that ship.

    with local_stack(Settings(model=path)) as target:
        target.producer().submit(job)

A folder (`build/local`) belongs to one local stack: its lock is held by the emulator process as
long as that lives, so a stale `state.json` is never mistaken for a running stack.
"""

import fcntl
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import boto3

from zeroidle_ops.errors import LocalStackError, NotRunningError
from zeroidle_ops.stack import emulator
from zeroidle_ops.stack.emulator import Emulator, Progress
from zeroidle_ops.stack.local_deployment import BUILD, Settings, deploy
from zeroidle_ops.stack.target import Target

STACK_NAME: Final = "zeroidle-local"


@dataclass(frozen=True, kw_only=True)
class LocalState:
    """What `state.json` holds."""

    endpoint: str
    pid: int
    port: int
    stack_name: str
    settings: str
    model: str

    @property
    def emulator(self) -> Emulator:
        """The process."""
        return Emulator(pid=self.pid, port=self.port)


class LocalStack:
    """One local stack and the folder that belongs to it."""

    def __init__(self, *, build: Path = BUILD, name: str = "local") -> None:
        self._environment = build / "emulator"
        self.home = build / name

    @property
    def logs(self) -> Path:
        """Where the emulator and the function write."""
        return self.home / "logs"

    @property
    def _function_log(self) -> Path:
        return self.logs / "function.log"

    @property
    def _state_file(self) -> Path:
        return self.home / "state.json"

    def status(self) -> LocalState:
        """The running stack.

        Raises:
            NotRunningError: there is none.
        """
        lock = self._lock()
        if lock is not None:
            os.close(lock)
            raise NotRunningError(self._not_running())
        try:
            return LocalState(**json.loads(self._state_file.read_text()))
        except FileNotFoundError:
            raise NotRunningError(
                "the local stack is just being started or stopped; try again in a moment"
            ) from None

    def target(self, *, connections: int = 10) -> Target:
        """The running stack's target. Raises NotRunningError."""
        state = self.status()
        if not state.emulator.is_healthy():
            raise NotRunningError(
                f"the local emulator at {state.endpoint} does not answer; run "
                "`zeroidle local down`, then `zeroidle local up`"
            )
        return _target(state.endpoint, connections=connections)

    def check_function(self) -> None:
        """For who waits and sees nothing end: is it in vain?

        Raises:
            LocalStackError: the function gave back its last batch as a whole, which on this machine
                means a broken model or setting.
        """
        target = self.target()
        mapping = target.lambda_.get_event_source_mapping(UUID=target.stack.event_source_mapping_id)
        if mapping.get("LastProcessingResult", "").startswith(("FAILED", "OK - 0 records")):
            raise LocalStackError(f"the function fails; see the end of {self._function_log}")

    def up(self, settings: Settings, *, progress: Progress) -> bool:
        """Start what is not running yet. True when it was started, False when it ran already.

        Raises:
            LocalStackError: no model, no emulator, no deployment; or a stack with other settings
                runs.
        """
        settings = settings.resolved()
        lock = self._lock()
        if lock is None:
            if self.status().settings != settings.fingerprint():
                raise LocalStackError(
                    "a local stack with other settings is running; stop it first with "
                    "`zeroidle local down`"
                )
            return False
        try:
            self._start(settings, lock=lock, progress=progress)
        finally:
            os.close(lock)  # the emulator, if it lives, keeps it locked
        return True

    def _start(self, settings: Settings, *, lock: int, progress: Progress) -> None:
        self._state_file.unlink(missing_ok=True)
        shutil.rmtree(self.logs, ignore_errors=True)
        emulator.install(self._environment, progress=progress)
        progress("starting the AWS emulator on 127.0.0.1")
        running = emulator.start(self._environment, home=self.home, lock=lock)
        try:
            progress("deploying the stack")
            with _target(running.endpoint) as target:
                deploy(target, settings, function_log=self._function_log)
            state = LocalState(
                endpoint=running.endpoint,
                pid=running.pid,
                port=running.port,
                stack_name=STACK_NAME,
                settings=settings.fingerprint(),
                model=settings.model.name,
            )
            self._state_file.write_text(json.dumps(asdict(state), indent=2) + "\n")
        except BaseException:
            emulator.stop(running)
            raise

    def down(self) -> bool:
        """Stop the emulator and the functions. True when something was running."""
        lock = self._lock()
        if lock is not None:
            os.close(lock)
            self._state_file.unlink(missing_ok=True)
            return False
        emulator.stop(self.status().emulator)
        self._state_file.unlink(missing_ok=True)
        shutil.rmtree(self.home / "tmp", ignore_errors=True)
        return True

    def _lock(self) -> int | None:
        """The folder's lock, or None where a running stack holds it."""
        self.home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _not_running(self) -> str:
        if self._state_file.exists():
            return (
                "the local emulator has stopped by itself; see "
                f"{self.logs / 'emulator.log'}, then start it again with `zeroidle local up`"
            )
        return f"no local stack runs (looked in {self.home}); start it with `zeroidle local up`"


@contextmanager
def local_stack(
    settings: Settings | None = None,
    *,
    build: Path = BUILD,
    name: str = "local",
    keep: bool = False,
    progress: Progress = lambda _: None,
) -> Iterator[Target]:
    """A running stack for the length of a block; whatever ends the block, nothing is left running.

    A stack that ran already with the same settings is used and left as it was. With `keep` it
    stays up.
    """
    stack = LocalStack(build=build, name=name)
    with _terminate_as_interrupt():
        started = stack.up(settings or Settings(), progress=progress)
        try:
            with stack.target() as target:
                yield target
        finally:
            if started and not keep:
                stack.down()


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that `finally` runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        # Once is enough: a second signal must not cut the shutdown short.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _target(endpoint: str, *, connections: int = 10) -> Target:
    session = boto3.Session(
        aws_access_key_id=emulator.ROOT_KEY,
        aws_secret_access_key=emulator.ROOT_KEY,
        region_name=emulator.REGION,
    )
    return Target(
        stack_name=STACK_NAME, session=session, endpoint=endpoint, connections=connections
    )
