"""What each role is granted is what its commands take, and what AWS's documents say; nothing else.

The commands run on the emulator with the role, which refuses what is not granted; the calls are
noted as botocore sends them. `UNSEEN` has the permissions that no call here shows, each with why.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from assumed_role import AssumedRole, granted, role_arn

from zeroidle_contract import Classify, Document, Job, Summarize, encode, load_prices
from zeroidle_ops.doctor.doctor import examine
from zeroidle_ops.forget import forget
from zeroidle_ops.jobs import read_failures
from zeroidle_ops.observe.observer import Observer
from zeroidle_ops.prewarm.warmup import WarmUps
from zeroidle_ops.redrive import Pace, Redrive
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
MISSING = "without it S3 says forbidden where it means missing"
NATIVE = "the emulator has no move tasks; tests/integration/redrive/test_native.py runs them"
UNSEEN: dict[str, dict[str, str]] = {
    "OperatorRole": {
        "logs:StartQuery": RUNBOOK,
        "logs:GetQueryResults": RUNBOOK,
        "xray:BatchGetTraces": RUNBOOK,
        "xray:GetTraceSummaries": RUNBOOK,
        "events:DescribeRule": NO_SCALER,
    },
    "ExporterRole": {},
    "ForgetRole": {},
    "ProducerRole": {
        "s3:GetObject tenants": "a result above 350 KB lies in the bucket",
        "s3:ListBucket": MISSING,
    },
    "RedriveRole": {
        "s3:ListBucket": MISSING,
        "dynamodb:UpdateItem jobs": "`reconcile`, of what SQS moved itself; "
        "test_reconcile_marks_rows_of_jobs_that_sqs_itself_moved runs it",
        "sqs:StartMessageMoveTask dead letters": NATIVE,
        "sqs:ListMessageMoveTasks dead letters": NATIVE,
        "sqs:CancelMessageMoveTask dead letters": NATIVE,
    },
    "ScaleOperatorRole": {
        "application-autoscaling:RegisterScalableTarget": NOT_ON_EMULATOR,
        "application-autoscaling:DeregisterScalableTarget": NOT_ON_EMULATOR,
        "application-autoscaling:PutScheduledAction": NOT_ON_EMULATOR,
        "application-autoscaling:DeleteScheduledAction": NOT_ON_EMULATOR,
        "application-autoscaling:DescribeScalableTargets": NOT_ON_EMULATOR,
        "application-autoscaling:DescribeScheduledActions": NOT_ON_EMULATOR,
        "iam:CreateServiceLinkedRole": NOT_ON_EMULATOR,
        "events:DisableRule": RUNBOOK,
        "events:EnableRule": RUNBOOK,
        "lambda:PutProvisionedConcurrencyConfig": PROVISIONED,
        "lambda:DeleteProvisionedConcurrencyConfig": PROVISIONED,
        "dynamodb:UpdateItem ops": "the lock of a long run is renewed",
    },
}


@pytest.fixture
def acting(target: Target) -> Iterator[Callable[[str], AssumedRole]]:
    made: list[AssumedRole] = []

    def act(logical_id: str) -> AssumedRole:
        made.append(AssumedRole(target, role_arn(target, logical_id)))
        return made[-1]

    yield act
    for one in made:
        one.target.close()


def a_job(text: str) -> Job:
    return Job(
        job_id=uuid.uuid4().hex, task=Classify(labels=("a", "b")), document=Document(text=text)
    )


@pytest.fixture
def job_id(target: Target) -> str:
    job = a_job("a large document " * 10_000)
    with target.producer() as producer:
        producer.submit(job)
        producer.wait([job.job_id], timeout_s=30)
    return job.job_id


@pytest.fixture
def failed_job_id(target: Target) -> str:
    """The tests' function fails what it cannot classify."""
    job = a_job("a document").model_copy(update={"task": Summarize()})
    with target.producer() as producer:
        producer.submit(job)
        producer.wait([job.job_id], timeout_s=30)
    return job.job_id


def test_producer(acting: Callable[[str], AssumedRole], target: Target) -> None:
    role = acting("ProducerRole")
    small, large = a_job("a document"), a_job("a large document " * 10_000)
    with role.target.producer() as producer:
        producer.submit(small)
        producer.submit_many([large])
        producer.wait([small.job_id, large.job_id], timeout_s=30)
        producer.result(small.job_id)
        producer.cancel(small.job_id)

    assert role.taken | set(UNSEEN["ProducerRole"]) == granted(target, "ProducerRole")


def test_redrive(acting: Callable[[str], AssumedRole], target: Target) -> None:
    role = acting("RedriveRole")
    names = role.target.stack
    redrive = Redrive(
        stack=names,
        operator="alice",
        sqs=role.target.sqs,
        dynamodb=role.target.dynamodb,
        s3=role.target.s3,
    )

    def dead_letter() -> None:
        url = names.dead_letter_queue_url
        target.sqs.send_message(QueueUrl=url, MessageBody=encode(a_job("a document")))

    dead_letter()
    redrive.reconcile()
    redrive.inspect()
    applied = redrive.plan(reason="fixed")
    assert redrive.apply(applied.plan_id, pace=Pace(canary=0)).is_complete
    assert redrive.status(applied.plan_id).sent == applied.count
    dead_letter()
    discarded = redrive.plan(reason="test data")
    redrive.discard(discarded.plan_id)
    redrive.restore(discarded.plan_id)
    redrive.abort(redrive.plan(reason="test data").plan_id, reason="not needed")

    assert role.taken | set(UNSEEN["RedriveRole"]) == granted(target, "RedriveRole")


def observer(target: Target) -> Observer:
    return Observer(target=target, prices=load_prices(), clock=SystemClock())


def test_operator(
    acting: Callable[[str], AssumedRole], target: Target, job_id: str, failed_job_id: str
) -> None:
    role = acting("OperatorRole")
    url = target.stack.dead_letter_queue_url
    target.sqs.send_message(QueueUrl=url, MessageBody="a dead letter")

    for one in (job_id, failed_job_id):
        read_job(role.target, one, tenant=None, now=datetime.now(UTC))
    read_failures(role.target)
    findings = examine(role.target)
    snapshot = observer(role.target).look()

    assert [(one.what, one.why) for one in findings if one.is_unchecked] == []
    assert snapshot.unreadable == {}
    taken = role.taken - {"sqs:ReceiveMessage dead letters"}  # refused, on purpose
    assert taken | set(UNSEEN["OperatorRole"]) == granted(target, "OperatorRole")


def test_exporter(acting: Callable[[str], AssumedRole], target: Target) -> None:
    role = acting("ExporterRole")
    url = target.stack.dead_letter_queue_url
    target.sqs.send_message(QueueUrl=url, MessageBody="a dead letter")

    exporter = observer(role.target)
    snapshot = [exporter.look(), exporter.look()][-1]  # the first finds no letters to keep

    assert snapshot.unreadable == {}
    more = granted(target, "ExporterRole") - granted(target, "OperatorRole")
    assert more == {"sqs:ReceiveMessage dead letters", "sqs:ChangeMessageVisibility dead letters"}
    assert role.taken <= granted(target, "ExporterRole")
    assert more <= role.taken


def test_forget(acting: Callable[[str], AssumedRole], target: Target, job_id: str) -> None:
    role = acting("ForgetRole")

    forget(role.target, job_id, tenant=None, now=datetime.now(UTC))

    assert role.taken | set(UNSEEN["ForgetRole"]) == granted(target, "ForgetRole")


@pytest.fixture
def reserved(target: Target) -> Iterator[None]:
    """More than the limit needs: a controller gives it back. Both are put back after."""
    names = target.stack
    target.lambda_.put_function_concurrency(
        FunctionName=names.function_name, ReservedConcurrentExecutions=9
    )
    yield
    target.lambda_.delete_function_concurrency(FunctionName=names.function_name)
    target.lambda_.update_event_source_mapping(
        UUID=names.event_source_mapping_id, ScalingConfig={"MaximumConcurrency": 2}
    )


@pytest.mark.usefixtures("reserved")
def test_scale_operator(acting: Callable[[str], AssumedRole], target: Target) -> None:
    role = acting("ScaleOperatorRole")
    names = role.target.stack
    controller = Controller(
        stack=names,
        operator="alice",
        policy=Policy(least=3),  # a limit to be set, and a reservation that follows it
        sqs=role.target.sqs,
        dynamodb=role.target.dynamodb,
        lambda_=role.target.lambda_,
        cloudwatch=role.target.cloudwatch,
    )

    warm_ups = WarmUps(
        stack=names,
        sqs=role.target.sqs,
        lambda_=role.target.lambda_,
        invoker=role.target.invoker,
        clock=SystemClock(),
    )

    assert warm_ups.warm(1, timeout_s=60, usd_per_second=0).is_complete
    controller.recommend()
    controller.pause(reason="a test")
    controller.resume(reason="a test")
    controller.tick()
    controller.history(5)

    assert role.taken | set(UNSEEN["ScaleOperatorRole"]) == granted(target, "ScaleOperatorRole")
