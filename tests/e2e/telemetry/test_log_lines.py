"""What the real handler writes in its log: one line for each job's outcome, and by whom it was."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from e2e.faults.runtime_api import TRACE, FrozenFunction
from e2e.telemetry.queued_jobs import (
    PRODUCERS,
    REFUSED,
    REVIEW,
    event_from_queue,
    job,
    producer,
)

from emulator import Emulator, StackResources
from zeroidle_contract import Status, job_key
from zeroidle_contract.table import JOB_KEY, LEASE_EXPIRES_AT_MS, LEASE_OWNER, STATUS

pytestmark = [pytest.mark.emulator, pytest.mark.model]

OUTCOMES = {
    "job_succeeded",
    "job_failed",
    "job_returned",
    "job_duplicate",
    "record_invalid",
    "record_returned",
}


def trace_id(header: str) -> str:
    return header.split(";", maxsplit=1)[0].removeprefix("Root=")


def leased_elsewhere(emulator: Emulator, resources: StackResources, job_id: str) -> None:
    """The job's row as another environment's claim leaves it."""
    emulator.dynamodb.update_item(
        TableName=resources.jobs_table,
        Key={JOB_KEY: {"S": job_key(None, job_id)}},
        UpdateExpression="SET #status = :running, #owner = :owner, #ends = :ends",
        ExpressionAttributeNames={
            "#status": STATUS,
            "#owner": LEASE_OWNER,
            "#ends": LEASE_EXPIRES_AT_MS,
        },
        ExpressionAttributeValues={
            ":running": {"S": Status.RUNNING.value},
            ":owner": {"S": "another"},
            ":ends": {"N": str(round(time.time() * 1000) + 600_000)},
        },
    )


def outcomes(output: str, request_id: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [
        line
        for line in lines
        if line.get("action") in OUTCOMES and line["request_id"] == request_id
    ]


def test_each_job_of_a_batch_has_one_line_for_its_outcome(
    make_function: Callable[..., FrozenFunction], emulator: Emulator, resources: StackResources
) -> None:
    tasks: dict[str, dict[str, Any]] = {
        "done": REVIEW,
        "good": REVIEW,
        "bad": REFUSED,
        "cancelled": REVIEW,
        "leased": REVIEW,
    }
    with producer(emulator, resources) as client:
        for job_id, task in tasks.items():
            client.submit(job(job_id, task))
        client.cancel("cancelled")
    leased_elsewhere(emulator, resources, "leased")
    records = event_from_queue(emulator, resources, len(tasks))["Records"]
    [done] = [record for record in records if '"done"' in record["body"]]
    [good] = [record for record in records if '"good"' in record["body"]]
    twin = {**good, "messageId": "twin"}
    stranger = {**good, "messageId": "stranger", "body": "no JSON"}

    with make_function() as function:
        function.invoke({"Records": [done]}, request_id="first")
        function.invoke({"Records": [*records, twin, stranger]}, request_id="second")

    [first] = outcomes(function.output, "first")
    second = outcomes(function.output, "second")
    assert (first["job_id"], first["action"]) == ("done", "job_succeeded")
    assert sorted((line.get("job_id", "-"), line["action"]) for line in second) == [
        ("-", "record_invalid"),
        ("bad", "job_failed"),
        ("cancelled", "job_duplicate"),
        ("done", "job_duplicate"),
        ("good", "job_succeeded"),
        ("leased", "job_returned"),
    ]
    assert {line["trace_id"] for line in second} == {trace_id(PRODUCERS)}
    assert {line["invocation_trace_id"] for line in second} == {trace_id(TRACE)}
    by_job = {line.get("job_id"): line for line in second}
    assert by_job["cancelled"]["status"] == "cancelled"
    assert by_job["leased"]["reason"] == "held"
