"""The demo's report: one table that fits 80 columns, and the same as one JSON value.

Knows no AWS; everything arrives as values.
"""

from collections import Counter
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zeroidle_contract import (
    ClassifyOutput,
    CompleteOutput,
    ExtractOutput,
    Output,
    Prices,
    RedactOutput,
    SummarizeOutput,
    Usage,
)
from zeroidle_ops.demo import DemoReport, Outcome
from zeroidle_ops.render import JsonValue, result_json, seconds, tokens
from zeroidle_ops.scoring import Score, leaves


def demo_json(report: DemoReport, prices: Prices) -> JsonValue:
    """The demo's report as one object."""
    by_task: dict[str, Counter[str]] = {}
    for outcome in report.outcomes:
        counts = by_task.setdefault(outcome.sample.task.kind, Counter(submitted=0, succeeded=0))
        counts.update(submitted=1, succeeded=int(outcome.succeeded))
    return {
        "submitted": len(report.outcomes),
        "succeeded": report.succeeded,
        "failed": report.failed,
        "by_task": {
            kind: {**counts, "failed": counts["submitted"] - counts["succeeded"]}
            for kind, counts in by_task.items()
        },
        "wall_s": round(report.wall_s, 3),
        "scores": {name: score_json(score) for name, score in report.scores().items()},
        "usage": total_usage(report).model_dump(),
        "compute_usd": report.compute_usd(prices),
        "prices_as_of": prices.as_of.isoformat(),
        "results": [
            {
                "set": outcome.sample.set_name,
                "document": outcome.sample.name,
                "problem": outcome.problem or None,
                "score": score_json(outcome.score),
                **result_json(outcome.result, prices),
            }
            for outcome in report.outcomes
        ],
    }


def score_json(score: Score) -> JsonValue:
    """Each share as a number, with what it was counted from."""
    return {
        name: {"value": share.value, "hits": share.hits, "total": share.total}
        for name, share in score.items()
    }


def total_usage(report: DemoReport) -> Usage:
    """All jobs' tokens by kind."""
    totals: Counter[str] = Counter()
    for outcome in report.outcomes:
        totals.update(outcome.result.usage.model_dump())
    return Usage(**totals)


def demo_table(report: DemoReport, prices: Prices) -> RenderableType:
    """Every document's answer, time, tokens and cost, then the totals and the scores."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    table.add_column("document", no_wrap=True)
    table.add_column("answer", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(Text("seconds\nwait/load/pre/dec/com"), no_wrap=True, justify="right")
    table.add_column(Text("tokens\nin/cach/forc/samp"), no_wrap=True, justify="right")
    table.add_column("$/1000", no_wrap=True, justify="right")
    previous = ""
    for outcome in report.outcomes:
        sample = outcome.sample
        if sample.set_name != previous:
            previous = sample.set_name
            table.add_row(Text(previous, style="bold"), Text(sample.task.kind, style="bold"))
        result = outcome.result
        table.add_row(
            sample.name,
            _answer(outcome),
            seconds(result),
            tokens(result.usage),
            f"{1000 * prices.compute_usd(result):.3f}",
        )
    return Group(table, "", *_totals(report, prices))


def _answer(outcome: Outcome) -> Text:
    if outcome.problem:
        return Text(f"✗ {outcome.problem}", style="red")
    hits = [share.hits == share.total for share in outcome.score.values()]
    if not hits:  # nobody says what should come out
        mark, style = " ", ""
    elif all(hits):
        mark, style = "✓", "green"
    else:
        mark, style = (
            ("~" if any(share.hits for share in outcome.score.values()) else "✗"),
            "yellow",
        )
    assert outcome.result.output is not None  # noqa: S101 - no problem means an output
    return Text.assemble((f"{mark} ", style), shorten(outcome.result.output))


def shorten(output: Output) -> str:
    """An output in a few words, on one line."""
    match output:
        case ClassifyOutput():
            return f"{output.label} {output.probabilities.get(output.label, 0):.0%}"
        case ExtractOutput():
            words = ", ".join(str(value) for _, value in leaves(output.data))
        case RedactOutput():
            counts = Counter(span.entity.value for span in output.spans)
            words = ", ".join(f"{count} {entity}" for entity, count in counts.items()) or "nothing"
        case SummarizeOutput():
            words = output.summary
        case CompleteOutput():
            words = output.text or str(output.data)
    return " ".join(words.split())


def _totals(report: DemoReport, prices: Prices) -> Iterator[RenderableType]:
    style = "green" if report.failed == 0 else "red"
    count = len(report.outcomes)
    yield Text(f"{report.succeeded} of {count} as promised, in {report.wall_s:.1f} s", style=style)
    for outcome in report.outcomes:
        if outcome.problem:
            sample = outcome.sample
            yield Text(f"{sample.set_name}/{sample.name}: {outcome.problem}", style="red")
    usage = total_usage(report)
    yield Text(
        f"tokens: {usage.prompt_tokens} prompt ({usage.cached_tokens} of them cached), "
        f"{usage.forced_tokens} forced, {usage.sampled_tokens} sampled"
    )
    usd = report.compute_usd(prices)
    yield Text(
        f"compute: ${usd:.5f}, this machine's seconds at Lambda's arm64 price of {prices.as_of}"
    )
    for name, score in report.scores().items():
        shares = ", ".join(
            f"{measure} {share.value:.0%} ({share.hits}/{share.total})"
            for measure, share in score.items()
            if share.value is not None and " " not in measure  # per-entity shares: in --json
        )
        yield Text(f"{name}: {shares}")
