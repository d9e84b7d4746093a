"""Locust's entry: the users, the options, and the listeners that tie a run together.

Locust comes first: it patches sockets for gevent, which everything imported after it must see.
"""

# isort: off
from locust import User, events, task

# isort: on
import sys

from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from zeroidle_loadtest.explaining import explain
from zeroidle_loadtest.swarm import options
from zeroidle_loadtest.swarm.coordinator import Coordinator
from zeroidle_loadtest.swarm.worker import Worker

events.init_command_line_parser.add_listener(options.add)

_WORKERS: dict[int, Worker] = {}
"""By environment: Locust hands its users nothing else."""


class SqsUser(User):
    """A sender. In the open model users share one schedule; in the closed one each is a client."""

    @task
    def send(self) -> None:
        """Send what is due next."""
        session = _WORKERS[id(self.environment)].session
        if session is None or not session.send():
            raise StopUser


@events.init.add_listener
def _init(environment: Environment, **_: object) -> None:
    """A master coordinates, a worker sends, and a process on its own does both."""
    runner = environment.runner
    if not isinstance(runner, WorkerRunner):
        try:
            Coordinator(environment)
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            sys.stderr.write(f"zeroidle-load: {sentence}\n")
            sys.exit(1)
    if not isinstance(runner, MasterRunner):
        _WORKERS[id(environment)] = Worker(environment)
