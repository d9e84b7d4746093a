"""Forgetting a job on the emulator: what is gone, what stays, and what a late message finds."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from zeroidle_contract import (
    ClaimCheck,
    Document,
    Job,
    JobRow,
    Result,
    Status,
    Summarize,
    SummarizeOutput,
)
from zeroidle_contract import table as t
from zeroidle_ops import cli
from zeroidle_ops.errors import JobNotFoundError
from zeroidle_ops.forget import LATEST_RETURN, forget
from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.target import Target

pytestmark = pytest.mark.emulator

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
SECRET = "Ada Lovelace"


@pytest.fixture
def job(request: pytest.FixtureRequest) -> Job:
    name = request.node.name.replace("[", "-").replace("]", "")
    return Job(job_id=name[:100], task=Summarize(), document=Document(text=SECRET), tenant="claims")


def put_row(target: Target, job: Job, status: Status, **more: Any) -> None:
    """A row with everything that a row can hold."""
    result = Result(
        job_id=job.job_id, status=status, output=SummarizeOutput(summary=f"About {SECRET}")
    )
    target.dynamodb.put_item(
        TableName=target.stack.jobs_table_name,
        Item={
            **t.queued_item(job, expires_at=2_000_000_000, trace_header=f"Root={SECRET}"),
            t.STATUS: {"S": status.value},
            t.FENCE: {"N": "3"},
            t.RESULT: {"S": result.model_dump_json()},
            t.ERROR: {"S": SECRET},
            t.ERROR_CODE: {"S": "internal"},
            t.FAILED_AT: {"S": t.iso(NOW)},
            **more,
        },
    )


def item(target: Target, job: Job) -> dict[str, Any]:
    found: dict[str, Any] = target.dynamodb.get_item(
        TableName=target.stack.jobs_table_name, Key={t.JOB_KEY: {"S": job.key}}
    )["Item"]
    return found


def objects(target: Target) -> list[str]:
    answer = target.s3.list_objects_v2(Bucket=target.stack.bucket_name)
    return [entry["Key"] for entry in answer.get("Contents", [])]


def test_nothing_of_the_job_is_left_but_its_id(target: Target, job: Job) -> None:
    put_row(target, job, Status.SUCCEEDED)

    done = forget(target, job.job_id, tenant="claims", now=NOW)

    left = item(target, job)
    assert set(left) == {
        "job_key", "job_id", "tenant", "status", "fence", "attempts", "commits", "expires_at",
    }  # fmt: skip
    assert SECRET not in json.dumps(left)
    assert JobRow.from_item(left).status is Status.CANCELLED
    assert (done.before, done.still_holding, done.runs_until) == (Status.SUCCEEDED, None, None)


def test_the_fence_grows_so_that_a_run_under_way_cannot_commit(target: Target, job: Job) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    lease = {t.LEASE_EXPIRES_AT_MS: {"N": str(round(ends.timestamp() * 1000))}}
    put_row(target, job, Status.RUNNING, **lease)

    done = forget(target, job.job_id, tenant="claims", now=NOW)

    row = JobRow.from_item(item(target, job))
    assert (row.status, row.fence, row.lease_owner) == (Status.CANCELLED, 4, None)
    assert done.runs_until == ends
    assert "queue" in (done.still_holding or "")


def test_the_tombstone_lives_until_no_message_can_come_back(target: Target, job: Job) -> None:
    put_row(target, job, Status.FAILED)

    done = forget(target, job.job_id, tenant="claims", now=NOW)

    row = JobRow.from_item(item(target, job))
    assert row.expires_at == round((NOW + LATEST_RETURN).timestamp())
    assert "dead letter" in (done.still_holding or "")


def test_its_objects_are_deleted_and_those_of_other_jobs_are_not(target: Target, job: Job) -> None:
    claims = ClaimCheck(s3=target.s3, bucket=target.stack.bucket_name)
    mine = [
        claims.put_document("claims", job.job_id, SECRET).key,
        claims.put_output("claims", job.job_id, SECRET).key,
    ]
    others = [
        claims.put_document("claims", f"{job.job_id}-2", SECRET).key,
        claims.put_document("other", job.job_id, SECRET).key,
    ]

    done = forget(target, job.job_id, tenant="claims", now=NOW)

    assert done.objects == 2
    assert not set(mine) & set(objects(target))
    assert set(others) <= set(objects(target))


def test_a_job_that_nobody_knows_is_not_made(target: Target, job: Job) -> None:
    with pytest.raises(JobNotFoundError, match="neither a row nor an object"):
        forget(target, job.job_id, tenant="claims", now=NOW)
    answer = target.dynamodb.get_item(
        TableName=target.stack.jobs_table_name, Key={t.JOB_KEY: {"S": job.key}}
    )
    assert "Item" not in answer


@pytest.fixture
def in_a_folder_with_a_stack(
    running: LocalStack, build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "build").symlink_to(build)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("in_a_folder_with_a_stack")
def test_the_command_says_what_it_did(
    target: Target, job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    put_row(target, job, Status.SUCCEEDED)

    code = cli.main(["forget", job.job_id, "--local", "--tenant", "claims", "--yes", "--json"])

    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (told["job_key"], told["before"], told["objects"]) == (job.key, "succeeded", 0)


@pytest.mark.usefixtures("in_a_folder_with_a_stack")
def test_without_a_terminal_the_command_asks_for_a_yes(
    target: Target, job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    put_row(target, job, Status.SUCCEEDED)

    assert cli.main(["forget", job.job_id, "--local", "--tenant", "claims"]) == 2
    assert "give --yes" in capsys.readouterr().err
    assert item(target, job)[t.STATUS] == {"S": "succeeded"}
