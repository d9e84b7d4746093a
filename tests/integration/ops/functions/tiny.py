"""A function that stands for the real one, without a model.

It answers every classify job with its first label, fails every other, can be warmed, and reports in
its log what IAM lets it do with the jobs table.
"""

import os
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from zeroidle_contract import (
    Classify,
    ClassifyOutput,
    ErrorCode,
    Job,
    JobError,
    Result,
    Status,
    table,
)
from zeroidle_contract import decode as decode_job
from zeroidle_contract.table import iso

dynamodb = boto3.client("dynamodb")
ENVIRONMENT = uuid.uuid4().hex
TABLE = os.environ["ZEROIDLE_JOBS_TABLE"]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    if event.get("zeroidle") == "warm":
        time.sleep(event["hold_ms"] / 1000)
        return {"environment_id": ENVIRONMENT, "init_ms": 0}
    for record in event["Records"]:
        end(decode_job(record["body"]))
    try:
        dynamodb.scan(TableName=TABLE)
    except ClientError as error:
        print("scan:", error.response["Error"]["Code"])  # noqa: T201 - the log under test
    return {"batchItemFailures": []}


def end(job: Job) -> None:
    now = datetime.now(UTC)
    values = {table.STATUS: "succeeded", table.COMPLETED_AT: iso(now)}
    if isinstance(job.task, Classify):
        first = job.task.labels[0]
        probabilities = {label: float(label == first) for label in job.task.labels}
        output = ClassifyOutput(label=first, probabilities=probabilities)
        result = Result(job_id=job.job_id, status=Status.SUCCEEDED, output=output, attempts=1)
        values[table.RESULT] = result.model_dump_json()
    else:
        error = JobError(
            code=ErrorCode.INTERNAL, message="no model", retryable=True, fingerprint="0" * 12
        )
        values |= {
            table.STATUS: "failed",
            table.ERROR: error.model_dump_json(),
            table.ERROR_CODE: error.code.value,
            table.FAILED_AT: iso(now),
        }
    dynamodb.update_item(
        TableName=TABLE,
        Key={table.JOB_KEY: {"S": job.key}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
    )
