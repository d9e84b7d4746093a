"""Worlds for redrives: fresh queues, tables and a bucket for each test."""

from collections.abc import Callable, Iterator

import pytest
from redrive_world import World, make_ops_table

from emulator import Emulator, StackResources


@pytest.fixture
def world(emulator: Emulator, resources: StackResources) -> Iterator[World]:
    """Fresh queues, tables and bucket."""
    table = make_ops_table(emulator.dynamodb)
    yield World.on(emulator, resources, table)
    emulator.dynamodb.delete_table(TableName=table)


@pytest.fixture
def shallow_world(
    emulator: Emulator, make_stack_resources: Callable[..., StackResources]
) -> Iterator[World]:
    """A world whose queue gives a message up after its first receive."""
    table = make_ops_table(emulator.dynamodb)
    resources = make_stack_resources(visibility_timeout_s=1, max_receive_count=1)
    yield World.on(emulator, resources, table)
    emulator.dynamodb.delete_table(TableName=table)
