"""Lambda's Runtime API in one small server: it hands events to one function process and freezes
that process between them, as Lambda does.
"""

import http.server
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

VERSION = "/2018-06-01/runtime"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:zeroidle:live"
TRACE = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"
WAIT_S = 120


class FrozenFunction:
    """A process of `python -m awslambdaric`, stopped whenever it asks for the next event."""

    def __init__(self, handler: str, environment: Mapping[str, str]) -> None:
        self._handler = handler
        self._environment = environment
        self._asked = threading.Event()
        self._events: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._request_handler())
        self._server.daemon_threads = True
        self.init_s = 0.0

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._began_s = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", self._handler],
            env={
                "PATH": os.environ["PATH"],
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
                **self._environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._output: list[bytes] = []
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._server.shutdown()
        self._server.server_close()

    @property
    def output(self) -> str:
        """What the process has printed: all of it once it has ended, behind the `with`."""
        return b"".join(self._output).decode()

    def await_end_of_init(self) -> None:
        """Until the process asks for its first event; from then on it stands still."""
        assert self._asked.wait(WAIT_S), self.output

    def invoke(
        self, event: Any, *, request_id: str, timeout_s: float = 120, trace: str = TRACE
    ) -> Any:
        """Let the process go on with this event until it has answered.

        Returns:
            The handler's answer, or what it raised as Lambda would report it.
        """
        self.await_end_of_init()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(round((time.time() + timeout_s) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": trace,
        }
        self._asked.clear()
        self._process.send_signal(signal.SIGCONT)
        self._events.put((headers, json.dumps(event).encode()))
        _, answer = self._answers.get(timeout=WAIT_S)
        return answer

    def _freeze(self) -> None:
        if not self.init_s:
            self.init_s = time.monotonic() - self._began_s
        self._process.send_signal(signal.SIGSTOP)
        self._asked.set()

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                self._output.append(line)

    def _request_handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        function = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                function._freeze()
                headers, body = function._events.get()
                self._reply(200, headers, body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._reply(202, {}, b"{}")
                function._answers.put((self.path.removeprefix(VERSION), json.loads(body)))

            def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                # The runtime client crashes where an answer has no type.
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing: pytest shows what matters."""

        return Handler
