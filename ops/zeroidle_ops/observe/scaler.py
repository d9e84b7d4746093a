"""Is the scale controller to tick in this stack, and when did it last?

A stack has the controller's schedule or has none, and an operator may disable it in EventBridge:
only where it is there and enabled is a missing tick a fault.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from zeroidle_ops.observe.snapshot import Scaler
from zeroidle_ops.scale.memory import Diary
from zeroidle_ops.stack.target import Target

RULE = "ScalerRule"
"""The schedule's name in the template."""


def read_scaler(target: Target) -> Scaler:
    """The schedule, and the last tick by whoever made it: the function, or `zeroidle scale run`."""
    stack = target.stack
    memory = Diary(
        dynamodb=target.dynamodb,
        table=stack.ops_table_name,
        mapping_id=stack.event_source_mapping_id,
    ).recall()
    return Scaler(
        is_scheduled=any(_is_enabled(target, rule) for rule in _rules(target)),
        ticked_at=datetime.fromtimestamp(memory.ticked_at_s, UTC) if memory.ticked_at_s else None,
    )


def _rules(target: Target) -> Iterator[str]:
    pages = target.cloudformation.get_paginator("list_stack_resources").paginate(
        StackName=target.stack_name
    )
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            if resource["LogicalResourceId"] == RULE and "PhysicalResourceId" in resource:
                yield resource["PhysicalResourceId"]


def _is_enabled(target: Target, rule: str) -> bool:
    return target.events.describe_rule(Name=rule)["State"] == "ENABLED"
