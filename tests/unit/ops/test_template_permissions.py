"""Who may do what, as the template's text says it; checked against IAM's own table of actions.

The table is the one that cfn-lint ships of the service authorization reference: for each action
the kinds of resource that it can be granted on. What the roles need is compared with their commands
in `tests/integration/ops/test_permissions.py`.
"""

import json
from collections.abc import Iterator
from typing import Any

import cfnlint.data.AdditionalSpecs  # type: ignore[import-untyped] # it ships no types
import pytest
from cfnlint.decode import decode_str  # type: ignore[import-untyped]
from cfnlint.helpers import load_resource  # type: ignore[import-untyped]

from zeroidle_ops.stack import deploy

EVERYWHERE = {
    "cloudwatch:GetMetricData": "a data set is a resource, plain metrics are none",
    "cloudwatch:DescribeAlarms": "asked by names, and CloudWatch decides the list as a whole",
    "logs:GetQueryResults": "asked by the query's id, not by its group",
    "ec2:CreateNetworkInterface": "Lambda's documents: its policy for private networks",
    "ec2:DeleteNetworkInterface": "the same",
    "ec2:AssignPrivateIpAddresses": "the same",
    "ec2:UnassignPrivateIpAddresses": "the same",
}
"""Granted without a resource though the service knows one, and why."""

WITHOUT_EFFECT = {
    "dynamodb:ListStreams": "EventBridge's documents of a pipe's role have it on the stream",
}
"""Granted on a resource though the service knows none for it, and why."""


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    decoded, problems = decode_str(deploy.template())
    assert not problems
    return json.loads(json.dumps(decoded))  # type: ignore[no-any-return] # JSON


@pytest.fixture(scope="module")
def known_actions() -> dict[str, Any]:
    """By service and by action in small letters."""
    table: dict[str, Any] = load_resource(cfnlint.data.AdditionalSpecs, "Policies.json")
    return table


def properties(template: dict[str, Any], resource: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][resource]["Properties"]
    return found


def granted(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each action that is allowed, and its statement."""
    for statements in identity_policies(template).values():
        for statement in statements:
            if statement["Effect"] == "Allow":
                told = statement["Action"]
                for action in [told] if isinstance(told, str) else told:
                    yield action, statement


def identity_policies(template: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Statements by role or policy, those under a condition too."""
    found = {}
    for name, resource in template["Resources"].items():
        told = resource.get("Properties", {})
        documents = [one["PolicyDocument"] for one in told.get("Policies", [])]
        if resource["Type"] in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
            documents.append(told["PolicyDocument"])
        found[name] = [
            statement["Fn::If"][1] if "Fn::If" in statement else statement
            for document in documents
            for statement in document["Statement"]
        ]
    return {name: statements for name, statements in found.items() if statements}


def test_the_function_may_do_this_and_no_more(template: dict[str, Any]) -> None:
    [policy] = properties(template, "FunctionRole")["Policies"]
    granted = {
        statement["Sid"]: statement["Action"] for statement in policy["PolicyDocument"]["Statement"]
    }

    assert granted == {
        "ReadQueue": [
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
        ],
        "GiveUp": "sqs:SendMessage",
        "ClaimAndCommit": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
        "DocumentsAndOutputs": ["s3:GetObject", "s3:PutObject"],
        "TellMissingFromForbidden": "s3:ListBucket",
        "Log": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Trace": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
    }


def test_every_action_is_one_that_iam_knows(
    template: dict[str, Any], known_actions: dict[str, Any]
) -> None:
    actions = {tuple(action.split(":")) for action, _ in granted(template)}
    unknown = {
        f"{service}:{name}"
        for service, name in actions
        if name.lower() not in known_actions[service]["Actions"]
    }

    assert unknown == set()


def test_a_resource_is_named_exactly_where_the_service_knows_one(
    template: dict[str, Any], known_actions: dict[str, Any]
) -> None:
    everywhere, without_effect = set(), set()
    for action, statement in granted(template):
        service, name = action.split(":")
        knows = bool(known_actions[service]["Actions"][name.lower()].get("Resources"))
        if statement["Resource"] == "*" and knows:
            everywhere.add(action)
        if statement["Resource"] != "*" and not knows:
            without_effect.add(action)

    assert everywhere == set(EVERYWHERE)
    assert without_effect == set(WITHOUT_EFFECT)


def test_nobody_is_granted_a_wildcard_of_actions(template: dict[str, Any]) -> None:
    for name, statements in identity_policies(template).items():
        for statement in statements:
            actions = statement["Action"]
            if statement["Effect"] == "Allow":
                assert "*" not in json.dumps(actions), (name, actions)


def test_documents_are_read_and_written_under_tenants_alone(template: dict[str, Any]) -> None:
    objects = {
        (name, json.dumps(statement["Resource"]))
        for name, statements in identity_policies(template).items()
        for statement in statements
        if "Object" in json.dumps(statement["Action"])
    }

    documents, archives = (
        '{"Fn::Sub": "${Bucket.Arn}/tenants/*"}',
        '{"Fn::Sub": "${Bucket.Arn}/redrive/*"}',
    )
    assert objects == {
        ("FunctionRole", documents),
        ("ProducerPolicy", documents),
        ("ForgetRole", documents),
        ("RedriveRole", archives),
    }


def test_who_only_reads_can_make_no_data_key(template: dict[str, Any]) -> None:
    """Receiving and reading take `kms:Decrypt`; sending and putting take a data key too."""
    roles = {
        name: {role["Ref"] for role in properties(template, name)["Roles"] if "Ref" in role}
        for name in ("KeyUse", "KeyUseToWrite")
    }
    [reads] = properties(template, "KeyUse")["PolicyDocument"]["Statement"]
    [writes] = properties(template, "KeyUseToWrite")["PolicyDocument"]["Statement"]

    assert (reads["Action"], writes["Action"]) == ("kms:Decrypt", "kms:GenerateDataKey")
    assert roles["KeyUseToWrite"] == {"FunctionRole", "RedriveRole"}
    assert roles["KeyUseToWrite"] < roles["KeyUse"]
    for name, statements in identity_policies(template).items():
        for one in statements:
            if "kms:" in json.dumps(one["Action"]):
                assert "kms:ViaService" in one["Condition"]["StringEquals"], name


def test_services_act_for_this_account_alone(template: dict[str, Any]) -> None:
    """A service that another account drives must not reach what is ours through its own name."""
    named: dict[str, str] = {}
    for name in ("AlarmTopicPolicy", "Key", "Repository"):
        told = properties(template, name)
        policy = told.get("PolicyDocument") or told.get("KeyPolicy") or told["RepositoryPolicyText"]
        for one in policy["Statement"]:
            if "Service" in one["Principal"]:
                named[one["Sid"]] = json.dumps(one["Condition"])
    for name in ("ScalerPermission", "WatchPermission"):
        named[name] = json.dumps(properties(template, name)["SourceArn"])

    rules = {"ScalerPermission": "ScalerRule", "WatchPermission": "WatchSchedule"}
    assert set(named) == {
        "AlarmsPublish",
        "LogsEncryptThisStacksGroups",
        "AlarmsReachTheTopic",
        "LambdaPulls",
        *rules,
    }
    for name, source in named.items():
        assert rules.get(name, "AWS::AccountId") in source, name


def test_the_keys_own_policy_lets_in_this_accounts_logs_and_alarms_alone(
    template: dict[str, Any],
) -> None:
    """What CloudWatch's documents ask for to encrypt log groups, and to publish to the topic."""
    statements = {one["Sid"]: one for one in properties(template, "Key")["KeyPolicy"]["Statement"]}

    assert set(statements) == {
        "RolesPoliciesDecide",
        "LogsEncryptThisStacksGroups",
        "AlarmsReachTheTopic",
    }
    logs, alarms = statements["LogsEncryptThisStacksGroups"], statements["AlarmsReachTheTopic"]
    [context] = logs["Condition"]["ArnLike"].values()
    assert context["Fn::Sub"].endswith(":${AWS::AccountId}:log-group:/zeroidle/${AWS::StackName}*")
    assert alarms["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
