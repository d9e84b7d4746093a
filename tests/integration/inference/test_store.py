"""The jobs table in DynamoDB: its laws, and what only a real table shows."""

from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest
from integration.inference.dynamo_table import DynamoTable
from unit.inference.service.store_laws import (
    INTERNAL,
    StoreLaws,
    granted,
    make_job,
    make_result,
    row_of,
)

from zeroidle_contract import Job, Status
from zeroidle_contract.table import ERROR_CODE, FAILURES_INDEX, JOB_KEY
from zeroidle_inference.errors import DependencyDownError
from zeroidle_inference.lease import Refused

if TYPE_CHECKING:
    from emulator import Emulator, StackResources

pytestmark = pytest.mark.emulator


@pytest.fixture
def table(emulator: "Emulator", resources: "StackResources") -> DynamoTable:
    return DynamoTable(emulator, resources)


class TestDynamoJobStore(StoreLaws):
    pass


def failures(table: DynamoTable) -> list[str]:
    answer = table.dynamodb.query(
        TableName=table.name,
        IndexName=FAILURES_INDEX,
        KeyConditionExpression=f"{ERROR_CODE} = :code",
        ExpressionAttributeValues={":code": {"S": "internal"}},
    )
    return [item[JOB_KEY]["S"] for item in answer["Items"]]


def test_a_failed_job_stands_in_the_failures_index_until_it_is_claimed_again(
    table: DynamoTable,
) -> None:
    job = make_job()
    table.store.fail(granted(table, job), INTERNAL, attempts=1)
    assert failures(table) == ["acme/job-1"]
    granted(table, job, "worker-2")
    assert failures(table) == []


def test_a_large_result_lies_in_s3_and_its_row_says_where(table: DynamoTable) -> None:
    job = make_job()
    large = make_result(job, "word " * 80_000)
    assert table.store.commit(granted(table, job), large) is None
    row = row_of(table, job)
    assert row.result is None
    assert row.result_s3 is not None
    assert type(large).model_validate_json(table.outputs.get("acme", row.result_s3)) == large


class LostAnswer:
    """Applies each named call and then says that no answer came, `times` times."""

    def __init__(self, dynamodb: Any, operation: str, times: int) -> None:
        self._dynamodb = dynamodb
        self._operation = operation
        self.left = times

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._dynamodb, name)
        if name != self._operation:
            return call

        def lose(**arguments: Any) -> Any:
            answer = call(**arguments)
            if self.left > 0:
                self.left -= 1
                raise botocore.exceptions.ReadTimeoutError(endpoint_url="dynamodb")
            return answer

        return lose


def test_a_claim_that_took_effect_without_an_answer_is_recognised(table: DynamoTable) -> None:
    job = make_job()
    table.store = table.store_with(LostAnswer(table.dynamodb, "update_item", 1))
    lease = granted(table, job)
    assert (lease.fence, lease.attempts) == (1, 1)


def test_a_commit_that_took_effect_without_an_answer_is_recognised(table: DynamoTable) -> None:
    job = make_job()
    lease = granted(table, job)
    store = table.store_with(LostAnswer(table.dynamodb, "update_item", 1))
    assert store.commit(lease, make_result(job)) is None
    assert row_of(table, job).commits == 1


def test_a_commit_that_took_no_effect_is_an_outage(table: DynamoTable) -> None:
    job = make_job()
    lease = granted(table, job)

    class Unreachable:
        exceptions = table.dynamodb.exceptions
        get_item = staticmethod(table.dynamodb.get_item)

        def update_item(self, **_: Any) -> None:
            raise botocore.exceptions.ReadTimeoutError(endpoint_url="dynamodb")

    store = table.store_with(Unreachable())  # type: ignore[arg-type]
    with pytest.raises(DependencyDownError, match="dynamodb does not serve us: ReadTimeoutError"):
        store.commit(lease, make_result(job))
    assert row_of(table, job).status is Status.RUNNING


def test_a_table_that_does_not_exist_is_an_outage(table: DynamoTable) -> None:
    table.name = "no-such-table"
    store = table.store_with(table.dynamodb)
    with pytest.raises(DependencyDownError, match="ResourceNotFoundException"):
        store.claim(make_job(), owner="o", lease_expires_at_ms=1, trace_header=None)


def test_a_row_that_was_deleted_meanwhile_is_not_made_anew_by_a_commit(
    table: DynamoTable,
) -> None:
    job: Job = make_job()
    lease = granted(table, job)
    table.dynamodb.delete_item(TableName=table.name, Key={JOB_KEY: {"S": job.key}})
    assert isinstance(table.store.commit(lease, make_result(job)), Refused)
    assert table.row(job) is None
