"""How a run is judged: its accounting, and each reason for which its figures cannot be believed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.loadtest.drive_fakes import FakeClock, FakeSystem, driven, scenario
from unit.loadtest.finished import succeeded

from zeroidle_contract import Job, Prices, load_prices
from zeroidle_loadtest.conclusion import conclude, exit_code
from zeroidle_loadtest.record import (
    Machine,
    ModelRecord,
    RequestRecord,
    RunRecord,
    TargetRecord,
    read_run,
)
from zeroidle_loadtest.recording import Recording
from zeroidle_loadtest.slo import Slo
from zeroidle_loadtest.timeline import Timeline
from zeroidle_loadtest.wire import Report

MACHINE = Machine(description="m", architecture="x86_64", cpus=2, memory_gib=4.0, python="3.11")
MODEL = ModelRecord(name="m", sha256="0" * 64, quantisation="Q4_0", prompt_version="1")


def report(requests: Sequence[RequestRecord], **changes: Any) -> Report:
    fields: dict[str, Any] = {
        "run_id": "run",
        "shard": 0,
        "requests": tuple(one.model_dump_json(exclude_defaults=True) for one in requests),
        "taken": len(requests),
        "pending": 0,
        "busy": 0.2,
        "clock_jump_ms": 0.0,
        "load_ended_ms": 10_000.0,
        "is_done": True,
        "model": MODEL,
        **changes,
    }
    return Report(**fields)


def concluded(
    folder: Path,
    *reports: Report,
    scheduled: int = 3,
    slo: Slo | None = None,
    prices: Prices | None = None,
    **changes: Any,
) -> RunRecord:
    recording = Recording(folder=folder / "run", shards=len({one.shard for one in reports}))
    for one in reports:
        recording.add(one)
    started = datetime(2026, 11, 24, 12, tzinfo=UTC)
    return conclude(
        recording,
        timeline=Timeline.beginning(started.timestamp() * 1000, clock=FakeClock()),
        scenario=scenario(**changes),
        scheduled=scheduled,
        slo=slo or Slo(),
        target=TargetRecord(stack="s", is_local=True, memory_mb=10240, architecture="x86_64"),
        machine=MACHINE,
        commit="c",
        versions={},
        prices=prices,
    )


def three(**changes: Any) -> list[RequestRecord]:
    return [succeeded(name, **changes) for name in ("a", "b", "c")]


def test_a_run_that_sent_and_saw_everything_is_valid(tmp_path: Path) -> None:
    run = concluded(tmp_path, report(three()))

    assert run.problems == ()
    assert exit_code(run) == 0
    assert read_run(tmp_path / "run") == run


def test_a_breached_threshold_is_exit_code_3(tmp_path: Path) -> None:
    run = concluded(tmp_path, report(three()), slo=Slo(latency_p95_s=0.9))

    assert run.is_valid
    assert exit_code(run) == 3


@pytest.mark.parametrize(
    ("reported", "told"),
    [
        ({"busy": 0.95}, "generator saturated: a worker used 95% of a CPU"),
        ({"clock_jump_ms": 120_000.0}, "the time of day jumped by 120000 ms"),
        ({"is_interrupted": True}, "interrupted before its end"),
        ({"is_done": False}, "interrupted before its end"),
        ({"error": "AWS refuses to publish"}, "AWS refuses to publish"),
        ({"taken": 4}, "the accounting does not close: 1 requests have no record"),
    ],
)
def test_what_a_worker_reports_can_make_a_run_invalid(
    tmp_path: Path, reported: dict[str, Any], told: str
) -> None:
    run = concluded(tmp_path, report(three(), **reported))

    assert any(problem.startswith(told) for problem in run.problems)
    assert exit_code(run) == 5


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"sent_ms": 150.0, "completed_ms": 1150.0},
            "schedule missed: the generator's own lag was 150 ms at p99",
        ),
        ({"completed_ms": 1010.0}, "the parts of a latency miss it by 10 ms"),
    ],
)
def test_one_request_can_make_a_run_invalid(
    tmp_path: Path, changed: dict[str, Any], told: str
) -> None:
    requests = [*three()[:2], succeeded("c", **changed)]

    run = concluded(tmp_path, report(requests))

    assert any(problem.startswith(told) for problem in run.problems)
    assert exit_code(run) == 5


def test_requests_that_were_never_sent_miss_the_schedule(tmp_path: Path) -> None:
    run = concluded(tmp_path, report(three()), scheduled=5)

    assert run.problems == ("schedule missed: 2 requests were never sent",)


def test_requests_that_did_not_come_back_are_told_with_the_drains_length(tmp_path: Path) -> None:
    lost = RequestRecord(
        job_id="c",
        task="classify",
        sample="short",
        worker=0,
        intended_ms=0,
        sent_ms=0,
        publish_ms=1,
        outcome="unresolved",
    )

    run = concluded(tmp_path, report([*three()[:2], lost]), drain_s=30)

    assert run.problems == (
        "not drained: 1 requests had not come back 30 s after the last one was sent",
    )
    assert not run.drained


def test_nothing_sent_is_no_measurement(tmp_path: Path) -> None:
    run = concluded(tmp_path, report([]), scheduled=0)

    assert "nothing was sent" in run.problems


def test_a_clock_that_jumped_widens_what_the_parts_may_miss(tmp_path: Path) -> None:
    requests = [*three()[:2], succeeded("c", completed_ms=1020.0)]

    run = concluded(tmp_path, report(requests, clock_jump_ms=30.0))

    assert run.clock_error_ms == 33.0
    assert run.problems == ()


def test_without_a_price_list_a_run_is_as_good_as_with_one(tmp_path: Path) -> None:
    run = concluded(tmp_path, report(three()), prices=None)

    assert (run.problems, run.prices_as_of) == ((), None)


def test_dollars_are_checked_at_the_price_of_what_would_be_deployed(tmp_path: Path) -> None:
    run = concluded(
        tmp_path, report(three()), slo=Slo(compute_usd_per_thousand=1.0), prices=load_prices()
    )

    found = {check.name: check.measured for check in run.slo}
    assert found["compute_usd_per_thousand"] == pytest.approx(10 * 1000 * 0.0000133334)


def test_workers_add_up(tmp_path: Path) -> None:
    first, second = report(three()[:1]), report(three()[1:], shard=1, busy=0.5)

    run = concluded(tmp_path, first, second)

    assert (run.counts.submitted, run.counts.succeeded) == (3, 3)
    assert (run.generator.busy, run.load.workers) == (0.5, 2)


@settings(max_examples=40)
@given(
    lost=st.frozensets(st.integers(0, 49)),
    refused=st.frozensets(st.integers(0, 49)),
    service_s=st.floats(0.0, 2.0),
    publish_s=st.floats(0.0, 0.4),
    servers=st.integers(1, 4),
    stop_after=st.one_of(st.none(), st.integers(0, 20)),
)
def test_the_accounting_closes_on_every_request_whatever_becomes_of_it(
    tmp_path_factory: pytest.TempPathFactory,
    lost: frozenset[int],
    refused: frozenset[int],
    service_s: float,
    publish_s: float,
    servers: int,
    stop_after: int | None,
) -> None:
    clock = FakeClock()

    def refusal(job: Job) -> str | None:
        return "Throttled" if int(job.job_id.rpartition(".")[2]) in refused else None

    system = FakeSystem(
        clock,
        service_s=service_s,
        servers=servers,
        publish_s=publish_s,
        lost=frozenset(str(number) for number in lost),
        refuses=refusal,
    )
    run = driven(scenario(), system, clock)
    if stop_after is not None:
        for _ in range(stop_after):
            run.session.send()
        run.session.stop()
    requests = run.run()

    record = concluded(tmp_path_factory.mktemp("closing"), *run.reports, scheduled=50)

    ids = [one.job_id for one in requests]
    assert len(ids) == len(set(ids)) == record.counts.submitted
    assert record.counts.closes
    assert record.interrupted == (stop_after is not None)
    assert all(abs(one.clock_gap_ms or 0.0) <= record.clock_error_ms for one in requests)
