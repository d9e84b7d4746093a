"""Requests of a finished run, written by hand: their folder, and one that succeeded."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zeroidle_loadtest.record import REQUESTS_FILE, RequestRecord


def succeeded(name: str, **changes: Any) -> RequestRecord:
    """Due at once, queued for 100 ms, read for 900 ms: done after a second, for 10 GB-s."""
    fields: dict[str, Any] = {
        "job_id": name,
        "task": "classify",
        "sample": "short",
        "worker": 0,
        "intended_ms": 0.0,
        "sent_ms": 0.0,
        "publish_ms": 5.0,
        "outcome": "succeeded",
        "completed_ms": 1000.0,
        "queued_ms": 100,
        "prefill_ms": 900,
        "prompt_tokens": 100,
        "cached_tokens": 40,
        "sampled_tokens": 2,
        "gb_seconds": 10.0,
        "attempts": 1,
        "invocation": "i",
    }
    return RequestRecord(**{**fields, **changes})


def write_requests(folder: Path, requests: Iterable[RequestRecord]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REQUESTS_FILE).write_text(
        "".join(one.model_dump_json(exclude_defaults=True) + "\n" for one in requests)
    )
    return folder
