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
from zeroidle_ops.stack import deploy


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


def test_reserved_concurrency_is_the_mappings_or_none(template: dict[str, Any]) -> None:
    reserved = properties(template, "Function")["ReservedConcurrentExecutions"]
    nothing = {"Ref": "AWS::NoValue"}
    [scaled, by_scaler, fixed] = properties(template, "Mapping")["ScalingConfig"]["Fn::If"]

    assert reserved == {"Fn::If": ["Reserve", fixed["MaximumConcurrency"], nothing]}
    assert (scaled, by_scaler) == ("Scale", nothing)  # ADR 0011


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


def test_only_tracing_is_granted_on_every_resource(template: dict[str, Any]) -> None:
    statements = [
        *properties(template, "FunctionRole")["Policies"][0]["PolicyDocument"]["Statement"],
        *properties(template, "ProducerPolicy")["PolicyDocument"]["Statement"],
    ]

    assert [s["Sid"] for s in statements if s["Resource"] == "*"] == ["Trace"]


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


def test_the_template_ships_with_the_package() -> None:
    assert (Path(deploy.__file__).parent / "template.yaml").is_file()
