"""A snapshot as one screen of 80 columns and at most 23 lines, so that a prompt fits below it.

Knows no AWS and no terminal; the same for a screenshot.

Green is well, yellow wants a look, red wants somebody now. A dash is a number that nobody measured.
"""

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from zeroidle_ops.observe.snapshot import (
    Activity,
    DeadLetters,
    Decision,
    LeftOut,
    Limits,
    Snapshot,
    Told,
)

WIDTH: Final = 80
CAUSES_SHOWN: Final = 4
_BAR: Final = 20
_SPARKS: Final = "▁▂▃▄▅▆▇█"
_DAY_S: Final = 86_400
_NEAR: Final = 0.9

_LEFT_OUT: Final = {
    LeftOut.NOT_ALLOWED: "unknown: this role may not look at them",
    LeftOut.REDRIVE: "unknown until the redrive that is under way ends",
}

Row = tuple[str, Text]


def screen(snapshot: Snapshot, *, history: Sequence[int] = ()) -> RenderableType:
    """The whole screen. `history` holds how many messages waited before, the latest last."""
    title = Text.assemble(
        (snapshot.stack_name, "bold"),
        f"  {snapshot.at:%Y-%m-%d %H:%M:%S} UTC",
        no_wrap=True,
        overflow="ellipsis",
    )
    # What cannot be read stands first, and in the lines that it lacks below.
    parts: list[RenderableType] = [
        title,
        _rows([*_unreadable(snapshot), *_queue(snapshot, history)]),
        _rule("dead letters"),
        _rows(_dead_letters(snapshot.dead_letters)),
        _rule(_function_name(snapshot.activity)),
        _rows([*_function(snapshot.activity, snapshot.limits), *_spend(snapshot)]),
    ]
    decided = [*_scaler(snapshot), *_decisions(snapshot.decisions or ())]
    if decided:
        parts += [_rule("last decisions"), _rows(decided)]
    return Constrain(Group(*parts), WIDTH)


def _rule(name: str) -> RenderableType:
    return Rule(Text(name, style="bold"), align="left", style="dim")


def _rows(rows: Sequence[Row]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", width=12, no_wrap=True)
    table.add_column(overflow="ellipsis", no_wrap=True)
    for label, value in rows:
        table.add_row(label, value)
    return table


def _queue(snapshot: Snapshot, history: Sequence[int]) -> list[Row]:
    level, activity = snapshot.queue, snapshot.activity
    if level is None:
        return [("queue", _dash())]
    waiting = Text.assemble(
        (f"{level.waiting:,}", "bold"),
        " waiting   ",
        (f"{level.in_flight:,}", "bold"),
        " in flight",
    )
    if level.delayed:
        waiting.append(f"   {level.delayed:,} delayed")
    waiting.append(f"   oldest {duration(activity.oldest_age_s if activity else None)}")
    rows: list[Row] = [("queue", waiting)]
    if len(history) > 1:
        rows.append(("", Text(sparkline(history), style="cyan")))
    return rows


def _dead_letters(letters: DeadLetters | None) -> list[Row]:
    if letters is None:
        return [("messages", _dash())]
    if letters.messages == 0:
        return [("messages", Text("none", style="green"))]
    told = Text.assemble((f"{letters.messages:,}", "bold red"))
    if letters.expires_in_s is not None:
        style = "red" if letters.expires_in_s < 3 * _DAY_S else ""
        told.append("   the first expires in ")
        told.append(duration(letters.expires_in_s), style=style)
    rows: list[Row] = [("messages", told)]
    if letters.left_out is not None and letters.seen is None:
        return [*rows, ("by cause", Text(_LEFT_OUT[letters.left_out], style="dim"))]
    ordered = sorted(letters.by_cause.items(), key=lambda item: (-item[1], item[0]))
    label = _causes_label(letters)
    for cause, count in ordered[:CAUSES_SHOWN]:
        rows.append((label, Text(f"{count:>7,}  {cause.code:<24} {cause.fingerprint}")))
        label = ""
    if len(ordered) > CAUSES_SHOWN:
        rest = sum(count for _, count in ordered[CAUSES_SHOWN:])
        rows.append(("", Text(f"{rest:>7,}  of {len(ordered) - CAUSES_SHOWN} other causes")))
    return rows


def _causes_label(letters: DeadLetters) -> str:
    if letters.left_out is LeftOut.REDRIVE:
        return "till redrive"
    return f"of {letters.seen} seen" if letters.is_partial else "by cause"


def _function(activity: Activity | None, limits: Limits | None) -> list[Row]:
    rows: list[Row] = []
    if limits is not None:
        style = "green" if limits.is_reading else "bold red"
        rows.append(("mapping", Text(limits.mapping_state, style=style)))
        rows += _concurrency(activity.in_use if activity else None, limits)
    if activity is not None:
        rows += [
            ("throughput", _rate(activity)),
            ("latency", _latency(activity, limits)),
            ("trouble", _trouble(activity)),
        ]
    return rows or [("", _dash())]


def _function_name(activity: Activity | None) -> str:
    is_log = activity is not None and activity.told_by is Told.LOG
    return "function, by its log (CloudWatch has no metrics yet)" if is_log else "function"


def _concurrency(in_use: float | None, limits: Limits) -> list[Row]:
    most = limits.binding
    if in_use is None:
        line = Text(f"-  of at most {most}")
    else:
        share = min(1.0, in_use / most) if most else 1.0
        full = round(share * _BAR)
        style = "yellow" if share >= _NEAR else "green"
        line = Text.assemble(
            ("█" * full, style), ("░" * (_BAR - full), "dim"), f"  {in_use:.1f} of at most {most}"
        )
    reserved = "none" if limits.reserved is None else str(limits.reserved)
    maximum = "none" if limits.maximum is None else str(limits.maximum)
    bounds = Text(
        f"maximum {maximum}, reserved {reserved}, provisioned {limits.provisioned}, "
        f"account {limits.account:,}"
    )
    return [("in use", line), ("limits", bounds)]


def _rate(activity: Activity) -> Text:
    invocations = f"{_number(activity.invocations)} invocations in 5 min"
    if activity.jobs_per_minute is None:
        return Text(invocations)
    line = Text(f"{activity.jobs_per_minute:,.1f} jobs/min, ")
    line.append(f"{_number(activity.failed)} failed", style="red" if activity.failed else "")
    return line.append(f", {invocations}")


def _latency(activity: Activity, limits: Limits | None) -> Text:
    line = Text(f"wait p95 {duration(activity.queue_wait_p95_s)}, longest invocation ")
    longest = duration(activity.longest_s)
    if limits is None or activity.longest_s is None:
        return line.append(longest)
    style = "red" if activity.longest_s > _NEAR * limits.timeout_s else ""
    return line.append(longest, style=style).append(f" of {limits.timeout_s} s")


def _trouble(activity: Activity) -> Text:
    line = Text()
    for name, value in (
        ("errors", activity.errors),
        ("throttles", activity.throttles),
        ("returned", activity.returned),
        ("dependency down", activity.dependency_down),
    ):
        if line:
            line.append(", ")
        style = "bold red" if value else "green" if value == 0 else "dim"
        line.append(f"{_number(value)} {name}", style=style)
    return line


def _spend(snapshot: Snapshot) -> list[Row]:
    spend = snapshot.spend
    if spend is None:
        return [("spend", _dash())]
    line = Text.assemble((f"${spend.usd_per_h:,.4f}", "bold"), " an hour: ")
    line.append(
        f"compute {spend.compute_usd_per_h:,.4f}, provisioned {spend.provisioned_usd_per_h:,.4f}"
    )
    return [("spend", line)]


def _scaler(snapshot: Snapshot) -> list[Row]:
    """Nothing where none is scheduled: then whoever runs one watches it."""
    scaler = snapshot.scaler
    if scaler is None or not scaler.is_scheduled:
        return []
    ticked = scaler.ticked_at
    age_s = None if ticked is None else (snapshot.at - ticked).total_seconds()
    told = "has not looked yet" if age_s is None else f"looked {duration(age_s)} ago"
    return [("scaler", Text(told, style="bold red" if scaler.is_stale(snapshot.at) else "green"))]


def _decisions(decisions: Sequence[Decision]) -> list[Row]:
    return [
        (
            f"{decision.at:%H:%M:%S}",
            Text(f"{'-' if decision.target is None else decision.target:>4}  {decision.reason}"),
        )
        for decision in decisions
    ]


def _unreadable(snapshot: Snapshot) -> list[Row]:
    return [
        (source.value, Text(f"cannot be read: {reason}", style="red"))
        for source, reason in snapshot.unreadable.items()
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _dash() -> Text:
    return Text("-", style="dim")


def duration(seconds: float | None) -> str:
    """Two units at most: `3 d 4 h`, `12 min`, `0.4 s`."""
    if seconds is None:
        return "-"
    if seconds < 0:
        return "0 s"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - digits
    minutes, hours = divmod(int(seconds), 60)[0], int(seconds) // 3600
    if hours == 0:
        return f"{minutes} min {int(seconds) % 60} s"
    if hours < 24:  # noqa: PLR2004 - a day
        return f"{hours} h {minutes % 60} min"
    return f"{hours // 24} d {hours % 24} h"


def sparkline(values: Sequence[int]) -> str:
    """Values as a line of blocks, scaled to the highest."""
    recent = list(values)[-60:]
    highest = max(recent)
    if highest == 0:
        return _SPARKS[0] * len(recent)
    return "".join(_SPARKS[round(value / highest * (len(_SPARKS) - 1))] for value in recent)
