"""The failed jobs by code. Reads the jobs table and the dead-letter queue's depth."""

from dataclasses import dataclass

from zeroidle_contract import ErrorCode
from zeroidle_contract.job import NO_TENANT
from zeroidle_contract.table import ERROR_CODE, FAILED_AT, FAILURES_INDEX, JOB_KEY
from zeroidle_ops.stack.target import Target


@dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """The failed jobs of one code; `examples` are the latest, as `zeroidle job` takes them."""

    code: ErrorCode
    count: int
    latest: str
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Failures:
    """Failed jobs by code, most frequent first, and messages in the dead-letter queue.

    The two differ: a message that never was a job has no row, and a row outlives its message.
    """

    groups: tuple[FailureGroup, ...]
    dead_letters: int

    @property
    def count(self) -> int:
        """All failed jobs."""
        return sum(group.count for group in self.groups)


def read_failures(target: Target, *, examples: int = 3) -> Failures:
    """The failed jobs by code, from the sparse index."""
    groups = (_read_group(target, code, examples) for code in ErrorCode)
    attributes = target.sqs.get_queue_attributes(
        QueueUrl=target.stack.dead_letter_queue_url,
        AttributeNames=["ApproximateNumberOfMessages"],
    )["Attributes"]
    return Failures(
        groups=tuple(sorted((g for g in groups if g.count), key=lambda g: (-g.count, g.code))),
        dead_letters=int(attributes["ApproximateNumberOfMessages"]),
    )


def _read_group(target: Target, code: ErrorCode, examples: int) -> FailureGroup:
    pages = target.dynamodb.get_paginator("query").paginate(
        TableName=target.stack.jobs_table_name,
        IndexName=FAILURES_INDEX,
        KeyConditionExpression="#code = :code",
        ExpressionAttributeNames={"#code": ERROR_CODE},
        ExpressionAttributeValues={":code": {"S": code.value}},
        ScanIndexForward=False,
    )
    count, latest, kept = 0, "", list[str]()
    for page in pages:
        count += page["Count"]
        for item in page["Items"][: examples - len(kept)]:
            latest = latest or item[FAILED_AT]["S"]
            kept.append(_named(item[JOB_KEY]["S"]))
    return FailureGroup(code=code, count=count, latest=latest, examples=tuple(kept))


def _named(key: str) -> str:
    """A key as arguments of `zeroidle job`."""
    tenant, job_id = key.split("/", maxsplit=1)
    return job_id if tenant == NO_TENANT else f"{job_id} --tenant {tenant}"
