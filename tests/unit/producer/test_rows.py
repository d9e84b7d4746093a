"""Reading many rows: what DynamoDB leaves out is asked for again."""

from datetime import UTC, datetime
from random import Random
from typing import Any

from zeroidle_contract import Job
from zeroidle_contract.table import queued_item
from zeroidle_producer.rows import READ_ATTEMPTS, JobRows

NOW = datetime(2026, 11, 3, tzinfo=UTC)


class FakeClock:
    def __init__(self) -> None:
        self.pauses_s: list[float] = []

    def now(self) -> datetime:
        return NOW

    def monotonic_s(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)


class FakeTable:
    """Answers at most `per_call` keys of each call and leaves the others unprocessed."""

    def __init__(self, *, per_call: int, expires_at: int = int(NOW.timestamp()) + 1) -> None:
        self._per_call = per_call
        self._expires_at = expires_at
        self.asked: list[list[str]] = []

    def batch_get_item(self, *, RequestItems: Any) -> dict[str, Any]:  # noqa: N803
        keys = RequestItems["jobs"]["Keys"]
        self.asked.append([key["job_key"]["S"] for key in keys])
        left = keys[self._per_call :]
        return {
            "Responses": {"jobs": [self._row(key) for key in keys[: self._per_call]]},
            "UnprocessedKeys": {"jobs": {"Keys": left}} if left else {},
        }

    def _row(self, key: Any) -> dict[str, Any]:
        job = Job.model_validate(
            {
                "job_id": key["job_key"]["S"].removeprefix("-/"),
                "task": {"kind": "summarize"},
                "document": {"text": "-"},
            }
        )
        return queued_item(job, expires_at=self._expires_at)


def read(table: FakeTable, *keys: str, clock: FakeClock | None = None) -> list[str]:
    client: Any = table
    rows = JobRows(
        dynamodb=client,
        table="jobs",
        clock=clock or FakeClock(),
        random=Random(7),  # noqa: S311 -- jitter
    )
    return [row.job_key for row in rows.read_many(keys)]


def test_unprocessed_keys_are_asked_for_again_after_a_pause() -> None:
    table, clock = FakeTable(per_call=2), FakeClock()

    assert read(table, "-/a", "-/b", "-/c", clock=clock) == ["-/a", "-/b", "-/c"]
    assert table.asked == [["-/a", "-/b", "-/c"], ["-/c"]]
    assert len(clock.pauses_s) == 1
    assert 0 <= clock.pauses_s[0] <= 0.1


def test_keys_that_stay_unprocessed_are_left_to_the_next_round() -> None:
    table = FakeTable(per_call=0)

    assert read(table, "-/a") == []
    assert len(table.asked) == READ_ATTEMPTS


def test_rows_that_wait_for_deletion_count_as_none() -> None:
    assert read(FakeTable(per_call=9, expires_at=int(NOW.timestamp())), "-/a") == []
