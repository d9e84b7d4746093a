"""Which changes of a row are told as completions: the template's filters, asked of EventBridge."""

import json
from typing import Any

import pytest
from cfnlint.decode import decode_str  # type: ignore[import-untyped] # it ships no types

from emulator import Emulator
from zeroidle_ops.stack import deploy

pytestmark = pytest.mark.emulator


def is_told(emulator: Emulator, before: str | None, after: str) -> bool:
    """True when one of the pipe's filters takes the change."""
    decoded, _ = decode_str(deploy.template())
    source = decoded["Resources"]["CompletionPipe"]["Properties"]["SourceParameters"]
    change: dict[str, Any] = {"NewImage": {"status": {"S": after}}}
    if before is not None:
        change["OldImage"] = {"status": {"S": before}}
    event = {
        "id": "1",
        "account": "000000000000",
        "source": "aws:dynamodb",
        "time": "2026-11-24T15:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail-type": "change",
        "detail": {"eventName": "INSERT" if before is None else "MODIFY", "dynamodb": change},
    }
    events = emulator.session.client("events", endpoint_url=emulator.url)
    try:
        return any(
            events.test_event_pattern(
                EventPattern=json.dumps({"detail": json.loads(one["Pattern"])}),
                Event=json.dumps(event),
            )["Result"]
            for one in source["FilterCriteria"]["Filters"]
        )
    finally:
        events.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("running", "succeeded"),
        ("running", "failed"),
        ("queued", "failed"),
        ("queued", "cancelled"),
        ("running", "cancelled"),
        (None, "failed"),
    ],
)
def test_a_job_that_has_ended_is_told(emulator: Emulator, before: str | None, after: str) -> None:
    assert is_told(emulator, before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "queued"),
        ("queued", "running"),
        ("running", "running"),
        ("running", "queued"),
        ("failed", "running"),
        ("succeeded", "cancelled"),
    ],
)
def test_other_changes_are_not_told(emulator: Emulator, before: str | None, after: str) -> None:
    assert not is_told(emulator, before, after)
