"""Two runs compared: no difference where there is none, the right one where there is."""

import json
from pathlib import Path

import pytest

from recorded_run import record_run
from zeroidle_loadtest import cli
from zeroidle_loadtest.analysis import read_measured
from zeroidle_loadtest.comparison import compare


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return record_run(tmp_path / "before", per_s=1.0, duration_s=120)


def test_a_run_is_no_different_from_itself(before: Path) -> None:
    compared = compare(read_measured(before), read_measured(before))

    assert {row.verdict for row in compared.rows} == {"no difference shown"}
    assert compared.mismatches == ()


def test_an_engine_that_is_half_as_fast_is_worse(before: Path, tmp_path: Path) -> None:
    after = record_run(tmp_path / "after", per_s=1.0, duration_s=120, slowness=2.0)

    verdicts = {
        row.name: row.verdict for row in compare(read_measured(before), read_measured(after)).rows
    }

    assert verdicts["latency p50"] == "worse"
    assert verdicts["mean prefill"] == "worse"
    assert verdicts["mean compute"] == "worse"
    assert verdicts["succeeded"] == "no difference shown"


def test_runs_that_are_not_alike_say_so_first(
    before: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = read_measured(before).run
    load = run.load.model_copy(update={"name": "other", "offered_per_s": 3.0})
    after = record_run(tmp_path / "after", duration_s=60, changes={"load": load})

    cli.main(["compare", str(before), str(after)])

    said = capsys.readouterr().err
    assert "not alike: scenario: mixed against other" in said
    assert "not alike: offered rate" in said


def test_an_invalid_run_is_exit_code_5(before: Path, tmp_path: Path) -> None:
    after = record_run(tmp_path / "after", duration_s=60, changes={"problems": ("saturated",)})

    assert cli.main(["compare", str(before), str(after)]) == 5


def test_worse_is_exit_code_3_and_every_change_has_its_interval(
    before: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after = record_run(tmp_path / "after", per_s=1.0, duration_s=120, slowness=2.0)

    code = cli.main(["compare", str(before), str(after), "--json"])

    figures = {one["name"]: one for one in json.loads(capsys.readouterr().out)["figures"]}
    change = figures["mean prefill"]["change"]
    assert code == 3
    assert change["low"] < change["value"] < change["high"]


def test_failures_on_one_side_give_infinite_latencies_and_no_crash(
    before: Path, tmp_path: Path
) -> None:
    after = record_run(tmp_path / "after", duration_s=60, fail_every=1)

    compared = compare(read_measured(before), read_measured(after))

    assert {row.name: row.verdict for row in compared.rows}["succeeded"] == "worse"
