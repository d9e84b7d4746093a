"""LocalStack's SQS as a process: the one local queue that is fast at depth and has move tasks.

It lives in an environment of its own (`make localstack`), binds 127.0.0.1 alone, and is stopped
with everything it started.
"""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from zeroidle_ops.errors import LocalStackError

PYTHON = Path("build/localstack/bin/python")
HOST = "127.0.0.1"
_START_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 10


class LocalStackSqs:
    """A running SQS on a free port, to be used in a `with` statement."""

    def __init__(self, python: Path = PYTHON) -> None:
        self._python = python.absolute()
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self._port: int = probe.getsockname()[1]

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://{HOST}:{self._port}"

    def __enter__(self) -> Self:
        if not self._python.exists():
            raise LocalStackError("LocalStack is not installed: run `make localstack`")
        self._folder = Path(tempfile.mkdtemp(prefix="localstack-"))
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own environment's program
                [str(self._python), "-m", "localstack.runtime.main"],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self._folder),
                    "TMPDIR": str(self._folder),
                    "FILESYSTEM_ROOT": str(self._folder),
                    "DISABLE_EVENTS": "1",
                    "SKIP_SSL_CERT_DOWNLOAD": "1",
                    "SERVICES": "sqs",
                    "GATEWAY_LISTEN": f"{HOST}:{self._port}",
                    "SQS_ENDPOINT_STRATEGY": "path",
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._await_health()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def _await_health(self) -> None:
        give_up_at_s = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < give_up_at_s:
            if self._process is None or self._process.poll() is not None:
                break
            connection = http.client.HTTPConnection(HOST, self._port, timeout=2)
            with suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/_localstack/health")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    connection.close()
                    return
            connection.close()
            time.sleep(0.2)
        tail = (self._folder / "log").read_text(errors="replace")[-1000:]
        raise LocalStackError(f"LocalStack did not start; its log ends: {tail}")

    def _stop(self) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_TIMEOUT_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
