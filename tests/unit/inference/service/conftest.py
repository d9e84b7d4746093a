"""Fixtures of the service's tests; the laws that they share explain their assertions, too."""

import pytest

pytest.register_assert_rewrite(
    "unit.inference.service.store_laws", "unit.inference.service.lease_machine"
)

from unit.inference.service.service_world import World  # noqa: E402 - after the registration


@pytest.fixture
def world() -> World:
    """A fresh world."""
    return World()
