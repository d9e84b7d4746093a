"""A short run of `make faults`, and the proof that its checker can see what it looks for."""

from pathlib import Path

import pytest
from faults.injector import CALM, HARSH, Rates
from faults.mutants import MUTANTS
from faults.seed import Setup, run_seed

from emulator import Emulator

pytestmark = pytest.mark.emulator


def test_nothing_is_lost_and_nothing_is_done_twice(
    simulated_emulator: Emulator, simulated_folder: Path
) -> None:
    report = run_seed(Setup(seed=11, jobs=300), simulated_emulator, simulated_folder)
    assert report.problems == ()
    assert report.row["sent"] == 300
    assert report.row["in_queue"] == 0
    assert report.row["wasted_inference"] <= 0.1
    assert report.happened["killed"] >= 1


RATES = {
    # These two need something to go wrong between the claim and the commit.
    "without_fence": HARSH,
    "acknowledge_before_commit": HARSH,
    # Only after an invocation without faults must every lease be released.
    "without_release": CALM,
}
JOBS = {
    "without_fence": 100,
    "acknowledge_before_commit": 100,
    # Two of a hundred are returned by such an invocation; which, the order of deliveries says.
    "without_release": 500,
}


@pytest.mark.parametrize("mutant", sorted(MUTANTS))
def test_the_checker_catches_a_service_that_is_broken(
    simulated_emulator: Emulator, simulated_folder: Path, mutant: str
) -> None:
    setup = Setup(
        seed=12, jobs=JOBS.get(mutant, 50), rates=RATES.get(mutant, Rates()), mutant=mutant
    )
    report = run_seed(setup, simulated_emulator, simulated_folder)
    expected = {
        "without_fence": report.verdict.doubled,
        "acknowledge_before_commit": report.verdict.lost,
        "without_dead_letters": report.verdict.lost,
        "without_counting_attempts": report.verdict.unexpected,
        "without_release": report.left,
    }
    assert expected[mutant] != ()
