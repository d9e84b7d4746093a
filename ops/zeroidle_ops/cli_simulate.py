"""`zeroidle scale simulate` and `tune`: read arguments, call the library, print. No AWS."""

import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from zeroidle_contract import load_prices
from zeroidle_contract.profile import ANY_TASK, ServiceProfile
from zeroidle_ops.console import DONE, PARTIAL, progress, show, tell
from zeroidle_ops.errors import UsageError
from zeroidle_ops.scale.simulation.comparison import POLICIES, Run, compare, verdicts
from zeroidle_ops.scale.simulation.plot import Chapter, Course, page
from zeroidle_ops.scale.simulation.rendering import results_json, results_table, write
from zeroidle_ops.scale.simulation.scenario import Scenario, load_scenario, shipped_names
from zeroidle_ops.scale.simulation.shipped import SHIPPED_PROFILE
from zeroidle_ops.scale.tuning import Tuning, Wishes
from zeroidle_ops.scale.tuning import tune as tuned

ProfileFile = Annotated[Path, Parameter(help="Measured service times, a profile.json.")]
Task = Annotated[str, Parameter(help="The kind of task in the profile; `*` is their mixture.")]
Json = Annotated[bool, Parameter(name="--json", help="Print JSON, not a table.")]


def simulate(
    *,
    scenario: Annotated[
        tuple[str, ...], Parameter(help="A scenario's name or .toml file; repeat it. [all]")
    ] = (),
    policy: Annotated[
        tuple[str, ...], Parameter(help="A policy to compare; repeat it. [all]")
    ] = (),
    seeds: Annotated[int, Parameter(help="Runs of each, seeds 1 to N.")] = 3,
    profile: ProfileFile = SHIPPED_PROFILE,
    task: Task = ANY_TASK,
    to: Annotated[Path, Parameter(help="Folder for simulate.json and simulate.html.")] = Path(
        "build/bench"
    ),
    processes: Annotated[int | None, Parameter(help="At once. [one a processor]")] = None,
    json: Json = False,
) -> int:
    """Compare scaling policies on simulated traffic and faults. Touches no AWS account.

    Writes the rows and a page of plots. Exit code 3 when something that must hold does not.

    Example: `zeroidle scale simulate --scenario flash-crowd --seeds 5`

    Example: `zeroidle scale simulate --scenario my-load.toml --profile profile.json`
    """
    if seeds < 1:
        raise UsageError("--seeds must be 1 or more")
    if unknown := sorted(set(policy) - set(POLICIES)):
        raise UsageError(f"no policy is called {unknown[0]!r}; there are {', '.join(POLICIES)}")
    scenarios = [load_scenario(name) for name in scenario or shipped_names()]
    chosen = [name for name in POLICIES if name in policy] or list(POLICIES)
    known = ServiceProfile.load(profile)
    with progress() as bars:
        bar = bars.add_task("simulating", total=len(scenarios) * len(chosen) * seeds)
        runs = compare(
            scenarios,
            policies=chosen,
            seeds=range(1, seeds + 1),
            profile=known,
            task=task,
            processes=processes or os.cpu_count() or 1,
            on_done=lambda _: bars.advance(bar),
        )
    rows = [run.row for run in runs]
    judged = verdicts(scenarios, rows)
    results = results_json(rows, judged)
    subtitle = f"seed 1 of {seeds}; service times: {known.machine}"
    for path in write(to, results, page(_chapters(scenarios, runs), subtitle=subtitle)):
        tell(f"wrote {path}")
    show(results, results_table(rows, judged), json=json)
    return DONE if all(verdict.holds for verdict in judged) else PARTIAL


def _chapters(scenarios: list[Scenario], runs: list[Run]) -> list[Chapter]:
    return [
        Chapter(
            name=scenario.name,
            about=scenario.about,
            courses=[
                Course(run.row.policy, run.course)
                for run in runs
                if run.row.scenario == scenario.name and run.course
            ],
        )
        for scenario in scenarios
    ]


def tune(
    *,
    profile: Annotated[
        tuple[Path, ...], Parameter(help="A measured profile.json; repeat it for other memory.")
    ],
    target_s: Annotated[float, Parameter(help="Age that 95 of 100 jobs must keep, seconds.")],
    jobs_per_s: Annotated[float, Parameter(help="Arrivals at the peak.")],
    backlog: Annotated[int, Parameter(help="Jobs that may come at once on top.")] = 0,
    hourly_budget_usd: Annotated[float | None, Parameter(help="Compute, USD an hour.")] = None,
    account_limit: Annotated[int, Parameter(help="The account's concurrency.")] = 1000,
    task: Task = ANY_TASK,
    json: Json = False,
) -> int:
    """Recommend the template's parameters from measured service times. Changes nothing.

    Example: `zeroidle scale tune --profile profile.json --target-s 600 --jobs-per-s 4`
    """
    if target_s <= 0 or jobs_per_s < 0 or backlog < 0 or account_limit < 1:
        raise UsageError("--target-s and --account-limit must be above 0, the others not below")
    wishes = Wishes(
        target_s=target_s,
        jobs_per_s=jobs_per_s,
        backlog=backlog,
        hourly_budget_usd=hourly_budget_usd,
        account_limit=account_limit,
    )
    found = tuned([ServiceProfile.load(path) for path in profile], wishes, load_prices(), task=task)
    show(_tuning_json(found), _tuning_table(found), json=json)
    for warning in found.warnings:
        tell(f"note: {warning}")
    return DONE


def _tuning_json(found: Tuning) -> dict[str, Any]:
    return {
        "parameters": found.parameters,
        "settings": [
            {"name": one.name, "value": one.value, "reason": one.reason} for one in found.settings
        ],
        "usd_per_1000_jobs": found.usd_per_1000_jobs,
        "warnings": list(found.warnings),
    }


def _tuning_table(found: Tuning) -> Table:
    table = Table(caption=f"compute: {found.usd_per_1000_jobs:.3f} USD for 1,000 jobs")
    for heading in ("setting", "value", "template parameter", "reason"):
        table.add_column(heading)
    for one in found.settings:
        table.add_row(one.name, one.value, one.parameter or "(follows)", one.reason)
    return table
