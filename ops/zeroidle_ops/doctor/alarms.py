"""Checks that somebody is told: the stack's alarms, their topic, and who listens to it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from zeroidle_ops.doctor.finding import Finding
from zeroidle_ops.stack.target import Target

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef


def check_alarms(target: Target) -> Iterator[Finding]:
    """Each alarm of the template is there, enabled, and has a topic that exists."""
    resources = target.cloudformation.get_paginator("list_stack_resources").paginate(
        StackName=target.stack_name
    )
    names = [
        resource["PhysicalResourceId"]
        for page in resources
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::CloudWatch::Alarm"
    ]
    if not names:
        if target.is_local:
            return  # on a laptop nobody is to be woken
        yield Finding(
            check="alarms",
            what="the stack has no alarms",
            why="Nobody is told when jobs fail or wait.",
            remedy="Deploy the template of this version.",
        )
        return
    pages = target.cloudwatch.get_paginator("describe_alarms").paginate(AlarmNames=names)
    alarms = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
    for name in sorted(set(names) - set(alarms)):
        yield Finding(
            check="alarm-missing",
            what=f"the alarm {name} has been deleted",
            why="Nobody is told of what it watched.",
            remedy="Create it again by deploying the template under a new stack update.",
        )
    yield from _actions(alarms.values())
    topics = {topic for alarm in alarms.values() for topic in alarm.get("AlarmActions", [])}
    for topic in sorted(topics):
        yield from _topic(target, topic)


def _actions(alarms: "Iterable[MetricAlarmTypeDef]") -> Iterator[Finding]:
    for alarm in alarms:
        if not alarm.get("ActionsEnabled", True) or not alarm.get("AlarmActions"):
            yield Finding(
                check="alarm-actions",
                what=f"the alarm {alarm['AlarmName']} tells nobody: its actions are off",
                why="It turns red where nobody looks.",
                remedy="Enable its actions, or deploy the template again.",
            )


def _topic(target: Target, topic: str) -> Iterator[Finding]:
    try:
        attributes = target.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in {"NotFound", "NotFoundException"}:
            raise
        yield Finding(
            check="alarm-topic",
            what=f"the alarms' topic {topic} does not exist",
            why="No alarm reaches anybody.",
            remedy="Deploy the template again.",
        )
        return
    # On a laptop nobody is to be woken.
    if not target.is_local and int(attributes.get("SubscriptionsConfirmed", "0")) == 0:
        yield Finding(
            check="alarm-subscription",
            what=f"nobody has confirmed a subscription to {topic}",
            why="No alarm reaches anybody.",
            remedy="Deploy with AlarmEmail and confirm the mail, or subscribe your pager.",
        )
