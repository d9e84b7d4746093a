from pathlib import Path

import pytest

from zeroidle_loadtest.errors import RecordError
from zeroidle_loadtest.record import PARTS, RequestRecord, read_requests, read_run


def request(**changes: object) -> RequestRecord:
    return RequestRecord.model_validate(
        {
            "job_id": "run.0.1",
            "task": "classify",
            "sample": "reviews",
            "worker": 0,
            "intended_ms": 1000.0,
            "sent_ms": 1004.0,
            "publish_ms": 10.0,
            "outcome": "succeeded",
            "completed_ms": 1604.0,
            "queued_ms": 200,
            "cold_start_ms": 100,
            "prefill_ms": 250,
            "decode_ms": 40,
            "commit_ms": 10,
            **changes,
        }
    )


def test_the_parts_add_up_to_the_latency_from_the_intended_time() -> None:
    done = request()

    parts = done.parts_ms()

    assert parts is not None
    assert tuple(parts) == PARTS
    assert sum(parts.values()) == done.latency_ms == 604.0
    assert done.clock_gap_ms == 0.0


def test_publishing_counts_only_until_the_consumer_has_begun() -> None:
    parts = request(publish_ms=300.0).parts_ms()

    assert parts is not None
    assert (parts["publish"], parts["queue"]) == (200.0, 0.0)


def test_a_request_that_did_not_succeed_has_no_parts() -> None:
    lost = request(outcome="unresolved", completed_ms=None)

    assert (lost.parts_ms(), lost.latency_ms, lost.clock_gap_ms) == (None, None, None)


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    whole = request().model_dump_json()
    (tmp_path / "requests.jsonl").write_text(f"{whole}\n{whole[:50]}")

    assert list(read_requests(tmp_path)) == [request()]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "requests.jsonl").write_text("{}\n")

    with pytest.raises(RecordError, match=r"requests\.jsonl:1: job_id: Field required"):
        list(read_requests(tmp_path))


def test_a_folder_without_a_run_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="give the folder of a load test"):
        read_run(tmp_path)
