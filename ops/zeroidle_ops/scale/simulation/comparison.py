"""All scenarios, policies and seeds: the rows, and what they show. Knows nothing of printing.

A run depends on its scenario, policy and seed alone, so runs share nothing and go to as many
processes as there are processors.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import mean, median

from zeroidle_contract import load_prices
from zeroidle_contract.profile import ServiceProfile
from zeroidle_ops.scale.simulation.choosing import OURS, RIVALS, policy_named
from zeroidle_ops.scale.simulation.meter import Moment
from zeroidle_ops.scale.simulation.scenario import Scenario
from zeroidle_ops.scale.simulation.service_time import ServiceTimes
from zeroidle_ops.scale.simulation.world import Outcome, World

POLICIES = (OURS, *RIVALS)
BUDGET_SLACK = 0.05
"""A budget counts as kept if its hours exceeded it by no more than this share of one hour's."""
COST_RATIO_AT_MOST = 1.1
WASTE_RATIO_AT_MOST = 0.25
WASTE_BASELINE = "aws-default"


@dataclass(frozen=True)
class Row:
    """One run. `target_met`: 95 of 100 jobs had their result within the scenario's drain target.

    `took_s` is the processor's time for the run, on this machine.
    """

    scenario: str
    policy: str
    seed: int
    p95_age_s: float
    cost_usd: float
    wasted_usd: float
    budget_exceeded_usd: float
    target_met: bool
    budget_met: bool
    jobs: int
    unfinished: int
    cold_starts: int
    invocations: int
    throttles: int
    took_s: float


@dataclass(frozen=True)
class Run:
    """A row and the course behind it, which is kept for the first seed only."""

    row: Row
    course: tuple[Moment, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """One thing that must hold in one scenario, over all its seeds."""

    scenario: str
    claim: str
    figure: str
    holds: bool


def compare(
    scenarios: Sequence[Scenario],
    *,
    policies: Sequence[str],
    seeds: Sequence[int],
    profile: ServiceProfile,
    task: str,
    processes: int,
    on_done: Callable[[Run], None],
) -> list[Run]:
    """Run them all; in the order of scenarios, policies, seeds, whatever ended first."""
    wanted = [
        (scenario, policy, seed) for scenario in scenarios for policy in policies for seed in seeds
    ]
    found: dict[int, Run] = {}
    # Spawned: a fork would copy the progress bar's locks as its thread happens to hold them.
    context = get_context("spawn")
    with ProcessPoolExecutor(max_workers=processes, mp_context=context) as pool:
        futures = {
            pool.submit(run_one, *one, profile, task, with_course=one[2] == seeds[0]): number
            for number, one in enumerate(wanted)
        }
        try:
            for future in as_completed(futures):
                found[futures[future]] = future.result()
                on_done(found[futures[future]])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [found[number] for number in sorted(found)]


def run_one(
    scenario: Scenario,
    policy: str,
    seed: int,
    profile: ServiceProfile,
    task: str,
    *,
    with_course: bool,
) -> Run:
    """One run, in this process."""
    times = ServiceTimes(profile, task=task)
    prices, began_s = load_prices(), time.process_time()
    outcome = World(
        scenario=scenario,
        policy=policy_named(policy, scenario=scenario, times=times, prices=prices),
        times=times,
        prices=prices,
        seed=seed,
    ).run()
    row = _row(scenario, policy, seed, outcome, took_s=time.process_time() - began_s)
    return Run(row, outcome.course if with_course else ())


def _row(scenario: Scenario, policy: str, seed: int, outcome: Outcome, *, took_s: float) -> Row:
    slack_usd = BUDGET_SLACK * (scenario.hourly_budget_usd or 0)
    return Row(
        scenario=scenario.name,
        policy=policy,
        seed=seed,
        p95_age_s=outcome.p95_age_s,
        cost_usd=outcome.cost_usd,
        wasted_usd=outcome.wasted_usd,
        budget_exceeded_usd=outcome.budget_exceeded_usd,
        target_met=outcome.p95_age_s <= scenario.drain_target_s,
        budget_met=outcome.budget_exceeded_usd <= slack_usd,
        jobs=outcome.jobs,
        unfinished=outcome.unfinished,
        cold_starts=outcome.cold_starts,
        invocations=outcome.invocations,
        throttles=outcome.throttles,
        took_s=took_s,
    )


def verdicts(scenarios: Sequence[Scenario], rows: Sequence[Row]) -> list[Verdict]:
    """What must hold of our policy: target, cost beside the cheapest, waste in storms.

    A policy is a contender in one seed if it kept target and budget there. Cost is compared seed
    by seed with the cheapest contender, and the mean of these ratios is judged.
    """
    found: list[Verdict] = []
    for scenario in scenarios:
        group = [row for row in rows if row.scenario == scenario.name]
        mine = {row.seed: row for row in group if row.policy == OURS}
        if not mine:
            continue
        contenders = {
            seed: [row for row in group if row.seed == seed and row.target_met and row.budget_met]
            for seed in mine
        }
        reachable = [seed for seed, some in contenders.items() if some]
        found.append(_target_verdict(scenario.name, mine, reachable))
        ratios = [
            mine[seed].cost_usd / min(row.cost_usd for row in contenders[seed])
            for seed in reachable
        ]
        if ratios:
            ratio = mean(ratios)
            found.append(
                Verdict(
                    scenario.name,
                    f"cost at most {COST_RATIO_AT_MOST:g} times the cheapest that meets it",
                    f"{ratio:.3f} times ({min(ratios):.3f} to {max(ratios):.3f})",
                    ratio <= COST_RATIO_AT_MOST,
                )
            )
        if scenario.storms:
            found.extend(_waste_verdict(scenario.name, group))
    return found


def _target_verdict(scenario: str, mine: dict[int, Row], reachable: Sequence[int]) -> Verdict:
    met = [seed for seed in reachable if mine[seed].target_met and mine[seed].budget_met]
    return Verdict(
        scenario,
        "p95 age within the drain target, and the budget kept, where any policy does",
        f"{len(met)} of {len(reachable)} seeds; "
        f"median p95 {median(row.p95_age_s for row in mine.values()):.0f} s",
        len(met) == len(reachable),
    )


def _waste_verdict(scenario: str, group: Sequence[Row]) -> Iterator[Verdict]:
    ours = [row.wasted_usd for row in group if row.policy == OURS]
    theirs = [row.wasted_usd for row in group if row.policy == WASTE_BASELINE]
    if sum(theirs) > 0:
        ratio = mean(ours) / mean(theirs)
        yield Verdict(
            scenario,
            f"wasted dollars at most {WASTE_RATIO_AT_MOST:g} of {WASTE_BASELINE}'s",
            f"{ratio:.3f} ({mean(ours):.2f} of {mean(theirs):.2f} USD)",
            ratio <= WASTE_RATIO_AT_MOST,
        )
