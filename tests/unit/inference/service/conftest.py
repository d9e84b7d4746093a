"""Puts the service's test doubles on the path, under pytest's importlib mode."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.register_assert_rewrite("store_laws", "lease_machine")

from service_world import World  # noqa: E402 - found only now


@pytest.fixture
def world() -> "World":
    """A fresh world."""
    return World()
