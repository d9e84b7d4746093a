"""What operators ask about jobs: one job's story, and the failures by code.

Reads the jobs table and the queues; changes nothing.
"""

from dataclasses import dataclass

from zeroidle_contract import EXPLANATIONS, ErrorCode, Explanation, JobRow, Result, job_key
from zeroidle_contract.job import NO_TENANT
from zeroidle_contract.table import ERROR_CODE, FAILED_AT, FAILURES_INDEX, JOB_KEY
from zeroidle_ops.errors import JobNotFoundError
from zeroidle_ops.stack.target import Target


@dataclass(frozen=True, kw_only=True)
class JobStory:
    """One job: its row, and its result so far."""

    row: JobRow
    result: Result

    @property
    def explanation(self) -> Explanation | None:
        """What the job's error means and what usually fixes it."""
        return EXPLANATIONS[self.result.error.code] if self.result.error else None


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


def read_job(target: Target, job_id: str, *, tenant: str | None = None) -> JobStory:
    """One job's story.

    Raises:
        JobNotFoundError: there is no such row.
    """
    found = target.dynamodb.get_item(
        TableName=target.stack.jobs_table_name,
        Key={JOB_KEY: {"S": job_key(tenant, job_id)}},
        ConsistentRead=True,
    ).get("Item")
    if found is None:
        whose = f"of tenant {tenant!r}" if tenant else "without tenant (is --tenant missing?)"
        raise JobNotFoundError(
            f"there is no job {job_id!r} {whose} in stack {target.stack_name!r}; "
            "check the id, or whether its retention is over"
        )
    row = JobRow.from_item(found)
    # The producer also fetches results that lie in S3.
    result = target.producer(tenant).result(job_id) if row.result_s3 else row.to_result()
    return JobStory(row=row, result=result or row.to_result())


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
