"""The `zeroidle-load` command: reads arguments, calls the library, prints.

Data goes to stdout, progress to stderr. Exit codes: 0 done, 1 error, 2 usage, 3 a threshold is
breached, 4 nothing to do, 5 no valid measurement. Does not import Locust.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Group, RenderableType

from zeroidle_loadtest.conclusion import exit_code
from zeroidle_loadtest.driving import Drive
from zeroidle_loadtest.errors import LoadTestError, UsageError
from zeroidle_loadtest.explaining import explain
from zeroidle_loadtest.record import RunRecord, read_run
from zeroidle_loadtest.scenario import load_scenario
from zeroidle_loadtest.slo import load_slo
from zeroidle_loadtest.summary import summary_json, summary_table
from zeroidle_ops.console import run_command, show, tell
from zeroidle_ops.stack.local import LocalStack, local_stack
from zeroidle_ops.stack.local_deployment import DEFAULT_MODEL, Settings

if TYPE_CHECKING:
    from zeroidle_loadtest.report.writing import Written

RESULTS = Path("build/loadtest")

app = App(
    name="zeroidle-load",
    help="""Load tests through the queue: latency and cost, measured and not argued.

Start here: `zeroidle-load run loadtest/scenarios/laptop.toml --local` needs no AWS account.""",
    help_format="markdown",
    version=lambda: version("zeroidle-loadtest"),
    default_parameter=Parameter(negative=(), show_default=lambda value: value or None),
    suppress_keyboard_interrupt=False,
)
app.command(
    "zeroidle_loadtest.cli_sweep:sweep",
    name="sweep",
    help="Find the highest rate that meets the SLO.",
)
app.command(
    "zeroidle_loadtest.cli_measure:measure_aws",
    name="measure-aws",
    help="Replace projections by one bounded, paid run on a real function.",
)
app.command(
    "zeroidle_loadtest.cli_report:report",
    name="report",
    help="Write a run's report: one HTML page, and Markdown.",
)
app.command(
    "zeroidle_loadtest.cli_report:compare",
    name="compare",
    help="Compare two runs, with confidence intervals.",
)


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Options of every command that sends load."""

    stack: Annotated[str | None, Parameter(help="Name of the CloudFormation stack on AWS.")] = None
    local: Annotated[
        bool, Parameter(help="The stack on this machine; started if it does not run.")
    ] = False
    model: Annotated[Path, Parameter(help="The local stack's chat model, a GGUF file.")] = (
        DEFAULT_MODEL
    )
    workers: Annotated[int, Parameter(help="Processes that send.")] = 1
    results: Annotated[Path, Parameter(help="Folder for the runs.")] = RESULTS
    json: Annotated[bool, Parameter(help="Print JSON instead of a table.")] = False

    @contextmanager
    def drive(self, slo: Path | None) -> Iterator[Drive]:
        """How to drive; the local stack stands for the length of the block.

        Raises:
            UsageError: no stack was named, or two, or no worker.
        """
        if self.local == (self.stack is not None):
            raise UsageError("say which stack: --stack NAME for AWS, or --local for this machine")
        if self.workers < 1:
            raise UsageError("--workers must be at least 1")
        load_slo(slo)
        if not self.local:
            yield Drive(results=self.results, slo=slo, stack=self.stack, workers=self.workers)
            return
        with local_stack(Settings(model=self.model), progress=tell):
            home = LocalStack().home
            yield Drive(results=self.results, slo=slo, local=home, workers=self.workers)


SloFile = Annotated[Path | None, Parameter(name="--slo", help="Thresholds (TOML).")]
HERE = Where()


@app.command
def run(
    scenario: Annotated[Path, Parameter(help="Scenario file (TOML).")],
    /,
    *,
    where: Where = HERE,
    slo: SloFile = None,
) -> int:
    """Run one load test: send, follow every request to its end, judge.

    Leaves a folder with run.json, requests.jsonl, profile.json and the report. Ctrl-C ends the run
    in good order, with what there is. Exit code 3 when a threshold is breached, 5 when the figures
    cannot be believed.

    Example: `zeroidle-load run loadtest/scenarios/laptop.toml --local`

    Example: `zeroidle-load run nightly.toml --stack prod --slo slo.toml --workers 4`
    """
    planned = load_scenario(scenario)
    with where.drive(slo) as drive:
        tell(f"{planned.name}: {planned.duration_s:g} s of load, then up to {planned.drain_s:g} s")
        folder = drive.run(scenario)
    record = read_run(folder)
    show_run(folder, record, json=where.json)
    return exit_code(record)


def show_run(folder: Path, record: RunRecord, *, json: bool) -> None:
    """A run on the screen, and its report, of what there is."""
    value = summary_json(folder, record)
    lines: list[RenderableType] = [summary_table(folder, record)]
    written = write_pages(folder) if record.counts.submitted else None
    if written is not None:
        from zeroidle_loadtest.report.screen import (  # noqa: PLC0415 - slow to import
            report_json,
            report_table,
        )

        value["report"] = report_json(written)
        lines += ["", report_table(written)]
    show(value, Group(*lines), json=json)


def write_pages(folder: Path) -> "Written | None":
    """The report of a run or a sweep. That it cannot be written takes nothing from the run."""
    from zeroidle_loadtest.report.writing import write_report  # noqa: PLC0415 - slow to import

    try:
        written = write_report(folder)
    except LoadTestError as error:
        tell(f"there is no report: {error}")
        return None
    tell(f"report in {written.page}")
    return written


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(
        app, arguments, program="zeroidle-load", explain=explain, usage_errors=(UsageError,)
    )
