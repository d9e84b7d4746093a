"""The report as Markdown: the same figures as the page, for a pull request or a terminal."""

from collections.abc import Iterable, Sequence

from zeroidle_loadtest.cost.bill import Line
from zeroidle_loadtest.record import PARTS
from zeroidle_loadtest.report.document import Report
from zeroidle_loadtest.report.plots import load
from zeroidle_loadtest.report.words import (
    amount_with_range,
    number,
    objective,
    seconds,
    seconds_with_interval,
    unit_usd,
    usd_or_nothing,
    usd_with_range,
)


def to_markdown(report: Report) -> str:
    """The whole report."""
    run = report.run
    sections = [
        f"# Load test {run.run_id}",
        f"**{report.verdict}.**",
        *(f"> {note}" for note in (report.watermark, report.measured_note) if note),
        _headline(report),
        "## Objectives",
        _objectives(report),
        "## Where the time went",
        _table(
            ("part", "mean"), [(part, seconds(report.headline.parts_s[part])) for part in PARTS]
        ),
        "## What it cost",
        _bill(report.priced.bill.lines),
        _wasted(report),
        "### The same run on other functions",
        _table(
            ("function", "per 1,000 that succeeded", "seconds there for one here"),
            [
                (
                    str(priced.projection.function),
                    usd_or_nothing(priced.bill.per_thousand_usd),
                    amount_with_range(priced.projection.factor),
                )
                for priced in (report.priced, *report.priced_elsewhere)
            ],
        ),
        "### A month at rest",
        _bill(report.floor.lines),
        f"Together {usd_with_range(report.floor.total_usd)}. What a deployment may add:",
        _bill(report.floor.options),
        "## The seed article's table",
        *([report.gap] if report.gap else []),
        *_claims(report),
        "## Crossover",
        *([report.reference_note] if report.reference_note else []),
        *_crossovers(report),
        _provenance(report),
    ]
    return "\n\n".join(sections) + "\n"


def _headline(report: Report) -> str:
    figures, bill = report.headline, report.priced.bill
    counts = report.run.counts
    knee = load.knee_per_s(report.figures)
    rows = [
        ("goodput", f"{number(figures.goodput_per_s)} jobs a second"),
        ("knee", f"{number(knee)} jobs a second" if knee else "not shown by this load"),
        ("latency p50", seconds_with_interval(figures.latency.p50)),
        ("latency p95", seconds_with_interval(figures.latency.p95)),
        ("latency p99", seconds_with_interval(figures.latency.p99)),
        ("succeeded", f"{counts.succeeded:,} of {counts.submitted:,}"),
        ("failed, unresolved", f"{counts.failed:,}, {counts.unresolved:,}"),
        ("per 1,000 that succeeded", usd_or_nothing(bill.per_thousand_usd)),
        ("a month at rest", usd_with_range(report.floor.total_usd)),
    ]
    return _table(("", "95 % interval or range in brackets"), rows)


def _wasted(report: Report) -> str:
    wasted = usd_with_range(report.priced.bill.wasted_usd)
    cold = usd_with_range(report.priced.bill.cold_start_usd)
    return (
        f"In it, wasted on retries and failures: {wasted}, {report.wasted_share:.1%} of the run; "
        f"spent on cold starts: {cold}."
    )


def _objectives(report: Report) -> str:
    if not report.run.slo:
        return "None were set."
    return _table(
        ("objective", "limit", "measured", "met"),
        [
            (name, limit, measured, "yes" if check.is_met else "**no**")
            for check in report.run.slo
            for name, measured, limit in (objective(check),)
        ],
    )


def _bill(lines: Sequence[Line]) -> str:
    return _table(
        ("", "quantity", "at", "USD", "known how"),
        [
            (
                line.name,
                amount_with_range(line.quantity.amount, f" {line.unit}" if line.unit else ""),
                f"{unit_usd(line.unit_usd)} (`{line.price}`)",
                usd_with_range(line.usd),
                f"{line.quantity.basis}: {line.quantity.why}",
            )
            for line in lines
        ],
    )


def _claims(report: Report) -> Iterable[str]:
    for model, claims in report.claims:
        yield f"### {model}"
        yield _table(
            ("claim", "seed", "ours", "verdict", "because"),
            [(one.claim, one.seed, one.ours, f"**{one.verdict}**", one.why) for one in claims],
        )


def _crossovers(report: Report) -> Iterable[str]:
    for (model, rows), (_, evens) in zip(report.crossovers, report.break_evens, strict=True):
        yield f"### {model}"
        yield _table(
            ("managed API", "Lambda costs, at 1,000 tokens", ""),
            [
                (row.name, f"{amount_with_range(row.ratio)} times as much", row.sentence)
                for row in rows
            ],
        )
        yield _table(
            ("tokens read", "Lambda is cheaper than a g5.xlarge below, tasks an hour"),
            [(f"{even.tokens_in:,}", amount_with_range(even.tasks_per_hour)) for even in evens],
        )


def _provenance(report: Report) -> str:
    run, prices = report.run, report.prices
    return (
        f"Run of {run.started_at:%Y-%m-%d %H:%M} UTC, commit `{run.commit}`, on "
        f"{run.machine.description}. Prices of {prices.region} read on {prices.as_of}, list, "
        f"without free tiers; assumptions of {report.assumptions.as_of}."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(words: str) -> str:
    return words.replace("|", "\\|")
