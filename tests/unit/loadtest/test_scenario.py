from pathlib import Path

import pytest

from zeroidle_loadtest.errors import ScenarioError
from zeroidle_loadtest.scenario import Tokens, load_scenario

SHIPPED = Path(__file__).parents[3] / "loadtest" / "scenarios"

GOOD = """
name = "nightly"
duration_s = 60
[arrivals]
kind = "poisson"
rate_per_s = 2
[[mix]]
name = "long"
task = { kind = "summarize" }
tokens = 1000
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    return path


def test_a_length_may_be_one_number(tmp_path: Path) -> None:
    assert load_scenario(write(tmp_path, GOOD)).mix[0].tokens == Tokens(min=1000, max=1000)


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    text = GOOD.replace('task = { kind = "summarize" }', 'samples = "letters"')

    assert load_scenario(write(tmp_path, text)).mix[0].samples == tmp_path / "letters"


def test_the_scenario_that_ships_can_be_read() -> None:
    assert load_scenario(SHIPPED / "laptop.toml").is_open


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("rate_per_s = 2", "rate_per_s = 0", "arrivals.poisson.rate_per_s: Input should be greate"),
        ("poisson", "sometimes", "arrivals: Input tag 'sometimes'"),
        ("rate_per_s = 2", "rate = 2", "arrivals.poisson.rate: Extra inputs are not permitted"),
        ("duration_s = 60", "duration_s = -1", "duration_s: Input should be greater than 0"),
        ("tokens = 1000", "", "mix.0: Value error, give samples (a folder), or task and tokens"),
        ("tokens = 1000", "tokens = {min = 20, max = 10}", "max lies below min"),
        ("name = ", "name : ", "cannot be parsed"),
        (
            'kind = "poisson"\nrate_per_s = 2',
            'kind = "ramp"\nfrom_per_s = 0\nto_per_s = 0',
            "from_per_s and to_per_s are both 0: nothing would arrive",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        load_scenario(write(tmp_path, GOOD.replace(old, new)))

    assert told in str(raised.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("duration_s = 60", "duration_s = 0").replace("_s = 2", "_s = 0")

    with pytest.raises(ScenarioError, match=r"duration_s: .*; arrivals\.poisson\.rate_per_s: "):
        load_scenario(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.toml cannot be read: No such file"):
        load_scenario(tmp_path / "none.toml")
