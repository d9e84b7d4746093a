"""Checks of what is kept: tables, bucket, logs."""

from collections.abc import Iterator
from typing import Any, Final

from botocore.exceptions import ClientError

from zeroidle_contract.table import EXPIRES_AT, FAILURES_INDEX, RETENTION_DAYS
from zeroidle_ops.doctor.finding import Finding
from zeroidle_ops.stack.target import Target

DOCUMENTS: Final = "tenants/"
_DEPLOY = "Deploy the template again; it sets this."


def check_tables(target: Target) -> Iterator[Finding]:
    """Expiry, the failures index, recovery."""
    for table in (target.stack.jobs_table_name, target.stack.ops_table_name):
        ttl = target.dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        is_on = ttl.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
        if not is_on or ttl.get("AttributeName") != EXPIRES_AT:
            yield Finding(
                check="table-ttl",
                what=f"{table} does not delete rows at their {EXPIRES_AT}",
                why="Rows, and the results in them, are kept for ever; readers count them as gone.",
                remedy=f"Enable the table's TTL on {EXPIRES_AT}.",
            )
        recovery: Any = target.dynamodb.describe_continuous_backups(TableName=table)
        status = recovery["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        if status["PointInTimeRecoveryStatus"] != "ENABLED":
            yield Finding(
                check="table-recovery",
                what=f"{table} has no point-in-time recovery",
                why="A slip of the hand on the table cannot be undone.",
                remedy=_DEPLOY,
            )
    described = target.dynamodb.describe_table(TableName=target.stack.jobs_table_name)["Table"]
    indexes = {index["IndexName"] for index in described.get("GlobalSecondaryIndexes", [])}
    if FAILURES_INDEX not in indexes:
        yield Finding(
            check="failures-index",
            what=f"the jobs table has no index {FAILURES_INDEX}",
            why="`zeroidle failures` cannot find failed jobs.",
            remedy=_DEPLOY,
        )


def check_bucket(target: Target) -> Iterator[Finding]:
    """Lifecycle, public access, encryption."""
    yield from _lifecycle(target)
    bucket = target.stack.bucket_name
    blocked: Any = _or_none(
        lambda: target.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
        absent="NoSuchPublicAccessBlockConfiguration",
    )
    if blocked is None or not all(blocked.values()):
        yield Finding(
            check="bucket-public-access",
            what="the bucket's public access is not blocked",
            why="One careless policy would show the documents to everybody.",
            remedy=_DEPLOY,
        )


def _lifecycle(target: Target) -> Iterator[Finding]:
    rules: Any = _or_none(
        lambda: target.s3.get_bucket_lifecycle_configuration(Bucket=target.stack.bucket_name)[
            "Rules"
        ],
        absent="NoSuchLifecycleConfiguration",
    )
    days = [
        rule["Expiration"]["Days"]
        for rule in rules or ()
        if rule["Status"] == "Enabled"
        and "Days" in rule.get("Expiration", {})
        and DOCUMENTS.startswith(_prefix(rule))
    ]
    if not days:
        yield Finding(
            check="bucket-lifecycle",
            what=f"nothing deletes documents and outputs below {DOCUMENTS}",
            why="Private documents are kept for ever, and paid for.",
            remedy=_DEPLOY,
        )
    elif min(days) <= RETENTION_DAYS:
        yield Finding(
            check="bucket-lifecycle",
            what=f"documents and outputs are deleted after {min(days)} days",
            why=f"Rows live {RETENTION_DAYS} days and point to them; a job that is redriven late "
            "fails with document_missing.",
            remedy=f"Keep them longer than {RETENTION_DAYS} days; the template keeps 60.",
        )


def _prefix(rule: Any) -> str:  # noqa: ANN401 - a lifecycle rule
    return str(rule.get("Filter", {}).get("Prefix", rule.get("Prefix", "")))


def _or_none(read: Any, *, absent: str) -> Any:  # noqa: ANN401 - answers of S3
    try:
        return read()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == absent:
            return None
        raise


def check_logs(target: Target) -> Iterator[Finding]:
    """Retention of the function's log."""
    name = target.stack.log_group_name
    groups = target.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    group = next((found for found in groups if found.get("logGroupName") == name), None)
    if group is None:
        yield Finding(
            check="log-group",
            what=f"there is no log group {name}",
            why="The function may not make one: what it says is lost.",
            remedy=_DEPLOY,
        )
    elif "retentionInDays" not in group:
        yield Finding(
            check="log-retention",
            what=f"{name} keeps logs for ever",
            why="They are paid for every month.",
            remedy="Deploy the template again with LogRetentionDays.",
        )
