"""Reads jobs in the jobs table, many at once.

Takes only what a redrive asks of a job: how it stands, and whether it has run since.
"""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zeroidle_contract import Status
from zeroidle_contract import table as t

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEYS_PER_CALL = 100

_WANTED = (t.JOB_KEY, t.STATUS, t.CONTENT_SHA256, t.ATTEMPTS, t.FENCE, t.FAILED_AT)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a job stands.

    `mark` changes with every claim and every failure: while it is the same, the job has not run.
    """

    status: Status
    content_sha256: str
    attempts: int
    mark: str
    fingerprint: str | None


class JobRows:
    """The jobs table, read only."""

    def __init__(self, *, dynamodb: "DynamoDBClient", table: str, pool: Executor) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._pool = pool

    def read(
        self, job_keys: Iterable[str | None], *, with_error: bool = False
    ) -> dict[str, Standing]:
        """The rows there are, by key, as of now: a job that just ended must not run again.

        Without `with_error`, fingerprints are not read: they are a third of the work.
        """
        wanted = (*_WANTED, t.ERROR) if with_error else _WANTED
        keys = list(dict.fromkeys(key for key in job_keys if key is not None))
        calls = [
            keys[start : start + KEYS_PER_CALL] for start in range(0, len(keys), KEYS_PER_CALL)
        ]
        return {
            key: row
            for rows in self._pool.map(lambda call: self._read(call, wanted), calls)
            for key, row in rows.items()
        }

    def _read(self, keys: list[str], attributes: tuple[str, ...]) -> dict[str, Standing]:
        found: dict[str, Standing] = {}
        names = {f"#{index}": name for index, name in enumerate(attributes)}
        wanted: Any = {
            self._table: {
                "Keys": [{t.JOB_KEY: {"S": key}} for key in keys],
                "ConsistentRead": True,
                "ProjectionExpression": ", ".join(names),
                "ExpressionAttributeNames": names,
            }
        }
        while wanted:
            answer = self._dynamodb.batch_get_item(RequestItems=wanted)
            for item in answer["Responses"].get(self._table, ()):
                found[item[t.JOB_KEY]["S"]] = _standing(item)
            wanted = answer.get("UnprocessedKeys")
        return found


def _standing(item: Mapping[str, Any]) -> Standing:
    error = json.loads(t.text(item, t.ERROR) or "{}")
    return Standing(
        status=Status(item[t.STATUS]["S"]),
        content_sha256=t.text(item, t.CONTENT_SHA256) or "",
        attempts=t.number(item, t.ATTEMPTS) or 0,
        mark=f"{t.number(item, t.FENCE) or 0}/{t.text(item, t.FAILED_AT) or ''}",
        fingerprint=error.get("fingerprint"),
    )
