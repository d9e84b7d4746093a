"""Servers in threads, with a fixed service time: the c of M/D/c, on the emulator's queue and table.

The mapping of the emulator hands over batches, which is another queue than the one theory knows; so
these take one message each. The service runs from receiving to committing, calls included.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from zeroidle_contract import Job, Result, Status, Timings, decode
from zeroidle_contract import table as t
from zeroidle_ops.stack.target import Target


@contextmanager
def fixed_consumer(target: Target, *, service_s: float, servers: int) -> Iterator[None]:
    """Serve until the block ends; the function's mapping is disabled meanwhile."""
    uuid, stop = target.stack.event_source_mapping_id, threading.Event()
    target.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    target.stack, target.sqs, target.dynamodb  # noqa: B018 - made before threads share them
    threads = [
        threading.Thread(target=_serve, args=(target, service_s, stop)) for _ in range(servers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        target.lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)


def _serve(target: Target, service_s: float, stop: threading.Event) -> None:
    while not stop.is_set():
        messages = target.sqs.receive_message(
            QueueUrl=target.stack.queue_url, MaxNumberOfMessages=1, WaitTimeSeconds=0
        ).get("Messages", [])
        if not messages:
            time.sleep(0.005)
            continue
        began = time.time()
        job = decode(messages[0]["Body"])
        target.sqs.delete_message(
            QueueUrl=target.stack.queue_url, ReceiptHandle=messages[0]["ReceiptHandle"]
        )
        time.sleep(max(0.0, began + service_s - time.time()))
        _commit(target, job, began_ms=round(began * 1000), ended_ms=round(time.time() * 1000))


def _commit(target: Target, job: Job, *, began_ms: int, ended_ms: int) -> None:
    submitted_ms = round(job.submitted_at.timestamp() * 1000)
    result = Result(
        job_id=job.job_id,
        status=Status.SUCCEEDED,
        timings=Timings(queued_ms=max(0, began_ms - submitted_ms), prefill_ms=ended_ms - began_ms),
        attempts=1,
        completed_at=datetime.fromtimestamp(ended_ms / 1000, UTC),
    )
    values: dict[str, Any] = {
        ":succeeded": {"S": Status.SUCCEEDED.value},
        ":result": {"S": result.model_dump_json()},
    }
    target.dynamodb.update_item(
        TableName=target.stack.jobs_table_name,
        Key={t.JOB_KEY: {"S": job.key}},
        UpdateExpression="SET #status = :succeeded, #result = :result",
        ExpressionAttributeNames={"#status": t.STATUS, "#result": t.RESULT},
        ExpressionAttributeValues=values,
    )
