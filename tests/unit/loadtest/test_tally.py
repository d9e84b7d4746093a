"""A finished run's requests add up: outcomes, batches, concurrency, and the clocks' difference."""

from pathlib import Path

from unit.loadtest.finished import succeeded, write_requests

from zeroidle_loadtest.record import Sample, read_requests
from zeroidle_loadtest.tally import tally


def test_every_request_is_counted_once_by_what_became_of_it(tmp_path: Path) -> None:
    lost = {"completed_ms": None, "invocation": None, "gb_seconds": 0.0}
    write_requests(
        tmp_path,
        [
            succeeded("a"),
            succeeded("b", cold_start_ms=50),
            succeeded("c", outcome="failed", error_code="output_truncated", gb_seconds=4.0),
            succeeded("d", outcome="unresolved", **lost),
        ],
    )

    total = tally(tmp_path)

    assert (total.succeeded, total.failed, total.unresolved) == (2, 1, 1)
    assert total.cold_starts == 1
    assert total.gb_seconds == 24.0
    assert list(total.latencies_ms) == [1000.0, 1000.0]
    assert len(total.lags_ms) == 4


def test_each_request_learns_how_many_shared_its_invocation(tmp_path: Path) -> None:
    write_requests(tmp_path, [succeeded("a"), succeeded("b"), succeeded("c", invocation="another")])

    tally(tmp_path)

    assert [one.batch_size for one in read_requests(tmp_path)] == [2, 2, 1]


def test_the_widest_gap_between_a_latency_and_its_parts_is_found(tmp_path: Path) -> None:
    write_requests(
        tmp_path, [succeeded("a", completed_ms=1001.0), succeeded("b", completed_ms=960.0)]
    )

    assert tally(tmp_path).widest_gap_ms == 40.0


def test_concurrency_counts_the_invocations_under_way_at_a_moment(tmp_path: Path) -> None:
    write_requests(
        tmp_path,
        [
            succeeded("a", invocation="first"),  # 100 to 1000 ms
            succeeded("b", invocation="first"),
            succeeded("c", invocation="second", completed_ms=1500.0),  # 600 to 1500 ms
        ],
    )

    seen = tally(tmp_path).with_concurrency([Sample(at_ms=at) for at in (50, 500, 800, 1200, 2000)])

    assert [sample.concurrency for sample in seen] == [0, 1, 2, 1, 0]


def test_latencies_and_lags_are_in_order(tmp_path: Path) -> None:
    write_requests(
        tmp_path, [succeeded("a", sent_ms=9.0, completed_ms=2000.0), succeeded("b", sent_ms=1.0)]
    )

    total = tally(tmp_path)

    assert list(total.lags_ms) == [1.0, 9.0]
    assert list(total.latencies_ms) == [1000.0, 2000.0]
