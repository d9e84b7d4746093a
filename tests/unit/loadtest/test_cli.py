"""What `zeroidle-load` says to what it cannot do: a sentence, an exit code, nothing sent."""

from pathlib import Path

import pytest

from recorded_run import record_run
from zeroidle_loadtest import cli, surroundings
from zeroidle_loadtest.report import writing

SCENARIO = """
name = "test"
duration_s = 1
[arrivals]
kind = "constant"
rate_per_s = 1
[[mix]]
name = "short"
tokens = 20
task = { kind = "summarize" }
"""


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "scenario.toml"
    path.write_text(SCENARIO)
    return str(path)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "say which stack: --stack NAME for AWS, or --local for this machine"),
        (["--local", "--stack", "prod"], "say which stack"),
        (["--local", "--workers", "0"], "--workers must be at least 1"),
        (["--local", "--wrokers", "2"], "--wrokers"),
    ],
)
def test_options_that_cannot_be_are_a_usage_error(
    scenario: str, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", scenario, *options]) == 2
    assert told in capsys.readouterr().err


def test_a_rate_of_zero_is_named_before_a_stack_is_asked_for(
    scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(scenario).write_text(SCENARIO.replace("rate_per_s = 1", "rate_per_s = 0"))

    assert cli.main(["run", scenario, "--local"]) == 1
    assert "rate_per_s: Input should be greater than 0" in capsys.readouterr().err


def test_thresholds_that_cannot_be_read_start_no_stack(
    scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", scenario, "--local", "--slo", str(tmp_path / "none.toml")]

    assert cli.main(command) == 1
    assert "none.toml cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--requests", "0"], ["--requests", "1001"], ["--rate", "0"]])
def test_a_paid_run_has_bounds(
    scenario: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["measure-aws", scenario, "--stack", "prod", *options]) == 2
    assert "--requests must be 1 to 1000, --rate above 0" in capsys.readouterr().err


def test_without_prices_nothing_is_paid_for(
    scenario: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(surroundings, "load_prices", no_prices)

    assert cli.main(["measure-aws", scenario, "--stack", "prod", "--yes"]) == 2
    assert "the price list cannot be read, so nothing is sent" in capsys.readouterr().err


def test_without_prices_a_run_stands_and_says_why_it_has_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(writing, "load_prices", no_prices)

    assert cli.write_pages(record_run(tmp_path / "run", duration_s=10)) is None
    assert "there is no report: prices.toml cannot be read" in capsys.readouterr().err


def no_prices() -> None:
    raise FileNotFoundError("prices.toml")
