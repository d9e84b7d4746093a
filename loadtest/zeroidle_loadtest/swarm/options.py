"""The options that `locust` takes for a load test. The master hands them to its workers."""

from argparse import Namespace
from pathlib import Path

import boto3
from locust.argument_parser import LocustArgumentParser

from zeroidle_loadtest.errors import UsageError
from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.target import Target

CONNECTIONS = 64
"""More than senders and watcher use at once; one client of each service in a process."""


def add(parser: LocustArgumentParser) -> None:
    """Add them."""
    group = parser.add_argument_group("zeroidle")
    group.add_argument("--scenario", help="Scenario file (TOML).", env_var="ZEROIDLE_SCENARIO")
    group.add_argument("--stack", default="", help="Name of the CloudFormation stack on AWS.")
    group.add_argument("--local-stack", default="", help="Folder of the stack on this machine.")
    group.add_argument("--slo", default="", help="Thresholds (TOML).")
    group.add_argument("--results", default="build/loadtest", help="Folder for the runs.")
    group.add_argument("--run-id", default="", help="Name of the run and of its folder.")


def target(*, stack: str, local_stack: str) -> Target:
    """The stack that was meant, by its name or by the local stack's folder.

    Raises:
        UsageError: none, or two.
    """
    if local_stack and not stack:
        folder = Path(local_stack)
        return LocalStack(build=folder.parent, name=folder.name).target(connections=CONNECTIONS)
    if stack and not local_stack:
        return Target(stack_name=stack, session=boto3.Session(), connections=CONNECTIONS)
    raise UsageError("say which stack: --stack NAME for AWS, or --local-stack build/local")


def scenario(given: Namespace) -> Path:
    """The scenario file.

    Raises:
        UsageError: there is none.
    """
    if not given.scenario:
        raise UsageError("say what to send: --scenario FILE")
    return Path(given.scenario)
