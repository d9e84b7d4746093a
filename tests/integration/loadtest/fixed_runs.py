"""Short load tests of the stack whose function takes a fixed time, and what tests wait for."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from zeroidle_loadtest.driving import Drive
from zeroidle_ops.stack.local import LocalStack


def write_scenario(folder: Path, **changes: Any) -> Path:
    path = folder / "scenario.json"
    path.write_text(
        json.dumps(
            {
                "name": "test",
                "duration_s": 2.5,
                "drain_s": 30,
                "arrivals": {"kind": "constant", "rate_per_s": 8},
                "valid": {"lag_p99_ms": 2000},
                "mix": [
                    {
                        "name": "short",
                        "task": {"kind": "classify", "labels": ["a", "b"]},
                        "tokens": 20,
                    }
                ],
                **changes,
            }
        )
    )
    return path


def drive(stack: LocalStack, tmp_path: Path, *, workers: int = 1) -> Drive:
    return Drive(results=tmp_path / "runs", local=stack.home, workers=workers)


def as_if_aws(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3's own settings lead to the emulator."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.status().endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def until(condition: Any, timeout_s: float = 60.0) -> None:
    give_up_at_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at_s, "it did not happen in time"
        time.sleep(0.1)
