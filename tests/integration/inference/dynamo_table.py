"""The jobs table on the emulator, as the store's laws look at it."""

from typing import TYPE_CHECKING

from unit.inference.service.service_fakes import FakeClock

from zeroidle_contract import ClaimCheck, Job, JobRow, Status
from zeroidle_contract.table import JOB_KEY, STATUS, queued_item
from zeroidle_inference.store import DynamoJobStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from emulator import Emulator, StackResources


class DynamoTable:
    def __init__(self, emulator: "Emulator", resources: "StackResources") -> None:
        self.clock = FakeClock()
        self.outputs = ClaimCheck(s3=emulator.s3, bucket=resources.bucket)
        self.dynamodb: DynamoDBClient = emulator.dynamodb
        self.name = resources.jobs_table
        self.store = self.store_with(self.dynamodb)

    def store_with(self, dynamodb: "DynamoDBClient") -> DynamoJobStore:
        return DynamoJobStore(
            dynamodb=dynamodb, table=self.name, outputs=self.outputs, clock=self.clock
        )

    def put_queued(self, job: Job, *, expires_at: int) -> None:
        self.dynamodb.put_item(TableName=self.name, Item=queued_item(job, expires_at=expires_at))

    def set_status(self, job: Job, status: Status) -> None:
        self.dynamodb.update_item(
            TableName=self.name,
            Key={JOB_KEY: {"S": job.key}},
            UpdateExpression="SET #s = :s",
            ExpressionAttributeNames={"#s": STATUS},
            ExpressionAttributeValues={":s": {"S": status.value}},
        )

    def row(self, job: Job) -> JobRow | None:
        answer = self.dynamodb.get_item(
            TableName=self.name, Key={JOB_KEY: {"S": job.key}}, ConsistentRead=True
        )
        return JobRow.from_item(answer["Item"]) if "Item" in answer else None
