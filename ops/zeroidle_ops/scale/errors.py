"""What can go wrong in scaling and pre-warming. Each message says what is wrong and what to do.

ScaleError
├── PolicyError          a policy that cannot be: impossible bounds, shares, budget
├── MappingBusyError     somebody else is just changing the mapping
├── NotPausedError       a resume where nothing is paused
├── PausedAlreadyError   a pause where the mapping is paused
├── StoppedError         a resume where somebody has stopped the function as well
└── CapacityError        account or reservation leave less than was asked for
"""

from zeroidle_ops.errors import NothingToDoError, OpsError, UsageError


class ScaleError(OpsError):
    """Base of the errors of scaling."""


class PolicyError(ScaleError, UsageError):
    """A policy that cannot be: impossible bounds, shares, budget."""


class MappingBusyError(ScaleError):
    """Somebody else is just changing the mapping."""


class NotPausedError(ScaleError, NothingToDoError):
    """A resume where nothing is paused."""


class PausedAlreadyError(ScaleError, NothingToDoError):
    """A pause where the mapping is paused."""


class StoppedError(ScaleError):
    """A resume where somebody has stopped the function as well."""


class CapacityError(ScaleError):
    """Account or reservation leave less than was asked for."""
