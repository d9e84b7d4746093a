"""`zeroidle deploy`: reads arguments, shows, asks, calls the library, prints."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from zeroidle_ops.cli import Options
from zeroidle_ops.console import DONE, ask, show, tell
from zeroidle_ops.errors import UsageError
from zeroidle_ops.stack.deployment import TIMEOUT_S, Deployment, Prepared, Wanted
from zeroidle_ops.stack.destruction import destroy as destroy_stack
from zeroidle_ops.stack.destruction import held_messages, kept_names
from zeroidle_ops.stack.live import Live

deploy = App(name="deploy")

Image = Annotated[
    str | None, Parameter(name="--image", help="The image in ECR, pinned: …@sha256:….")
]
Set = Annotated[
    tuple[str, ...],
    Parameter(name="--set", help="A template parameter, Name=Value; repeat it."),
]
Tag = Annotated[
    tuple[str, ...], Parameter(name="--tag", help="A tag on every resource, Key=Value; repeat it.")
]
DailyUsd = Annotated[
    float | None, Parameter(name="--daily-usd", help="Alarm when a day's compute costs more.")
]
Yes = Annotated[bool, Parameter(name="--yes", help="Do not ask.")]
NO_OPTIONS = Options()


@deploy.command
def plan(
    *,
    options: Options = NO_OPTIONS,
    image: Image = None,
    values: Set = (),
    tags: Tag = (),
    daily_usd: DailyUsd = None,
) -> int:
    """Show what `apply` would change, as CloudFormation works it out. Changes nothing.

    Example: `zeroidle deploy plan --stack prod --set MaximumConcurrency=40`
    """
    deployment = Deployment(options.target(), tell=tell)
    prepared = deployment.prepare(_wanted(image, values, tags, daily_usd))
    deployment.discard(prepared)
    show(_prepared_json(prepared), _prepared_table(prepared), json=options.json)
    return DONE


@deploy.command
def apply(
    *,
    options: Options = NO_OPTIONS,
    image: Image = None,
    values: Set = (),
    tags: Tag = (),
    daily_usd: DailyUsd = None,
    yes: Yes = False,
) -> int:
    """Create or update the stack: shows the change set, asks, executes it, waits.

    What is not named stays as it is, and so does what the scaler has set. A new image or setting
    of the function makes a new version, and the alias moves to it.

    Example: `zeroidle deploy apply --stack prod --daily-usd 10 --set AlarmEmail=oncall@example.org`
    """
    deployment = Deployment(options.target(), tell=tell)
    prepared = deployment.prepare(_wanted(image, values, tags, daily_usd))
    try:
        Console(stderr=True).print(_prepared_table(prepared))
        ask("Execute this change set?", yes=yes)
    except BaseException:
        deployment.discard(prepared)
        raise
    live = deployment.apply(prepared)
    show({"release": prepared.release, **_live_json(live)}, _live_text(live), json=options.json)
    return DONE


@deploy.command
def rollback(
    *,
    options: Options = NO_OPTIONS,
    to: Annotated[int | None, Parameter(name="--to", help="Another version than the last.")] = None,
    yes: Yes = False,
) -> int:
    """Let the version before serve again, with its own code and settings. Takes a second or two.

    Queues, mapping and alarms stay as they are. The next `apply` must name an image.

    Example: `zeroidle deploy rollback --stack prod`
    """
    deployment = Deployment(options.target(), tell=tell)
    serving, chosen = deployment.rollback_target(to)
    ask(f"Version {serving} serves. Let version {chosen} serve instead?", yes=yes)
    deployment.rollback(chosen)
    show(
        {"from": serving, "to": chosen},
        f"version {chosen} serves, {serving} does not",
        json=options.json,
    )
    return DONE


@deploy.command
def destroy(
    *,
    options: Options = NO_OPTIONS,
    lose_messages: Annotated[
        bool, Parameter(name="--lose-messages", help="Also when a queue holds messages.")
    ] = False,
    yes: Yes = False,
) -> int:
    """Delete the stack. Refuses while a queue holds messages; tables, bucket, key and images stay.

    Example: `zeroidle deploy destroy --stack prod`
    """
    target = options.target()
    held, kept = held_messages(target), kept_names(target)
    if lose_messages and held.total:
        tell(f"{held.queue} messages and {held.dead_letter_queue} dead letters will be LOST")
    ask(f"Delete stack {target.stack_name!r}?", yes=yes)
    destroy_stack(target, lose_messages=lose_messages, timeout_s=TIMEOUT_S, tell=tell)
    lines = [f"stack {target.stack_name!r} is gone", *(f"{name} stays" for name in kept)]
    show({"deleted": target.stack_name, "kept": kept}, "\n".join(lines), json=options.json)
    return DONE


def _wanted(
    image: str | None, values: Sequence[str], tags: Sequence[str], daily_usd: float | None
) -> Wanted:
    parameters = _pairs("--set", values)
    if image is not None:
        parameters["ImageUri"] = image
    if daily_usd is not None and daily_usd <= 0:
        raise UsageError("--daily-usd must be above 0")
    return Wanted(parameters=parameters, tags=_pairs("--tag", tags), daily_usd=daily_usd)


def _pairs(option: str, told: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for one in told:
        name, sign, value = one.partition("=")
        if not sign or not name:
            raise UsageError(f"{option} {one}: it must be Name=Value")
        pairs[name] = value
    return pairs


def _prepared_json(prepared: Prepared) -> dict[str, object]:
    return {
        "release": prepared.release,
        "creates_stack": prepared.change_set.is_new,
        "kept": dict(prepared.kept),
        "changes": [
            {
                "action": change.action,
                "resource": change.logical_id,
                "type": change.resource_type,
                "replaced": change.replaced,
                "causes": list(change.causes),
            }
            for change in prepared.change_set.changes
        ],
    }


def _prepared_table(prepared: Prepared) -> Table:
    kept = ", ".join(f"{name} {value}" for name, value in prepared.kept.items())
    table = Table(
        box=None,
        title=f"{prepared.change_set.stack_name}, release {prepared.release}",
        caption=f"kept as it is live: {kept}" if kept else None,
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("", "resource", "type", "replaced", "because of"):
        table.add_column(heading, overflow="fold")
    for change in prepared.change_set.changes:
        table.add_row(
            change.action.lower(),
            change.logical_id,
            change.resource_type.removeprefix("AWS::"),
            {"True": "yes", "Conditional": "perhaps"}.get(change.replaced, ""),
            ", ".join(change.causes),
        )
    return table


def _live_json(live: Live | None) -> dict[str, object]:
    return {"version": live.serving_version if live is not None else None}


def _live_text(live: Live | None) -> str:
    if live is None:
        return (
            "the stack stands, without a function yet: push the image to its RepositoryUri, then "
            "apply with --image"
        )
    return f"version {live.serving_version} serves"
