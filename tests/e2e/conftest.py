"""The whole product on this machine: queue, mapping, runtime client, model, table; no fakes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from zeroidle_ops.stack.local import local_stack
from zeroidle_ops.stack.local_deployment import Settings
from zeroidle_ops.stack.target import Target

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "build" / "models" / "SmolLM2-135M-Instruct.Q4_0.gguf"
EMULATOR = ROOT / "build" / "emulator"


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The small model; without it, tests are skipped on a laptop and fail in CI."""
    if not MODEL.is_file():
        reason = "the small model is not there: run `make model`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return MODEL


@pytest.fixture(scope="session")
def stack(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A stack of the tests' own, beside whatever else runs."""
    build = tmp_path_factory.mktemp("build")
    EMULATOR.mkdir(parents=True, exist_ok=True)
    (build / "emulator").symlink_to(EMULATOR)
    with local_stack(Settings(model=small_model), build=build) as target:
        yield target
