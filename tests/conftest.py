"""Fixtures that tests of several packages share: the emulator, a stack's resources, the model."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from emulator import (
    PROGRAM,
    Emulator,
    StackResources,
    stack_resources,
)

MODEL = Path(__file__).parents[1] / "build" / "models" / "SmolLM2-135M-Instruct.Q4_0.gguf"

# How long an example takes says something about the machine, nothing about the law.
settings.register_profile("zeroidle", deadline=None)
settings.load_profile("zeroidle")


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A running emulator; without one, tests are skipped on a laptop and fail in CI."""
    if not PROGRAM.exists():
        reason = "the emulator is not installed: run `make emulator`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with Emulator(folder=tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The small model; without it, tests are skipped on a laptop and fail in CI."""
    if not MODEL.is_file():
        reason = "the small model is not there: run `make model`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return MODEL


@pytest.fixture
def make_stack_resources(emulator: Emulator) -> Iterator[Callable[..., StackResources]]:
    """Makes queues, table and bucket; keyword arguments as `emulator.stack_resources`."""
    with contextlib.ExitStack() as cleanup:
        yield lambda **options: cleanup.enter_context(stack_resources(emulator, **options))


@pytest.fixture
def resources(make_stack_resources: Callable[..., StackResources]) -> StackResources:
    """One set of queues, table and bucket with the defaults."""
    return make_stack_resources()
