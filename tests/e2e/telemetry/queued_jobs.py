"""Jobs that a producer submits, as the mapping hands them to the function."""

from typing import Any

from emulator import Emulator, StackResources
from zeroidle_producer import Producer

PRODUCERS = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=defdfd9912dc5a56;Sampled=1"

REVIEW = {"kind": "classify", "labels": ["positive", "negative"]}
SUMMARY = {"kind": "summarize", "max_words": 5}
REFUSED = {"kind": "extract", "json_schema": {"type": "no such type"}}


def producer(emulator: Emulator, resources: StackResources) -> Producer:
    return Producer(
        queue_url=resources.queue_url,
        jobs_table=resources.jobs_table,
        bucket=resources.bucket,
        sqs=emulator.sqs,
        dynamodb=emulator.dynamodb,
        s3=emulator.s3,
        trace_header=lambda: PRODUCERS,
    )


def job(job_id: str, task: dict[str, Any]) -> dict[str, Any]:
    text = f"{job_id}: the kettle boils fast and looks lovely. I would buy it again."
    return {"job_id": job_id, "task": task, "document": {"text": text}}


def event_from_queue(emulator: Emulator, resources: StackResources, messages: int) -> Any:
    """What the mapping hands over: the messages as they lie in the queue."""
    records: list[Any] = []
    while len(records) < messages:
        answer = emulator.sqs.receive_message(
            QueueUrl=resources.queue_url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
        )
        records += [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
            }
            for message in answer.get("Messages", [])
        ]
    return {"Records": records}


def submitted(emulator: Emulator, resources: StackResources, jobs: list[dict[str, Any]]) -> Any:
    with producer(emulator, resources) as client:
        for one in jobs:
            client.submit(one)
        return event_from_queue(emulator, resources, len(jobs))
