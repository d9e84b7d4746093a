"""`zeroidle redrive`: reads arguments, calls the library, prints."""

import getpass
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from zeroidle_ops.cli import Options
from zeroidle_ops.console import DONE, NOTHING_TO_DO, PARTIAL, ask, show, tell
from zeroidle_ops.errors import UsageError
from zeroidle_ops.redrive import MoveTask, Outcome, Pace, Redrive
from zeroidle_ops.redrive import Progress as Moving
from zeroidle_ops.redrive.filter import EVERYTHING
from zeroidle_ops.redrive.rendering import (
    as_json,
    inspection_json,
    inspection_table,
    outcome_table,
    plan_table,
    status_table,
)
from zeroidle_ops.stopping import stoppable

redrive = App(name="redrive")

PlanId = Annotated[str, Parameter(help="The plan's id, as `plan` printed it.")]
Source = Annotated[str | None, Parameter(name="--source", help="URL of another dead-letter queue.")]
Destination = Annotated[
    str | None, Parameter(name="--destination", help="URL of the queue that it serves.")
]
Yes = Annotated[bool, Parameter(name="--yes", help="Do not ask.")]
Rate = Annotated[float, Parameter(name="--rate", help="Messages a second, at most.")]
STOPPING = "stopping after this chunk; Ctrl-C again to give up at once"
NO_OPTIONS = Options()


@redrive.command
def inspect(
    *,
    options: Options = NO_OPTIONS,
    source: Source = None,
    destination: Destination = None,
    show_text: Annotated[bool, Parameter(help="Print an example's document, too.")] = False,
) -> int:
    """Show what lies in the dead-letter queue, why, and what expires first. Changes nothing.

    Example: `zeroidle redrive inspect --stack prod`
    """
    found = _redrive(options, source, destination).inspect(with_text=show_text)
    show(inspection_json(found), inspection_table(found), json=options.json)
    return DONE


@redrive.command
def plan(
    *,
    reason: Annotated[str, Parameter(help="Why; it stands in the plan for ever.")],
    options: Options = NO_OPTIONS,
    where: Annotated[
        str, Parameter(help="JMESPath over code, fingerprint, task, tenant, age_s, attempts, …")
    ] = EVERYTHING,
    rate: Rate = Pace.rate_per_s,
    source: Source = None,
    destination: Destination = None,
) -> int:
    """Choose messages and write an immutable plan. Touches none of them.

    Example: `zeroidle redrive plan --stack prod --where "code == 'internal'" --reason "fixed"`

    Example: ``zeroidle redrive plan --local --where 'age_s > `3600`' --reason "the outage"``
    """
    made = _redrive(options, source, destination).plan(
        reason=reason,
        where=where,
        pace=Pace(rate_per_s=_positive(rate)),
        on_scanned=_scanned(),
    )
    show(as_json(made), plan_table(made), json=options.json)
    return DONE


@redrive.command
def apply(
    plan_id: Annotated[str | None, Parameter(help="The plan's id.")] = None,
    /,
    *,
    options: Options = NO_OPTIONS,
    native: Annotated[
        bool, Parameter(help="No plan: let SQS move everything, unfiltered, unarchived.")
    ] = False,
    rate: Rate = Pace.rate_per_s,
    canary: Annotated[int, Parameter(help="Messages to try first; 0 for none.")] = Pace.canary,
    settle_s: Annotated[float, Parameter(help="Seconds to wait for the canary.")] = Pace.settle_s,
    max_redrives: Annotated[
        int, Parameter(help="How often a job may be redriven.")
    ] = Pace.max_redrives,
    yes: Yes = False,
) -> int:
    """Send a plan's messages back to their queue: canary, ramp, brake. Resumes after a crash.

    Exit code 3 when it stopped by itself or something was left.

    Example: `zeroidle redrive apply 20261124-101500-ab12cd --stack prod`

    Example: `zeroidle redrive apply --native --rate 200 --stack prod`
    """
    library = _redrive(options)
    if native == (plan_id is not None):
        raise UsageError("name a plan, or give --native to move everything without one")
    if plan_id is None:
        return _move_natively(library, options, int(_positive(rate)), yes=yes)
    chosen = library.load(plan_id)
    Console(stderr=True).print(plan_table(chosen))
    ask(
        f"Archive, send and delete {chosen.count} messages: {canary} first, then up to {rate:g} a "
        "second?",
        yes=yes,
    )
    pace = Pace(
        rate_per_s=_positive(rate), canary=canary, settle_s=settle_s, max_redrives=max_redrives
    )
    with stoppable(STOPPING) as should_stop, _following(chosen.count) as follow:
        outcome = library.apply(plan_id, pace=pace, on_progress=follow, should_stop=should_stop)
    return _end(outcome, options)


@redrive.command
def discard(plan_id: PlanId, /, *, options: Options = NO_OPTIONS, yes: Yes = False) -> int:
    """Archive and delete a plan's messages. `restore` brings them back.

    Example: `zeroidle redrive discard 20261124-101500-ab12cd --stack prod`
    """
    library = _redrive(options)
    chosen = library.load(plan_id)
    Console(stderr=True).print(plan_table(chosen))
    ask(f"Archive and delete {chosen.count} messages?", yes=yes)
    with stoppable(STOPPING) as should_stop, _following(chosen.count) as follow:
        outcome = library.discard(plan_id, on_progress=follow, should_stop=should_stop)
    return _end(outcome, options)


@redrive.command
def restore(plan_id: PlanId, /, *, options: Options = NO_OPTIONS, yes: Yes = False) -> int:
    """Bring a plan's archived messages back into the dead-letter queue, except for done jobs.

    Example: `zeroidle redrive restore 20261124-101500-ab12cd --stack prod`
    """
    library = _redrive(options)
    status_now = library.status(plan_id)
    ask(
        f"Send up to {status_now.sent + status_now.dropped} archived messages back to the "
        "dead-letter queue?",
        yes=yes,
    )
    restored, left_out = library.restore(plan_id)
    show(
        {"plan_id": plan_id, "restored": restored, "left_out": left_out},
        f"{restored} messages are back in the dead-letter queue, {left_out} left out as done",
        json=options.json,
    )
    return DONE


@redrive.command
def status(plan_id: PlanId, /, *, options: Options = NO_OPTIONS) -> int:
    """Show a plan, and what all its runs have done.

    Example: `zeroidle redrive status 20261124-101500-ab12cd --stack prod`
    """
    found = _redrive(options).status(plan_id)
    show(as_json(found), status_table(found), json=options.json)
    return DONE


@redrive.command
def abort(
    plan_id: PlanId,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; whoever runs the plan reads it.")],
    options: Options = NO_OPTIONS,
) -> int:
    """Give a plan up for good. A run of it, on whatever machine, stops at its next chunk.

    Example: `zeroidle redrive abort 20261124-101500-ab12cd --stack prod --reason "wrong fix"`
    """
    _redrive(options).abort(plan_id, reason=reason)
    show({"plan_id": plan_id, "state": "aborted"}, f"{plan_id} is aborted", json=options.json)
    return DONE


@redrive.command
def reconcile(*, options: Options = NO_OPTIONS) -> int:
    """Mark as failed the rows of jobs that SQS itself moved to the dead-letter queue.

    Example: `zeroidle redrive reconcile --stack prod`
    """
    seen, marked = _redrive(options).reconcile()
    show(
        {"seen": seen, "marked": marked},
        f"{marked} rows marked, {seen} messages seen",
        json=options.json,
    )
    return DONE if marked else NOTHING_TO_DO


def _move_natively(library: Redrive, options: Options, rate_per_s: int, *, yes: bool) -> int:
    ask(
        f"Let SQS move ALL messages, {rate_per_s} a second: no filter, no archive, no brake?",
        yes=yes,
    )
    with stoppable(STOPPING) as should_stop, Console(stderr=True).status("moving") as line:

        def follow(task: MoveTask) -> None:
            line.update(f"{task.status.lower()}: {task.moved} of about {task.to_move} moved")

        task = library.move_natively(
            rate_per_s=rate_per_s, on_progress=follow, should_stop=should_stop
        )
    show(as_json(task), f"{task.status.lower()}: {task.moved} messages moved", json=options.json)
    return DONE if task.status == "COMPLETED" else PARTIAL


def _end(outcome: Outcome, options: Options) -> int:
    show(as_json(outcome), outcome_table(outcome), json=options.json)
    return DONE if outcome.is_complete else PARTIAL


def _redrive(
    options: Options, source: str | None = None, destination: str | None = None
) -> Redrive:
    target = options.target()
    return Redrive(
        stack=target.stack,
        operator=f"{getpass.getuser()}@{socket.gethostname()}",
        sqs=target.sqs,
        dynamodb=target.dynamodb,
        s3=target.s3,
        source_url=source,
        destination_url=destination,
    )


def _positive(rate: float) -> float:
    if rate <= 0:
        raise UsageError("--rate must be above 0")
    return rate


@contextmanager
def _following(total: int) -> Iterator[Callable[[Moving], None]]:
    columns = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with columns as bars:
        bar: TaskID = bars.add_task("starting", total=total)

        def follow(moving: Moving) -> None:
            bars.update(
                bar,
                completed=total - moving.remaining,
                description=f"{moving.phase}: {moving.rate_per_s:.0f}/s, {moving.moved} moved, "
                f"{moving.skipped} skipped, {moving.refailed} re-failed, "
                f"{moving.remaining} remaining",
            )

        yield follow


def _scanned() -> Callable[[int], None]:
    """Tells every some thousand messages that the scan goes on."""
    told = 0

    def tell_some(seen: int) -> None:
        nonlocal told
        if seen >= told + 5000:
            told = seen
            tell(f"{seen} messages seen")

    return tell_some
