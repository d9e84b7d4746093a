"""`make bench-engine`: our tasks against what people use today, on the same file and processor.

    python -m zeroidle_inference.bench.engine [--quick] [--model …] [--task …] [--rounds 5]

For each model and task the systems take turns in every round, on the same documents, one at a time;
the others' processes are stopped. Figures are medians over the rounds, ratios of each round's pair.
A task of a model is written to the results as soon as it is measured, beside earlier results:
the whole takes hours, and can be had in pieces.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from zeroidle_inference.bench import peers, report
from zeroidle_inference.bench.results import (
    OURS,
    Run,
    columns,
    ratios,
    rows,
    where_the_rest_goes,
)
from zeroidle_inference.bench.systems import (
    Paused,
    cpu_seconds,
    exit_on_terminate,
    peak_rss_mib,
)
from zeroidle_inference.bench.workloads import Item, Workload, workloads
from zeroidle_inference.engine.model import LoadedModel

SMALL = "SmolLM2-135M-Instruct.Q4_0.gguf"
MODELS = {"small": SMALL, "1b": "Llama-3.2-1B-shape.Q4_K_M.gguf"}
TASKS = ("classify", "extract", "redact", "summarise")
NAME = "bench-engine"
RATIO_COLUMNS = ("model", "task", "ratio_any", "best_any", "ratio_common", "best_common", "rounds")


@dataclass(frozen=True)
class Plan:
    """How much is measured. `alone_items` is for systems that take one request at a time.

    In the rounds that warm up every system sees the instruction and fills its caches.
    """

    warm_up: int
    rounds: int
    items: int
    alone_items: int


FULL = Plan(warm_up=1, rounds=5, items=16, alone_items=3)
QUICK = Plan(warm_up=0, rounds=1, items=2, alone_items=1)


def main() -> None:
    """Parse arguments, measure, print and write the results."""
    arguments = _parser().parse_args()
    exit_on_terminate()
    plan = QUICK if arguments.quick else FULL
    if arguments.rounds:
        plan = replace(plan, rounds=arguments.rounds)
    if arguments.documents:
        plan = replace(plan, items=arguments.documents)
    names = arguments.model or (["small"] if arguments.quick else list(MODELS))
    for name in names:
        lineup = peers.Lineup(
            model=arguments.models / MODELS[name],
            peers=arguments.peers,
            threads=arguments.threads,
            sequences=plan.items,
            slots=(1, *(slots for slots in (8, 16) if slots <= plan.items)),
            drafts=name == "small",
        )
        vocabulary = LoadedModel(arguments.models / SMALL)
        prepared = workloads(
            vocabulary,
            arguments.samples,
            items=2 * plan.items * (plan.warm_up + plan.rounds),
            has_meaning=name == "small",
        )
        tasks = [work for work in prepared if work.name in (arguments.task or TASKS)]
        for runs in measure(name, lineup, tasks, plan):
            _write(runs)
    _publish()


def measure(
    model: str, lineup: peers.Lineup, tasks: Sequence[Workload], plan: Plan
) -> Iterator[list[Run]]:
    """The runs of one model, task by task."""
    with ExitStack() as stack:
        systems: list[Paused] = []
        for system in peers.start(lineup):
            paused = Paused(system)
            stack.callback(paused.close)
            systems.append(paused)
            _progress(f"{model}: {system.name} is ready")
        for workload in tasks:
            counted: list[Run] = []
            for number in range(plan.warm_up + plan.rounds):
                runs = list(_round(model, workload, systems, plan, number))
                if number >= plan.warm_up:
                    counted += runs
                done = number + 1 - plan.warm_up
                _progress(f"{model}, {workload.name}: round {done} of {plan.rounds}")
            yield counted


def _round(
    model: str, workload: Workload, systems: Sequence[Paused], plan: Plan, number: int
) -> Iterator[Run]:
    """Each way of asking on documents of its own: nobody has seen them before."""
    for index, setting in enumerate(workload.items[0].calls):
        first = (2 * number + index) * plan.items
        batch = workload.items[first : first + plan.items]
        for paused in systems:
            yield _run(model, workload, paused, batch, setting, plan, number)


def _run(
    model: str,
    workload: Workload,
    paused: Paused,
    batch: Sequence[Item],
    setting: str,
    plan: Plan,
    number: int,
) -> Run:
    is_ours = paused.system.name == OURS
    is_alone = "1 slot" in paused.system.name or paused.system.name == "llama-cpp-python"
    items = batch[: plan.alone_items] if is_alone else batch
    with paused as system:
        cpu_s = cpu_seconds(system.pid)
        started_s = time.perf_counter()
        answers = system.run(workload, items, "" if is_ours else setting)
        # Ours goes on to measure what a row costs: that is not part of the work.
        seconds = answers.details.get("seconds", time.perf_counter() - started_s)
        cpu_s = answers.details.get("cpu_s", cpu_seconds(system.pid) - cpu_s)
    return Run(
        model=model,
        task=workload.name,
        system=system.name,
        setting=setting,
        is_common=setting == workload.common,
        round=number,
        items=len(items),
        seconds=seconds,
        cpu_s=cpu_s,
        peak_rss_mib=peak_rss_mib(system.pid),
        output_tokens=answers.output_tokens,
        outputs=answers.outputs,
        details=answers.details,
    )


def _write(runs: Sequence[Run]) -> None:
    """Put a model's task into the results, in the place of what was measured of it before."""
    model, task = runs[0].model, runs[0].task
    others = [row for row in report.read(NAME) if (row["model"], row["task"]) != (model, task)]
    measured = {
        "rounds": len({run.round for run in runs}),
        "commit": report.commit(),
        "when": report.now(),
    }
    compared = [{**row, "account": where_the_rest_goes(runs)} for row in ratios(runs)]
    report.write(NAME, [*others, *({**row, **measured} for row in [*rows(runs), *compared])])


def _publish() -> None:
    """Print all that is in the results, and draw it."""
    every = report.read(NAME)
    measured = [row for row in every if "system" in row]
    compared = [row for row in every if "system" not in row]
    blocks = {
        f"{row['model']}, {row['task']} (tasks per second)": [
            (other["system"], other["tasks_per_s"])
            for other in measured
            if (other["model"], other["task"]) == (row["model"], row["task"])
        ]
        for row in measured
    }
    path = report.RESULTS / f"{NAME}.json"
    picture = path.with_suffix(".svg")
    picture.write_text(report.chart("zeroidle and its peers", blocks))
    sys.stdout.write(report.table(measured, columns()) + "\n\n")
    sys.stdout.write("\n".join(row["account"] for row in compared) + "\n\n")
    sys.stdout.write(report.table(compared, RATIO_COLUMNS) + "\n\n")
    sys.stdout.write(f"{path}  {picture}\n")


def _progress(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m zeroidle_inference.bench.engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="check the harness: few items, a round"
    )
    parser.add_argument("--model", action="append", choices=sorted(MODELS), help="only these")
    parser.add_argument("--task", action="append", choices=TASKS, help="only these")
    parser.add_argument("--rounds", type=int, help="rounds that count")
    parser.add_argument("--documents", type=int, help="documents of a batch, 16 if not told")
    parser.add_argument("--threads", type=int, default=2, help="threads of every system")
    parser.add_argument("--models", type=Path, default=Path("build/models"))
    parser.add_argument("--peers", type=Path, default=Path("build/peers"))
    parser.add_argument("--samples", type=Path, default=Path("samples"))
    return parser


if __name__ == "__main__":
    main()
