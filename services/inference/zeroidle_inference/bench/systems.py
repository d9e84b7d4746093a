"""The systems under measurement, each in a process of its own and stopped while others run.

Ours and llama-cpp-python's high-level class speak lines of JSON; llama-server and the example
server of llama-cpp-python speak OpenAI's HTTP. Time and memory are taken from outside, alike.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from zeroidle_inference.bench.workloads import Call, Item, Workload

CONTEXT_TOKENS = 1024
"""What one sequence can hold, in every system: enough for each workload."""

READY_WITHIN_S = 180.0
_REQUEST_TIMEOUT_S = 900.0
_ALWAYS = 100.0
_NEVER = -1000.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class PeerError(Exception):
    """A system under measurement did not start, or answered with an error."""


@dataclass(frozen=True)
class Answers:
    """What a system made of a batch. `details` is only ours: the efficiency account."""

    outputs: list[Any]
    output_tokens: int
    details: dict[str, Any] = field(default_factory=dict)


class System(Protocol):
    """A running system."""

    name: str
    pid: int

    def run(self, workload: Workload, items: Sequence[Item], setting: str) -> Answers:
        """Do a batch, all of it at once if the system can."""
        ...

    def close(self) -> None:
        """End the process."""
        ...


class Paused:
    """Keeps a system's process from running except inside `with`."""

    def __init__(self, system: System) -> None:
        self.system = system
        os.kill(system.pid, signal.SIGSTOP)

    def __enter__(self) -> System:
        """Let it run."""
        os.kill(self.system.pid, signal.SIGCONT)
        return self.system

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        os.kill(self.system.pid, signal.SIGSTOP)

    def close(self) -> None:
        """End it."""
        os.kill(self.system.pid, signal.SIGCONT)
        self.system.close()


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def peak_rss_mib(pid: int) -> float:
    """The most memory a process has had resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise PeerError(f"process {pid} has no memory of its own; it has ended")


class LineSystem:
    """A process that answers a line of JSON with a line of JSON."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._process = subprocess.Popen(  # noqa: S603 - a command of ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.pid = self._process.pid
        self._read()

    def run(self, workload: Workload, items: Sequence[Item], setting: str) -> Answers:
        """See `System`."""
        if setting:
            answer = self.ask({"calls": [asdict(item.calls[setting]) for item in items]})
            return Answers(answer["outputs"], answer["output_tokens"])
        answer = self.ask(
            {
                "task": workload.task.model_dump(mode="json"),
                "documents": [item.document for item in items],
                "pin": workload.pin,
            }
        )
        return Answers(answer.pop("outputs"), answer.pop("output_tokens"), answer)

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """A line there, a line back."""
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe
        line = self._process.stdout.readline()
        if not line:
            raise PeerError(f"{self.name} ended with code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """See `System`."""
        self._process.communicate()


class HttpSystem:
    """A server of OpenAI's chat completions; all requests of a batch are sent at once."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        port: int,
        health: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(  # noqa: S603 - a command of ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
        self.pid = self._process.pid
        self._wait(health)

    def _wait(self, health: str) -> None:
        until_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < until_s and self._process.poll() is None:
            try:
                with urllib.request.urlopen(self._url + health, timeout=5):  # noqa: S310 - http
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        self._process.kill()
        raise PeerError(f"{self.name} did not become ready")

    def run(self, workload: Workload, items: Sequence[Item], setting: str) -> Answers:
        """See `System`."""
        del workload
        with ThreadPoolExecutor(len(items)) as pool:
            answers = list(pool.map(lambda item: self._complete(item.calls[setting]), items))
        return Answers([text for text, _ in answers], sum(tokens for _, tokens in answers))

    def _complete(self, call: Call) -> tuple[str, int]:
        request = urllib.request.Request(  # noqa: S310 - http
            self._url + "/v1/chat/completions",
            json.dumps(body(call)).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_REQUEST_TIMEOUT_S) as response:  # noqa: S310
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise PeerError(f"{self.name} answered {error.code}: {error.read()!r}") from error
        text = answer["choices"][0]["message"]["content"] or ""
        return text, answer["usage"]["completion_tokens"]

    def close(self) -> None:
        """See `System`."""
        self._process.terminate()
        self._process.wait()


def body(call: Call) -> dict[str, Any]:
    """A call as OpenAI's chat completions take it."""
    wanted: dict[str, Any] = {
        "messages": list(call.messages),
        "max_tokens": call.max_tokens,
        "temperature": 0.0,
    }
    if call.schema is not None:
        wanted["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": call.schema},
        }
    bias = dict.fromkeys(call.always, _ALWAYS) | dict.fromkeys(call.never, _NEVER)
    if bias:
        wanted["logit_bias"] = {str(token): value for token, value in bias.items()}
    return wanted


def drop_page_cache() -> bool:
    """Make the next read of any file a cold one. False, and nothing done, without the right to."""
    switch = Path("/proc/sys/vm/drop_caches")
    if not os.access(switch, os.W_OK):
        return False
    os.sync()
    switch.write_text("3\n")
    return True


def exit_on_terminate() -> None:
    """Make SIGTERM an ordinary exit, so that every system is ended on the way out."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
