"""The small real model, loaded once for all tests of the engine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from zeroidle_inference.engine.grammar import Grammars
from zeroidle_inference.engine.model import LoadedModel

MODEL = Path(__file__).parents[3] / "build/models/SmolLM2-135M-Instruct.Q4_0.gguf"


@pytest.fixture(scope="session")
def model_path() -> Path:
    """The model's file; without it, tests are skipped on a laptop and fail in CI."""
    if not MODEL.exists():
        reason = f"{MODEL.name} is not there: run `make model`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return MODEL


@pytest.fixture(scope="session")
def model(model_path: Path) -> Iterator[LoadedModel]:
    """Weights and vocabulary."""
    loaded = LoadedModel(model_path)
    yield loaded
    loaded.close()


@pytest.fixture(scope="session")
def grammars(model: LoadedModel) -> Grammars:
    """Grammars over the model's vocabulary."""
    return Grammars.of(model)
