"""Puts one run together from the parts that share a workplace."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from zeroidle_ops.redrive.archive import Archive
from zeroidle_ops.redrive.brake import Pace
from zeroidle_ops.redrive.chunk import Purpose
from zeroidle_ops.redrive.index import PlanIndex
from zeroidle_ops.redrive.intake import Intake
from zeroidle_ops.redrive.ledger import Ledger
from zeroidle_ops.redrive.mover import Mover
from zeroidle_ops.redrive.outcome import Progress
from zeroidle_ops.redrive.run import Run
from zeroidle_ops.redrive.watch import Watch
from zeroidle_ops.redrive.workplace import Workplace
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def build_run(
    *,
    work: Workplace,
    sqs: "SQSClient",
    plan_id: str,
    purpose: Purpose,
    operator: str,
    index: PlanIndex,
    archive: Archive,
    ledger: Ledger,
    pace: Pace,
    clock: Clock,
    hide_s: int,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> Run:
    """A run, ready to be executed while the workplace is open."""

    def keep_on() -> bool:
        work.lock.renew()
        return not should_stop()

    watch = Watch(rows=work.rows, plan_id=plan_id, clock=clock)
    return Run(
        sqs=sqs,
        plan_id=plan_id,
        purpose=purpose,
        index=index,
        transfer=work.transfer,
        intake=Intake(
            transfer=work.transfer,
            index=index,
            hide_s=hide_s,
            began_ms=int(clock.now().timestamp() * 1000),
            is_own_refailure=watch.note_seen,
            keep_on=keep_on,
        ),
        mover=Mover(
            plan_id=plan_id,
            purpose=purpose,
            operator=operator,
            index=index,
            transfer=work.transfer,
            rows=work.rows,
            archive=archive,
            ledger=ledger,
            lock=work.lock,
            max_redrives=pace.max_redrives,
        ),
        ledger=ledger,
        lock=work.lock,
        watch=watch,
        pace=pace,
        clock=clock,
        hide_s=hide_s,
        on_progress=on_progress,
        should_stop=should_stop,
    )
