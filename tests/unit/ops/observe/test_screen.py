"""The live view's screen."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console
from stack_snapshots import ACTIVITY, BUSY, DECIDED, LETTERS, LIMITS, with_causes

from zeroidle_ops.observe.screen import duration, screen, sparkline
from zeroidle_ops.observe.snapshot import LeftOut, Scaler, Snapshot, Source, Told


def shown(snapshot: Snapshot, history: Sequence[int] = ()) -> str:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    with console.capture() as capture:
        console.print(screen(snapshot, history=history))
    return capture.get()


FULL = replace(
    with_causes(100),
    decisions=tuple(
        replace(decision, at=decision.at - timedelta(minutes=minutes))
        for decision in DECIDED.decisions or ()
        for minutes in range(3)
    ),
    scaler=Scaler(is_scheduled=True, ticked_at=BUSY.at - timedelta(seconds=40)),
)
SCREEN = """\
prod  2026-11-24 03:12:05 UTC
queue         1,204 waiting   87 in flight   oldest 1 min 15 s
              ▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇███████████████
dead letters ───────────────────────────────────────────────────────────────────
messages      5,050   the first expires in 9 d 0 h
by cause          100  internal                 000000000064
                   99  internal                 000000000063
                   98  internal                 000000000062
                   97  internal                 000000000061
                4,656  of 96 other causes
function ───────────────────────────────────────────────────────────────────────
mapping       Enabled
in use        ██████████░░░░░░░░░░  5.0 of at most 10
limits        maximum 10, reserved 20, provisioned 2, account 1,000
throughput    120.0 jobs/min, 2 failed, 60 invocations in 5 min
latency       wait p95 1 min 1 s, longest invocation 44 s of 300 s
trouble       0 errors, 3 throttles, 0 returned, - dependency down
spend         $2.6401 an hour: compute 2.4000, provisioned 0.2400
last decisions ─────────────────────────────────────────────────────────────────
scaler        looked 40 s ago
03:11:00        12  the backlog needs 12
03:10:00        12  the backlog needs 12
03:09:00        12  the backlog needs 12
"""
LACKING = {
    Source.QUEUE: replace(FULL, queue=None),
    Source.DEAD_LETTERS: replace(FULL, dead_letters=None),
    Source.LIMITS: replace(FULL, limits=None, spend=None),
    Source.ACTIVITY: replace(FULL, activity=None, spend=None),
    Source.DECISIONS: replace(FULL, decisions=None),
    Source.SCALER: replace(FULL, scaler=None),
}


def test_a_full_screen_with_a_prompt_fits_a_terminal_of_80_columns_and_24_lines() -> None:
    lines = shown(FULL, range(200)).splitlines()

    assert max(map(len, lines)) <= 80
    assert len(lines) <= 23
    assert "…" not in "".join(lines)
    assert lines[-4].startswith("scaler ")
    assert [line[:8] for line in lines[-3:]] == ["03:11:00", "03:10:00", "03:09:00"]


@pytest.mark.parametrize("source", Source)
def test_what_cannot_be_read_takes_no_line_more(source: Source) -> None:
    lacking = replace(LACKING[source], unreadable={source: "AccessDenied"})

    assert len(shown(lacking, range(200)).splitlines()) <= 23


def test_a_full_screen_reads_like_this() -> None:
    lines = [line.rstrip() for line in shown(FULL, range(200)).splitlines()]

    assert lines == SCREEN.splitlines()


def test_it_tells_each_part() -> None:
    text = shown(BUSY)

    for part in (
        "prod  2026-11-24 03:12:05 UTC",
        "1,204 waiting   87 in flight   oldest 1 min 15 s",
        "12   the first expires in 9 d 0 h",
        "9  internal                 a1b2c3d4e5f6",
        "5.0 of at most 10",
        "120.0 jobs/min, 2 failed, 60 invocations in 5 min",
        "wait p95 1 min 1 s, longest invocation 44 s of 300 s",
        "3 throttles",
        "- dependency down",
        "$2.6401 an hour: compute 2.4000, provisioned 0.2400",
    ):
        assert part in text


def test_what_the_log_told_instead_of_cloudwatch_is_named() -> None:
    text = shown(replace(BUSY, activity=replace(ACTIVITY, told_by=Told.LOG)))

    assert "function, by its log (CloudWatch has no metrics yet)" in text


def test_many_causes_are_summed() -> None:
    assert "of 96 other causes" in shown(with_causes(100))


@pytest.mark.parametrize(
    ("left_out", "why"),
    [
        (LeftOut.NOT_ALLOWED, "unknown: this role may not look at them"),
        (LeftOut.REDRIVE, "unknown until the redrive that is under way ends"),
    ],
)
def test_where_nobody_may_look_at_dead_letters_stands_their_number_and_why(
    left_out: LeftOut, why: str
) -> None:
    hidden = replace(LETTERS, seen=None, by_cause={}, expires_in_s=None, left_out=left_out)

    text = shown(replace(BUSY, dead_letters=hidden))

    assert "messages      12 " in text
    assert f"by cause      {why}" in text


def test_causes_from_before_a_redrive_are_called_so() -> None:
    redriven = replace(LETTERS, messages=4, is_partial=True, left_out=LeftOut.REDRIVE)

    text = shown(replace(BUSY, dead_letters=redriven))

    assert "messages      4 " in text
    assert "till redrive        9  internal" in text


@pytest.mark.parametrize(
    ("maximum", "reserved", "account_unreserved", "most"),
    [(10, 20, 5, 10), (10, None, 5, 5), (None, 20, 5, 20), (None, None, 5, 5)],
)
def test_concurrency_is_bounded_by_what_is_left_for_the_function(
    maximum: int | None, reserved: int | None, account_unreserved: int, most: int
) -> None:
    limits = replace(
        LIMITS, maximum=maximum, reserved=reserved, account_unreserved=account_unreserved
    )

    assert f"of at most {most}" in shown(replace(BUSY, limits=limits))


def test_a_paused_mapping_stands_out() -> None:
    assert "Disabled" in shown(replace(BUSY, limits=replace(LIMITS, mapping_state="Disabled")))


def test_what_cannot_be_read_is_named_and_the_rest_is_shown() -> None:
    text = shown(replace(BUSY, limits=None, spend=None, unreadable={Source.LIMITS: "AccessDenied"}))

    assert text.splitlines()[1].startswith("limits        cannot be read: AccessDenied")
    assert "1,204 waiting" in text


def test_the_last_decisions_stand_there_with_their_reasons() -> None:
    assert "03:11:00        12  the backlog needs 12" in shown(DECIDED)


@pytest.mark.parametrize(
    ("scaler", "line"),
    [
        (Scaler(is_scheduled=True, ticked_at=BUSY.at - timedelta(seconds=40)), "looked 40 s ago"),
        (Scaler(is_scheduled=True, ticked_at=None), "has not looked yet"),
    ],
)
def test_a_scaler_that_is_on_says_when_it_looked(scaler: Scaler, line: str) -> None:
    assert f"scaler        {line}" in shown(replace(BUSY, scaler=scaler))


def test_a_scaler_that_is_off_says_nothing() -> None:
    assert "scaler" not in shown(
        replace(DECIDED, scaler=Scaler(is_scheduled=False, ticked_at=None))
    )


@pytest.mark.parametrize(
    ("seconds", "is_scheduled", "is_stale"),
    [(600, True, False), (601, True, True), (601, False, False)],
)
def test_ten_missing_ticks_are_stale(seconds: int, is_scheduled: bool, is_stale: bool) -> None:
    ticked_at = BUSY.at - timedelta(seconds=seconds)

    assert Scaler(is_scheduled=is_scheduled, ticked_at=ticked_at).is_stale(BUSY.at) is is_stale


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-3, "0 s"),
        (0.44, "0.4 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h 0 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_a_sparkline_is_scaled_to_its_highest() -> None:
    assert sparkline([0, 7, 14]) == "▁▅█"
    assert sparkline([0, 0]) == "▁▁"
