"""The service-time profile: seconds of an invocation by task and batch, and of a cold start."""

from pathlib import Path
from typing import Any

import pytest
from unit.loadtest.finished import succeeded, write_requests

from recorded_run import record_run
from zeroidle_contract import ServiceProfile
from zeroidle_contract.profile import ANY_TASK
from zeroidle_loadtest.profiling import profile_of
from zeroidle_loadtest.record import RequestRecord, RunRecord, read_run


@pytest.fixture
def run(tmp_path: Path) -> RunRecord:
    """Against a function of 10 GB."""
    return read_run(record_run(tmp_path / "run", duration_s=5))


def profile(folder: Path, run: RunRecord, *requests: RequestRecord) -> ServiceProfile:
    found = profile_of(write_requests(folder / "written", requests), run)
    assert found is not None
    return found


def test_an_invocations_seconds_are_the_gb_seconds_of_its_jobs_over_the_memory(
    tmp_path: Path, run: RunRecord
) -> None:
    made = profile(tmp_path, run, succeeded("a", gb_seconds=4.0), succeeded("b", gb_seconds=6.0))

    [batch] = made.of("classify").batches
    assert (batch.batch_size, batch.invocations) == (2, 1)
    assert batch.seconds.p50 == pytest.approx(1.0)


def test_invocations_that_waited_for_the_model_count_as_cold_starts_alone(
    tmp_path: Path, run: RunRecord
) -> None:
    made = profile(
        tmp_path,
        run,
        succeeded("a", invocation="cold", cold_start_ms=3000),
        succeeded("b", invocation="warm"),
    )

    assert made.cold_starts == 1
    assert made.cold_start_s is not None
    assert made.cold_start_s.p50 == 3.0
    assert sum(batch.invocations for batch in made.of("classify").batches) == 1


def test_an_invocation_of_several_tasks_counts_for_all_tasks_together_only(
    tmp_path: Path, run: RunRecord
) -> None:
    made = profile(tmp_path, run, succeeded("a"), succeeded("b", task="redact"))

    assert [one.task for one in made.tasks] == [ANY_TASK]
    assert made.of(ANY_TASK).batches[0].batch_size == 2


def test_tokens_are_the_mean_of_the_tasks_jobs(tmp_path: Path, run: RunRecord) -> None:
    made = profile(
        tmp_path, run, succeeded("a"), succeeded("b", prompt_tokens=300, forced_tokens=4)
    )

    found = made.of("classify")
    assert (found.tokens_in, found.cached_tokens_in, found.tokens_out) == (200, 40, 4)


def test_what_failed_says_nothing_about_service(tmp_path: Path, run: RunRecord) -> None:
    folder = write_requests(tmp_path / "written", [succeeded("a", outcome="failed")])

    assert profile_of(folder, run) is None


@pytest.mark.parametrize("unknown", [{"memory_mb": None}, {"model": None}])
def test_without_memory_or_model_there_is_no_profile(
    tmp_path: Path, run: RunRecord, unknown: dict[str, Any]
) -> None:
    folder = write_requests(tmp_path / "written", [succeeded("a")])
    if "model" in unknown:
        run = run.model_copy(update=unknown)
    else:
        run = run.model_copy(update={"target": run.target.model_copy(update=unknown)})

    assert profile_of(folder, run) is None


def test_durations_of_this_machine_are_marked_as_projected(tmp_path: Path, run: RunRecord) -> None:
    here = profile(tmp_path, run, succeeded("a"))
    there = run.model_copy(
        update={
            "is_projected": False,
            "target": run.target.model_copy(update={"is_local": False}),
        }
    )

    assert here.is_projected
    assert here.machine == run.machine.description
    assert profile(tmp_path / "there", there, succeeded("a")).machine == "AWS Lambda"
