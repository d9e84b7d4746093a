"""Plans in the stack's bucket: written once, verified at every reading."""

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zeroidle_ops.redrive.errors import PlanAlteredError, PlanNotFoundError
from zeroidle_ops.redrive.plan import Entry, Part, Plan

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "redrive/plans/"
ENTRIES_PER_PART = 10_000


class PlanStore:
    """The folder `redrive/plans/` of the stack's bucket."""

    def __init__(self, *, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def save_entries(self, plan_id: str, lines: Iterable[str]) -> Iterator[Part]:
        """Write entries in parts, each as soon as it is full."""
        remaining = iter(lines)
        number = 0
        while batch := list(islice(remaining, ENTRIES_PER_PART)):
            data = gzip.compress("\n".join(batch).encode(), compresslevel=3, mtime=0)
            key = f"{PREFIX}{plan_id}/entries-{number:04d}.jsonl.gz"
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=data)
            yield Part(key=key, count=len(batch), sha256=hashlib.sha256(data).hexdigest())
            number += 1

    def save(self, plan: Plan) -> None:
        """Write a sealed plan, under a name that no plan has."""
        self._s3.put_object(
            Bucket=self._bucket,
            Key=_key(plan.plan_id),
            Body=plan.model_dump_json(indent=2).encode(),
            ContentType="application/json",
            IfNoneMatch="*",
        )

    def load(self, plan_id: str) -> Plan:
        """Read a plan.

        Raises:
            PlanNotFoundError: there is none of that id.
            PlanAlteredError: it is not as it was made.
        """
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=_key(plan_id))
        except self._s3.exceptions.NoSuchKey:
            raise PlanNotFoundError(
                f"there is no plan {plan_id!r} in this stack; `zeroidle redrive plan` makes one"
            ) from None
        try:
            plan = Plan.model_validate_json(answer["Body"].read())
        except ValidationError:
            raise _altered(plan_id, "it does not read as a plan") from None
        if plan.plan_id != plan_id or plan.sha256 != plan.content_sha256():
            raise _altered(plan_id, "its hash does not fit its content")
        return plan

    def entries(self, plan: Plan) -> Iterator[Entry]:
        """The plan's entries, those that expire first at the front.

        Raises:
            PlanAlteredError: a part is missing or not as it was made.
        """
        for part in plan.parts:
            try:
                data = self._s3.get_object(Bucket=self._bucket, Key=part.key)["Body"].read()
            except self._s3.exceptions.NoSuchKey:
                raise _altered(plan.plan_id, f"{part.key} is missing") from None
            if hashlib.sha256(data).hexdigest() != part.sha256:
                raise _altered(plan.plan_id, f"the hash of {part.key} differs")
            for line in gzip.decompress(data).decode().split("\n"):
                yield Entry.from_line(line)


def _key(plan_id: str) -> str:
    return f"{PREFIX}{plan_id}/plan.json"


def _altered(plan_id: str, how: str) -> PlanAlteredError:
    return PlanAlteredError(
        f"plan {plan_id!r} was altered after it was made: {how}. Nothing was touched; make a new "
        "plan, and find out who writes to the bucket"
    )
