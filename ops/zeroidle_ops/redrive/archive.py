"""Archived messages in the stack's bucket: one object for each chunk of a plan.

It is written before the chunk's first message is touched, and holds all that is needed to finish
the chunk after a crash or to bring it back: bodies, attributes, trace headers, receipt handles.
The bucket's own key encrypts it.
"""

import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from zeroidle_ops.redrive.letter import Letter

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "redrive/archive/"


class Fate(StrEnum):
    """What becomes of an archived message."""

    SEND = "send"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """One archived message.

    `entry` is its place in the plan; `mark` tells whether its job has run since (`rows.Standing`).
    """

    entry: int
    fate: Fate
    mark: str | None
    letter: Letter


class Archive:
    """The folder `redrive/archive/` of the stack's bucket."""

    def __init__(self, *, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def write(self, plan_id: str, chunk: str, archived: Sequence[Archived]) -> str:
        """Store a chunk; its key, which ends with its hash."""
        lines = (
            json.dumps(
                {"entry": a.entry, "fate": a.fate, "mark": a.mark, "letter": asdict(a.letter)},
                separators=(",", ":"),
            )
            for a in archived
        )
        data = gzip.compress("\n".join(lines).encode(), compresslevel=1, mtime=0)
        digest = hashlib.sha256(data).hexdigest()[:16]
        key = f"{PREFIX}{plan_id}/{chunk}-{digest}.jsonl.gz"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=data)
        return key

    def read(self, key: str) -> list[Archived]:
        """A stored chunk."""
        data = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        lines = gzip.decompress(data).decode().split("\n")
        return [_parse(line) for line in lines]


def _parse(line: str) -> Archived:
    raw = json.loads(line)
    return Archived(
        entry=raw["entry"],
        fate=Fate(raw["fate"]),
        mark=raw["mark"],
        letter=Letter(**raw["letter"]),
    )
