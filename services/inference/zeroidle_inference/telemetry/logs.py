"""Structured logs: one JSON object a line on stdout, which Lambda carries to CloudWatch.

Text of documents, prompts and answers never gets here. Messages of unexpected exceptions may quote
it, so of such an exception only its type and where it came from are written (`where`).
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import IO, Any

LOGGER_NAME = "zeroidle"


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: when, how grave, and the fields that were given."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] = getattr(record, "fields", {})
        line = {
            "timestamp": moment.replace("+00:00", "Z"),
            "level": record.levelname,
            "action": record.getMessage(),
            **fields,
        }
        return json.dumps(line, separators=(",", ":"), default=str)


def configure(stream: IO[str] | None = None) -> logging.Logger:
    """The service's logger, writing to `stream` (stdout) alone."""
    logger = logging.getLogger(LOGGER_NAME)
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter())
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    # The Lambda client puts a handler of its own on the root logger: one line is enough.
    logger.propagate = False
    return logger


class Log:
    """Writes lines with the fields it is bound to."""

    def __init__(self, logger: logging.Logger, **bound: object) -> None:
        self._logger = logger
        self._bound = bound

    def bind(self, **fields: object) -> "Log":
        """A log that adds these fields to every line."""
        return Log(self._logger, **{**self._bound, **fields})

    def info(self, action: str, **fields: object) -> None:
        """Something happened."""
        self._write(logging.INFO, action, fields)

    def warning(self, action: str, **fields: object) -> None:
        """Something is odd, and was dealt with."""
        self._write(logging.WARNING, action, fields)

    def error(self, action: str, **fields: object) -> None:
        """Somebody should look."""
        self._write(logging.ERROR, action, fields)

    def _write(self, level: int, action: str, fields: dict[str, object]) -> None:
        present = {
            name: value for name, value in {**self._bound, **fields}.items() if value is not None
        }
        self._logger.log(level, action, extra={"fields": present})


def where(error: BaseException) -> str:
    """The innermost place of our own code that an exception came through: `module.function`."""
    frames = [
        frame
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").startswith("zeroidle_")
    ]
    if not frames:
        return "unknown"
    innermost = frames[-1]
    return f"{innermost.f_globals['__name__']}.{innermost.f_code.co_name}"
