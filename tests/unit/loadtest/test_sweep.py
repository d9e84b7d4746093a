"""A sweep doubles until the SLO is missed, then halves the interval, and loses nothing it tried."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorded_run import record_run
from zeroidle_loadtest import cli
from zeroidle_loadtest.analysis import read_all
from zeroidle_loadtest.cli_sweep import judge
from zeroidle_loadtest.errors import RecordError
from zeroidle_loadtest.record import read_run
from zeroidle_loadtest.sweep import (
    Bounds,
    Ledger,
    Tried,
    Verdict,
    next_rate,
    open_ledger,
    read_ledger,
    save,
    sweep,
)

BOUNDS = Bounds(low_per_s=0.25, high_per_s=64.0, precision=0.1)


def tried(**verdicts_of_rates: Verdict) -> tuple[Tried, ...]:
    return tuple(
        Tried(rate_per_s=float(rate.lstrip("r").replace("_", ".")), verdict=verdict, run_id=rate)
        for rate, verdict in verdicts_of_rates.items()
    )


def system(limit_per_s: float, asked: list[float] | None = None) -> Callable[[float], Tried]:
    """Meets the SLO up to a rate."""

    def measure(rate_per_s: float) -> Tried:
        if asked is not None:
            asked.append(rate_per_s)
        verdict: Verdict = "met" if rate_per_s <= limit_per_s else "missed"
        return Tried(rate_per_s=rate_per_s, verdict=verdict, run_id=f"run-{rate_per_s:g}")

    return measure


@pytest.mark.parametrize(
    ("so_far", "next_per_s"),
    [
        ((), 0.25),
        (tried(r0_25="met"), 0.5),
        (tried(r0_25="missed"), None),
        (tried(r48="met"), 64.0),
        (tried(r64="met"), None),
        (tried(r1="met", r2="missed"), 1.5),
        (tried(r1="met", r1_05="missed"), None),
        # An earlier sweep of the same folder began higher: this one looks below it, too.
        (tried(r4="missed"), 2.0),
        (tried(r0_3="missed"), 0.25),
        # What met the SLO above a rate that missed it was luck.
        (tried(r1="met", r2="missed", r4="met"), 1.5),
    ],
)
def test_the_next_rate_follows_from_what_was_tried(
    so_far: tuple[Tried, ...], next_per_s: float | None
) -> None:
    assert next_rate(so_far, BOUNDS) == next_per_s


@settings(max_examples=30)
@given(st.floats(0.25, 63.9))
def test_the_answer_brackets_the_limit_within_the_precision(
    tmp_path_factory: pytest.TempPathFactory, limit_per_s: float
) -> None:
    folder = tmp_path_factory.mktemp("sweep")

    answer = sweep(Ledger(question="q"), folder, bounds=BOUNDS, measure=system(limit_per_s))

    assert answer.met_per_s is not None
    assert answer.missed_per_s is not None
    assert answer.met_per_s <= limit_per_s < answer.missed_per_s
    assert answer.missed_per_s - answer.met_per_s <= 0.1 * answer.met_per_s
    assert len(answer.tried) <= 14


def test_even_the_lowest_rate_may_miss(tmp_path: Path) -> None:
    answer = sweep(Ledger(question="q"), tmp_path, bounds=BOUNDS, measure=system(0.1))

    assert (answer.met_per_s, answer.missed_per_s) == (None, 0.25)


def test_an_interrupted_sweep_goes_on_where_it_stopped(tmp_path: Path) -> None:
    asked: list[float] = []

    def until_ctrl_c(rate_per_s: float) -> Tried:
        if rate_per_s > 1:
            raise KeyboardInterrupt
        return system(3.0, asked)(rate_per_s)

    with pytest.raises(KeyboardInterrupt):
        sweep(open_ledger(tmp_path, "q"), tmp_path, bounds=BOUNDS, measure=until_ctrl_c)
    answer = sweep(open_ledger(tmp_path, "q"), tmp_path, bounds=BOUNDS, measure=system(3.0, asked))

    assert asked == [0.25, 0.5, 1, 2, 4, 3, 3.5, 3.25]
    assert (answer.met_per_s, answer.missed_per_s) == (3, 3.25)


def test_a_run_that_is_no_measurement_decides_nothing_and_is_tried_again(tmp_path: Path) -> None:
    def saturated(rate_per_s: float) -> Tried:
        found = system(3.0)(rate_per_s)
        update = {"verdict": "invalid", "problems": ("generator saturated",)}
        return found if rate_per_s < 1 else found.model_copy(update=update)

    answer = sweep(Ledger(question="q"), tmp_path, bounds=BOUNDS, measure=saturated)

    assert answer.invalid is not None
    assert answer.invalid.problems == ("generator saturated",)
    assert (answer.met_per_s, answer.missed_per_s) == (0.5, None)
    assert [one.rate_per_s for one in open_ledger(tmp_path, "q").tried] == [0.25, 0.5]


def test_the_sweep_of_another_question_is_refused(tmp_path: Path) -> None:
    save(Ledger(question="one"), tmp_path)

    with pytest.raises(RecordError, match="another scenario, SLO or stack; give another --results"):
        open_ledger(tmp_path, "another")


def test_a_damaged_ledger_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text('{"question": 3}')

    with pytest.raises(RecordError, match=r"sweep\.json: question: .*remove it to begin anew"):
        open_ledger(tmp_path, "q")


def test_a_report_holds_the_runs_of_its_sweep_and_no_others(tmp_path: Path) -> None:
    for name in ("mine", "interrupted", "of-another-day"):
        record_run(tmp_path / name, duration_s=20)
    save(Ledger(question="q", tried=(Tried(rate_per_s=1, verdict="met", run_id="mine"),)), tmp_path)

    assert [one.run.run_id for one in read_all(tmp_path)] == ["mine"]


def test_a_sweep_that_has_tried_nothing_yet_is_told_as_that(tmp_path: Path) -> None:
    save(Ledger(question="q"), tmp_path)

    with pytest.raises(RecordError, match="has tried no rate yet"):
        read_all(tmp_path)


@pytest.mark.parametrize(
    ("problems", "met", "verdict"),
    [
        ((), True, "met"),
        ((), False, "missed"),
        (("not drained: 3 requests had not come back 20 s after the last one was sent",), True,
         "missed"),
        (("interrupted before its end",), True, "invalid"),
        (("not drained: 3 requests", "generator saturated: a worker used 99%"), True, "invalid"),
    ],
)  # fmt: skip
def test_requests_that_do_not_come_back_are_a_missed_rate_not_a_bad_measurement(
    tmp_path: Path, problems: tuple[str, ...], met: bool, verdict: str
) -> None:
    run = read_run(record_run(tmp_path / "run", duration_s=10))
    checks = tuple(check.model_copy(update={"is_met": met}) for check in run.slo)

    assert judge(run.model_copy(update={"problems": problems, "slo": checks})) == verdict


@pytest.mark.parametrize(
    "options", [["--low", "2", "--high", "1"], ["--precision", "0"], ["--run-s", "0"]]
)
def test_bounds_that_cannot_be_are_a_usage_error(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sweep", "scenario.toml", "--local", *options]) == 2
    assert "above 0" in capsys.readouterr().err


def test_the_ledger_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    ledger = Ledger(question="q", tried=tried(r1="met", r2="missed"))

    save(ledger, tmp_path)

    assert read_ledger(tmp_path) == ledger
    assert [file.name for file in tmp_path.iterdir()] == ["sweep.json"]
