"""Runs all checks. One that cannot look says so and the others go on; nothing is changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from zeroidle_ops.doctor.alarms import check_alarms
from zeroidle_ops.doctor.consumer import check_alias, check_concurrency, check_mapping
from zeroidle_ops.doctor.finding import Finding
from zeroidle_ops.doctor.permissions import check_role
from zeroidle_ops.doctor.queues import check_queues
from zeroidle_ops.doctor.storage import check_bucket, check_logs, check_tables
from zeroidle_ops.doctor.surroundings import check_clock, check_model
from zeroidle_ops.stack.target import Target


@dataclass(frozen=True, kw_only=True)
class Check:
    """A named group of checks."""

    name: str
    run: Callable[[], Iterator[Finding]]


def checks(
    target: Target, *, clock: Callable[[], datetime], model_sha256: str | None
) -> tuple[Check, ...]:
    """All there are."""
    return (
        Check(name="queues", run=lambda: check_queues(target)),
        Check(name="mapping", run=lambda: check_mapping(target)),
        Check(name="concurrency", run=lambda: check_concurrency(target)),
        Check(name="alias", run=lambda: check_alias(target)),
        Check(name="tables", run=lambda: check_tables(target)),
        Check(name="bucket", run=lambda: check_bucket(target)),
        Check(name="logs", run=lambda: check_logs(target)),
        Check(name="role", run=lambda: check_role(target)),
        Check(name="alarms", run=lambda: check_alarms(target)),
        Check(name="clock", run=lambda: check_clock(target, clock=clock)),
        Check(name="model", run=lambda: check_model(target, expected_sha256=model_sha256)),
    )


def now() -> datetime:
    """By this machine's clock."""
    return datetime.now(UTC)


def examine(
    target: Target, *, clock: Callable[[], datetime] = now, model_sha256: str | None = None
) -> list[Finding]:
    """What is wrong with an installation, and what could not be looked at."""
    found: list[Finding] = []
    for check in checks(target, clock=clock, model_sha256=model_sha256):
        try:
            found += check.run()
        except ClientError as error:
            found.append(_unchecked(check.name, error))
    return found


def _unchecked(name: str, error: ClientError) -> Finding:
    detail = error.response.get("Error", {})
    return Finding(
        check=name,
        what=f"cannot be checked: {error.operation_name} answers {detail.get('Code', 'unknown')}",
        why=detail.get("Message", "AWS gives no reason."),
        remedy="Ask with a role that may read this, or repair what is missing.",
        is_unchecked=True,
    )
