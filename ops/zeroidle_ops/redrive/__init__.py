"""Redrive: empty a dead-letter queue without making the night worse.

inspect → plan → apply. A plan is immutable; apply archives before it touches, keeps a ledger that
a colleague can resume from, tries a canary first and stops by itself. docs/redrive-script.md shows
a script; the `zeroidle redrive` command is a thin layer over this.
"""

from zeroidle_ops.errors import LockBusyError, LockLostError
from zeroidle_ops.redrive.brake import Pace
from zeroidle_ops.redrive.chunk import Purpose, State
from zeroidle_ops.redrive.errors import (
    FilterError,
    MoveTaskError,
    NothingToDoError,
    PlanAlteredError,
    PlanNotFoundError,
    PlanUnusableError,
    QueueRefusedError,
    RedriveError,
)
from zeroidle_ops.redrive.inspection import Cause, Expiring, Group, Inspection, explanation
from zeroidle_ops.redrive.native import MoveTask
from zeroidle_ops.redrive.outcome import Outcome, Progress
from zeroidle_ops.redrive.plan import BlastRadius, Estimate, Plan
from zeroidle_ops.redrive.redrive import Redrive
from zeroidle_ops.redrive.status import PlanStatus

__all__ = [
    "BlastRadius",
    "Cause",
    "Estimate",
    "Expiring",
    "FilterError",
    "Group",
    "Inspection",
    "LockBusyError",
    "LockLostError",
    "MoveTask",
    "MoveTaskError",
    "NothingToDoError",
    "Outcome",
    "Pace",
    "Plan",
    "PlanAlteredError",
    "PlanNotFoundError",
    "PlanStatus",
    "PlanUnusableError",
    "Progress",
    "Purpose",
    "QueueRefusedError",
    "Redrive",
    "RedriveError",
    "State",
    "explanation",
]
