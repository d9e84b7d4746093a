"""The function's settings, parsed once from its environment. All mistakes are reported together."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from zeroidle_inference.errors import SettingsError

PREFIX = "ZEROIDLE_"

DEFAULT_CONTEXT_TOKENS = 4096
"""Of one sequence; the image's build checks the model's memory with it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the function is told by its environment.

    `context_tokens` is what one sequence may hold, prompt and answer together. `memory_bytes` is
    the function's memory, None outside of Lambda. `xray_daemon` is the address of X-Ray's daemon,
    None where there is none.
    """

    model_path: Path
    jobs_table: str
    bucket: str
    queue_url: str
    dead_letter_queue_url: str
    threads: int
    context_tokens: int
    max_sequences: int
    max_attempts: int
    prefix_states: Path | None
    memory_bytes: int | None
    function_name: str
    xray_daemon: str | None
    waits_in_init: bool

    @classmethod
    def parse(cls, environ: Mapping[str, str]) -> Self:
        """Read `ZEROIDLE_*` and what Lambda sets.

        Raises:
            SettingsError: with every mistake in one message.
        """
        read = _Reader(environ)
        prefix_states = read.text("PREFIX_STATES", default="")
        settings = cls(
            model_path=Path(read.text("MODEL_PATH")),
            jobs_table=read.text("JOBS_TABLE"),
            bucket=read.text("BUCKET"),
            queue_url=read.url("QUEUE_URL"),
            dead_letter_queue_url=read.url("DEAD_LETTER_QUEUE_URL"),
            threads=read.integer("THREADS", 1, 1024, default=_cpus_available),
            context_tokens=read.integer(
                "CONTEXT_TOKENS", 128, 1 << 20, default=lambda: DEFAULT_CONTEXT_TOKENS
            ),
            max_sequences=read.integer("MAX_SEQUENCES", 1, 128, default=lambda: 16),
            max_attempts=read.integer("MAX_ATTEMPTS", 1, 100, default=lambda: 3),
            prefix_states=Path(prefix_states) if prefix_states else None,
            memory_bytes=_memory_bytes(environ),
            function_name=environ.get("AWS_LAMBDA_FUNCTION_NAME", "zeroidle"),
            xray_daemon=environ.get("AWS_XRAY_DAEMON_ADDRESS"),
            # Provisioned environments are frozen when init ends: what is not loaded then is cold.
            waits_in_init=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
            == "provisioned-concurrency",
        )
        read.finish()
        return settings


def _cpus_available() -> int:
    return len(os.sched_getaffinity(0))


def _memory_bytes(environ: Mapping[str, str]) -> int | None:
    mebibytes = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    return int(mebibytes) << 20 if mebibytes is not None else None


class _Reader:
    """Reads variables one by one and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known: set[str] = set()
        self._mistakes: list[str] = []

    def text(self, name: str, *, default: str | None = None) -> str:
        name = PREFIX + name
        self._known.add(name)
        value = self._environ.get(name, "").strip()
        if value:
            return value
        if default is None:
            self._mistakes.append(f"{name} is not set")
        return default or ""

    def url(self, name: str) -> str:
        value = self.text(name)
        if value and urlsplit(value).scheme not in {"http", "https"}:
            self._mistakes.append(f"{PREFIX}{name} is not a URL")
        return value

    def integer(self, name: str, low: int, high: int, *, default: Callable[[], int]) -> int:
        value = self.text(name, default="")
        if not value:
            return default()
        if not value.isdecimal() or not low <= int(value) <= high:
            self._mistakes.append(f"{PREFIX}{name} is not a whole number from {low} to {high}")
            return default()
        return int(value)

    def finish(self) -> None:
        """Report the mistakes; a misspelt name would otherwise be dropped in silence."""
        unknown = sorted(
            name for name in self._environ if name.startswith(PREFIX) and name not in self._known
        )
        self._mistakes += [f"{name} is no setting of this function" for name in unknown]
        if self._mistakes:
            raise SettingsError(self._mistakes)
