"""The stack's roles under the names that the emulator gives to permissions.

It guards some calls under a name that IAM does not have, or that is another call's. Exactly where a
role has the permission that IAM asks for, the emulator's name is granted too: what the template
leaves out stays refused.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from zeroidle_ops.stack.target import Target

EMULATORS_NAME: Final = {
    "sqs:SendMessage": "sqs:SendMessageBatch",
    "sqs:DeleteMessage": "sqs:DeleteMessageBatch",
    "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
    "lambda:GetEventSourceMapping": "lambda:ListEventSourceMappings",
    "lambda:GetFunctionConcurrency": "lambda:PutFunctionConcurrency",
    "lambda:GetAlias": "lambda:ListAliases",
    "lambda:GetProvisionedConcurrencyConfig": "lambda:GetFunction",
    "lambda:PutProvisionedConcurrencyConfig": "lambda:UpdateFunctionCode",
    "lambda:DeleteProvisionedConcurrencyConfig": "lambda:DeleteFunction",
}
"""IAM's name to the emulator's."""

RESOURCE_UNSEEN: Final = frozenset({"iam:SimulatePrincipalPolicy"})
"""Where the emulator does not see which resource is meant, and asks for all."""

LOG_ACTIONS: Final = frozenset({"logs:FilterLogEvents"})
"""IAM sees them on a log group's streams (`…:*`), the emulator on the log group itself."""

RULE_ACTIONS: Final = frozenset({"events:DescribeRule"})
"""IAM sees a rule of the default bus as `rule/NAME`, the emulator as `rule/default/NAME`."""

_POLICY: Final = "emulators-names"


def grant_emulators_names(target: Target) -> None:
    """Grant them to every role of the stack."""
    for role in _roles(target):
        granted = [
            grant
            for document in _policies(target, role)
            for statement in document["Statement"]
            if statement["Effect"] == "Allow"
            for grant in _grants(statement)
        ]
        if granted:
            target.iam.put_role_policy(
                RoleName=role,
                PolicyName=_POLICY,
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": granted}),
            )


def _grants(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Without conditions: they name keys that the emulator does not fill in."""
    told = statement["Action"]
    actions = {told} if isinstance(told, str) else set(told)
    if names := sorted(EMULATORS_NAME[name] for name in actions & set(EMULATORS_NAME)):
        yield {"Effect": "Allow", "Action": names, "Resource": statement["Resource"]}
    if logs := sorted(actions & LOG_ACTIONS):
        group = statement["Resource"].removesuffix(":*")
        yield {"Effect": "Allow", "Action": logs, "Resource": group}
    if rules := sorted(actions & RULE_ACTIONS):
        rule = statement["Resource"].replace(":rule/", ":rule/default/")
        yield {"Effect": "Allow", "Action": rules, "Resource": rule}
    if unseen := sorted(actions & RESOURCE_UNSEEN):
        yield {"Effect": "Allow", "Action": unseen, "Resource": "*"}


def _roles(target: Target) -> Iterator[str]:
    pages = target.cloudformation.get_paginator("list_stack_resources").paginate(
        StackName=target.stack_name
    )
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::IAM::Role":
                yield resource.get("PhysicalResourceId", "")


def _policies(target: Target, role: str) -> Iterator[dict[str, Any]]:
    for name in target.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        if name != _POLICY:
            policy = target.iam.get_role_policy(RoleName=role, PolicyName=name)
            yield _read(policy["PolicyDocument"])
    for attached in target.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached.get("PolicyArn", "")
        version = target.iam.get_policy(PolicyArn=arn)["Policy"].get("DefaultVersionId", "")
        policy_version = target.iam.get_policy_version(PolicyArn=arn, VersionId=version)
        yield _read(policy_version["PolicyVersion"].get("Document", {}))


def _read(document: Any) -> dict[str, Any]:  # noqa: ANN401 - text or a dictionary
    read: dict[str, Any] = json.loads(document) if isinstance(document, str) else document
    return read
