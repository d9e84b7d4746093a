"""Acts as one of the stack's roles on the emulator, and notes which permissions that takes.

A permission is an action of IAM and, where queues, tables and objects are meant, which of them:
`sqs:SendMessage dead letters`, `dynamodb:GetItem jobs`, `s3:GetObject tenants`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3

from zeroidle_contract import Stack
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


class Calls:
    """The permissions that a session's calls took."""

    def __init__(self, events: Any, names: Mapping[str, str]) -> None:
        """`events` is what botocore lets one register with; `names` as of `names_of`."""
        self.taken: set[str] = set()
        self._names = names
        events.register("before-parameter-build", self._note)

    def _note(self, params: Mapping[str, Any], model: Any, **_: object) -> None:
        if model.name == "TransactWriteItems":
            for item in params["TransactItems"]:
                for kind, told in item.items():
                    self.taken |= set(self._permissions(TRANSACTED[kind], told))
            return
        signing = model.service_model.signing_name
        call = f"{NAMESPACES.get(signing, signing)}:{model.name}"
        self.taken |= set(self._permissions(ACTIONS.get(call, call), params))

    def _permissions(self, action: str, told: Mapping[str, Any]) -> Iterator[str]:
        service = action.partition(":")[0]
        if service == "dynamodb":
            tables = told.get("RequestItems") or [told["TableName"]]
            meant = [told["IndexName"]] if "IndexName" in told else list(tables)
        elif service == "sqs" and "QueueUrl" in told:
            meant = [told["QueueUrl"].rsplit("/", 1)[1]]
        elif service == "s3" and ("Key" in told or "Delete" in told):
            objects = told["Delete"]["Objects"] if "Delete" in told else [told]
            meant = [one["Key"].split("/")[0] for one in objects]
        else:
            meant = [""]
        for one in meant:
            yield f"{action} {self._names.get(one, one)}".strip()


class AssumedRole:
    """A target that acts as a role, and the permissions that its calls took."""

    def __init__(self, root: Target, arn: str, names: Mapping[str, str] | None = None) -> None:
        """`names` are the stack's, where it stands already."""
        sts = root.session.client("sts", endpoint_url=root.endpoint)
        held = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        sts.close()
        session = boto3.Session(
            aws_access_key_id=held["AccessKeyId"],
            aws_secret_access_key=held["SecretAccessKey"],
            aws_session_token=held["SessionToken"],
            region_name=REGION,
        )
        self._held = held
        self._calls = Calls(session.events, names_of(root.stack) if names is None else names)
        self.target = Target(stack_name=root.stack_name, session=session, endpoint=root.endpoint)

    def environment(self) -> dict[str, str]:
        """What a program needs to act as this role."""
        return {
            "AWS_ACCESS_KEY_ID": self._held["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self._held["SecretAccessKey"],
            "AWS_SESSION_TOKEN": self._held["SessionToken"],
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.target.endpoint or "",
        }

    @property
    def taken(self) -> set[str]:
        return self._calls.taken


def role_arn(root: Target, logical_id: str) -> str:
    """The ARN of a role of the stack."""
    name = root.cloudformation.describe_stack_resource(
        StackName=root.stack_name, LogicalResourceId=logical_id
    )["StackResourceDetail"].get("PhysicalResourceId", "")
    return root.iam.get_role(RoleName=name)["Role"]["Arn"]


def granted(root: Target, logical_id: str) -> set[str]:
    """The permissions that the template allows a role, as the emulator holds them."""
    names = names_of(root.stack)
    return {
        f"{action} {_meant(arn, names)}".strip()
        for document in _policies(root, role_arn(root, logical_id).rsplit("/", 1)[1])
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action in _listed(statement["Action"])
        for arn in _listed(statement["Resource"])
    }


def names_of(stack: Stack) -> dict[str, str]:
    """The stack's queues and tables, by the names that they have in its account."""
    return {
        stack.queue_url.rsplit("/", 1)[1]: "queue",
        stack.dead_letter_queue_url.rsplit("/", 1)[1]: "dead letters",
        stack.jobs_table_name: "jobs",
        stack.ops_table_name: "ops",
    }


def _meant(arn: str, names: Mapping[str, str]) -> str:
    service, tail = arn.split(":")[2] if arn != "*" else "", arn.rsplit(":", 1)[-1]
    if service == "s3":
        return tail.split("/")[1] if "/" in tail else ""
    if service == "dynamodb":
        table, *below = arn.split(":table/")[1].split("/")
        return names[table] if not below else below[1] if below[0] == "index" else below[0]
    return names[tail] if service == "sqs" else ""


def _policies(root: Target, role: str) -> Iterator[dict[str, Any]]:
    for name in root.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        if name != "emulators-names":
            yield _read(root.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    for attached in root.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached.get("PolicyArn", "")
        version = root.iam.get_policy(PolicyArn=arn)["Policy"].get("DefaultVersionId", "")
        found = root.iam.get_policy_version(PolicyArn=arn, VersionId=version)
        yield _read(found["PolicyVersion"].get("Document", {}))


def _read(document: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(document) if isinstance(document, str) else document
    return read


def _listed(told: str | list[str]) -> list[str]:
    return [told] if isinstance(told, str) else told
