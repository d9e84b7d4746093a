"""What can go wrong in a redrive. Each message says what is wrong and what to do.

RedriveError
├── QueueRefusedError    a queue that cannot be redriven: no dead-letter queue, FIFO, not there
├── FilterError          a filter that does not parse, or asks for a field there is not
├── NothingToDoError     an empty queue, or a filter that matches nothing
├── PlanNotFoundError    no plan of that id
├── PlanAlteredError     a plan whose hash is not what was recorded when it was made
├── PlanUnusableError    a plan that is done, aborted, outlived, or begun for another purpose
└── MoveTaskError        the native move task cannot start, or failed
"""

from zeroidle_ops import errors
from zeroidle_ops.errors import OpsError, UsageError


class RedriveError(OpsError):
    """Base of the redrive's errors."""


class QueueRefusedError(RedriveError):
    """A queue that cannot be redriven: no dead-letter queue, FIFO, not there."""


class FilterError(RedriveError, UsageError):
    """A filter that does not parse, or asks for a field there is not."""


class NothingToDoError(RedriveError, errors.NothingToDoError):
    """An empty queue, or a filter that matches nothing."""


class PlanNotFoundError(RedriveError):
    """No plan of that id."""


class PlanAlteredError(RedriveError):
    """A plan whose hash is not what was recorded when it was made."""


class PlanUnusableError(RedriveError):
    """A plan that is done, aborted, outlived, or begun for another purpose."""


class MoveTaskError(RedriveError):
    """The native move task cannot start, or failed."""
