"""The names of the messages between coordinator and workers, and Locust's parts by their types."""

from argparse import Namespace

from locust.env import Environment
from locust.runners import Runner

PLAN = "zeroidle_plan"
REPORT = "zeroidle_report"
STOP = "zeroidle_stop"


def runner_of(environment: Environment) -> Runner:
    """The runner, which is there once Locust has fired `init`."""
    assert environment.runner is not None  # noqa: S101 - Locust's promise
    return environment.runner


def options_of(environment: Environment) -> Namespace:
    """The command line's options, the master's on a worker."""
    given = environment.parsed_options
    assert isinstance(given, Namespace)  # noqa: S101 - Locust's promise
    return given
