"""`zeroidle forget`: reads arguments, asks, calls the library, prints."""

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from zeroidle_ops.cli import Options, Tenant
from zeroidle_ops.console import DONE, PARTIAL, ask, show
from zeroidle_ops.forget import Forgotten
from zeroidle_ops.forget import forget as forget_job

NO_OPTIONS = Options()


def forget(
    job_id: Annotated[str, Parameter(help="The id it was submitted under.")],
    /,
    *,
    options: Options = NO_OPTIONS,
    tenant: Tenant = None,
    yes: Annotated[bool, Parameter(name="--yes", help="Do not ask.")] = False,
) -> int:
    """Delete a job's result and private data; its help is in `cli_commands`."""
    target = options.target()
    ask(f"Delete all of job {job_id!r} in stack {target.stack_name!r}, for good?", yes=yes)
    done = forget_job(target, job_id, tenant=tenant, now=datetime.now(UTC))
    show(_as_json(done), _told(done), json=options.json)
    return DONE if done.runs_until is None else PARTIAL


def _as_json(done: Forgotten) -> dict[str, object]:
    return {
        "job_key": done.job_key,
        "before": done.before.value if done.before is not None else None,
        "objects": done.objects,
        "tombstone_until": done.tombstone_until.isoformat(timespec="seconds"),
        "runs_until": done.runs_until.isoformat(timespec="seconds") if done.runs_until else None,
        "still_holding": done.still_holding,
    }


def _told(done: Forgotten) -> str:
    lines = [
        f"{done.job_key} is forgotten ({done.before or 'no row'} before)",
        f"{done.objects} objects deleted",
        f"its bare id stays as cancelled until {done.tombstone_until:%Y-%m-%d}",
    ]
    if done.still_holding is not None:
        lines.append(f"its text may still be in {done.still_holding}")
    if done.runs_until is not None:
        lines.append(f"it was running: run this again after {done.runs_until:%H:%M:%S} UTC")
    return "\n".join(lines)
