"""What each role is granted is what its commands take, and what AWS's documents say; nothing else.

The commands run on the emulator with the role, which refuses what is not granted; the calls are
noted as botocore sends them. `UNSEEN` has the permissions that no call here shows, each with why.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from assumed_role import AssumedRole, role_arn

from zeroidle_contract import Classify, Document, Job, load_prices
from zeroidle_ops.doctor.doctor import examine
from zeroidle_ops.forget import forget
from zeroidle_ops.jobs import read_failures
from zeroidle_ops.observe.observer import Observer
from zeroidle_ops.prewarm.warmup import check_alias
from zeroidle_ops.scale.controller import Controller
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.stack.target import Target
from zeroidle_ops.story.reading import read_job
from zeroidle_producer.clock import SystemClock

pytestmark = pytest.mark.emulator

RUNBOOK = "a person follows the runbook in the console"
NOT_ON_EMULATOR = "the emulator has no Application Auto Scaling; tests/integration/prewarm runs it"
PROVISIONED = "a schedule's window, set beside Application Auto Scaling; the same test runs it"
NO_SCALER = "the local stack has no scaler; test_scheduled_functions.py reads one as this role"
UNSEEN: dict[str, dict[str, str]] = {
    "OperatorRole": {
        "logs:StartQuery": RUNBOOK,
        "logs:GetQueryResults": RUNBOOK,
        "xray:BatchGetTraces": RUNBOOK,
        "xray:GetTraceSummaries": RUNBOOK,
        "dynamodb:BatchGetItem": "many jobs at once, of a larger list",
        "sns:ListSubscriptionsByTopic": "an alarm's topic whose subscriptions are not counted",
        "events:DescribeRule": NO_SCALER,
        "s3:GetEncryptionConfiguration": "a person looks which key the bucket has",
    },
    "ExporterRole": {},
    "ForgetRole": {},
    "ScaleOperatorRole": {
        "application-autoscaling:RegisterScalableTarget": NOT_ON_EMULATOR,
        "application-autoscaling:DeregisterScalableTarget": NOT_ON_EMULATOR,
        "application-autoscaling:PutScheduledAction": NOT_ON_EMULATOR,
        "application-autoscaling:DeleteScheduledAction": NOT_ON_EMULATOR,
        "application-autoscaling:DescribeScalableTargets": NOT_ON_EMULATOR,
        "application-autoscaling:DescribeScheduledActions": NOT_ON_EMULATOR,
        "iam:CreateServiceLinkedRole": NOT_ON_EMULATOR,
        "lambda:PutProvisionedConcurrencyConfig": PROVISIONED,
        "lambda:DeleteProvisionedConcurrencyConfig": PROVISIONED,
        "lambda:GetProvisionedConcurrencyConfig": PROVISIONED,
        "lambda:InvokeFunction": "warm-ups; the tests' function knows none",
        "lambda:PutFunctionConcurrency": "a reservation follows the limit; none is made here",
        "dynamodb:UpdateItem": "the lock of a long run is renewed",
    },
}


def granted(root: Target, logical_id: str) -> set[str]:
    """The actions that the template allows a role, as the emulator holds them."""
    name = role_arn(root, logical_id).rsplit("/", 1)[1]
    documents: list[Any] = [
        root.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in root.iam.list_role_policies(RoleName=name)["PolicyNames"]
        if policy != "emulators-names"
    ]
    actions: set[str] = set()
    for document in documents:
        read = json.loads(document) if isinstance(document, str) else document
        for statement in read["Statement"]:
            told = statement["Action"]
            actions |= {told} if isinstance(told, str) else set(told)
    return actions


@pytest.fixture
def acting(target: Target) -> Iterator[Callable[[str], AssumedRole]]:
    made: list[AssumedRole] = []

    def act(logical_id: str) -> AssumedRole:
        made.append(AssumedRole(target, role_arn(target, logical_id)))
        return made[-1]

    yield act
    for one in made:
        one.target.close()


@pytest.fixture
def job_id(target: Target) -> str:
    job = Job(
        job_id=uuid.uuid4().hex,
        task=Classify(labels=("a", "b")),
        document=Document(text="a large document " * 10_000),
    )
    with target.producer() as producer:
        producer.submit(job)
        producer.wait([job.job_id], timeout_s=30)
    return job.job_id


def observer(target: Target) -> Observer:
    return Observer(target=target, prices=load_prices(), clock=SystemClock())


def test_operator(acting: Callable[[str], AssumedRole], target: Target, job_id: str) -> None:
    role = acting("OperatorRole")
    url = target.stack.dead_letter_queue_url
    target.sqs.send_message(QueueUrl=url, MessageBody="a dead letter")

    read_job(role.target, job_id, tenant=None, now=datetime.now(UTC))
    read_failures(role.target)
    findings = examine(role.target, now=datetime.now(UTC))
    snapshot = observer(role.target).look()

    assert [(one.what, one.why) for one in findings if one.is_unchecked] == []
    assert [source.value for source in snapshot.unreadable] == ["dead_letters"]
    taken = role.taken - {"sqs:ReceiveMessage"}  # refused, on purpose
    assert taken | set(UNSEEN["OperatorRole"]) == granted(target, "OperatorRole")


def test_exporter(acting: Callable[[str], AssumedRole], target: Target) -> None:
    role = acting("ExporterRole")
    url = target.stack.dead_letter_queue_url
    target.sqs.send_message(QueueUrl=url, MessageBody="a dead letter")

    snapshot = observer(role.target).look()

    assert snapshot.unreadable == {}
    more = granted(target, "ExporterRole") - granted(target, "OperatorRole")
    assert more == {"sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"}
    assert role.taken <= granted(target, "ExporterRole")
    assert more <= role.taken


def test_forget(acting: Callable[[str], AssumedRole], target: Target, job_id: str) -> None:
    role = acting("ForgetRole")

    forget(role.target, job_id, tenant=None, now=datetime.now(UTC))

    assert role.taken | set(UNSEEN["ForgetRole"]) == granted(target, "ForgetRole")


def test_scale_operator(acting: Callable[[str], AssumedRole], target: Target) -> None:
    role = acting("ScaleOperatorRole")
    names = role.target.stack
    controller = Controller(
        stack=names,
        operator="alice",
        policy=Policy(),
        sqs=role.target.sqs,
        dynamodb=role.target.dynamodb,
        lambda_=role.target.lambda_,
        cloudwatch=role.target.cloudwatch,
    )

    check_alias(role.target.lambda_, names)
    controller.recommend()
    controller.pause(reason="a test")
    controller.resume(reason="a test")
    controller.tick()
    controller.history(5)

    assert role.taken | set(UNSEEN["ScaleOperatorRole"]) == granted(target, "ScaleOperatorRole")
