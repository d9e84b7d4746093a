"""`zeroidle prewarm` as on-call types it: what it prints, how it exits, what it leaves alone."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from integration.prewarm.alias_double import OFFICE
from terminal import ClientThat, Terminal, log_in_as_one_who_may

from zeroidle_ops.cli import Options
from zeroidle_ops.observe.limits import read_provisioned
from zeroidle_ops.prewarm.provisioning import DIMENSION
from zeroidle_ops.stack.target import Target

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("target")]

PLAN = "schedule plan office.toml"
APPLY = "schedule apply office.toml"


@pytest.fixture
def terminal(
    capsys: pytest.CaptureFixture[str], autoscaling: Any, monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    """With a schedule beside it, and moto's Application Auto Scaling behind it."""
    monkeypatch.setattr(Target, "autoscaling", autoscaling)
    Path("office.toml").write_text(OFFICE)
    return Terminal("prewarm", capsys, where="--local")


def window_around_now(environments: int) -> str:
    begin, until = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    return (
        f'timezone = "UTC"\n[[event]]\nname = "today"\nfrom = {begin:%Y-%m-%dT%H:%M:%S}\n'
        f"until = {until:%Y-%m-%dT%H:%M:%S}\nenvironments = {environments}\n"
    )


def scheduled(target: Target, autoscaling: Any) -> set[str]:
    names = target.stack
    found = autoscaling.describe_scheduled_actions(
        ServiceNamespace="lambda",
        ResourceId=f"function:{names.function_name}:{names.alias_name}",
        ScalableDimension=DIMENSION,
    )
    return {one["ScheduledActionName"] for one in found["ScheduledActions"]}


@pytest.mark.parametrize("command", ["now", "schedule plan", "schedule apply"])
def test_help_has_an_example_that_names_the_command(terminal: Terminal, command: str) -> None:
    code, out = terminal(f"{command} --help", where="")

    assert code == 0
    assert f"zeroidle prewarm {command} " in " ".join(out.split())


def test_a_plan_shows_changes_lead_and_break_even_and_changes_nothing(
    target: Target, autoscaling: Any, terminal: Terminal
) -> None:
    code, told = terminal.json(f"{PLAN} --init-s 45")

    assert code == 0
    assert [(one["kind"], one["name"], one["environments"]) for one in told["changes"]] == [
        ("create", "zeroidle-office-up", 4),
        ("create", "zeroidle-office-down", 0),
        ("create", "zeroidle-stock-taking-up", 10),
        ("create", "zeroidle-stock-taking-down", 0),
    ]
    assert told["lead_s"] == 180
    assert told["break_even_busy_share"] == pytest.approx(0.6, abs=0.001)
    assert scheduled(target, autoscaling) == set()
    _, out = terminal(f"{PLAN} --init-s 45")
    assert "Lead: 3 min." in out
    assert "it is busy 60% of the time" in " ".join(out.split())


def test_a_schedule_is_applied_once_and_then_there_is_nothing_to_do(
    target: Target, autoscaling: Any, terminal: Terminal
) -> None:
    assert terminal(APPLY) == (2, "")
    assert "give --yes" in terminal.err
    assert scheduled(target, autoscaling) == set()

    code, told = terminal.json(f"{APPLY} --yes")

    assert (code, len(told["changes"])) == (0, 4)
    assert len(scheduled(target, autoscaling)) == 4
    code, told = terminal.json(PLAN)
    assert (code, {one["kind"] for one in told["changes"]}) == (4, {"keep"})
    assert terminal(f"{APPLY} --yes") == (4, "")
    assert "everything is as the schedule says" in terminal.err


def test_within_a_window_environments_are_allocated_at_once(
    target: Target, terminal: Terminal
) -> None:
    Path("today.toml").write_text(window_around_now(2))

    code, told = terminal.json("schedule apply today.toml --yes")

    assert (code, told["wanted_now"]) == (0, 2)
    assert read_provisioned(target.lambda_, target.stack).requested == 2


def test_an_allocation_that_aws_cannot_make_is_an_error_and_leaves_all_as_it_was(
    target: Target, autoscaling: Any, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(**_: object) -> Any:
        return {
            "RequestedProvisionedConcurrentExecutions": 0,
            "AllocatedProvisionedConcurrentExecutions": 0,
            "Status": "FAILED",
            "StatusReason": "no capacity",
        }

    client = ClientThat(target.lambda_, get_provisioned_concurrency_config=failed)
    monkeypatch.setitem(target.__dict__, "lambda_", client)
    monkeypatch.setattr(Options, "target", lambda _: target)
    Path("today.toml").write_text(window_around_now(2))

    assert terminal("schedule apply today.toml --yes") == (1, "")

    assert "could not provision 2 environments (no capacity)" in terminal.err
    assert scheduled(target, autoscaling) == set()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("now --environments 0 --yes", "--environments must be 1 to 500"),
        ("now --environments 501 --yes", "--environments must be 1 to 500"),
        ("now --environments 2 --timeout-s 0 --yes", "--timeout-s 1 to 900"),
        ("now --environments 2 --timeout-s 901 --yes", "--timeout-s 1 to 900"),
        ("now --yes", "--environments"),
        ("now --environments 2", "give --yes"),
        ("schedule plan nowhere.toml", "nowhere.toml cannot be read"),
        ("schedule plan faulty.toml", "daily.0.days"),
        ("schedule apply faulty.toml --yes", "daily.0.days"),
        (f"{PLAN} --init-s -1", "--init-s must be 0 or more"),
        (f"{APPLY} --timeout-s 0 --yes", "--timeout-s must be above 0"),
    ],
)
def test_what_cannot_be_is_a_usage_error(terminal: Terminal, line: str, sentence: str) -> None:
    Path("faulty.toml").write_text(OFFICE.replace("MON-FRI", "MONDAY"))

    assert terminal(line) == (2, "")

    assert sentence in terminal.err


EVERY = ("now --environments 2 --yes", PLAN, f"{APPLY} --yes")


@pytest.mark.parametrize("line", EVERY)
def test_a_function_without_the_alias_is_named(
    target: Target, terminal: Terminal, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = target.stack.model_copy(update={"alias_name": "gone"})
    monkeypatch.setitem(target.__dict__, "stack", names)
    monkeypatch.setattr(Options, "target", lambda _: target)

    assert terminal(line) == (1, "")

    assert f"function {names.function_name} has no alias 'gone'" in terminal.err


@pytest.mark.parametrize("line", EVERY)
def test_an_alias_that_stands_for_latest_is_refused(
    target: Target, terminal: Terminal, line: str
) -> None:
    names = target.stack
    target.lambda_.update_alias(
        FunctionName=names.function_name, Name=names.alias_name, FunctionVersion="$LATEST"
    )

    assert terminal(line) == (1, "")

    assert f"alias '{names.alias_name}' stands for $LATEST" in terminal.err


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("now --environments 13 --yes", "reserved concurrency of 12 leaves room for 12 held"),
        (PLAN, "the schedule asks for 10 environments, the function's reserved concurrency is 9"),
    ],
)
def test_a_reservation_below_the_wish_is_said(
    target: Target, terminal: Terminal, line: str, sentence: str
) -> None:
    if line == PLAN:
        target.lambda_.put_function_concurrency(
            FunctionName=target.stack.function_name, ReservedConcurrentExecutions=9
        )

    assert terminal(line) == (1, "")

    assert sentence in terminal.err


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("now --environments 6 --yes", "the account's unreserved concurrency leaves room for 5"),
        (PLAN, "the account leaves (beside 100 that stay unreserved) 0;"),
        (f"{APPLY} --yes", "the account leaves (beside 100 that stay unreserved) 0;"),
    ],
)
def test_an_account_capped_below_the_wish_is_said(
    target: Target,
    terminal: Terminal,
    line: str,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def capped() -> Any:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": 5}}

    target.lambda_.delete_function_concurrency(FunctionName=target.stack.function_name)
    client = ClientThat(target.lambda_, get_account_settings=capped)
    monkeypatch.setitem(target.__dict__, "lambda_", client)
    monkeypatch.setattr(Options, "target", lambda _: target)

    assert terminal(line) == (1, "")

    assert sentence in terminal.err


@pytest.mark.parametrize(
    ("line", "denied", "operation"),
    [
        ("now --environments 1 --yes", "lambda:InvokeFunction", "Invoke"),
        (PLAN, "lambda:*", "GetAlias"),
    ],
)
def test_who_may_not_is_told_which_call_was_denied(
    target: Target,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    denied: str,
    operation: str,
) -> None:
    """With IAM enforced: everything else is allowed."""
    where = log_in_as_one_who_may(
        monkeypatch, target, *("cloudformation:*", "lambda:*", "sqs:*"), then_not=denied
    )

    assert terminal(line, where=where) == (1, "")

    assert f"AWS denies {operation}" in terminal.err
    assert terminal.err.count("\n") == 1


def test_a_function_that_knows_no_warm_up_is_said(terminal: Terminal) -> None:
    assert terminal("now --environments 1 --yes") == (1, "")

    assert "the function does not know the warm-up" in terminal.err


def test_a_profile_without_a_cold_start_asks_for_the_figure(terminal: Terminal) -> None:
    shipped = Path(__file__).parents[3] / "ops/zeroidle_ops/scale/simulation/profile.json"
    told = json.loads(shipped.read_text())
    Path("profile.json").write_text(json.dumps(told | {"cold_start_s": None}))

    assert terminal(f"{PLAN} --profile profile.json") == (2, "")

    assert "profile.json holds no cold start; give --init-s instead" in terminal.err
