"""What the roles of functions and of the pipe are granted is what they need; nothing else.

With all that the template can make: a key, a private network, the scaler, the watch and completion
events. The real handler (with the small model), watch and scaler run with their roles on the
emulator, and their calls are noted as botocore sends them. `DOCUMENTED` has what AWS's services do
with a role beside the code, by their documents; the emulator does it otherwise, or not at all.
"""

import importlib
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from assumed_role import AssumedRole, Calls, granted, names_of, role_arn
from deployed_world import CODE_BUCKET, World, new_world

from zeroidle_contract import ClaimCheck, Classify, Document, Job, S3Document, encode
from zeroidle_ops.scale.controller import Controller
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.local_deployment import Settings, scheduled_functions_zip
from zeroidle_ops.stack.target import Target
from zeroidle_ops.watch_handler import look

pytestmark = [pytest.mark.emulator, pytest.mark.model]

MAPPING = "the mapping reads the queue as the function (Lambda, 'Using Lambda with Amazon SQS')"
LOG = "Lambda writes the log as the function (Lambda, 'Sending function logs to CloudWatch')"
TRACE = "X-Ray's daemon sends as the function (Lambda, 'Visualize invocations using X-Ray')"
NETWORK = (
    "Lambda attaches the function as the function (Lambda, 'Giving functions access to a VPC')"
)
READ = "from an encrypted queue, table or stream (SQS, DynamoDB, 'Key management')"
WRITE = "into an encrypted queue or bucket (SQS, 'Key management'; S3, 'Using SSE-KMS')"
PIPE = "the pipe reads the stream and puts events (EventBridge Pipes, 'Permissions')"
MISSING = "without it S3 says forbidden where it means missing (S3, GetObject)"
LARGE = "a result above 350 KB; test_a_large_result_lies_in_s3_and_its_row_says_where writes one"
LONG = "the lock of a tick that waits for the mapping is renewed"

IN_NETWORK = dict.fromkeys(
    (
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    ),
    NETWORK,
)
LOGGING = {"logs:CreateLogStream": LOG, "logs:PutLogEvents": LOG}
DOCUMENTED: dict[str, dict[str, str]] = {
    "FunctionRole": {
        "sqs:ReceiveMessage queue": MAPPING,
        "sqs:DeleteMessage queue": MAPPING,
        "sqs:GetQueueAttributes queue": MAPPING,
        "s3:ListBucket": MISSING,
        "s3:PutObject tenants": LARGE,
        "xray:PutTraceSegments": TRACE,
        "xray:PutTelemetryRecords": TRACE,
        "kms:Decrypt": READ,
        "kms:GenerateDataKey": WRITE,
        **LOGGING,
        **IN_NETWORK,
    },
    "WatchRole": {"kms:Decrypt": READ, **LOGGING, **IN_NETWORK},
    "ScalerRole": {"dynamodb:UpdateItem ops": LONG, "kms:Decrypt": READ, **LOGGING},
    "CompletionPipeRole": {
        "dynamodb:DescribeStream stream": PIPE,
        "dynamodb:GetRecords stream": PIPE,
        "dynamodb:GetShardIterator stream": PIPE,
        "dynamodb:ListStreams stream": PIPE,
        "events:PutEvents": PIPE,
        "kms:Decrypt": READ,
    },
}


@pytest.fixture(scope="module")
def whole(
    running: LocalStack, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A stack with everything; its mapping is paused, so that the tests take the messages."""
    with new_world(running, settings, tmp_path_factory.mktemp("whole")) as world:
        world.code("one")
        world.target.s3.put_object(
            Bucket=CODE_BUCKET, Key="scheduled.zip", Body=scheduled_functions_zip()
        )
        world.create(
            OpsCodeKey="scheduled.zip",
            Scaler="true",
            EncryptionKey="stack",
            Network="private",
            CompletionEvents="true",
        )
        set_mapping(world.target, enabled=False)
        yield world


def set_mapping(target: Target, *, enabled: bool) -> None:
    target.lambda_.update_event_source_mapping(
        UUID=target.stack.event_source_mapping_id, Enabled=enabled
    )


class Context:
    aws_request_id = "request-1"
    memory_limit_in_mb = 1024

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def deliver(target: Target) -> dict[str, Any]:
    """What waits in the queue, as the mapping would hand it on."""
    received = target.sqs.receive_message(
        QueueUrl=target.stack.queue_url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    )["Messages"]
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                # As after a crash: the handler looks how often the job has begun.
                "attributes": {**message["Attributes"], "ApproximateReceiveCount": "2"},
                "messageAttributes": {},
            }
            for message in received
        ]
    }


def a_job(document: Document) -> str:
    task = Classify(labels=("positive", "negative"))
    return encode(Job(job_id=uuid.uuid4().hex, task=task, document=document))


def documents(target: Target) -> Iterator[str]:
    """Bodies that lead the handler to every call: in the message, in the bucket, no job at all."""
    yield a_job(Document(text="I would buy it again."))
    claim: S3Document = ClaimCheck(s3=target.s3, bucket=target.stack.bucket_name).put_document(
        None, "large", "It broke within a day."
    )
    yield a_job(Document(s3=claim))
    yield "not a job"


def test_the_function(whole: World, small_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = whole.target.stack
    role = AssumedRole(whole.target, role_arn(whole.target, "FunctionRole"))
    for name, value in {
        **role.environment(),
        "ZEROIDLE_MODEL_PATH": str(small_model),
        "ZEROIDLE_JOBS_TABLE": names.jobs_table_name,
        "ZEROIDLE_BUCKET": names.bucket_name,
        "ZEROIDLE_QUEUE_URL": names.queue_url,
        "ZEROIDLE_DEAD_LETTER_QUEUE_URL": names.dead_letter_queue_url,
        "ZEROIDLE_THREADS": "1",
        "ZEROIDLE_CONTEXT_TOKENS": "768",
    }.items():
        monkeypatch.setenv(name, value)
    session = botocore.session.Session()
    calls = Calls(session, names_of(names))
    monkeypatch.setattr(botocore.session, "get_session", lambda: session)
    monkeypatch.delitem(sys.modules, "zeroidle_inference.handler", raising=False)
    handler = importlib.import_module("zeroidle_inference.handler").handler
    for body in documents(whole.target):
        whole.target.sqs.send_message(QueueUrl=names.queue_url, MessageBody=body)

    answer = handler(deliver(whole.target), Context())

    assert answer == {"batchItemFailures": []}
    assert calls.taken | set(DOCUMENTED["FunctionRole"]) == granted(whole.target, "FunctionRole")
    assert calls.taken & set(DOCUMENTED["FunctionRole"]) == set()


def test_the_watch(whole: World) -> None:
    names = whole.target.stack
    role = AssumedRole(whole.target, role_arn(whole.target, "WatchRole"))
    whole.target.sqs.send_message(QueueUrl=names.dead_letter_queue_url, MessageBody="a dead letter")
    environ = {
        "ZEROIDLE_QUEUE_URL": names.queue_url,
        "ZEROIDLE_DEAD_LETTER_QUEUE_URL": names.dead_letter_queue_url,
        "ZEROIDLE_DEAD_LETTER_QUEUE_ARN": names.dead_letter_queue_arn,
        "ZEROIDLE_OPS_TABLE": names.ops_table_name,
    }

    with role.target as target:
        look(environ, sqs=target.sqs, dynamodb=target.dynamodb)

    assert role.taken | set(DOCUMENTED["WatchRole"]) == granted(whole.target, "WatchRole")


def test_the_scaler(whole: World) -> None:
    names = whole.target.stack
    role = AssumedRole(whole.target, role_arn(whole.target, "ScalerRole"))
    whole.target.lambda_.put_function_concurrency(
        FunctionName=names.function_name, ReservedConcurrentExecutions=50
    )
    set_mapping(whole.target, enabled=True)

    with role.target as target:
        tick = Controller(
            stack=names,
            operator="the scaler function",
            policy=Policy(most=20),
            sqs=target.sqs,
            dynamodb=target.dynamodb,
            lambda_=target.lambda_,
            cloudwatch=target.cloudwatch,
        ).tick()

    assert tick.decision.target is not None
    assert role.taken | set(DOCUMENTED["ScalerRole"]) == granted(whole.target, "ScalerRole")


def test_the_pipe(whole: World) -> None:
    assert set(DOCUMENTED["CompletionPipeRole"]) == granted(whole.target, "CompletionPipeRole")
