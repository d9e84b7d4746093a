"""Fixtures that tests of several packages share: the emulator, and a stack's resources on it."""

import contextlib
import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from emulator import (
    PROGRAM,
    Emulator,
    StackResources,
    stack_resources,
)

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


@pytest.fixture
def make_stack_resources(emulator: Emulator) -> Iterator[Callable[..., StackResources]]:
    """Makes queues, table and bucket; keyword arguments as `emulator.stack_resources`."""
    with contextlib.ExitStack() as cleanup:
        yield lambda **options: cleanup.enter_context(stack_resources(emulator, **options))


@pytest.fixture
def resources(make_stack_resources: Callable[..., StackResources]) -> StackResources:
    """One set of queues, table and bucket with the defaults."""
    return make_stack_resources()
