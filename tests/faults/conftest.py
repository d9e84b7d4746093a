"""An emulator on simulated time, for the runs of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.world import SimulatedEmulator

from emulator import PROGRAM, Emulator


@pytest.fixture(scope="session")
def simulated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="session")
def simulated_emulator(emulator: Emulator, simulated_folder: Path) -> Iterator[Emulator]:
    """Depends on the usual one only to be skipped, or to fail, where no emulator is installed."""
    assert PROGRAM.exists()
    with SimulatedEmulator(folder=simulated_folder) as running:
        yield running
