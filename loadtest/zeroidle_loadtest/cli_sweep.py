"""`zeroidle-load sweep`: reads arguments, runs rates, prints the answer, writes the report."""

import hashlib
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zeroidle_loadtest.cli import HERE, SloFile, Where, write_pages
from zeroidle_loadtest.conclusion import DONE, INVALID, PARTIAL
from zeroidle_loadtest.driving import Drive, new_run_id
from zeroidle_loadtest.errors import DriveError, UsageError
from zeroidle_loadtest.record import RunRecord, read_run
from zeroidle_loadtest.scenario import Scenario, load_scenario
from zeroidle_loadtest.slo import load_slo
from zeroidle_loadtest.sweep import Answer, Bounds, Tried, Verdict, open_ledger
from zeroidle_loadtest.sweep import sweep as find
from zeroidle_ops.console import show, tell
from zeroidle_ops.stack.target import Target

_PAUSE_S = 1.0


def sweep(
    scenario: Annotated[Path, Parameter(help="Scenario file; only its mixture is used.")],
    /,
    *,
    slo: SloFile = None,
    where: Where = HERE,
    low: Annotated[float, Parameter(help="Lowest rate to try, requests a second.")] = 0.25,
    high: Annotated[float, Parameter(help="Highest rate to try.")] = 64.0,
    precision: Annotated[float, Parameter(help="Stop when the answer is this exact.")] = 0.1,
    run_s: Annotated[float, Parameter(help="Seconds of load for each rate.")] = 60.0,
) -> int:
    """Find the highest rate of Poisson arrivals that meets the SLO.

    Doubles the rate until the SLO is missed, then halves the interval. What was tried is kept in
    sweep.json in the results' folder: the same command goes on where an interrupted one (Ctrl-C)
    stopped. Leaves a report of its runs there, with the knee. Exit code 3 when even the lowest rate
    misses the SLO, 5 when a run was interrupted or no valid measurement.

    Example: `zeroidle-load sweep loadtest/scenarios/laptop.toml --local --results build/sweep`
    """
    if not 0 < low < high or precision <= 0 or run_s <= 0:
        raise UsageError("--low must be above 0 and below --high; --precision and --run-s above 0")
    mixture = load_scenario(scenario)
    question = _question(mixture, slo, where, run_s)
    ledger = open_ledger(where.results, question)
    if ledger.tried:
        tell(f"going on after {len(ledger.tried)} rates that were tried before")
    with where.drive(slo) as drive:
        answer = find(
            ledger,
            where.results,
            bounds=Bounds(low_per_s=low, high_per_s=high, precision=precision),
            measure=lambda rate_per_s: _try(drive, mixture.at_rate(rate_per_s, duration_s=run_s)),
        )
    show(_json(answer), _table(answer), json=where.json)
    if answer.tried:
        write_pages(where.results)
    if answer.invalid is not None:
        return INVALID
    return DONE if answer.met_per_s is not None else PARTIAL


def _try(drive: Drive, scenario: Scenario) -> Tried:
    rate_per_s = getattr(scenario.arrivals, "rate_per_s", 0.0)
    # What an earlier rate left would be measured with this one.
    with drive.target() as target:
        await_empty(target, timeout_s=scenario.drain_s)
    tell(f"trying {rate_per_s:g} a second")
    run_id = new_run_id()
    drive.results.mkdir(parents=True, exist_ok=True)
    file = drive.results / f"{run_id}.scenario.json"
    file.write_text(scenario.model_dump_json(exclude_none=True))
    record = read_run(drive.run(file, run_id=run_id))
    verdict = judge(record)
    tell(f"{rate_per_s:g} a second: {verdict}")
    return Tried(
        rate_per_s=rate_per_s, verdict=verdict, run_id=record.run_id, problems=record.problems
    )


def judge(record: RunRecord) -> Verdict:
    """A rate at which requests do not come back in time is too high, not badly measured."""
    if record.is_valid:
        return "met" if record.meets_slo else "missed"
    only_not_drained = all(problem.startswith("not drained") for problem in record.problems)
    return "missed" if only_not_drained else "invalid"


def await_empty(target: Target, *, timeout_s: float) -> None:
    """Wait until no message waits or is being worked on.

    Raises:
        DriveError: some still are.
    """
    give_up_at_s = time.monotonic() + timeout_s
    while any(left := _messages(target)):
        if time.monotonic() >= give_up_at_s:
            raise DriveError(
                f"{sum(left)} messages are still in the queue after {timeout_s:g} s, so the next "
                "rate would be measured with them; the same command goes on once it is empty"
            )
        time.sleep(_PAUSE_S)


def _messages(target: Target) -> tuple[int, int]:
    """Waiting, and being worked on."""
    found = target.sqs.get_queue_attributes(
        QueueUrl=target.stack.queue_url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return (
        int(found["ApproximateNumberOfMessages"]),
        int(found["ApproximateNumberOfMessagesNotVisible"]),
    )


def _question(mixture: Scenario, slo: Path | None, where: Where, run_s: float) -> str:
    told = (
        mixture.model_dump_json(exclude={"arrivals", "duration_s"})
        + load_slo(slo).model_dump_json()
        + f"{where.stack} {where.local} {run_s}"
    )
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _json(answer: Answer) -> dict[str, object]:
    return {
        "met_per_s": answer.met_per_s,
        "missed_per_s": answer.missed_per_s,
        "tried": [one.model_dump() for one in answer.tried],
        "invalid": answer.invalid.model_dump() if answer.invalid else None,
    }


def _table(answer: Answer) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    for name in ("rate/s", "SLO", "run"):
        table.add_column(name)
    styles = {"met": "green", "missed": "yellow"}
    for one in sorted(answer.tried, key=lambda one: one.rate_per_s):
        table.add_row(f"{one.rate_per_s:g}", Text(one.verdict, styles[one.verdict]), one.run_id)
    if answer.invalid is not None:
        problems = "; ".join(answer.invalid.problems)
        told = (
            f"no valid measurement at {answer.invalid.rate_per_s:g} a second: {problems}. "
            "The same command goes on from here"
        )
    elif answer.met_per_s is None:
        told = "even the lowest rate misses the SLO"
    elif answer.missed_per_s is None:
        told = f"the SLO is met up to the highest rate, {answer.met_per_s:g} a second"
    else:
        told = f"the SLO is met at {answer.met_per_s:g} a second, missed at {answer.missed_per_s:g}"
    return Group(table, "", Text(told))
