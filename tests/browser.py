"""Headless Chromium, spoken to through a pipe: what a page asked for, what went wrong, pictures.

Its DevTools protocol needs no port and no library. For tests of pages, and for the documents'
screenshots.
"""

import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_S = 60.0


class BrowserError(Exception):
    """The browser did not answer, or refused."""


@dataclass
class Seen:
    """What a page did while it was loaded."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def find_browser() -> str | None:
    """The program, where there is one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Browser:
    """One browser with one page. `folder` holds its profile."""

    def __init__(self, *, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._calls = 0
        self._buffer = b""
        self._session = ""
        self._on_event: Callable[[str, dict[str, Any]], None] = lambda _, __: None

    def __enter__(self) -> Self:
        their_in, self._out = os.pipe()
        self._in, their_out = os.pipe()

        # The protocol's two pipes are file descriptors 3 and 4 of the browser.
        shell = f'exec "$0" "$@" 3<&{their_in} 4>&{their_out}'
        self._process = subprocess.Popen(
            [
                "bash",
                "-c",
                shell,
                self._program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                f"--user-data-dir={self._folder}",
                "--remote-debugging-pipe",
                "about:blank",
            ],
            pass_fds=(their_in, their_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(their_in)
        os.close(their_out)
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Page", "Network", "Runtime", "Log"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        os.close(self._out)
        os.close(self._in)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """One call of the protocol and its answer; events that arrive meanwhile are seen."""
        self._calls += 1
        message: dict[str, Any] = {"id": self._calls, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        give_up_at = time.monotonic() + TIMEOUT_S
        while time.monotonic() < give_up_at:
            answer = self._receive()
            if answer.get("id") == self._calls:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            if "method" in answer:
                self._on_event(answer["method"], answer.get("params", {}))
        raise BrowserError(f"{method}: no answer in {TIMEOUT_S:g} s")

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            chunk = os.read(self._in, 1 << 20)
            if not chunk:
                raise BrowserError("the browser ended")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def look(self, *, width: int, height: int, dark: bool = False, phone: bool = False) -> None:
        """The size and the colours of the window that pages are shown in."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, page: Path) -> Seen:
        """Load a page of this machine and tell what it did."""
        seen = Seen()
        loaded = False

        def on_event(method: str, parameters: dict[str, Any]) -> None:
            nonlocal loaded
            match method:
                case "Network.requestWillBeSent":
                    seen.requests.append(parameters["request"]["url"])
                case "Runtime.exceptionThrown":
                    seen.errors.append(str(parameters["exceptionDetails"]))
                case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                    seen.errors.append(parameters["entry"]["text"])
                case "Page.loadEventFired":
                    loaded = True

        self._on_event = on_event
        self.call("Page.navigate", url=page.resolve().as_uri())
        give_up_at = time.monotonic() + TIMEOUT_S
        while not loaded and time.monotonic() < give_up_at:
            self.run("1")
            time.sleep(0.02)
        self.run("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
        return seen

    def run(self, script: str) -> Any:
        """The value of a script in the page, awaited."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def picture(self, to: Path, *, whole: bool = False, selector: str | None = None) -> None:
        """A PNG of the window, of the whole page, or of one element."""
        is_beyond = whole or selector is not None
        options: dict[str, Any] = {"format": "png", "captureBeyondViewport": is_beyond}
        if selector is not None:
            box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
            script = (
                f"(() => {{const b = {box}; return [b.x, b.y + scrollY, b.width, b.height]}})()"
            )
            options["clip"] = dict(
                zip(("x", "y", "width", "height"), self.run(script), strict=True), scale=1
            )
        elif whole:
            width, height = self.run("[innerWidth, document.documentElement.scrollHeight]")
            options["clip"] = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        to.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **options)["data"]))
