"""Waiting for many jobs: each is reported once, in time, with few and patient reads."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from zeroidle_contract import JobRow, Status
from zeroidle_producer import WaitTimeoutError
from zeroidle_producer.waiting import ended_rows


class Jobs:
    """Jobs that end at given seconds, and the clock that they live by."""

    def __init__(self, ends_at_s: dict[str, float], status: Status = Status.SUCCEEDED) -> None:
        self._ends_at_s = ends_at_s
        self._status = status
        self.now_s = 0.0
        self.pauses_s: list[float] = []
        self.reads: list[int] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 3, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)
        self.now_s += seconds

    def read_many(self, keys: Sequence[str]) -> list[JobRow]:
        self.reads.append(len(keys))
        return [self._row(key) for key in keys if key in self._ends_at_s]

    def _row(self, key: str) -> JobRow:
        ended = self.now_s >= self._ends_at_s[key]
        return JobRow(
            job_key=key,
            job_id=key,
            tenant=None,
            status=self._status if ended else Status.RUNNING,
            content_sha256="",
            attempts=1,
            fence=1,
            commits=0,
        )

    def wait(self, *ids: str, timeout_s: float = 1000) -> list[str]:
        rows = ended_rows(
            {job_id: job_id for job_id in ids},
            read_many=self.read_many,
            clock=self,
            timeout_s=timeout_s,
        )
        return [row.job_id for row in rows]


NEVER = float("inf")


def test_each_job_is_reported_once_as_it_ends() -> None:
    jobs = Jobs({"a": 3, "b": 0, "c": 1})

    assert jobs.wait("a", "b", "c") == ["b", "c", "a"]


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED])
def test_success_failure_and_cancellation_are_ends(status: Status) -> None:
    assert Jobs({"a": 0}, status).wait("a") == ["a"]


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
def test_queued_and_running_are_not(status: Status) -> None:
    with pytest.raises(WaitTimeoutError):
        Jobs({"a": 0}, status).wait("a", timeout_s=10)


def test_nothing_to_wait_for_needs_no_read() -> None:
    jobs = Jobs({})

    assert jobs.wait() == []
    assert jobs.reads == []


def test_jobs_are_read_by_the_hundred_and_only_while_pending() -> None:
    ids = [f"job-{n}" for n in range(250)]
    jobs = Jobs({**dict.fromkeys(ids, 0.0), "job-0": 0.1})

    jobs.wait(*ids)

    assert jobs.reads == [100, 100, 50, 1]


def test_pauses_grow_by_half_to_a_cap() -> None:
    jobs = Jobs({"a": 60})

    jobs.wait("a")

    assert jobs.pauses_s[:3] == pytest.approx([0.2, 0.3, 0.45])
    assert jobs.pauses_s[-1] == 5.0
    assert len(jobs.reads) < 25


def test_pauses_start_anew_when_something_ends() -> None:
    jobs = Jobs({"a": 30, "b": 40})

    jobs.wait("a", "b")

    after_a = next(n for n, size in enumerate(jobs.reads) if size == 1)
    assert jobs.pauses_s[after_a - 2] == 5.0
    assert jobs.pauses_s[after_a - 1] == 0.2


def test_a_timeout_names_what_is_pending_unknown_jobs_included() -> None:
    jobs = Jobs({"a": 0, "b": NEVER})

    with pytest.raises(WaitTimeoutError) as caught:
        jobs.wait("a", "b", "unknown", timeout_s=7.5)

    assert caught.value.pending == ("b", "unknown")
    assert str(caught.value) == "2 jobs had not ended after 7.5 s"
    assert jobs.now_s == pytest.approx(7.5)


def test_a_job_that_ends_at_the_last_moment_is_still_seen() -> None:
    assert Jobs({"a": 7.5}).wait("a", timeout_s=7.5) == ["a"]


def test_without_time_every_job_is_looked_at_once() -> None:
    ids = [f"job-{n}" for n in range(201)]
    jobs = Jobs(dict.fromkeys(ids, NEVER))

    with pytest.raises(WaitTimeoutError):
        jobs.wait(*ids, timeout_s=0)

    assert jobs.reads == [100, 100, 1]
    assert jobs.pauses_s == []
