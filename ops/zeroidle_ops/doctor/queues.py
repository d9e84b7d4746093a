"""Checks of the queue and its dead-letter queue."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from zeroidle_ops.doctor.finding import Finding
from zeroidle_ops.stack.target import Target

VISIBILITY_FACTOR: Final = 6
LEAST_RECEIVES: Final = 50
DAY_S: Final = 86_400
LONGEST_RETENTION_S: Final = 14 * DAY_S
LEAST_RETENTION_S: Final = 4 * DAY_S

_DEPLOY = "Deploy the template again; it sets this."


def check_queues(target: Target) -> Iterator[Finding]:
    """Visibility, redrive policy, retention, encryption."""
    queue = _attributes(target, target.stack.queue_url)
    letters = _attributes(target, target.stack.dead_letter_queue_url)
    yield from _visibility(target, queue)
    yield from _redrive_policy(queue, target.stack.dead_letter_queue_arn)
    yield from _retention(queue, letters)
    for name, attributes in (("queue", queue), ("dead-letter queue", letters)):
        is_encrypted = attributes.get("SqsManagedSseEnabled") == "true"
        if not is_encrypted and "KmsMasterKeyId" not in attributes:
            yield Finding(
                check="queue-encryption",
                what=f"the {name} is not encrypted at rest",
                why="Documents of up to 128 KiB lie in its messages.",
                remedy=_DEPLOY,
            )


def _attributes(target: Target, url: str) -> Mapping[str, str]:
    answer = target.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return {str(name): value for name, value in answer["Attributes"].items()}


def _visibility(target: Target, queue: Mapping[str, str]) -> Iterator[Finding]:
    timeout_s = target.lambda_.get_function_configuration(
        FunctionName=target.stack.function_name, Qualifier=target.stack.alias_name
    )["Timeout"]
    visibility_s = int(queue["VisibilityTimeout"])
    if visibility_s < VISIBILITY_FACTOR * timeout_s:
        yield Finding(
            check="visibility",
            what=f"the queue hides messages for {visibility_s} s, the function runs up to "
            f"{timeout_s} s",
            why="Below six timeouts, messages of a throttled batch show again while they are "
            "still worked on: jobs are computed twice.",
            remedy=f"Set VisibilityTimeout to {VISIBILITY_FACTOR * timeout_s} s or more, by "
            "deploying the template with the right TimeoutSeconds.",
        )


def _redrive_policy(queue: Mapping[str, str], dead_letter_arn: str) -> Iterator[Finding]:
    policy = json.loads(queue.get("RedrivePolicy", "{}"))
    if policy.get("deadLetterTargetArn") != dead_letter_arn:
        has = policy.get("deadLetterTargetArn", "none")
        yield Finding(
            check="redrive-policy",
            what=f"the queue's dead-letter queue is {has}, not {dead_letter_arn}",
            why="A message that is received too often is not kept where redrive, alarms and "
            "exporter look for it; without any policy it circles until it expires.",
            remedy=_DEPLOY,
        )
        return
    receives = int(policy["maxReceiveCount"])
    if receives < LEAST_RECEIVES:
        yield Finding(
            check="max-receive-count",
            what=f"SQS moves messages to the dead-letter queue after {receives} receives",
            why="Every return of a message spends one, also a throttle or lack of time: good jobs "
            "are given up. Real attempts are counted in the job's row.",
            remedy=f"Set maxReceiveCount to {LEAST_RECEIVES} or more; the template sets 1000.",
        )


def _retention(queue: Mapping[str, str], letters: Mapping[str, str]) -> Iterator[Finding]:
    kept_s = int(letters["MessageRetentionPeriod"])
    if kept_s < LONGEST_RETENTION_S:
        yield Finding(
            check="dead-letter-retention",
            what=f"the dead-letter queue deletes messages {kept_s / DAY_S:g} days after they "
            "were first sent",
            why="Retention runs from the first send, so time in the queue counts: what waited "
            "long is deleted soon after it failed.",
            remedy="Set MessageRetentionPeriod to 14 days (1209600 s).",
        )
    waits_s = int(queue["MessageRetentionPeriod"])
    if waits_s < LEAST_RETENTION_S:
        yield Finding(
            check="queue-retention",
            what=f"the queue deletes messages after {waits_s / DAY_S:g} days",
            why="A paused mapping or an outage over a weekend would lose accepted jobs.",
            remedy="Set MessageRetentionPeriod to 4 days (345600 s).",
        )
