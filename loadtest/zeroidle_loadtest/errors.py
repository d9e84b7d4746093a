"""What can go wrong with a load test. Each message says what is wrong and what to do.

LoadTestError
├── UsageError         the command line asks for something that cannot be
├── ScenarioError      a scenario, SLO or trace file that cannot be read as asked
├── RecordError        a run's files that are missing or damaged
├── PricesError        the price list is missing or damaged
├── DeniedError        AWS refuses what the run needs; no later attempt can succeed
└── DriveError         the load could not be driven: Locust ended without a run
"""


class LoadTestError(Exception):
    """Base of this package's errors."""


class UsageError(LoadTestError):
    """The command line asks for something that cannot be."""


class ScenarioError(LoadTestError):
    """A scenario, SLO or trace file that cannot be read as asked."""


class RecordError(LoadTestError):
    """A run's files that are missing or damaged."""


class DeniedError(LoadTestError):
    """AWS refuses what the run needs; no later attempt can succeed."""


class PricesError(LoadTestError):
    """The price list is missing or damaged."""


class DriveError(LoadTestError):
    """The load could not be driven: Locust ended without a run."""
