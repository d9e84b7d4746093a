"""A consumer with a fixed service time: each job takes exactly that long, one at a time.

Commits as the real one does, through the same store. The time of a job runs from the moment the
batch was handed over, so what the calls take is part of it.
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from zeroidle_contract import (
    ClaimCheck,
    ClassifyOutput,
    ModelIdentity,
    Result,
    Status,
    Timings,
    decode,
)
from zeroidle_inference.clock import SystemClock
from zeroidle_inference.lease import Lease
from zeroidle_inference.store import DynamoJobStore

SERVICE_S = 0.25

_CLOCK = SystemClock()
_STORE = DynamoJobStore(
    dynamodb=boto3.client("dynamodb"),
    table=os.environ["ZEROIDLE_JOBS_TABLE"],
    outputs=ClaimCheck(s3=boto3.client("s3"), bucket=os.environ["ZEROIDLE_BUCKET"]),
    clock=_CLOCK,
)
_MODEL = ModelIdentity(name="fixed", sha256="0" * 64, quantisation="none", prompt_version="1")


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Serve each record in turn."""
    for record in event["Records"]:
        began_s, began_ms = time.monotonic(), _CLOCK.now_ms()
        job = decode(record["body"])
        lease = _STORE.claim(
            job,
            owner=f"{context.aws_request_id}/{record['messageId']}",
            lease_expires_at_ms=began_ms + 60_000,
            trace_header=None,
        )
        if not isinstance(lease, Lease):
            continue
        time.sleep(max(0.0, SERVICE_S - (time.monotonic() - began_s)))
        ended_ms = _CLOCK.now_ms()
        submitted_ms = round(job.submitted_at.timestamp() * 1000)
        result = Result(
            job_id=job.job_id,
            status=Status.SUCCEEDED,
            output=ClassifyOutput(label="a", probabilities={"a": 1.0}),
            timings=Timings(
                queued_ms=max(0, began_ms - submitted_ms), prefill_ms=ended_ms - began_ms
            ),
            gb_seconds=10 * (ended_ms - began_ms) / 1000,
            model=_MODEL,
            attempts=1,
            completed_at=datetime.fromtimestamp(ended_ms / 1000, UTC),
        )
        _STORE.commit(lease, result)
    return {"batchItemFailures": []}
