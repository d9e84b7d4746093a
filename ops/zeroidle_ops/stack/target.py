"""Which installation a command speaks to: a stack's names, and the clients that reach it.

Knows nothing of what is asked of it.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore.config import Config

from zeroidle_contract import Stack
from zeroidle_producer import Producer

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


class Target:
    """A stack on AWS, or (with an `endpoint`) on the local emulator. Clients are made when used."""

    def __init__(
        self,
        *,
        stack_name: str,
        session: boto3.Session,
        endpoint: str | None = None,
        connections: int = 10,
    ) -> None:
        self.stack_name = stack_name
        self.session = session
        self.endpoint = endpoint
        # On this machine there is nothing to wait for; on AWS the defaults are right.
        self._config = Config(
            connect_timeout=2, retries={"total_max_attempts": 2}, max_pool_connections=connections
        )
        self._aws_config = Config(max_pool_connections=connections)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections of the clients that were used."""
        for name in (
            "cloudformation",
            "cloudwatch",
            "sqs",
            "dynamodb",
            "s3",
            "lambda_",
            "logs",
            "sns",
            "iam",
            "autoscaling",
            "ecr",
            "events",
        ):
            if name in self.__dict__:  # a cached property that was read
                self.__dict__[name].close()

    @property
    def is_local(self) -> bool:
        """True for the emulator on this machine."""
        return self.endpoint is not None

    @cached_property
    def stack(self) -> Stack:
        """The stack's names. Raises StackNotFoundError."""
        return Stack.read(self.cloudformation, self.stack_name)

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """CloudFormation."""
        return self.session.client("cloudformation", **self._options)

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        """CloudWatch."""
        return self.session.client("cloudwatch", **self._options)

    @cached_property
    def sqs(self) -> "SQSClient":
        """SQS."""
        return self.session.client("sqs", **self._options)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB."""
        return self.session.client("dynamodb", **self._options)

    @cached_property
    def s3(self) -> "S3Client":
        """S3."""
        return self.session.client("s3", **self._options)

    @cached_property
    def lambda_(self) -> "LambdaClient":
        """Lambda."""
        return self.session.client("lambda", **self._options)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """CloudWatch's logs."""
        return self.session.client("logs", **self._options)

    @cached_property
    def sns(self) -> "SNSClient":
        """SNS."""
        return self.session.client("sns", **self._options)

    @cached_property
    def iam(self) -> "IAMClient":
        """IAM."""
        return self.session.client("iam", **self._options)

    @cached_property
    def ecr(self) -> "ECRClient":
        """The image registry."""
        return self.session.client("ecr", **self._options)

    @cached_property
    def events(self) -> "EventBridgeClient":
        """EventBridge."""
        return self.session.client("events", **self._options)

    def forget_names(self) -> None:
        """Read the stack's names anew when they are next asked for: it has changed."""
        self.__dict__.pop("stack", None)

    @cached_property
    def autoscaling(self) -> "ApplicationAutoScalingClient":
        """Application Auto Scaling."""
        return self.session.client("application-autoscaling", **self._options)

    def invoker(self, timeout_s: float, connections: int) -> "LambdaClient":
        """A Lambda client for that many long calls at once, none of which it repeats."""
        config = Config(
            read_timeout=timeout_s,
            max_pool_connections=connections,
            retries={"total_max_attempts": 1},
        )
        return self.session.client("lambda", **self._options | {"config": config})

    def producer(self, tenant: str | None = None) -> Producer:
        """A producer for this stack."""
        return Producer(
            queue_url=self.stack.queue_url,
            jobs_table=self.stack.jobs_table_name,
            bucket=self.stack.bucket_name,
            sqs=self.sqs,
            dynamodb=self.dynamodb,
            s3=self.s3,
            tenant=tenant,
        )

    @property
    def _options(self) -> dict[str, Any]:
        if self.endpoint is None:
            return {"config": self._aws_config}
        return {"endpoint_url": self.endpoint, "config": self._config}
