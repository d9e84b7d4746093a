"""The laws that unit and integration tests share explain their assertions."""

import pytest

pytest.register_assert_rewrite(
    "unit.inference.service.store_laws", "unit.inference.service.lease_machine"
)
