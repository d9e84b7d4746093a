"""`zeroidle prewarm`: reads arguments, calls the library, prints."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zeroidle_contract import load_prices
from zeroidle_contract.profile import ServiceProfile
from zeroidle_ops.cli import Options
from zeroidle_ops.console import DONE, NOTHING_TO_DO, PARTIAL, ask, show, tell
from zeroidle_ops.errors import UsageError
from zeroidle_ops.prewarm.provisioning import Provisioning, ProvisioningPlan
from zeroidle_ops.prewarm.schedule import Schedule, lead_time
from zeroidle_ops.prewarm.warmup import MOST, WarmUp, WarmUps
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import SystemClock

prewarm = App(name="prewarm")
schedule = App(name="schedule", help="Provisioned concurrency at set times.")
prewarm.command(schedule)

NO_OPTIONS = Options()
File = Annotated[Path, Parameter(help="The schedule, a TOML file (docs/scaling.md).")]
Init = Annotated[
    float, Parameter(name="--init-s", help="What a cold start takes; `prewarm now` tells it.")
]
Profile = Annotated[
    Path | None, Parameter(help="profile.json of a load test, to take the cold start from.")
]
Yes = Annotated[bool, Parameter(name="--yes", help="Do not ask.")]


@prewarm.command
def now(
    *,
    environments: Annotated[int, Parameter(help="How many distinct environments.")],
    options: Options = NO_OPTIONS,
    timeout_s: Annotated[float, Parameter(help="When to give up, in seconds.")] = 300,
    yes: Yes = False,
) -> int:
    """Warm N distinct environments now: invoke the alias, and hold until all have the model.

    Touches neither queue nor table. Lambda keeps an idle environment for some minutes, no more; for
    longer, use a schedule. Exit code 3 when fewer became warm in time.

    Example: `zeroidle prewarm now --environments 8 --stack prod`
    """
    if not 1 <= environments <= MOST or not 1 <= timeout_s <= 900:  # noqa: PLR2004 - Lambda's limit
        raise UsageError(f"--environments must be 1 to {MOST}, --timeout-s 1 to 900")
    target = options.target()
    ask(f"Invoke the function {environments} times and hold it?", yes=yes)
    warmed = WarmUps(
        stack=target.stack,
        sqs=target.sqs,
        lambda_=target.lambda_,
        invoker=target.invoker,
        clock=SystemClock(),
    ).warm(environments, timeout_s=timeout_s, usd_per_second=_usd_per_second(target))
    show(_warm_json(warmed), _warm_table(warmed), json=options.json)
    return DONE if warmed.is_complete else PARTIAL


@schedule.command
def plan(
    file: File,
    /,
    *,
    options: Options = NO_OPTIONS,
    init_s: Init = 60,
    profile: Profile = None,
) -> int:
    """Show what `apply` would do, its lead time and where it breaks even. Changes nothing.

    Exit code 4 when all is as the file says.

    Example: `zeroidle prewarm schedule plan office-hours.toml --stack prod --init-s 40`
    """
    target = options.target()
    planned = _provisioning(target).plan(
        Schedule.load(file), lead=lead_time(_init_s(init_s, profile))
    )
    price = _prices(target)
    show(_plan_json(planned, price), _plan_table(planned, price), json=options.json)
    return NOTHING_TO_DO if planned.is_empty else DONE


@schedule.command
def apply(
    file: File,
    /,
    *,
    options: Options = NO_OPTIONS,
    init_s: Init = 60,
    profile: Profile = None,
    timeout_s: Annotated[float, Parameter(help="How long to wait for the allocation.")] = 900,
    yes: Yes = False,
) -> int:
    """Set the scheduled actions; within a window allocate now and wait until it is ready.

    Leaves the scheduled actions of others alone. On failure all is as it was before.

    Example: `zeroidle prewarm schedule apply office-hours.toml --stack prod --init-s 40`
    """
    if timeout_s <= 0:
        raise UsageError("--timeout-s must be above 0")
    target = options.target()
    provisioning = _provisioning(target)
    planned = provisioning.plan(Schedule.load(file), lead=lead_time(_init_s(init_s, profile)))
    if planned.is_empty:
        tell("everything is as the schedule says")
        return NOTHING_TO_DO
    changes = [one for one in planned.changes if one.kind != "keep"]
    ask(f"Change {len(changes)} scheduled actions of the alias's concurrency?", yes=yes)
    provisioning.apply(planned, timeout_s=timeout_s)
    price = _prices(target)
    show(_plan_json(planned, price), _plan_table(planned, price), json=options.json)
    return DONE


def _provisioning(target: Target) -> Provisioning:
    return Provisioning(
        stack=target.stack,
        lambda_=target.lambda_,
        autoscaling=target.autoscaling,
        clock=SystemClock(),
    )


def _init_s(seconds: float, profile: Path | None) -> float:
    if profile is None:
        if seconds < 0:
            raise UsageError("--init-s must be 0 or more")
        return seconds
    measured = ServiceProfile.load(profile).cold_start_s
    if measured is None:
        raise UsageError(f"{profile} holds no cold start; give --init-s instead")
    return measured.p95


def _configuration(target: Target) -> Any:  # noqa: ANN401 - a function's configuration
    return target.lambda_.get_function_configuration(FunctionName=target.stack.function_name)


def _usd_per_second(target: Target) -> float:
    """What a running environment costs on demand."""
    function, prices = _configuration(target), load_prices().aws_lambda
    gb_second = prices.arm64_gb_second if _is_arm(function) else prices.x86_64_gb_second
    return float(function["MemorySize"]) / 1024 * gb_second


def _prices(target: Target) -> dict[str, float]:
    """An hour of one provisioned environment, and the busy share from which it pays."""
    function, prices = _configuration(target), load_prices().aws_lambda
    on_demand, executing, idle = (
        (
            prices.arm64_gb_second,
            prices.provisioned_arm64_gb_second_executing,
            prices.provisioned_arm64_gb_second_idle,
        )
        if _is_arm(function)
        else (
            prices.x86_64_gb_second,
            prices.provisioned_x86_64_gb_second_executing,
            prices.provisioned_x86_64_gb_second_idle,
        )
    )
    return {
        "idle_usd_per_hour": idle * function["MemorySize"] / 1024 * 3600,
        "break_even_busy_share": idle / (on_demand - executing),
    }


def _is_arm(function: Any) -> bool:  # noqa: ANN401 - a function's configuration
    return "arm64" in function.get("Architectures", [])


def _warm_json(warmed: WarmUp) -> dict[str, Any]:
    return asdict(warmed) | {"distinct": len(warmed.environments)}


def _warm_table(warmed: WarmUp) -> Table:
    table = Table(
        "environment",
        "model loaded in",
        box=None,
        title=f"{len(warmed.environments)} of {warmed.wanted} warm in {warmed.took_s:.1f} s, "
        f"{warmed.throttled} throttled, at most ${warmed.cost_usd:.4f}",
    )
    for one in warmed.environments:
        table.add_row(one.environment_id, f"{one.init_ms / 1000:.1f} s")
    return table


def _plan_json(planned: ProvisioningPlan, price: dict[str, float]) -> dict[str, Any]:
    return {
        "changes": [{"kind": one.kind, **one.action.model_dump()} for one in planned.changes],
        "left_alone": list(planned.foreign),
        "lead_s": planned.lead.total_seconds(),
        "allocated": planned.allocated,
        "wanted_now": planned.now,
        **price,
    }


def _plan_table(planned: ProvisioningPlan, price: dict[str, float]) -> Table:
    table = Table(
        "change",
        "scheduled action",
        "when",
        "environments",
        box=None,
        caption=(
            f"Lead: {planned.lead.total_seconds() / 60:.0f} min. An idle environment costs "
            f"${price['idle_usd_per_hour']:.3f} an hour; it is cheaper than on demand only where "
            f"it is busy {price['break_even_busy_share']:.0%} of the time. Below that it buys "
            "latency."
        ),
    )
    for one in planned.changes:
        action = one.action
        table.add_row(
            one.kind,
            action.name,
            f"{action.schedule} {action.timezone}",
            str(action.environments),
        )
    for name in planned.foreign:
        table.add_row("leave", name, "somebody else's", "")
    return table
