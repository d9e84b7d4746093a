"""One operator at a time on one thing of the stack: a lock in the ops table with the holder's name.

It is a lease: a crashed holder's lock ends by itself, and a holder that was merely slow keeps it
as long as nobody has taken it. What is written under the lock names its token in a condition.
"""

import uuid
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from zeroidle_ops.errors import LockBusyError, LockLostError
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE_S: Final = 60
_DAY_S = 86_400


class Lock:
    """A lock, to be used in a `with` statement.

    Args:
        dynamodb: where the ops table is.
        table: the ops table.
        thing: what is locked, for one to be found by its name: a queue's ARN, `scale`.
        called: how errors call it: `this queue`.
        holder: who; a colleague who finds the lock taken reads it.
        purpose: what for; likewise.
        clock: of the holder. Clocks may differ by much less than a lease.
        lease_s: how long a crashed holder's lock holds.
    """

    def __init__(
        self,
        *,
        dynamodb: "DynamoDBClient",
        table: str,
        thing: str,
        called: str,
        holder: str,
        purpose: str,
        clock: Clock,
        lease_s: float = LEASE_S,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._thing = thing
        self._called = called
        self._holder = holder
        self._purpose = purpose
        self._clock = clock
        self._lease_s = lease_s
        self._token = uuid.uuid4().hex
        self._renew_at_s = 0.0

    def __enter__(self) -> Self:
        now = self._clock.now().timestamp()
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    **lock_key(self._thing),
                    "holder": {"S": self._holder},
                    "purpose": {"S": self._purpose},
                    "token": {"S": self._token},
                    "since": {"S": self._clock.now().isoformat(timespec="seconds")},
                    "lease_ends_ms": {"N": str(int((now + self._lease_s) * 1000))},
                    "expires_at": {"N": str(int(now) + _DAY_S)},
                },
                ConditionExpression="attribute_not_exists(pk) OR lease_ends_ms < :now",
                ExpressionAttributeValues={":now": {"N": str(int(now * 1000))}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as refusal:
            held: Any = refusal.response.get("Item")
            raise self._busy(held) from None
        self._renew_at_s = self._clock.monotonic_s() + self._lease_s / 3
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=lock_key(self._thing),
                ConditionExpression="#token = :token",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues={":token": {"S": self._token}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return  # it ran out and is another's now

    def renew(self) -> None:
        """Hold on, if it is time to. Call this at least every third of the lease.

        Raises:
            LockLostError: another operator has it.
        """
        if self._clock.monotonic_s() < self._renew_at_s:
            return
        ends_ms = int((self._clock.now().timestamp() + self._lease_s) * 1000)
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=lock_key(self._thing),
                UpdateExpression="SET lease_ends_ms = :ends",
                ConditionExpression="#token = :token",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues={
                    ":ends": {"N": str(ends_ms)},
                    ":token": {"S": self._token},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            raise self.lost() from None
        self._renew_at_s = self._clock.monotonic_s() + self._lease_s / 3

    @property
    def still_held(self) -> Any:  # noqa: ANN401 - a TransactWriteItems entry
        """The condition that this lock is held, as part of a transaction."""
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": lock_key(self._thing),
                "ConditionExpression": "#token = :token",
                "ExpressionAttributeNames": {"#token": "token"},
                "ExpressionAttributeValues": {":token": {"S": self._token}},
            }
        }

    def lost(self) -> LockLostError:
        """The error of a holder whose lock is another's now."""
        return LockLostError(
            f"the lock on {self._called} ran out and another operator has taken it; this run has "
            "stopped"
        )

    def _busy(self, held: Any) -> LockBusyError:  # noqa: ANN401 - a DynamoDB item
        if not held:
            return LockBusyError(f"another operator works on {self._called}; try again in a minute")
        ends = datetime.fromtimestamp(int(held["lease_ends_ms"]["N"]) / 1000, UTC)
        return LockBusyError(
            f"{held['holder']['S']} works on {self._called} ({held['purpose']['S']}, since "
            f"{held['since']['S']}); ask them, or try again: if they crashed, the lock ends at "
            f"{ends:%H:%M:%S} UTC"
        )


def lock_key(thing: str) -> dict[str, Any]:
    """Where the lock of a thing stands in the ops table."""
    return {"pk": {"S": f"lock#{thing}"}, "sk": {"S": "lock"}}
