"""Acts as one of the stack's roles on the emulator, and notes which permissions that takes."""

import json
from typing import Any

import boto3

from zeroidle_ops.stack.emulator import REGION
from zeroidle_ops.stack.target import Target

NAMESPACES = {"monitoring": "cloudwatch"}
"""Signing name to IAM's, where they differ."""

ACTIONS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "lambda:Invoke": "lambda:InvokeFunction",
}
"""Call to the permission that IAM asks for, where they differ, by its authorization reference."""

TRANSACTED = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}


class AssumedRole:
    """A target that acts as a role, and the permissions that its calls took."""

    def __init__(self, root: Target, arn: str) -> None:
        sts = root.session.client("sts", endpoint_url=root.endpoint)
        held = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        sts.close()
        session = boto3.Session(
            aws_access_key_id=held["AccessKeyId"],
            aws_secret_access_key=held["SecretAccessKey"],
            aws_session_token=held["SessionToken"],
            region_name=REGION,
        )
        self.taken: set[str] = set()
        session.events.register("before-call", self._note)
        self.target = Target(stack_name=root.stack_name, session=session, endpoint=root.endpoint)

    def _note(self, model: Any, params: Any, **_: object) -> None:
        if model.name == "TransactWriteItems":
            items = json.loads(params["body"])["TransactItems"]
            self.taken.update(TRANSACTED[kind] for item in items for kind in item)
            return
        signing = model.service_model.signing_name
        call = f"{NAMESPACES.get(signing, signing)}:{model.name}"
        self.taken.add(ACTIONS.get(call, call))


def role_arn(root: Target, logical_id: str) -> str:
    """The ARN of a role of the stack."""
    name = root.cloudformation.describe_stack_resource(
        StackName=root.stack_name, LogicalResourceId=logical_id
    )["StackResourceDetail"].get("PhysicalResourceId", "")
    return root.iam.get_role(RoleName=name)["Role"]["Arn"]
