"""The commands that are read only when they are asked for, and their help.

The list of commands must not import them all, so what `--help` says of them stands here; the first
line of each is what the list shows.
"""

from dataclasses import dataclass

from cyclopts import App


@dataclass(frozen=True, kw_only=True)
class Command:
    """A function `name` of `module`, with its help and an example."""

    name: str
    module: str
    help: str
    example: str

    def register(self, app: App) -> None:
        """Make it known under its name."""
        app.command(
            f"zeroidle_ops.{self.module}:{self.name}",
            name=self.name,
            help=self.help,
            help_epilogue=f"Example: `{self.example}`",
        )


@dataclass(frozen=True, kw_only=True)
class Group:
    """An app `name` of `module`, with its help; that of its commands is their docstrings."""

    name: str
    module: str
    help: str

    def register(self, app: App) -> None:
        """Make it known under its name."""
        app.command(f"zeroidle_ops.{self.module}:{self.name}", name=self.name, help=self.help)


COMMANDS = (
    Group(
        name="redrive",
        module="cli_redrive",
        help="""Empty the dead-letter queue: inspect, plan, apply, discard, restore.

The runbook is docs/runbook/dlq-filling.md.""",
    ),
    Group(
        name="deploy",
        module="cli_deploy",
        help="""Create, update, roll back or remove a stack.

The way from a clone to a locked-down account is docs/deploy.md.""",
    ),
    Command(
        name="forget",
        module="cli_forget",
        help="""Delete a job's result and private data.

Its row's content goes, and its documents and outputs in S3. It cannot be undone. Only the bare id
stays, cancelled, until no message of the job can come back. Exit code 3 when the job was running:
it can no longer commit, but run the command again after its lease, for an output that it may have
written to S3 meanwhile.""",
        example="zeroidle forget claim-4711 --stack prod --tenant claims",
    ),
    Command(
        name="job",
        module="cli_job",
        help="""Tell one job's story: where it is, what it took, what to do if it failed.

Its history comes from the function's log, so it begins with the invocations that have ended. It
changes nothing; to find the message of a job that failed, it looks at some hundred dead letters,
which stay where they are. A part that your role may not read is left out and named.""",
        example="zeroidle job claim-4711 --stack prod --tenant claims",
    ),
    Command(
        name="doctor",
        module="cli_doctor",
        help="""Check an installation: what is wrong, why it matters, what to do.

It changes nothing. Exit code 3 when something is wrong or could not be checked. With
--model-sha256 it also asks the function which model it runs, which may cost a cold start.""",
        example="zeroidle doctor --stack prod",
    ),
    Command(
        name="exporter",
        module="cli_exporter",
        help="""Serve a stack's metrics to Prometheus.

Queue, dead letters, concurrency, limits and spend on /metrics, until Ctrl-C. It changes nothing.
Once a minute it looks at some hundred dead letters, which stay where they are. Without TLS or a
password: other addresses than 127.0.0.1 only behind something that has. docs/metrics.md says what
each metric means; alert rules are in ops/zeroidle_ops/observe/alerts.yaml.""",
        example="zeroidle exporter --stack prod --port 9464",
    ),
    Command(
        name="top",
        module="cli_top",
        help="""Watch a stack: queue, dead letters, concurrency, dollars an hour.

It changes nothing; Ctrl-C ends it. `--once` and `--json` show the stack once, for scripts; exit
code 3 when a part of it could not be read. A dash is a number that nobody measured.""",
        example="zeroidle top --stack prod",
    ),
    Group(
        name="scale",
        module="cli_scale",
        help="""Concurrency that follows the work: recommend, run, pause, resume, history.

What it does, and how to turn it off: docs/scaling.md.""",
    ),
    Group(
        name="prewarm",
        module="cli_prewarm",
        help="""Load the model before the work comes: now, or by a schedule.

When it pays, and what it costs: docs/scaling.md.""",
    ),
)
