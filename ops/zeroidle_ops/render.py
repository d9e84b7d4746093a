"""What commands print: rich tables that fit 80 columns, and the same as JSON values.

Knows no AWS; everything arrives as values.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zeroidle_contract import (
    EXPLANATIONS,
    Prices,
    Result,
    Status,
    Usage,
)
from zeroidle_ops.jobs import Failures
from zeroidle_producer import Submission

JsonValue = dict[str, Any]

STATUS_STYLES: Mapping[Status | None, str] = {
    Status.SUCCEEDED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "yellow",
    Status.RUNNING: "cyan",
    Status.QUEUED: "dim",
}


def result_json(result: Result, prices: Prices) -> JsonValue:
    """A result with its price."""
    return {**result.model_dump(mode="json"), "compute_usd": prices.compute_usd(result)}


def seconds(result: Result) -> str:
    """Where the time went: wait, model load, prefill, decode, commit."""
    timings = result.timings
    parts = (
        timings.queued_ms,
        timings.cold_start_ms,
        timings.prefill_ms,
        timings.decode_ms,
        timings.commit_ms,
    )
    return "/".join(f"{part / 1000:.1f}" for part in parts)


def tokens(usage: Usage) -> str:
    """Tokens by kind: prompt, of which cached, forced, sampled."""
    return (
        f"{usage.prompt_tokens}/{usage.cached_tokens}/{usage.forced_tokens}/{usage.sampled_tokens}"
    )


def submitted_json(
    submissions: Sequence[Submission], results: Sequence[Result], prices: Prices
) -> JsonValue:
    """What became of submitted jobs, and the results of those that were waited for."""
    return {
        "submitted": [
            {
                "job_id": one.job_id,
                "status": one.status.value if one.status else None,
                "sent": one.sent,
                "error": str(one.error) if one.error else None,
            }
            for one in submissions
        ],
        "results": [result_json(result, prices) for result in results],
    }


def submitted_table(
    submissions: Sequence[Submission], results: Sequence[Result], prices: Prices
) -> RenderableType:
    """Each job's state and answer, whole where there is just one."""
    ended = {result.job_id: result for result in results}
    lines: list[RenderableType] = []
    for one in submissions:
        result = ended.get(one.job_id)
        state = result.status if result else one.status
        lines.append(
            Text.assemble(
                (one.job_id, "bold"), "  ", (state or "refused", STATUS_STYLES.get(state, "red"))
            )
        )
        if one.error is not None:
            lines.append(Text(str(one.error), style="red"))
        if result is not None:
            lines.append(_result_lines(result, prices))
    return Group(*lines)


def _result_lines(result: Result, prices: Prices) -> RenderableType:
    if result.output is None:
        error = result.error
        return Text(f"{error.code}: {error.message}" if error else "", style="red")
    return Group(
        Text(result.output.model_dump_json(indent=2, exclude={"kind"})),
        Text(
            f"{seconds(result)} s wait/load/prefill/decode/commit, {tokens(result.usage)} tokens "
            f"prompt/cached/forced/sampled, ${prices.compute_usd(result):.7f}",
            style="dim",
        ),
    )


def failures_json(failures: Failures) -> JsonValue:
    """Failures by code as one object."""
    return {
        "failed": failures.count,
        "dead_letters": failures.dead_letters,
        "by_code": [
            {
                "code": group.code.value,
                "count": group.count,
                "latest": group.latest,
                "examples": list(group.examples),
            }
            for group in failures.groups
        ],
    }


def failures_table(failures: Failures) -> RenderableType:
    """Failures by code, with what each means and what to do."""
    letters = f"{failures.dead_letters} messages in the dead-letter queue"
    if not failures.groups:
        return Text(f"no failed jobs; {letters}")
    table = Table(box=None, pad_edge=False)
    table.add_column("jobs", justify="right")
    table.add_column("code", no_wrap=True)
    table.add_column("latest", no_wrap=True)
    table.add_column("what to do, and examples", overflow="fold")
    for group in failures.groups:
        remedy = EXPLANATIONS[group.code].remedy
        table.add_row(
            str(group.count),
            Text(group.code.value, style="red"),
            group.latest[:19],
            Text("\n".join([remedy, *group.examples])),
        )
    return Group(table, "", Text(f"{failures.count} failed jobs; {letters}"))
