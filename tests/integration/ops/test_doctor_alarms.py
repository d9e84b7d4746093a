"""The doctor's look at alarms, on a stack of one alarm and one topic."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from emulator import REGION, Emulator
from zeroidle_ops.doctor.alarms import check_alarms
from zeroidle_ops.stack.target import Target

pytestmark = pytest.mark.emulator

ALARM = "zeroidle-test-dead-letters"


class OnAws(Target):
    """The emulator, seen as AWS is: with somebody to be woken."""

    @property
    def is_local(self) -> bool:
        return False


@pytest.fixture
def alarmed(emulator: Emulator) -> Iterator[Target]:
    """A stack whose alarm tells a topic, and the topic a queue."""
    session = boto3.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION
    )
    resources: dict[str, Any] = {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Pager": {"Type": "AWS::SQS::Queue"},
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "Topic"},
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Pager", "Arn"]},
            },
        },
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": ALARM,
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Statistic": "Maximum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 1,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "AlarmActions": [{"Ref": "Topic"}],
            },
        },
    }
    with OnAws(stack_name="alarmed", session=session, endpoint=emulator.url) as target:
        target.cloudformation.create_stack(
            StackName="alarmed", TemplateBody=json.dumps({"Resources": resources})
        )
        target.cloudformation.get_waiter("stack_create_complete").wait(
            StackName="alarmed", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )
        yield target
        target.cloudformation.delete_stack(StackName="alarmed")
        target.cloudwatch.delete_alarms(AlarmNames=[ALARM])


def found(target: Target) -> set[str]:
    return {finding.check for finding in check_alarms(target)}


def topic(target: Target) -> str:
    return target.cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"][0]["AlarmActions"][
        0
    ]


def test_alarms_that_reach_somebody_are_well(alarmed: Target) -> None:
    assert found(alarmed) == set()


def test_an_alarm_that_is_switched_off_is_found(alarmed: Target) -> None:
    alarmed.cloudwatch.disable_alarm_actions(AlarmNames=[ALARM])

    assert found(alarmed) == {"alarm-actions"}


def test_an_alarm_that_was_deleted_is_found(alarmed: Target) -> None:
    alarmed.cloudwatch.delete_alarms(AlarmNames=[ALARM])

    assert found(alarmed) == {"alarm-missing"}


def test_a_topic_that_is_gone_is_found(alarmed: Target) -> None:
    alarmed.sns.delete_topic(TopicArn=topic(alarmed))

    assert found(alarmed) == {"alarm-topic"}


def test_a_topic_nobody_listens_to_is_found(alarmed: Target) -> None:
    arn = topic(alarmed)
    for subscription in alarmed.sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]:
        alarmed.sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])

    assert found(alarmed) == {"alarm-subscription"}
