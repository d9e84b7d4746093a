"""The doctor's look at the alarms of the template, seen as on AWS: with somebody to be woken."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from zeroidle_ops.doctor.alarms import check_alarms
from zeroidle_ops.stack.emulator import REGION, ROOT_KEY
from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.target import Target

pytestmark = pytest.mark.emulator

SETTINGS = (
    "MetricName",
    "Namespace",
    "Statistic",
    "Dimensions",
    "Period",
    "AlarmName",
    "AlarmDescription",
    "EvaluationPeriods",
    "ComparisonOperator",
    "Threshold",
    "TreatMissingData",
    "AlarmActions",
    "OKActions",
)


class OnAws(Target):
    """The emulator, seen as AWS is."""

    @property
    def is_local(self) -> bool:
        return False


@pytest.fixture
def alarmed(running: LocalStack) -> Iterator[Target]:
    """The stack, with a pager that listens to its topic."""
    state = running.status()
    session = boto3.Session(
        aws_access_key_id=ROOT_KEY, aws_secret_access_key=ROOT_KEY, region_name=REGION
    )
    with OnAws(stack_name=state.stack_name, session=session, endpoint=state.endpoint) as target:
        pager = target.sns.subscribe(
            TopicArn=topic(target), Protocol="sqs", Endpoint=target.stack.dead_letter_queue_arn
        )["SubscriptionArn"]
        yield target
        target.sns.unsubscribe(SubscriptionArn=pager)


def found(target: Target) -> set[str]:
    return {finding.check for finding in check_alarms(target)}


def alarms(target: Target) -> list[Any]:
    named = {
        resource.get("PhysicalResourceId")
        for resource in target.cloudformation.list_stack_resources(StackName=target.stack_name)[
            "StackResourceSummaries"
        ]
        if resource["ResourceType"] == "AWS::CloudWatch::Alarm"
    }
    described = target.cloudwatch.describe_alarms()["MetricAlarms"]
    return [alarm for alarm in described if alarm["AlarmName"] in named]


def topic(target: Target) -> str:
    [arn] = {arn for alarm in alarms(target) for arn in alarm["AlarmActions"]}
    return str(arn)


def test_alarms_that_reach_somebody_are_well(alarmed: Target) -> None:
    assert len(alarms(alarmed)) > 5
    assert found(alarmed) == set()


def test_an_alarm_that_is_switched_off_is_found(alarmed: Target) -> None:
    name = alarms(alarmed)[0]["AlarmName"]
    alarmed.cloudwatch.disable_alarm_actions(AlarmNames=[name])
    seen = found(alarmed)
    alarmed.cloudwatch.enable_alarm_actions(AlarmNames=[name])

    assert seen == {"alarm-actions"}
    assert found(alarmed) == set()


def test_an_alarm_that_was_deleted_is_found(alarmed: Target) -> None:
    alarm = alarms(alarmed)[0]
    alarmed.cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"]])
    seen = found(alarmed)
    alarmed.cloudwatch.put_metric_alarm(
        **{name: alarm[name] for name in SETTINGS if alarm.get(name)}
    )

    assert seen == {"alarm-missing"}
    assert found(alarmed) == set()


def test_a_topic_that_is_gone_is_found(alarmed: Target) -> None:
    arn = topic(alarmed)
    alarmed.sns.delete_topic(TopicArn=arn)
    seen = found(alarmed)
    alarmed.sns.create_topic(Name=arn.rsplit(":", 1)[1])

    assert seen == {"alarm-topic"}


def test_a_topic_nobody_listens_to_is_found(alarmed: Target) -> None:
    arn = topic(alarmed)
    for subscription in alarmed.sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]:
        alarmed.sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])

    assert found(alarmed) == {"alarm-subscription"}
