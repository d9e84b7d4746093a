"""Puts the service's test doubles on the path, under pytest's importlib mode."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

sys.path[:0] = [str(HERE), str(HERE.parents[1] / "unit" / "inference" / "service")]

pytest.register_assert_rewrite("store_laws", "lease_machine")
