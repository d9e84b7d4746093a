"""`zeroidle scale`: reads arguments, calls the library, prints."""

import getpass
import json as json_text
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zeroidle_contract.profile import ServiceProfile
from zeroidle_ops.cli import Options
from zeroidle_ops.console import DONE, NOTHING_TO_DO, ask, show, tell
from zeroidle_ops.errors import UsageError
from zeroidle_ops.scale.controller import TICK_S, Controller, Tick
from zeroidle_ops.scale.observer import ServiceTime
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.stopping import stoppable

scale = App(name="scale")

# By name: they take nothing from here, and need no AWS.
scale.command(
    "zeroidle_ops.cli_simulate:simulate",
    name="simulate",
    help="Compare scaling policies on simulated traffic. Touches no AWS account.",
)
scale.command(
    "zeroidle_ops.cli_simulate:tune",
    name="tune",
    help="Recommend template parameters from measured service times. Changes nothing.",
)

NO_OPTIONS = Options()
DEFAULT = Policy()
Least = Annotated[int, Parameter(name="--least", help="Never fewer at once, but for a pause.")]
Most = Annotated[int, Parameter(name="--most", help="Never more at once.")]
Drain = Annotated[float, Parameter(help="In how many seconds a backlog shall be worked off.")]
Budget = Annotated[
    float | None, Parameter(name="--budget-usd-per-hour", help="For invocations, by the hour.")
]
PauseAt = Annotated[
    float | None,
    Parameter(
        name="--pause-at-share",
        help="Pause, not shrink, when this share of what ends fails, 0 to 1. [never]",
    ),
]
Seconds = Annotated[
    float, Parameter(help="What an invocation takes, until CloudWatch has measured it.")
]
Profile = Annotated[
    Path | None, Parameter(help="profile.json of a load test: what is usual, so that slow is seen.")
]
Reason = Annotated[str, Parameter(name="--reason", help="Why; colleagues read it.")]
Yes = Annotated[bool, Parameter(name="--yes", help="Do not ask.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Law:
    """Options of what decides: the policy, and what is known of an invocation."""

    least: Least = DEFAULT.least
    most: Most = DEFAULT.most
    drain_target_s: Drain = DEFAULT.drain_target_s
    budget: Budget = None
    pause_at_share: PauseAt = None
    seconds_per_invocation: Seconds = ServiceTime.seconds
    profile: Profile = None

    def policy(self) -> Policy:
        """Raises PolicyError."""
        return Policy(
            least=self.least,
            most=self.most,
            drain_target_s=self.drain_target_s,
            budget_usd_per_hour=self.budget,
            pause_at_share=self.pause_at_share,
        )

    def service_time(self) -> ServiceTime:
        """Measured, where there is a profile."""
        if self.seconds_per_invocation <= 0:
            raise UsageError("--seconds-per-invocation must be above 0")
        if self.profile is None:
            return ServiceTime(seconds=self.seconds_per_invocation)
        largest = ServiceProfile.load(self.profile).of().batches[-1]
        return ServiceTime(seconds=largest.seconds.p50, is_measured=True)


SHIPPED_LAW = Law()


@scale.command
def recommend(
    *,
    options: Options = NO_OPTIONS,
    law: Law = SHIPPED_LAW,
) -> int:
    """Say what the controller would do now, and why. Changes nothing.

    Example: `zeroidle scale recommend --stack prod --most 200 --budget-usd-per-hour 20`
    """
    tick = _controller(options, law.policy(), law.service_time()).recommend()
    show(_tick_json(tick), _tick_table(tick), json=options.json)
    return DONE


@scale.command
def run(
    *,
    options: Options = NO_OPTIONS,
    law: Law = SHIPPED_LAW,
    every_s: Annotated[float, Parameter(help="Seconds between two looks.")] = TICK_S,
    yes: Yes = False,
) -> int:
    """Control the limits until Ctrl-C; one controller at a time. A line for each decision.

    Ctrl-C ends it after the tick that is under way and leaves the limits as they are. A tick that
    comes while an operator or a deployment changes the mapping is skipped, and so is one that AWS
    throttles or cannot answer.

    Example: `zeroidle scale run --stack prod --most 200 --budget-usd-per-hour 20`
    """
    policy = law.policy()
    if not 0 < every_s <= policy.stale_after_s:
        raise UsageError(f"--every-s must be above 0, and at most {policy.stale_after_s:g}")
    controller = _controller(options, policy, law.service_time())
    ask(f"Set the mapping's limit between {law.least} and {law.most} every {every_s:g} s?", yes=yes)

    def on_tick(tick: Tick) -> None:
        if options.json:
            print(json_text.dumps(_tick_json(tick)), flush=True)  # noqa: T201 - one line each
        else:
            tell(f"{_now()} {_sentence(tick)}")

    def on_skip(why: str) -> None:
        tell(f"{_now()} skipped: {why}")

    with stoppable("stopping after this tick; Ctrl-C again to give up at once") as should_stop:
        controller.run(should_stop=should_stop, on_tick=on_tick, on_skip=on_skip, tick_s=every_s)
    tell("stopped; the limits stay as they are")
    return DONE


@scale.command
def pause(*, reason: Reason, options: Options = NO_OPTIONS, yes: Yes = False) -> int:
    """Stop handing out messages, now. They wait in the queue; what is in flight ends.

    No controller ends this pause, only `resume` does. Exit code 4 when it is paused already.

    Example: `zeroidle scale pause --stack prod --reason "bad release, INC-4711"`
    """
    controller = _controller(options, DEFAULT)
    ask("Disable the mapping: no job begins until somebody resumes it?", yes=yes)
    controller.pause(reason=reason)
    show(
        {"paused": True, "by": _operator(), "reason": reason},
        f"paused; resume with `zeroidle scale resume {options.spelled} --reason …`. Messages are "
        "kept for 4 days",
        json=options.json,
    )
    return DONE


@scale.command
def resume(
    *,
    reason: Reason,
    options: Options = NO_OPTIONS,
    lift_stop: Annotated[
        bool,
        Parameter(
            negative=(), help="Also where reserved concurrency is 0, somebody's emergency stop."
        ),
    ] = False,
    yes: Yes = False,
) -> int:
    """Hand out messages again, from the lowest limit; a controller then doubles it by and by.

    Exit code 4 when it is not paused.

    Example: `zeroidle scale resume --stack prod --reason "rolled back"`
    """
    controller = _controller(options, DEFAULT)
    ask(f"Enable the mapping with a limit of {DEFAULT.least}?", yes=yes)
    limit = controller.resume(reason=reason, lift_stop=lift_stop)
    show(
        {"paused": False, "limit": limit},
        f"resumed with a limit of {limit}; a controller raises it as the work asks: the one in the "
        f"stack, or `zeroidle scale run {options.spelled}`",
        json=options.json,
    )
    return DONE


@scale.command
def history(
    *,
    options: Options = NO_OPTIONS,
    count: Annotated[int, Parameter(help="How many.")] = 20,
) -> int:
    """Show the last decisions, pauses and resumes, with who and why.

    Example: `zeroidle scale history --stack prod --count 50`
    """
    entries = _controller(options, DEFAULT).history(count)
    if not entries and not options.json:
        tell("nothing has been decided yet, by a controller or an operator")
        return NOTHING_TO_DO
    table = Table("when (UTC)", "who", "limit", "cause", "why", box=None)
    for entry in entries:
        limit = {None: "as it was", 0: "paused"}.get(entry.target, str(entry.target))
        table.add_row(entry.at[:19], entry.holder, limit, entry.cause, entry.reason)
    show({"decisions": [asdict(entry) for entry in entries]}, table, json=options.json)
    return DONE if entries else NOTHING_TO_DO


def _controller(
    options: Options, policy: Policy, service_time: ServiceTime | None = None
) -> Controller:
    target = options.target()
    return Controller(
        stack=target.stack,
        operator=_operator(),
        policy=policy,
        sqs=target.sqs,
        dynamodb=target.dynamodb,
        lambda_=target.lambda_,
        cloudwatch=target.cloudwatch,
        service_time=service_time,
    )


def _now() -> str:
    return f"{datetime.now(UTC):%H:%M:%S}"


def _operator() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


def _sentence(tick: Tick) -> str:
    target, now = tick.decision.target, tick.observation.current
    did = {None: f"{now} stays", 0: f"{now} → paused"}.get(target, f"{now} → {target}")
    return f"{did} ({tick.decision.cause.value}): {tick.decision.reason}"


def _tick_json(tick: Tick) -> dict[str, Any]:
    seen = {
        name: value
        for name, value in asdict(tick.observation).items()
        if value != float("inf")  # what never happened
    }
    return {"decision": asdict(tick.decision), "observation": seen}


def _tick_table(tick: Tick) -> Table:
    seen = tick.observation
    table = Table(show_header=False, box=None)
    for name, value in (
        ("decision", _sentence(tick)),
        ("limit", seen.current if seen.current is not None else "none is set"),
        ("reserved", seen.reserved if seen.reserved is not None else "nothing"),
        ("account leaves", seen.available),
        ("figures", f"{seen.data_age_s:.0f} s old"),
        ("waiting", f"{seen.backlog}, the oldest for {seen.oldest_age_s:.0f} s"),
        ("in flight", seen.in_flight),
        ("arrivals", f"{seen.arrivals_per_s:.2f} a second"),
        ("running", f"{seen.running:.1f}"),
        ("an invocation", f"{seen.seconds_per_invocation:.1f} s"),
        ("failed", f"{seen.failed_share:.0%} of what ended"),
        ("throttled", f"{seen.throttles_per_s:.2f} a second"),
        ("spent this hour", f"${seen.spent_usd:.4f}"),
        ("paused by", seen.paused_by or "nobody"),
    ):
        table.add_row(name, str(value))
    return table
