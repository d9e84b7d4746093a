"""Snapshots that tests show: a busy stack with dead letters."""

from dataclasses import replace
from datetime import UTC, datetime

from zeroidle_ops.observe.snapshot import (
    Activity,
    Cause,
    DeadLetters,
    Decision,
    Limits,
    QueueLevel,
    Snapshot,
    Spend,
)

LIMITS = Limits(
    mapping_state="Enabled",
    maximum=10,
    reserved=20,
    provisioned=2,
    account=1000,
    account_unreserved=980,
    batch_size=10,
    timeout_s=300,
    memory_gb=10,
    architecture="arm64",
)
ACTIVITY = Activity(
    window_s=300,
    invocations=60,
    errors=0,
    throttles=3,
    busy_s=1500,
    longest_s=44.2,
    concurrent=None,
    oldest_age_s=75,
    jobs=600,
    failed=2,
    returned=0,
    queue_wait_p95_s=61.5,
    dependency_down=None,
)
LETTERS = DeadLetters(
    messages=12,
    seen=12,
    is_partial=False,
    by_cause={
        Cause(code="internal", fingerprint="a1b2c3d4e5f6"): 9,
        Cause(code="moved_by_sqs", fingerprint="moved_by_sqs"): 3,
    },
    expires_in_s=9 * 86_400.0,
)
BUSY = Snapshot(
    stack_name="prod",
    at=datetime(2026, 11, 24, 3, 12, 5, tzinfo=UTC),
    queue=QueueLevel(waiting=1204, in_flight=87, delayed=0),
    dead_letters=LETTERS,
    limits=LIMITS,
    activity=ACTIVITY,
    spend=Spend(compute_usd_per_h=2.4, requests_usd_per_h=0.0001, provisioned_usd_per_h=0.24),
)

DECIDED = replace(
    BUSY,
    decisions=(
        Decision(
            at=datetime(2026, 11, 24, 3, 11, tzinfo=UTC),
            target=12,
            cause="backlog",
            reason="the backlog needs 12",
        ),
    ),
)


def with_causes(count: int) -> Snapshot:
    """`count` causes, of 1, 2, 3 … dead letters."""
    causes = {
        Cause(code="internal", fingerprint=f"{number:012x}"): number
        for number in range(1, count + 1)
    }
    total = sum(causes.values())
    return replace(BUSY, dead_letters=replace(LETTERS, messages=total, seen=total, by_cause=causes))
