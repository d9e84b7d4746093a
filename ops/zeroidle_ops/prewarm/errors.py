"""What can go wrong in pre-warming. Each message says what is wrong and what to do.

PrewarmError
├── AliasError         the function has no such alias, or it cannot hold provisioned concurrency
├── RoomError          account or reservation leave no room for what was asked for
├── WarmUpError        the function cannot load its model, or is none of ours
├── ScheduleError      a schedule file that cannot be read as one
└── AllocationError    AWS could not allocate; what stood before has been restored
"""

from zeroidle_ops.errors import OpsError, UsageError


class PrewarmError(OpsError):
    """Base of the errors of pre-warming."""


class AliasError(PrewarmError):
    """The function has no such alias, or it cannot hold provisioned concurrency."""


class RoomError(PrewarmError):
    """Account or reservation leave no room for what was asked for."""


class WarmUpError(PrewarmError):
    """The function cannot load its model, or is none of ours."""


class ScheduleError(PrewarmError, UsageError):
    """A schedule file that cannot be read as one."""


class AllocationError(PrewarmError):
    """AWS could not allocate; what stood before has been restored."""
