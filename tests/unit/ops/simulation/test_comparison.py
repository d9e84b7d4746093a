"""From rows to verdicts, and a small comparison through the command."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from zeroidle_ops.cli import main
from zeroidle_ops.scale.simulation.comparison import Row, verdicts
from zeroidle_ops.scale.simulation.scenario import load_scenario, shipped_names

OURS = Row(
    scenario="poison-storm",
    policy="zeroidle",
    seed=1,
    p95_age_s=100,
    cost_usd=11,
    wasted_usd=1,
    budget_exceeded_usd=0,
    target_met=True,
    budget_met=True,
    jobs=1,
    unfinished=0,
    cold_starts=1,
    invocations=1,
    throttles=0,
    took_s=0,
)
AWS = replace(OURS, policy="aws-default", cost_usd=10, wasted_usd=4)


def holds(*rows: Row) -> list[bool]:
    return [one.holds for one in verdicts([load_scenario("poison-storm")], rows)]


def test_target_cost_and_waste_are_judged_at_their_bounds() -> None:
    assert holds(OURS, AWS) == [True, True, True]


def test_a_missed_target_that_another_met_is_told() -> None:
    assert holds(replace(OURS, target_met=False), AWS)[0] is False


def test_a_cost_above_the_bound_is_told() -> None:
    assert holds(replace(OURS, cost_usd=11.1), AWS)[1] is False


def test_waste_above_the_bound_is_told() -> None:
    assert holds(replace(OURS, wasted_usd=1.1), AWS)[2] is False


def test_who_breaks_the_budget_is_no_measure_for_cost() -> None:
    broke = replace(AWS, budget_met=False, cost_usd=1)

    assert holds(OURS, broke) == [True, True, True]


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_scenario_is_valid_and_named_as_its_file(name: str) -> None:
    assert load_scenario(name).name == name


SMALL = """
name = "small"
about = "a small one"
duration_s = 60
drain_s = 600
drain_target_s = 300
static_limit = 2
rates = [{ per_s = 1.0 }]
"""


def test_the_command_writes_rows_and_a_page_without_network(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    arguments = ["--scenario", str(tmp_path / "small.toml"), "--seeds", "2", "--processes", "1"]

    code = main(["scale", "simulate", *arguments, "--to", str(tmp_path), "--json"])

    results = json.loads((tmp_path / "simulate.json").read_text())
    page = (tmp_path / "simulate.html").read_text()
    assert code in {0, 3}
    assert len(results["rows"]) == 6 * 2
    assert page.count("<svg") == 4
    assert "http" not in page


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is no TOML"),
        (SMALL + "colour = 1\n", "colour: Extra inputs are not permitted"),
        (SMALL.replace("rates = [{ per_s = 1.0 }]", ""), "nothing is sent"),
        (SMALL.replace("static_limit = 2", "static_limit = 1"), "static_limit"),
    ],
)
def test_a_wrong_scenario_file_is_told_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (tmp_path / "wrong.toml").write_text(text)

    assert main(["scale", "simulate", "--scenario", str(tmp_path / "wrong.toml")]) != 0
    assert message in capsys.readouterr().err


def test_an_unknown_policy_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "simulate", "--policy", "luck"]) == 2
    assert "there are zeroidle, unchanged" in capsys.readouterr().err
