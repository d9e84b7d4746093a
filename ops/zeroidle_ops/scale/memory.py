"""What the controller remembers from tick to tick, and its diary: rows of the ops table.

The memory is one row (`sk` = state), replaced at every tick. The diary has a row for each decision
with what it stood on (`sk` = decision#<time>), kept for 30 days.
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from zeroidle_ops.scale.law import Cause, Decision
from zeroidle_ops.scale.observation import Observation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_DAYS: Final = 30
CONTROLLER: Final = "the controller"


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The last look. Times are Unix seconds, 0 for never.

    `at_s` is a look's by anybody, `ticked_at_s` a controller's. `spent_usd` counts from the hour
    `hour`, by the controller's own reckoning.
    """

    at_s: float = 0.0
    ticked_at_s: float = 0.0
    messages: int = 0
    dead_letters: int = 0
    running: float = 0.0
    changed_at_s: float = 0.0
    fault_at_s: float = 0.0
    resumed_at_s: float = 0.0
    paused_by: str | None = None
    pause_reason: str | None = None
    hour: int = 0
    spent_usd: float = 0.0

    def after(self, decision: Decision, *, at_s: float) -> "Memory":
        """The memory once this decision has been applied."""
        memory = replace(self, fault_at_s=at_s) if decision.is_fault else self
        if decision.target is None:
            return memory
        memory = replace(memory, changed_at_s=at_s)
        if decision.target == 0:
            return replace(memory, paused_by=CONTROLLER, pause_reason=decision.reason)
        if decision.cause is Cause.RESUMED:
            return replace(memory, resumed_at_s=at_s, paused_by=None, pause_reason=None)
        return memory


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A page of the diary: the law's decision, or a pause or resume by an operator."""

    at: str
    holder: str
    target: int | None
    cause: str
    reason: str
    observation: dict[str, Any]

    @classmethod
    def of(cls, item: Any) -> Self:  # noqa: ANN401 - a DynamoDB item
        """Read a row."""
        return cls(**json.loads(item["body"]["S"]))


class Diary:
    """The rows of one mapping."""

    def __init__(self, *, dynamodb: "DynamoDBClient", table: str, mapping_id: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._pk = f"scale#{mapping_id}"

    def recall(self) -> Memory:
        """The memory; an empty one before the first tick."""
        found = self._dynamodb.get_item(
            TableName=self._table, Key=self._key("state"), ConsistentRead=True
        ).get("Item")
        if found is None:
            return Memory()
        known = {field.name for field in fields(Memory)}
        body = json.loads(found["body"]["S"])
        return Memory(**{name: value for name, value in body.items() if name in known})

    def remember(self, memory: Memory) -> None:
        """Replace the memory."""
        self._put("state", asdict(memory), expires_at_s=None)

    def write(
        self, decision: Decision, observation: Observation | None, *, holder: str, at_s: float
    ) -> None:
        """Record a decision with what it stood on."""
        at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
        entry = Entry(
            at=at,
            holder=holder,
            target=decision.target,
            cause=decision.cause.value,
            reason=decision.reason,
            # JSON knows no infinity: what never happened is left out.
            observation={
                name: value
                for name, value in (asdict(observation) if observation else {}).items()
                if value is not None and value != float("inf")
            },
        )
        self._put(f"decision#{at}", asdict(entry), expires_at_s=at_s + KEPT_DAYS * 86_400)

    def read(self, count: int) -> list[Entry]:
        """The last decisions, the newest first."""
        found = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :decision)",
            ExpressionAttributeValues={
                ":pk": {"S": self._pk},
                ":decision": {"S": "decision#"},
            },
            ScanIndexForward=False,
            Limit=count,
        )
        return [Entry.of(item) for item in found["Items"]]

    def _put(self, sk: str, body: dict[str, Any], *, expires_at_s: float | None) -> None:
        item = {**self._key(sk), "body": {"S": json.dumps(body)}}
        if expires_at_s is not None:
            item["expires_at"] = {"N": str(int(expires_at_s))}
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def _key(self, sk: str) -> dict[str, Any]:
        return {"pk": {"S": self._pk}, "sk": {"S": sk}}
