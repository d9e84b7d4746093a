"""Kill -9 of the real handler in the middle of an inference: every job still ends exactly once."""

import contextlib
import os
import signal
import time
import uuid
from pathlib import Path

import pytest

from zeroidle_contract import Complete, Document, Job, JobRow, Message, Status
from zeroidle_ops.stack.local import LocalStack, local_stack
from zeroidle_ops.stack.local_deployment import Settings
from zeroidle_ops.stack.target import Target

pytestmark = [pytest.mark.emulator, pytest.mark.model, pytest.mark.timeout(240)]

EMULATOR = Path(__file__).parents[3] / "build" / "emulator"
TIMEOUT_S = 30
"""The shortest that the template takes: a crash hides a job for 35 s."""

JOBS = 4
WAIT_S = 200


def long_job(index: int) -> Job:
    """Some seconds of inference."""
    return Job(
        job_id=f"killed-{uuid.uuid4().hex}",
        task=Complete(messages=(Message(role="system", content="Tell a story."),), max_tokens=200),
        document=Document(text=f"A story about {index} kettles, each of another colour."),
    )


def rows(stack: Target, jobs: list[Job]) -> list[JobRow]:
    found = []
    for job in jobs:
        item = stack.dynamodb.get_item(
            TableName=stack.stack.jobs_table_name,
            Key={"job_key": {"S": job.key}},
            ConsistentRead=True,
        )["Item"]
        found.append(JobRow.from_item(item))
    return found


def wait_until_running(stack: Target, jobs: list[Job]) -> None:
    give_up_at = time.monotonic() + WAIT_S
    while not any(row.status is Status.RUNNING for row in rows(stack, jobs)):
        assert time.monotonic() < give_up_at, "no job began"
        time.sleep(0.05)


def handlers(group: int) -> list[int]:
    """The processes of the emulator's group that run the handler."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if b"awslambdaric" in command and os.getpgid(int(folder.name)) == group:
                found.append(int(folder.name))
    return found


def in_queue(stack: Target, url: str) -> int:
    attributes = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(
        attributes["ApproximateNumberOfMessagesNotVisible"]
    )


def test_a_handler_that_is_killed_under_way_loses_and_doubles_nothing(
    small_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "emulator").symlink_to(EMULATOR)
    settings = Settings(model=small_model, timeout_s=TIMEOUT_S)
    with local_stack(settings, build=tmp_path) as stack, stack.producer() as producer:
        group = LocalStack(build=tmp_path).status().pid
        jobs = [long_job(index) for index in range(JOBS)]
        producer.submit_many(jobs)
        wait_until_running(stack, jobs)
        time.sleep(0.5)  # the engine has taken some steps by now
        for pid in handlers(group):
            os.kill(pid, signal.SIGKILL)
        under_way = [row.job_id for row in rows(stack, jobs) if row.status is Status.RUNNING]

        producer.wait([job.job_id for job in jobs], WAIT_S)

        ended = {row.job_id: row for row in rows(stack, jobs)}
        assert {row.status for row in ended.values()} == {Status.SUCCEEDED}
        assert {row.commits for row in ended.values()} == {1}
        assert under_way, "nothing was killed in the middle"
        assert {ended[job_id].attempts for job_id in under_way} == {2}
        give_up_at = time.monotonic() + 10
        while in_queue(stack, stack.stack.queue_url) and time.monotonic() < give_up_at:
            time.sleep(0.1)
        assert in_queue(stack, stack.stack.queue_url) == 0
        assert in_queue(stack, stack.stack.dead_letter_queue_url) == 0
