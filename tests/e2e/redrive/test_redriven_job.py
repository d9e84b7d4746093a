"""A job that failed on the real function runs again and succeeds once its cause is gone."""

import hashlib

import pytest

from zeroidle_contract import ErrorCode, Job, Status, tenant_prefix
from zeroidle_ops.redrive import Pace, Redrive, State
from zeroidle_ops.stack.target import Target

pytestmark = [pytest.mark.emulator, pytest.mark.model]

TEXT = b"The room was clean and the staff were kind. I will come back."


def test_a_redriven_job_succeeds_when_its_document_is_there(stack: Target) -> None:
    sha256 = hashlib.sha256(TEXT).hexdigest()
    key = f"{tenant_prefix('redrive')}documents/late/{sha256}.txt"
    producer = stack.producer("redrive")
    producer.submit(
        Job.model_validate(
            {
                "job_id": "late",
                "task": {"kind": "classify", "labels": ["good", "bad"]},
                "document": {"s3": {"key": key, "sha256": sha256, "bytes": len(TEXT)}},
            }
        )
    )
    failed = producer.wait(["late"], 120)["late"]
    redrive = Redrive(
        stack=stack.stack, operator="test", sqs=stack.sqs, dynamodb=stack.dynamodb, s3=stack.s3
    )

    stack.s3.put_object(Bucket=stack.stack.bucket_name, Key=key, Body=TEXT)
    plan = redrive.plan(
        where="job_id == 'late' && code == 'document_missing'", reason="the upload is repeated"
    )
    outcome = redrive.apply(plan.plan_id, pace=Pace(canary=1, settle_s=120))
    result = producer.result("late")

    assert failed.error is not None
    assert failed.error.code is ErrorCode.DOCUMENT_MISSING
    assert (outcome.state, outcome.sent) == (State.DONE, 1)
    assert result is not None
    assert result.status is Status.SUCCEEDED
