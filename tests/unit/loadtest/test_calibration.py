"""Durations of a run on Lambda replace what is assumed of its speed."""

from pathlib import Path
from typing import Any

import pytest
from unit.loadtest.finished import succeeded

from recorded_run import record_run
from zeroidle_loadtest import cli
from zeroidle_loadtest.analysis import Measured, read_measured
from zeroidle_loadtest.calibration import calibrate
from zeroidle_loadtest.cost.assumptions import Band, load_assumptions
from zeroidle_loadtest.cost.projection import Function, project
from zeroidle_loadtest.errors import RecordError
from zeroidle_loadtest.record import RequestRecord, TargetRecord
from zeroidle_loadtest.report.writing import write_report

ON_LAMBDA = TargetRecord(
    stack="prod", is_local=False, memory_mb=10240, architecture="arm64", maximum_concurrency=10
)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return record_run(tmp_path / "here", duration_s=60, fail_every=0)


def there(folder: Path, *, slowness: float = 3.0, **options: Any) -> Path:
    """The same load on Lambda, where each token takes so many times as long."""
    changes = {"target": ON_LAMBDA, **options.pop("changes", {})}
    return record_run(
        folder / "there", duration_s=60, fail_every=0, slowness=slowness, is_local=False,
        changes=changes, **options,
    )  # fmt: skip


def factor(here: Path, there: Path) -> Band:
    return calibrate(read_measured(here), read_measured(there)).factor


def test_the_factor_is_what_each_job_took_there_over_here(here: Path, tmp_path: Path) -> None:
    found = factor(here, there(tmp_path, slowness=3.0))

    assert found.low < 3.0 < found.high
    assert found.mid == pytest.approx(3.0, rel=0.15)
    assert found.high < 1.5 * found.low


def test_emptier_batches_do_not_pass_for_a_slower_function(here: Path, tmp_path: Path) -> None:
    ours, theirs = read_measured(here), read_measured(there(tmp_path))

    def jobs(alone: int, batched: int, *, times: float) -> tuple[RequestRecord, ...]:
        """Alone a job takes 10 GB-s, in a batch of eight 2."""
        kinds = [(1, 10.0)] * alone + [(8, 2.0)] * batched
        return tuple(
            succeeded(str(number), batch_size=size, gb_seconds=times * gb_seconds)
            for number, (size, gb_seconds) in enumerate(kinds)
        )

    full = Measured(run=ours.run, requests=jobs(4, 36, times=1.0))
    empty = Measured(run=theirs.run, requests=jobs(36, 4, times=2.0))

    assert calibrate(full, empty).factor.mid == pytest.approx(2.0)


def test_the_watermark_gives_way_to_what_was_measured(here: Path, tmp_path: Path) -> None:
    before = write_report(here, to=tmp_path / "before")
    after = write_report(here, to=tmp_path / "after", on_lambda=there(tmp_path))

    assert before.report.watermark is not None
    assert "Projected to Lambda" not in after.page.read_text()
    assert "Measured on Lambda." in after.page.read_text()
    assert "jobs of run there on 10,240 MB arm64" in after.markdown.read_text()
    compute = after.report.priced.bill.lines[0]
    assert compute.quantity.basis == "measured"
    assumed = before.report.priced.bill.lines[0].quantity.amount
    assert compute.usd.high / compute.usd.low < assumed.high / assumed.low


def test_a_model_that_did_not_run_on_lambda_stays_projected(here: Path, tmp_path: Path) -> None:
    written = write_report(here, on_lambda=there(tmp_path))

    assert "The 8B shape did not run on Lambda" in written.page.read_text()
    assert "The 8B shape did not run on Lambda" in written.markdown.read_text()


def test_dollars_are_for_the_function_that_was_measured(here: Path, tmp_path: Path) -> None:
    small = ON_LAMBDA.model_copy(update={"memory_mb": 3008})

    written = write_report(here, on_lambda=there(tmp_path, changes={"target": small}))

    assert written.report.projection.function == Function("arm64", 3008)
    others = {str(one.projection.function) for one in written.report.priced_elsewhere}
    assert others == {"10,240 MB arm64", "10,240 MB x86_64", "3,008 MB x86_64"}


def test_other_sizes_follow_from_the_measured_one(here: Path, tmp_path: Path) -> None:
    measured = calibrate(read_measured(here), read_measured(there(tmp_path)))

    half = project(read_measured(here).run, Function("arm64", 5120), load_assumptions(), measured)

    assert half.factor.mid == pytest.approx(2 * measured.factor.mid)
    assert not half.is_measured


def test_a_run_of_this_machine_cannot_stand_for_lambda(here: Path, tmp_path: Path) -> None:
    another = record_run(tmp_path / "another", duration_s=20)

    with pytest.raises(RecordError, match="another was not measured on Lambda"):
        factor(here, another)


def test_an_invalid_run_cannot_stand_for_lambda(here: Path, tmp_path: Path) -> None:
    bad = there(tmp_path, changes={"problems": ("interrupted before its end",)})

    with pytest.raises(RecordError, match=r"no valid measurement \(interrupted"):
        factor(here, bad)


def test_another_model_cannot_stand_for_this_one(here: Path, tmp_path: Path) -> None:
    model = read_measured(here).run.model
    assert model is not None
    other = model.model_copy(update={"sha256": "cd" * 32, "name": "other"})

    with pytest.raises(RecordError, match=r"ran another model \(other\)"):
        factor(here, there(tmp_path, changes={"model": other}))


def test_runs_that_have_nothing_alike_say_what_to_measure(here: Path, tmp_path: Path) -> None:
    far = there(tmp_path)
    ours, theirs = read_measured(here), read_measured(far)
    renamed = Measured(
        run=theirs.run,
        requests=tuple(one.model_copy(update={"sample": "else"}) for one in theirs.requests),
    )

    with pytest.raises(RecordError, match="too few warm jobs of the same samples"):
        calibrate(ours, renamed)


def test_the_command_takes_the_folder_of_measure_aws(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["report", str(here), "--measured", str(there(tmp_path)), "--json"])

    assert '"is_projected": false' in capsys.readouterr().out
