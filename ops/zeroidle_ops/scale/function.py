"""The scaler as a Lambda function: one tick for each call of its schedule. The composition root.

A tick that cannot be, because an operator or another controller is at it, is skipped and said so.
"""

import os
from collections.abc import Mapping
from typing import Any

import boto3

from zeroidle_contract import Stack
from zeroidle_ops.errors import LockBusyError, LockLostError
from zeroidle_ops.scale.controller import Controller
from zeroidle_ops.scale.errors import MappingBusyError
from zeroidle_ops.scale.policy import Policy

PREFIX = "ZEROIDLE_"


def names(environ: Mapping[str, str]) -> Stack:
    """The stack's names, as the template tells them."""
    return Stack.model_validate(
        {field: environ.get(PREFIX + field.upper()) for field in Stack.model_fields}
    )


def policy(environ: Mapping[str, str]) -> Policy:
    """The policy of the template's parameters. Raises PolicyError."""
    budget = environ.get(PREFIX + "SCALE_BUDGET_USD_PER_HOUR", "")
    return Policy(
        most=int(environ[PREFIX + "SCALE_MOST"]),
        drain_target_s=float(environ[PREFIX + "SCALE_DRAIN_TARGET_S"]),
        budget_usd_per_hour=float(budget) if budget else None,
    )


def answer(controller: Controller) -> dict[str, Any]:
    """One tick, as a line for the log."""
    try:
        tick = controller.tick()
    except (LockBusyError, LockLostError, MappingBusyError) as busy:
        return {"skipped": str(busy)}
    decision = tick.decision
    return {
        "limit": tick.observation.current,
        "target": decision.target,
        "cause": decision.cause.value,
        "reason": decision.reason,
    }


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's
    """Lambda's entry."""
    session = boto3.Session()
    line = answer(
        Controller(
            stack=names(os.environ),
            operator="the scaler function",
            policy=policy(os.environ),
            sqs=session.client("sqs"),
            dynamodb=session.client("dynamodb"),
            lambda_=session.client("lambda"),
            cloudwatch=session.client("cloudwatch"),
        )
    )
    print(line)  # noqa: T201 - Lambda's log
    return line
