"""A plan's ledger in the ops table: what was done, so that anybody can go on after a crash.

    chunk:  planned ──▶ sent ──▶ deleted
    plan:   open ──▶ running ──▶ stopped ──▶ running … ──▶ done
                        └──▶ aborted

A chunk is some hundred messages that were archived together. It is `planned` before its first
message is sent, `sent` when all are, `deleted` when they have left the dead-letter queue. So a
crash is finished from the ledger and the archive alone, and repeats at worst one chunk's sends.

Two rows know of a plan: its head (`sk` = head), and each chunk (`sk` = <purpose>#<number>).
"""

import array
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from zeroidle_ops.lock import Lock
from zeroidle_ops.redrive.chunk import Chunk, Head, Purpose, State, Step
from zeroidle_ops.redrive.errors import PlanAlteredError, PlanNotFoundError, PlanUnusableError
from zeroidle_ops.redrive.plan import Plan
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_DAYS: Final = 90
"""How long a ledger lives: far longer than any message."""


class Ledger:
    """The rows of one plan."""

    def __init__(
        self, *, dynamodb: "DynamoDBClient", table: str, plan_id: str, operator: str, clock: Clock
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._plan_id = plan_id
        self._operator = operator
        self._clock = clock

    def open(self, plan: Plan) -> None:
        """Record a new plan with its hash."""
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                **self._key("head"),
                "state": {"S": State.OPEN},
                "plan_sha256": {"S": plan.sha256},
                "queue_arn": {"S": plan.source_arn},
                **self._stamp("made"),
            },
            ConditionExpression="attribute_not_exists(pk)",
        )

    def verify(self, plan: Plan) -> Head:
        """The plan's row, if the plan is the one that was recorded.

        Raises:
            PlanNotFoundError: the plan was never recorded (its making was cut short).
            PlanAlteredError: another hash was recorded.
        """
        item = self._dynamodb.get_item(
            TableName=self._table, Key=self._key("head"), ConsistentRead=True
        ).get("Item")
        if item is None:
            raise PlanNotFoundError(
                f"plan {plan.plan_id!r} is in the bucket but not in the ledger: its making was cut "
                "short, or its 90 days are over; make a new one"
            )
        if item["plan_sha256"]["S"] != plan.sha256:
            raise PlanAlteredError(
                f"plan {plan.plan_id!r} was altered after it was made: its hash is not the one in "
                "the ledger. Nothing was touched; make a new plan, and find out who writes to the "
                "bucket"
            )
        return _head(item)

    def begin(self, purpose: Purpose) -> None:
        """Begin or resume.

        Raises:
            PlanUnusableError: the plan is aborted, or was begun for another purpose.
        """
        if purpose is Purpose.RESTORE:
            return
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=self._key("head"),
                UpdateExpression="SET #state = :running, #purpose = :purpose, "
                "#operator = :operator, reason = :reason, updated_at = :now",
                ConditionExpression="#state <> :aborted AND "
                "(attribute_not_exists(#purpose) OR #purpose = :purpose)",
                ExpressionAttributeNames={
                    "#state": "state",
                    "#purpose": "purpose",
                    "#operator": "operator",
                },
                ExpressionAttributeValues={
                    ":running": {"S": State.RUNNING},
                    ":aborted": {"S": State.ABORTED},
                    ":purpose": {"S": purpose},
                    ":operator": {"S": self._operator},
                    ":reason": {"S": ""},
                    ":now": {"S": self._now()},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as refusal:
            item: Any = refusal.response.get("Item")
            head = _head(item)
            if head.state is State.ABORTED:
                raise PlanUnusableError(
                    f"plan {self._plan_id!r} was aborted by {head.operator} ({head.reason}); "
                    "make a new plan for what is left"
                ) from None
            raise PlanUnusableError(
                f"plan {self._plan_id!r} was begun as `{head.purpose}`; use that command, or make "
                "a new plan"
            ) from None

    def end(self, state: State, reason: str) -> None:
        """Record how a run ended. An abort stays an abort."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=self._key("head"),
                UpdateExpression="SET #state = :state, #operator = :operator, reason = :reason, "
                "updated_at = :now",
                ConditionExpression="#state <> :aborted",
                ExpressionAttributeNames={"#state": "state", "#operator": "operator"},
                ExpressionAttributeValues={
                    ":state": {"S": state},
                    ":aborted": {"S": State.ABORTED},
                    ":operator": {"S": self._operator},
                    ":reason": {"S": reason},
                    ":now": {"S": self._now()},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return

    def plan_chunk(self, chunk: Chunk, lock: Lock) -> bool:
        """Record a chunk before its first message is touched; False when the plan was aborted.

        One transaction with the lock: a holder who lost it cannot begin.
        """
        try:
            self._dynamodb.transact_write_items(
                TransactItems=[
                    lock.still_held,
                    {
                        "ConditionCheck": {
                            "TableName": self._table,
                            "Key": self._key("head"),
                            "ConditionExpression": "#state <> :aborted",
                            "ExpressionAttributeNames": {"#state": "state"},
                            "ExpressionAttributeValues": {":aborted": {"S": State.ABORTED}},
                        }
                    },
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": self._chunk_item(chunk),
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                ]
            )
        except self._dynamodb.exceptions.TransactionCanceledException as cancelled:
            reasons: Any = cancelled.response.get("CancellationReasons", [])
            codes = [reason.get("Code") for reason in reasons]
            if codes[:1] == ["ConditionalCheckFailed"]:
                raise lock.lost() from None
            if codes[1:2] == ["ConditionalCheckFailed"]:
                return False
            raise
        return True

    def advance(self, chunk: Chunk) -> None:
        """Record that a chunk has come further."""
        self._dynamodb.put_item(TableName=self._table, Item=self._chunk_item(chunk))

    def chunks(self) -> Iterator[Chunk]:
        """All chunks, in order."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": self._key("")["pk"]},
            ConsistentRead=True,
        )
        for page in pages:
            yield from (_chunk(item) for item in page["Items"] if item["sk"]["S"] != "head")

    def _chunk_item(self, chunk: Chunk) -> dict[str, Any]:
        return {
            **self._key(chunk.name),
            "step": {"S": chunk.step},
            "archive_key": {"S": chunk.archive_key},
            "entries": {"B": array.array("I", chunk.entries).tobytes()},
            "sent": {"N": str(chunk.sent)},
            "dropped": {"N": str(chunk.dropped)},
            **self._stamp(""),
        }

    def _stamp(self, reason: str) -> dict[str, Any]:
        expires_at = int(self._clock.now().timestamp()) + KEPT_DAYS * 86_400
        return {
            "operator": {"S": self._operator},
            "reason": {"S": reason},
            "updated_at": {"S": self._now()},
            "expires_at": {"N": str(expires_at)},
        }

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="seconds")

    def _key(self, sort: str) -> dict[str, Any]:
        return {"pk": {"S": f"redrive#{self._plan_id}"}, "sk": {"S": sort}}


def _head(item: Any) -> Head:  # noqa: ANN401 - a DynamoDB item
    return Head(
        state=State(item["state"]["S"]),
        purpose=Purpose(item["purpose"]["S"]) if "purpose" in item else None,
        operator=item["operator"]["S"],
        reason=item["reason"]["S"],
        updated_at=item["updated_at"]["S"],
    )


def _chunk(item: Any) -> Chunk:  # noqa: ANN401 - a DynamoDB item
    purpose, number = item["sk"]["S"].split("#")
    entries = array.array("I")
    entries.frombytes(item["entries"]["B"])
    return Chunk(
        purpose=Purpose(purpose),
        number=int(number),
        step=Step(item["step"]["S"]),
        archive_key=item["archive_key"]["S"],
        entries=entries,
        sent=int(item["sent"]["N"]),
        dropped=int(item["dropped"]["N"]),
        operator=item["operator"]["S"],
    )
