"""The doctor is silent on a healthy stack and finds each misconfiguration that is planted in it."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from terminal import ClientThat

from zeroidle_ops.doctor.doctor import examine
from zeroidle_ops.stack.target import Target

pytestmark = pytest.mark.emulator

Plant = Callable[[Target], Any]
"""A context manager that spoils the stack and mends it again."""


def found(target: Target, **options: Any) -> set[str]:
    """The names of what the doctor finds."""
    return {finding.check for finding in examine(target, **options)}


def test_a_healthy_stack_is_silent(target: Target) -> None:
    assert examine(target) == []


@contextmanager
def queue_attributes(target: Target, url: str, **values: str) -> Iterator[None]:
    before = target.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    changed: Any = values
    mended: Any = {name: before.get(name, "") for name in values}  # type: ignore[call-overload]
    target.sqs.set_queue_attributes(QueueUrl=url, Attributes=changed)
    yield
    target.sqs.set_queue_attributes(QueueUrl=url, Attributes=mended)


def short_visibility(target: Target) -> Any:
    return queue_attributes(target, target.stack.queue_url, VisibilityTimeout="60")


def low_receive_count(target: Target) -> Any:
    policy = {"deadLetterTargetArn": target.stack.dead_letter_queue_arn, "maxReceiveCount": 3}
    return queue_attributes(target, target.stack.queue_url, RedrivePolicy=json.dumps(policy))


def no_redrive_policy(target: Target) -> Any:
    return queue_attributes(target, target.stack.queue_url, RedrivePolicy="")


def short_dead_letter_retention(target: Target) -> Any:
    url = target.stack.dead_letter_queue_url
    return queue_attributes(target, url, MessageRetentionPeriod="345600")


def short_queue_retention(target: Target) -> Any:
    return queue_attributes(target, target.stack.queue_url, MessageRetentionPeriod="3600")


def unencrypted_queue(target: Target) -> Any:
    return queue_attributes(target, target.stack.queue_url, SqsManagedSseEnabled="false")


@contextmanager
def mapping(target: Target, before: dict[str, Any], **values: Any) -> Iterator[None]:
    uuid = target.stack.event_source_mapping_id
    target.lambda_.update_event_source_mapping(UUID=uuid, **values)
    yield
    target.lambda_.update_event_source_mapping(UUID=uuid, **before)


def paused_mapping(target: Target) -> Any:
    return mapping(target, {"Enabled": True}, Enabled=False)


def whole_batches(target: Target) -> Any:
    wanted = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
    return mapping(target, wanted, FunctionResponseTypes=[])


def mapping_beside_the_alias(target: Target) -> Any:
    stack = target.stack
    return mapping(target, {"FunctionName": stack.alias_arn}, FunctionName=stack.function_name)


def unbounded_mapping(target: Target) -> Any:
    return mapping(target, {"ScalingConfig": {"MaximumConcurrency": 2}}, ScalingConfig={})


@contextmanager
def second_consumer(target: Target) -> Iterator[None]:
    other = target.lambda_.create_event_source_mapping(
        EventSourceArn=target.stack.queue_arn,
        FunctionName=target.stack.function_name,
        Enabled=False,
        ScalingConfig={"MaximumConcurrency": 2},
    )["UUID"]
    yield
    target.lambda_.delete_event_source_mapping(UUID=other)


@contextmanager
def reservation_below_the_maximum(target: Target) -> Iterator[None]:
    name = target.stack.function_name
    target.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    yield
    target.lambda_.delete_function_concurrency(FunctionName=name)


@contextmanager
def stale_alias(target: Target) -> Iterator[None]:
    """A newer version that the alias does not serve."""
    name = target.stack.function_name
    target.lambda_.update_function_configuration(FunctionName=name, Description="newer")
    version = target.lambda_.publish_version(FunctionName=name)["Version"]
    yield
    target.lambda_.delete_function(FunctionName=name, Qualifier=version)


@contextmanager
def foreign_settings(target: Target) -> Iterator[None]:
    """The alias serves a version that writes to another table, and is not traced."""
    stack = target.stack
    before = target.lambda_.get_function_configuration(FunctionName=stack.function_name)
    alias = target.lambda_.get_alias(FunctionName=stack.function_name, Name=stack.alias_name)
    variables = before["Environment"]["Variables"]
    target.lambda_.update_function_configuration(
        FunctionName=stack.function_name,
        Environment={"Variables": {**variables, "ZEROIDLE_JOBS_TABLE": "another"}},
        TracingConfig={"Mode": "PassThrough"},
    )
    version = target.lambda_.publish_version(FunctionName=stack.function_name)["Version"]
    target.lambda_.update_alias(
        FunctionName=stack.function_name, Name=stack.alias_name, FunctionVersion=version
    )
    yield
    target.lambda_.update_alias(
        FunctionName=stack.function_name,
        Name=stack.alias_name,
        FunctionVersion=alias["FunctionVersion"],
    )
    target.lambda_.delete_function(FunctionName=stack.function_name, Qualifier=version)
    target.lambda_.update_function_configuration(
        FunctionName=stack.function_name,
        Environment={"Variables": variables},
        TracingConfig={"Mode": "Active"},
    )


@contextmanager
def no_expiry_of_rows(target: Target) -> Iterator[None]:
    table = target.stack.jobs_table_name
    off: Any = {"Enabled": False, "AttributeName": "expires_at"}
    target.dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=off)
    yield
    target.dynamodb.update_time_to_live(
        TableName=table,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )


@contextmanager
def no_recovery(target: Target) -> Iterator[None]:
    for is_on in (False, True):
        target.dynamodb.update_continuous_backups(
            TableName=target.stack.ops_table_name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": is_on},
        )
        if not is_on:
            yield


@contextmanager
def lifecycle(target: Target, days: int | None) -> Iterator[None]:
    bucket = target.stack.bucket_name
    before = target.s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    if days is None:
        target.s3.delete_bucket_lifecycle(Bucket=bucket)
    else:
        short: Any = [{**before[0], "Expiration": {"Days": days}}]
        target.s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": short}
        )
    yield
    target.s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": before}
    )


def no_lifecycle(target: Target) -> Any:
    return lifecycle(target, None)


def short_lifecycle(target: Target) -> Any:
    return lifecycle(target, 7)


@contextmanager
def public_bucket(target: Target) -> Iterator[None]:
    bucket = target.stack.bucket_name
    before = target.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    target.s3.delete_public_access_block(Bucket=bucket)
    yield
    target.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=before)


@contextmanager
def logs_for_ever(target: Target) -> Iterator[None]:
    name = target.stack.log_group_name
    target.logs.delete_retention_policy(logGroupName=name)
    yield
    target.logs.put_retention_policy(logGroupName=name, retentionInDays=30)


@contextmanager
def no_log_group(target: Target) -> Iterator[None]:
    name = target.stack.log_group_name
    target.logs.delete_log_group(logGroupName=name)
    yield
    target.logs.create_log_group(logGroupName=name)
    target.logs.put_retention_policy(logGroupName=name, retentionInDays=30)


@contextmanager
def no_failures_index(target: Target) -> Iterator[None]:
    table = target.stack.jobs_table_name
    described = target.dynamodb.describe_table(TableName=table)["Table"]
    [index] = described["GlobalSecondaryIndexes"]
    created: Any = {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
    target.dynamodb.update_table(
        TableName=table,
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": index["IndexName"]}}],
    )
    yield
    target.dynamodb.update_table(
        TableName=table,
        AttributeDefinitions=described["AttributeDefinitions"],
        GlobalSecondaryIndexUpdates=[{"Create": created}],
    )


@contextmanager
def denied_role(target: Target) -> Iterator[None]:
    function = target.lambda_.get_function_configuration(FunctionName=target.stack.function_name)
    role = function["Role"].rsplit("/", maxsplit=1)[-1]
    deny = {"Effect": "Deny", "Action": "dynamodb:UpdateItem", "Resource": "*"}
    target.iam.put_role_policy(
        RoleName=role,
        PolicyName="planted",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [deny]}),
    )
    yield
    target.iam.delete_role_policy(RoleName=role, PolicyName="planted")


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (short_visibility, {"visibility"}),
        (low_receive_count, {"max-receive-count"}),
        (no_redrive_policy, {"redrive-policy"}),
        (short_dead_letter_retention, {"dead-letter-retention"}),
        (short_queue_retention, {"queue-retention"}),
        (unencrypted_queue, {"queue-encryption"}),
        (paused_mapping, {"mapping-state"}),
        (whole_batches, {"partial-batch-response"}),
        (mapping_beside_the_alias, {"mapping-alias"}),
        (unbounded_mapping, {"maximum-concurrency"}),
        (second_consumer, {"second-consumer"}),
        (reservation_below_the_maximum, {"concurrency-sum"}),
        (stale_alias, {"alias-version"}),
        (foreign_settings, {"function-settings", "tracing"}),
        (no_expiry_of_rows, {"table-ttl"}),
        (no_recovery, {"table-recovery"}),
        (no_lifecycle, {"bucket-lifecycle"}),
        (short_lifecycle, {"bucket-lifecycle"}),
        (public_bucket, {"bucket-public-access"}),
        (no_failures_index, {"failures-index"}),
        (logs_for_ever, {"log-retention"}),
        (no_log_group, {"log-group"}),
        (denied_role, {"role"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_planted_misconfiguration_is_found_alone(
    target: Target, plant: Plant, expected: set[str]
) -> None:
    with ExitStack() as mended:
        mended.enter_context(plant(target))
        seen = found(target)
    assert seen == expected
    assert found(target) == set()


@contextmanager
def lambda_that(target: Target, **instead: Any) -> Iterator[None]:
    real = target.lambda_
    target.__dict__["lambda_"] = ClientThat(real, **instead)
    yield
    target.__dict__["lambda_"] = real


def test_what_other_functions_have_reserved_is_not_counted_on(target: Target) -> None:
    limit = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1}
    with lambda_that(target, get_account_settings=lambda: {"AccountLimit": limit}):
        assert found(target) == {"concurrency-sum"}


def test_a_mapping_that_aws_lists_under_its_alias_alone_is_seen(target: Target) -> None:
    stack, pages = target.stack, target.lambda_.get_paginator

    class ByAlias:
        def paginate(self, *, FunctionName: str) -> Any:  # noqa: N803 - AWS's spelling
            if FunctionName != stack.alias_arn:
                return [{"EventSourceMappings": []}]
            return pages("list_event_source_mappings").paginate(FunctionName=FunctionName)

    def paginator(name: Any) -> Any:
        return ByAlias() if name == "list_event_source_mappings" else pages(name)

    with lambda_that(target, get_paginator=paginator), unbounded_mapping(target):
        assert found(target) == {"maximum-concurrency"}


def test_a_clock_that_is_off_is_found(target: Target) -> None:
    for minutes in (-10, 10):
        off = timedelta(minutes=minutes)
        assert found(target, clock=lambda off=off: datetime.now(UTC) + off) == {"clock"}


def test_a_call_that_takes_a_minute_is_not_taken_for_a_wrong_clock(target: Target) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    moments = iter((began, datetime.now(UTC) + timedelta(minutes=1)))
    assert found(target, clock=lambda: next(moments)) == set()


def test_a_check_that_may_not_look_says_so_and_the_others_go_on(target: Target) -> None:
    names = target.stack
    target.__dict__["stack"] = names.model_copy(update={"jobs_table_name": "gone"})
    try:
        findings = examine(target)
    finally:
        target.__dict__["stack"] = names

    assert {finding.check for finding in findings if finding.is_unchecked} == {"tables", "role"}
    assert "function-settings" in {finding.check for finding in findings}
