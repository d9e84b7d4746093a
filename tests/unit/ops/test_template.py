"""The template as text: lint, and the promises that no emulator checks."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint import lint  # type: ignore[import-untyped] # it ships no types
from cfnlint.decode import decode_str  # type: ignore[import-untyped]
from pydantic.alias_generators import to_pascal

from zeroidle_contract import Stack
from zeroidle_contract.table import FAILURES_INDEX, JOB_KEY, RETENTION_DAYS
from zeroidle_ops.stack import deploy, destruction

RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook"


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    decoded, problems = decode_str(deploy.template())
    assert not problems
    return json.loads(json.dumps(decoded))  # type: ignore[no-any-return] # JSON


def properties(template: dict[str, Any], resource: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][resource]["Properties"]
    return found


def test_cfn_lint_finds_nothing() -> None:
    assert [str(match) for match in lint(deploy.template())] == []


def test_it_puts_out_what_the_contract_reads(template: dict[str, Any]) -> None:
    assert {to_pascal(name) for name in Stack.model_fields} <= set(template["Outputs"])


def test_visibility_is_six_times_every_timeout_that_can_be_chosen(template: dict[str, Any]) -> None:
    allowed = template["Parameters"]["TimeoutSeconds"]["AllowedValues"]
    seconds = template["Mappings"]["VisibilityByTimeout"]

    assert {timeout: seconds[timeout]["Seconds"] for timeout in allowed} == {
        timeout: 6 * int(timeout) for timeout in allowed
    }


def test_a_document_outlives_every_way_back_into_the_queue(template: dict[str, Any]) -> None:
    day_s = 24 * 3600
    queue = properties(template, "Queue")["MessageRetentionPeriod"]
    dead = properties(template, "DeadLetterQueue")["MessageRetentionPeriod"]
    rules = properties(template, "Bucket")["LifecycleConfiguration"]["Rules"]
    [rule] = [rule for rule in rules if rule["Prefix"] == "tenants/"]

    assert (queue, dead) == (4 * day_s, 14 * day_s)
    assert rule["ExpirationInDays"] * day_s > queue + dead
    assert rule["ExpirationInDays"] > RETENTION_DAYS


def test_the_tables_keys_are_the_contracts(template: dict[str, Any]) -> None:
    jobs = properties(template, "JobsTable")
    [index] = jobs["GlobalSecondaryIndexes"]

    assert jobs["KeySchema"] == [{"AttributeName": JOB_KEY, "KeyType": "HASH"}]
    assert index["IndexName"] == FAILURES_INDEX
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_no_concurrency_is_reserved_unless_asked_for(template: dict[str, Any]) -> None:
    reserved = properties(template, "Function")["ReservedConcurrentExecutions"]
    nothing = {"Ref": "AWS::NoValue"}

    assert template["Parameters"]["ReservedConcurrency"]["Default"] == 0
    assert reserved == {"Fn::If": ["Reserve", {"Ref": "ReservedConcurrency"}, nothing]}


def test_with_a_scaler_the_template_names_nothing_that_the_scaler_sets(
    template: dict[str, Any],
) -> None:
    [scaled, by_scaler, _] = properties(template, "Mapping")["ScalingConfig"]["Fn::If"]

    assert (scaled, by_scaler) == ("Scale", {"Ref": "AWS::NoValue"})  # ADR 0011
    assert {"Fn::Not": [{"Condition": "Scale"}]} in template["Conditions"]["Reserve"]["Fn::And"]


@pytest.mark.parametrize("name", ["QueuePolicy", "BucketPolicy", "AlarmTopicPolicy"])
def test_plain_http_is_refused(template: dict[str, Any], name: str) -> None:
    statements = properties(template, name)["PolicyDocument"]["Statement"]
    [refusal] = [one for one in statements if one["Effect"] == "Deny"]

    assert template["Resources"][name]["Condition"] == "OnAws"
    assert refusal["Principal"] == "*"
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def alarms(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def test_every_alarm_links_a_page_of_the_runbook_and_calls_somebody(
    template: dict[str, Any],
) -> None:
    for name, alarm in alarms(template).items():
        said = alarm["AlarmDescription"]["Fn::Sub"]
        found = re.search(r"Runbook: \$\{RunbookUrl\}/([a-z-]+\.md)$", said)
        assert found is not None, name
        assert (RUNBOOK / found[1]).is_file(), found[1]
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]


def test_the_alarms_watch_these_metrics(template: dict[str, Any]) -> None:
    watched = {
        name: (alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"][0]["Name"])
        for name, alarm in alarms(template).items()
    }

    assert watched == {
        "QueueAgeAlarm": ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName"),
        "BacklogAlarm": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
        "DeadLettersAlarm": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
        "DeadLetterExpiryAlarm": (
            "zeroidle",
            "zeroidle_dead_letter_expires_in_seconds",
            "QueueName",
        ),
        "WatchAlarm": ("AWS/Lambda", "Errors", "FunctionName"),
        "ThrottlesAlarm": ("AWS/Lambda", "Throttles", "FunctionName"),
        "ErrorsAlarm": ("AWS/Lambda", "Errors", "FunctionName"),
        "PartialFailuresAlarm": ("zeroidle", "zeroidle_partial_failures_total", "FunctionName"),
        "DependencyDownAlarm": ("zeroidle", "zeroidle_dependency_down_total", "FunctionName"),
        "NearTimeoutAlarm": ("AWS/Lambda", "Duration", "FunctionName"),
        "SpendAlarm": ("AWS/Lambda", "Duration", "FunctionName"),
    }


def test_the_near_timeout_alarm_warns_at_nine_tenths(template: dict[str, Any]) -> None:
    seconds = template["Mappings"]["VisibilityByTimeout"]

    assert {timeout: one["WarnMs"] for timeout, one in seconds.items()} == {
        timeout: 900 * int(timeout) for timeout in seconds
    }


def test_a_private_network_leads_to_three_endpoints_and_nowhere_else(
    template: dict[str, Any],
) -> None:
    private = {
        resource["Type"]
        for resource in template["Resources"].values()
        if resource.get("Condition") == "Private"
    }
    endpoints = {
        resource["Properties"]["ServiceName"]["Fn::Sub"].rsplit(".", 1)[1]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::EC2::VPCEndpoint"
    }

    assert private == {
        "AWS::IAM::ManagedPolicy",
        "AWS::EC2::VPC",
        "AWS::EC2::Subnet",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::VPCEndpoint",
    }
    assert endpoints == {"sqs", "dynamodb", "s3"}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::EC2::VPCEndpoint":
            [statement] = resource["Properties"]["PolicyDocument"]["Statement"]
            assert statement["Resource"] != "*"
            # For a gateway endpoint an account as principal is that account's root user alone.
            assert statement["Principal"] == "*"
            assert statement["Condition"] == {
                "StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}
            }


def test_roles_can_attach_functions_to_the_network_before_there_is_a_function(
    template: dict[str, Any],
) -> None:
    """Lambda refuses a function whose role has no such permission: the role must name it."""
    for role in ("FunctionRole", "WatchRole"):
        attached = properties(template, role)["ManagedPolicyArns"]["Fn::If"]
        assert attached == ["Private", [{"Ref": "NetworkPolicy"}], {"Ref": "AWS::NoValue"}]
    assert "Roles" not in properties(template, "NetworkPolicy")


def test_what_is_sent_means_the_same_and_fits(template: dict[str, Any]) -> None:
    sent, problems = decode_str(deploy.compact())

    assert not problems
    told = {name: section for name, section in template.items() if name != "Metadata"}
    assert json.loads(json.dumps(sent)) == told
    assert len(deploy.compact().encode()) <= 51_200


def test_a_release_changes_with_the_function_and_with_nothing_else() -> None:
    given = deploy.defaults()
    before = deploy.release(given)

    for name, value in {
        "ImageUri": "another",
        "MemoryMb": "2048",
        "TimeoutSeconds": "60",
        "Threads": "3",
        "Network": "private",
        "EncryptionKey": "stack",
    }.items():
        assert deploy.release({**given, name: value}) != before, name
    for name, value in {
        "MaximumConcurrency": "99",
        "ReservedConcurrency": "100",
        "BatchSize": "5",
        "AlarmBacklog": "5",
        "ReadQueue": "false",
    }.items():
        assert deploy.release({**given, name: value}) == before, name
    assert deploy.release(given, after="2") != before


def test_completion_events_are_off_unless_asked_for(template: dict[str, Any]) -> None:
    assert template["Parameters"]["CompletionEvents"]["Default"] == "false"
    for name in ("CompletionPipe", "CompletionPipeRole"):
        assert template["Resources"][name]["Condition"] == "TellCompletions"
    stream = properties(template, "JobsTable")["StreamSpecification"]
    assert (stream["Fn::If"][0], stream["Fn::If"][2]) == (
        "TellCompletions",
        {"Ref": "AWS::NoValue"},
    )


def test_a_completion_event_holds_names_and_states_alone(template: dict[str, Any]) -> None:
    told = properties(template, "CompletionPipe")["TargetParameters"]["InputTemplate"]
    fields = re.findall(r"<\$\.dynamodb\.\w+\.(\w+)\.S>", told)
    assert fields == ["job_key", "job_id", "status", "completed_at"]
    assert told.count("<") == len(fields)


def test_a_new_image_or_release_makes_a_new_version(template: dict[str, Any]) -> None:
    described = json.dumps(properties(template, "Version")["Description"])

    assert "${Release} ${ImageUri}" in described
    assert "${Release} ${CodeKey}" in described


def test_what_is_told_to_stay_is_what_the_template_retains(template: dict[str, Any]) -> None:
    retained = {
        name
        for name, resource in template["Resources"].items()
        if resource.get("DeletionPolicy") == "Retain"
    }

    assert {*destruction.KEPT, "BucketPolicy"} == retained


def test_the_template_ships_with_the_package() -> None:
    assert (Path(deploy.__file__).parent / "template.yaml").is_file()


def test_every_widget_of_the_dashboard_shows_whole_metrics(template: dict[str, Any]) -> None:
    body = json.loads(properties(template, "Dashboard")["DashboardBody"]["Fn::Sub"])
    for widget in (one["properties"] for one in body["widgets"]):
        first = widget["metrics"][0]
        assert len([part for part in first if isinstance(part, str) and part[0] != "."]) == 4
        assert {"region", "title", "stat", "period"} <= set(widget)
