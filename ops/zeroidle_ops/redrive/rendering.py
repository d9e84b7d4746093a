"""What the redrive commands print: rich tables, and the same as JSON values. Knows no AWS."""

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from zeroidle_ops.redrive.chunk import State
from zeroidle_ops.redrive.inspection import Inspection, explanation
from zeroidle_ops.redrive.outcome import Outcome
from zeroidle_ops.redrive.plan import Plan
from zeroidle_ops.redrive.status import PlanStatus

JsonValue = dict[str, Any]


def as_json(value: object) -> JsonValue:
    """Any of this package's values as one JSON object."""
    dumped: JsonValue = TypeAdapter(type(value)).dump_python(value, mode="json")
    return dumped


def inspection_json(inspection: Inspection) -> JsonValue:
    """An inspection, with what each code means."""
    dumped = as_json(inspection)
    for group in dumped["groups"]:
        told = explanation(group["cause"]["code"])
        group["explanation"] = {
            "meaning": told.meaning,
            "remedy": told.remedy,
            "retryable": told.retryable,
        }
    return dumped


def inspection_table(inspection: Inspection) -> RenderableType:
    """Groups, then what each code means, then what expires first."""
    table = Table(box=None, pad_edge=False)
    table.add_column("count", justify="right")
    for name in ("code", "fingerprint", "task", "tenant", "age", "example"):
        table.add_column(name, overflow="fold")
    for group in inspection.groups:
        ages = ", ".join(f"{count} {age}" for age, count in group.ages.items())
        cause = group.cause
        table.add_row(
            str(group.count),
            Text(cause.code, style="red"),
            cause.fingerprint,
            cause.task or "-",
            cause.tenant or "-",
            ages,
            group.example_job_id or "-",
        )
        if group.example_text is not None:
            table.add_row("", Text(group.example_text, style="dim"))
    return Lines(table, "", *_meanings(inspection), "", *_expiring(inspection))


def _meanings(inspection: Inspection) -> Iterator[RenderableType]:
    for code in dict.fromkeys(group.cause.code for group in inspection.groups):
        told = explanation(code)
        yield Text.assemble((code, "red"), f": {told.meaning} ", (told.remedy, "bold"))


def _expiring(inspection: Inspection) -> Iterator[RenderableType]:
    yield Text(f"{inspection.messages} messages in {inspection.queue}; the first to expire:")
    for one in inspection.expiring_first:
        yield Text(f"  {one.expires_at:%Y-%m-%d %H:%M} UTC  {one.job_id or one.message_id}")
    if inspection.is_partial:
        yield Text("The queue is deeper than one scan can see: this is a part of it.", "yellow")


def plan_table(plan: Plan) -> RenderableType:
    """A plan on one screen."""
    radius, cost = plan.blast_radius, plan.estimate
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("plan", Text(plan.plan_id, style="bold"))
    table.add_row("made", f"{plan.created_at:%Y-%m-%d %H:%M} UTC by {plan.created_by}")
    table.add_row("reason", Text(plan.reason))
    table.add_row("where", Text(plan.where))
    table.add_row("messages", f"{plan.count} of {plan.scanned} seen{_partial(plan)}")
    for cause in plan.causes:
        table.add_row("", Text(f"{cause.count} {cause.code} {cause.fingerprint}"))
    table.add_row(
        "touches",
        f"{radius.jobs} jobs, {radius.already_done} of them done already; tenants: "
        f"{_some(radius.tenants)}; {radius.backlog_before} messages wait in the queue now",
    )
    table.add_row("expires", f"{radius.first_expires_at:%Y-%m-%d %H:%M} UTC is the first")
    inference = (
        f"${cost.inference_usd:.2f} for inference (from {cost.sampled_jobs} finished jobs)"
        if cost.inference_usd is not None
        else "inference unknown: no finished job tells its price"
    )
    table.add_row(
        "estimate",
        f"{cost.seconds / 60:.1f} min at {cost.rate_per_s:g}/s; ${cost.requests_usd:.4f} for "
        f"requests, {inference}",
    )
    table.add_row("sha256", plan.sha256)
    return table


def _some(names: tuple[str, ...], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _partial(plan: Plan) -> str:
    return " (the queue is deeper: make another plan afterwards)" if plan.is_partial else ""


def outcome_table(outcome: Outcome) -> RenderableType:
    """How a run ended, in a few lines."""
    style = "green" if outcome.is_complete else "yellow"
    lines = [
        Text(
            f"{outcome.purpose} {outcome.state}: {outcome.sent} sent, {outcome.dropped} "
            f"{'discarded' if outcome.purpose == 'discard' else 'done already'}, "
            f"{outcome.remaining} remain, in {outcome.seconds:.1f} s",
            style=style,
        )
    ]
    if outcome.reason:
        lines.append(Text(outcome.reason, style="red"))
    lines += [Text(f"{count} left: {why}") for why, count in outcome.kept.items()]
    lines += [Text(f"{count} failed again: {which}") for which, count in outcome.refailed.items()]
    if outcome.unsettled:
        lines.append(Text(f"{outcome.unsettled} of the watched jobs are still under way"))
    if outcome.state is State.STOPPED:
        lines.append(Text(f"go on: zeroidle redrive {outcome.purpose} {outcome.plan_id}", "bold"))
    return Lines(*lines)


def status_table(status: PlanStatus) -> RenderableType:
    """A plan and how it stands."""
    head = status.head
    why = f" ({head.reason})" if head.reason else ""
    return Lines(
        plan_table(status.plan),
        "",
        Text(f"{head.state}{why}, last by {head.operator} at {head.updated_at}", style="bold"),
        Text(
            f"{status.sent} sent, {status.dropped} dropped, {status.restored} restored, "
            f"{status.remaining} remain; {status.unfinished_chunks} chunks unfinished"
        ),
    )
