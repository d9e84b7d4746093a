"""Checks of what is not in the template: this machine's clock, and the model that runs."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from zeroidle_ops.doctor.finding import Finding
from zeroidle_ops.stack.target import Target

SKEW_S: Final = 30


def check_clock(target: Target, *, clock: Callable[[], datetime]) -> Iterator[Finding]:
    """This machine's time against AWS's, which tells its own within a call."""
    before = clock()
    answer = target.sqs.get_queue_attributes(
        QueueUrl=target.stack.queue_url, AttributeNames=["QueueArn"]
    )
    theirs = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    after = clock()
    # However long the call takes, a clock that is right has AWS's moment in between.
    ahead_s, behind_s = (before - theirs).total_seconds(), (theirs - after).total_seconds()
    skew_s = max(ahead_s, 0) - max(behind_s, 0)
    if abs(skew_s) > SKEW_S:
        yield Finding(
            check="clock",
            what=f"this machine's clock is {skew_s:+.0f} s off AWS's",
            why="Ages, expiries and lease ends are told wrong; beyond 5 minutes AWS refuses "
            "signed requests.",
            remedy="Synchronise the clock (timedatectl set-ntp true).",
        )


def check_model(target: Target, *, expected_sha256: str | None) -> Iterator[Finding]:
    """The hash of the model that the alias serves, told by the function itself.

    Only when a hash is expected: it starts an environment, which costs a cold start.
    """
    if expected_sha256 is None:
        return
    answer = target.lambda_.invoke(
        FunctionName=target.stack.function_name,
        Qualifier=target.stack.alias_name,
        Payload=json.dumps({"zeroidle": "warm"}).encode(),
    )
    told = json.loads(answer["Payload"].read())
    found = told.get("model_sha256") if isinstance(told, dict) else None
    if found != expected_sha256:
        yield Finding(
            check="model-hash",
            what=f"the model that runs is {found or 'not told'}, not {expected_sha256}",
            why="Answers are another model's than the one that was evaluated.",
            remedy="Deploy the image that holds the right model; errors: docs/runbook/errors.md.",
        )
