"""How a plan stands after all its runs, read from its ledger."""

from collections import Counter
from dataclasses import dataclass

from zeroidle_ops.redrive.chunk import Head, Purpose, Step
from zeroidle_ops.redrive.ledger import Ledger
from zeroidle_ops.redrive.plan import Plan


@dataclass(frozen=True, kw_only=True)
class PlanStatus:
    """A plan, how it stands, and what all its runs have done together."""

    plan: Plan
    head: Head
    sent: int
    dropped: int
    restored: int
    unfinished_chunks: int

    @property
    def remaining(self) -> int:
        """Messages of which the ledger knows nothing yet."""
        return self.plan.count - self.sent - self.dropped


def read_status(plan: Plan, ledger: Ledger) -> PlanStatus:
    """Add up the chunks. Raises PlanNotFoundError, PlanAlteredError."""
    head = ledger.verify(plan)
    totals = Counter[str]()
    for chunk in ledger.chunks():
        if chunk.purpose is Purpose.RESTORE:
            totals["restored"] += chunk.sent
        elif chunk.step is Step.PLANNED:
            totals["unfinished"] += 1
        else:
            totals["unfinished"] += chunk.step is not Step.DELETED
            totals["sent"] += chunk.sent
            totals["dropped"] += chunk.dropped
    return PlanStatus(
        plan=plan,
        head=head,
        sent=totals["sent"],
        dropped=totals["dropped"],
        restored=totals["restored"],
        unfinished_chunks=totals["unfinished"],
    )
