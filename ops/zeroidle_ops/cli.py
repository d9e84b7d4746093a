"""The `zeroidle` command: reads arguments, calls the library, prints.

Data goes to stdout, progress to stderr. Exit codes: 0 done, 1 error, 2 usage, 3 partial or
threshold breached, 4 nothing to do, 5 invalid measurement.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import boto3
from cyclopts import App, Parameter

from zeroidle_contract import Entity, Result, Status, load_prices
from zeroidle_ops import render
from zeroidle_ops.cli_commands import COMMANDS
from zeroidle_ops.console import DONE, NOTHING_TO_DO, PARTIAL, progress, run_command, show, tell
from zeroidle_ops.demo import DemoReport, run_demo
from zeroidle_ops.demo_report import demo_json, demo_table
from zeroidle_ops.errors import UsageError, explain
from zeroidle_ops.jobs import read_failures
from zeroidle_ops.samples import Sample, load_samples
from zeroidle_ops.stack.local import LocalStack, local_stack
from zeroidle_ops.stack.local_deployment import DEFAULT_MODEL, Settings
from zeroidle_ops.stack.target import Target
from zeroidle_ops.submission import build_task, read_jobs, read_schema
from zeroidle_producer import Producer, WaitTimeoutError

app = App(
    name="zeroidle",
    help="""Private LLM work without idle compute: documents on a queue, answers in a table.

Start here: `zeroidle demo` runs sample documents on this machine, without an AWS account.""",
    help_format="markdown",
    version=lambda: version("zeroidle-ops"),
    default_parameter=Parameter(negative=(), show_default=lambda value: value or None),
    suppress_keyboard_interrupt=False,
)
local = App(name="local", help="The stack on this machine: an AWS emulator and the real function.")
app.command(local)
for command in COMMANDS:
    command.register(app)


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """Options of every command that speaks to a stack."""

    stack: Annotated[str | None, Parameter(help="Name of the CloudFormation stack on AWS.")] = None
    local: Annotated[bool, Parameter(help="Use the stack on this machine.")] = False
    json: Annotated[bool, Parameter(help="Print JSON instead of a table.")] = False

    def target(self) -> Target:
        """The stack that was meant."""
        if self.local and self.stack is not None:
            raise UsageError("--stack and --local exclude each other")
        if self.local:
            return LocalStack().target()
        if self.stack is None:
            raise UsageError("say which stack: --stack NAME for AWS, --local for this machine")
        return Target(stack_name=self.stack, session=boto3.Session())

    @property
    def spelled(self) -> str:
        """The option that names the stack, for a command to be repeated."""
        return "--local" if self.local else f"--stack {self.stack}"


Json = Annotated[bool, Parameter(name="--json", help="Print JSON, not a table.")]
Tenant = Annotated[str | None, Parameter(help="Whose job it is; ids count within their tenant.")]
Model = Annotated[Path, Parameter(help="The chat model, a GGUF file.")]


@local.command
def up(*, model: Model = DEFAULT_MODEL, json: Json = False) -> int:
    """Start the local stack. Does nothing when it runs already.

    Example: `zeroidle local up --model build/models/my-model.gguf`
    """
    stack = LocalStack()
    stack.up(Settings(model=model), progress=tell)
    state = stack.status()
    show(
        {"endpoint": state.endpoint, "stack": state.stack_name, "model": state.model},
        f"{state.stack_name} runs at {state.endpoint} with {state.model}; logs in {stack.logs}",
        json=json,
    )
    return DONE


@local.command
def down(*, json: Json = False) -> int:
    """Stop the local stack, with every process it started.

    Example: `zeroidle local down`
    """
    stopped = LocalStack().down()
    show({"stopped": stopped}, "stopped" if stopped else "no local stack runs", json=json)
    return DONE if stopped else NOTHING_TO_DO


@local.command
def status(*, json: Json = False) -> int:
    """Tell where the local stack runs. Exit code 1 when it does not.

    Example: `zeroidle local status --json`
    """
    stack = LocalStack()
    names = stack.target().stack
    state = stack.status()
    show(
        {"endpoint": state.endpoint, "model": state.model, **names.model_dump()},
        f"{state.stack_name} runs at {state.endpoint} with {state.model}; logs in {stack.logs}",
        json=json,
    )
    return DONE


@app.command
def demo(
    *,
    samples: Annotated[Path, Parameter(help="Folder of sample sets.")] = Path("samples"),
    model: Model = DEFAULT_MODEL,
    keep: Annotated[bool, Parameter(help="Leave the local stack running.")] = False,
    json: Json = False,
) -> int:
    """Run the sample documents through a stack on this machine and show what came out.

    Exit code 0 only if every document's answer is as promised, otherwise 3.

    Example: `zeroidle demo --json > report.json`
    """
    chosen = load_samples(samples)
    with local_stack(Settings(model=model), keep=keep, progress=tell) as target:
        report = _follow_demo(target.producer(), chosen)
    prices = load_prices()
    show(demo_json(report, prices), demo_table(report, prices), json=json)
    return DONE if report.failed == 0 else PARTIAL


def _follow_demo(producer: Producer, samples: Sequence[Sample]) -> DemoReport:
    with progress() as bars:
        sets = Counter(sample.set_name for sample in samples)
        bar_of = {name: bars.add_task(name, total=count) for name, count in sets.items()}
        return run_demo(
            producer,
            samples,
            timeout_s=1800,
            on_ended=lambda sample, _: bars.advance(bar_of[sample.set_name]),
            check=LocalStack().check_function,
        )


@app.command
def submit(
    file: Annotated[Path, Parameter(help="A text, a folder of .txt, or a .jsonl of jobs.")],
    /,
    *,
    options: Options = Options(),
    task: Annotated[str | None, Parameter(help="A kind of task, or its .json file.")] = None,
    label: Annotated[tuple[str, ...], Parameter(help="classify: a label; repeat it.")] = (),
    instruction: Annotated[str | None, Parameter(help="classify: what the labels mean.")] = None,
    schema: Annotated[
        str | None, Parameter(help="extract: JSON Schema file, or `invoice`.")
    ] = None,
    entity: Annotated[tuple[Entity, ...], Parameter(help="redact: what to mask; repeat it.")] = (),
    mask: Annotated[str | None, Parameter(help="redact: e.g. `[{entity}]`.")] = None,
    max_words: Annotated[int | None, Parameter(help="summarize: the longest summary.")] = None,
    focus: Annotated[str | None, Parameter(help="summarize: what matters.")] = None,
    prompt: Annotated[str | None, Parameter(help="complete: the system message.")] = None,
    max_tokens: Annotated[int | None, Parameter(help="complete: the longest answer.")] = None,
    tenant: Tenant = None,
    wait: Annotated[bool, Parameter(help="Wait for the results.")] = False,
    timeout_s: Annotated[float, Parameter(help="How long to wait, in seconds.")] = 900,
) -> int:
    """Submit documents; with `--wait` print their results.

    Submitting the same file with the same task again is the same job. Exit code 3 when a job was
    refused, failed, or had not ended in time.

    Example: `zeroidle submit letter.txt --local --task redact --entity name --entity iban --wait`

    Example: `zeroidle submit reviews/ --stack prod --task classify --label good --label bad`
    """
    fields: dict[str, Any] = {
        "labels": label or None,
        "instruction": instruction,
        "json_schema": read_schema(schema) if schema else None,
        "entities": entity or None,
        "mask": mask,
        "max_words": max_words,
        "focus": focus,
        "messages": [{"role": "system", "content": prompt}] if prompt else None,
        "max_tokens": max_tokens,
    }
    if task is None and any(value is not None for value in fields.values()):
        raise UsageError("--task is missing: say what to do with the document")
    jobs = read_jobs(file, task=build_task(task, fields) if task else None, tenant=tenant)
    if not jobs:
        tell(f"{file} holds nothing to submit")
        return NOTHING_TO_DO
    producer = options.target().producer(tenant)
    submissions = producer.submit_many(jobs)
    accepted = [one.job_id for one in submissions if one.error is None]
    results = _await(producer, accepted, timeout_s) if wait else []
    show(
        render.submitted_json(submissions, results, load_prices()),
        render.submitted_table(submissions, results, load_prices()),
        json=options.json,
    )
    ended_well = [result.status == Status.SUCCEEDED for result in results]
    if len(accepted) < len(jobs) or (wait and (len(results) < len(jobs) or not all(ended_well))):
        return PARTIAL
    return DONE


def _await(producer: Producer, job_ids: Sequence[str], timeout_s: float) -> list[Result]:
    """The results of those jobs that ended in time."""
    results = []
    with progress() as bars:
        bar = bars.add_task("waiting", total=len(job_ids))
        try:
            for result in producer.as_completed(job_ids, timeout_s):
                results.append(result)
                bars.advance(bar)
        except WaitTimeoutError as error:
            tell(f"{error}; look at one with `zeroidle job {error.pending[0]}`")
    return results


@app.command
def failures(*, options: Options = Options()) -> int:
    """List failed jobs by error code, with examples and what to do.

    Example: `zeroidle failures --stack prod`
    """
    found = read_failures(options.target())
    show(render.failures_json(found), render.failures_table(found), json=options.json)
    return DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(app, arguments, program="zeroidle", explain=explain)
