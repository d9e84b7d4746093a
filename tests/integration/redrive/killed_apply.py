"""Applies a plan in a process of its own, and kills itself at a given AWS call (SIGKILL).

Arguments, as JSON: url, stack, plan_id, operator, kill_at (the call's number, 0 for never) and
after (whether the call has reached AWS by then).
"""

import itertools
import json
import os
import signal
import sys
from typing import Any

import boto3

from zeroidle_contract import Stack
from zeroidle_ops.redrive import Pace, Redrive

PACE = Pace(canary=0, window_s=0.2, rate_per_s=640)
"""Chunks of 80 messages that grow, so that there is more than one to die in."""


def main() -> None:
    given = json.loads(sys.argv[1])
    session = boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    url = given["url"]
    sqs = session.client("sqs", endpoint_url=url)
    dynamodb = session.client("dynamodb", endpoint_url=url)
    s3 = session.client("s3", endpoint_url=url)
    calls = itertools.count(1)

    def die(**_: Any) -> None:
        if next(calls) == given["kill_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    for events in (sqs.meta.events, dynamodb.meta.events, s3.meta.events):
        event = "after-call" if given["after"] else "before-call"
        events.register(event, die)
    redrive = Redrive(
        stack=Stack.model_validate(given["stack"]),
        operator=given["operator"],
        sqs=sqs,
        dynamodb=dynamodb,
        s3=s3,
        lease_s=1,
        hide_s=3,
    )
    outcome = redrive.apply(given["plan_id"], pace=PACE)
    print(json.dumps({"state": outcome.state, "sent": outcome.sent, "calls": next(calls)}))  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
