"""`zeroidle-load measure-aws`: shows the price, asks, runs once, prints the figures."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zeroidle_loadtest import surroundings
from zeroidle_loadtest.cli import RESULTS, show_run
from zeroidle_loadtest.conclusion import exit_code
from zeroidle_loadtest.driving import Drive, new_run_id
from zeroidle_loadtest.errors import UsageError
from zeroidle_loadtest.price_bound import price_bound
from zeroidle_loadtest.record import PROFILE_FILE, read_run
from zeroidle_loadtest.scenario import Constant, Scenario, load_scenario
from zeroidle_ops.console import ask, tell

MOST_REQUESTS = 1000


def measure_aws(
    scenario: Annotated[Path, Parameter(help="Scenario file; only its mixture is used.")],
    /,
    *,
    stack: Annotated[str, Parameter(help="Name of the CloudFormation stack on AWS.")],
    requests: Annotated[int, Parameter(help="How many requests to pay for.")] = 50,
    rate: Annotated[float, Parameter(help="Requests a second.")] = 1.0,
    most_usd: Annotated[float, Parameter(help="Refuse to start above this.")] = 10.0,
    slo: Annotated[Path | None, Parameter(help="Thresholds (TOML).")] = None,
    results: Annotated[Path, Parameter(help="Folder for the runs.")] = RESULTS,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
    json: Annotated[bool, Parameter(help="Print JSON instead of a table.")] = False,
) -> int:
    """Run a bounded number of requests on a real function, and write the profile it gives.

    Shows the most it can cost and asks before anything is sent. The folder it leaves replaces what
    was projected from this machine: `zeroidle-load report RUN --measured FOLDER` prices a run of
    the same scenario with Lambda's durations, and `zeroidle scale` reads its profile.

    Example: `zeroidle-load measure-aws loadtest/scenarios/laptop.toml --stack prod --requests 30`
    """
    if not 0 < requests <= MOST_REQUESTS or rate <= 0:
        raise UsageError(f"--requests must be 1 to {MOST_REQUESTS}, --rate above 0")
    prices = surroundings.prices()
    if prices is None:
        raise UsageError(
            "the price list cannot be read, so nothing is sent; reinstall this package"
        )
    drive = Drive(results=results, slo=slo, stack=stack)
    with drive.target() as target:
        described = surroundings.describe(target, is_local=False)
    bound = price_bound(requests, described, prices)
    tell(
        f"{requests} requests on {stack}: at most ${bound.total_usd:.2f} (each tried "
        f"{bound.attempts} times, to the timeout of {described.timeout_s} s; prices of "
        f"{bound.as_of}, {prices.region})"
    )
    if bound.total_usd > most_usd:
        raise UsageError(f"that is above --most-usd {most_usd:g}: send fewer, or raise it")
    ask("Spend it?", yes=yes)
    planned = bounded(load_scenario(scenario), requests=requests, rate_per_s=rate)
    run_id = new_run_id()
    results.mkdir(parents=True, exist_ok=True)
    file = results / f"{run_id}.scenario.json"
    file.write_text(planned.model_dump_json(exclude_none=True))
    folder = drive.run(file, run_id=run_id)
    record = read_run(folder)
    show_run(folder, record, json=json)
    tell(f"the profile is {folder / PROFILE_FILE}")
    tell(f"replace a local run's projection: zeroidle-load report RUN --measured {folder}")
    return exit_code(record)


def bounded(scenario: Scenario, *, requests: int, rate_per_s: float) -> Scenario:
    """The mixture at a steady rate, ending half a pause after the last request: none too many."""
    arrivals = Constant(kind="constant", rate_per_s=rate_per_s)
    duration_s = (requests - 0.5) / rate_per_s
    return scenario.model_copy(update={"arrivals": arrivals, "duration_s": duration_s})
