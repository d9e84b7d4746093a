"""The alert rules: promtool's own checks, and their links."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from programs import program

from zeroidle_ops.observe.metrics import DEFINITIONS, READ_ERRORS

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "ops/zeroidle_ops/observe"
RULES = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


@pytest.mark.parametrize("check", [("check", "alerts.yaml"), ("test", "alerts_test.yaml")])
def test_promtool_passes_the_rules(check: tuple[str, str]) -> None:
    promtool = program("promtool", package="prometheus")
    verb, file = check
    done = subprocess.run(
        [promtool, verb, "rules", file], cwd=FOLDER, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


@every_rule
def test_every_alert_links_to_its_page(rule: dict[str, dict[str, str]]) -> None:
    page = ROOT / rule["annotations"]["runbook"]

    assert f"`{rule['alert']}`" in page.read_text()


@every_rule
def test_every_alert_asks_for_metrics_that_there_are(rule: dict[str, str]) -> None:
    known = {definition.name for definition in DEFINITIONS} | {f"{READ_ERRORS}_total"}

    assert set(re.findall(r"zeroidle_\w+", rule["expr"])) <= known


def test_every_alert_is_tested_to_fire() -> None:
    tested = (FOLDER / "alerts_test.yaml").read_text()

    assert {rule["alert"] for rule in RULES} == set(
        re.findall(r"alertname: (\w+)\n +exp_alerts", tested)
    )
