"""What `zeroidle deploy` refuses before it asks AWS for anything, and the sentence for each."""

from typing import Any

import boto3
import botocore.session
import pytest

from zeroidle_ops.errors import DeploymentError
from zeroidle_ops.stack import change_set, deploy
from zeroidle_ops.stack.deployment import Deployment, Wanted
from zeroidle_ops.stack.parameters import broken_rule, check_each
from zeroidle_ops.stack.target import Target


class CloudFormation:
    """A stack in some state; everything but looking at it is a mistake."""

    def __init__(self, status: str) -> None:
        self._status = status

    def describe_stacks(self, **_: object) -> dict[str, Any]:
        return {"Stacks": [{"StackName": "prod", "StackStatus": self._status}]}


def target(status: str = "CREATE_COMPLETE") -> Target:
    """Without credentials: a call of AWS would fail."""
    made = Target(stack_name="prod", session=boto3.Session(region_name="us-east-1"))
    made.__dict__["cloudformation"] = CloudFormation(status)
    return made


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("MemoryMb", "20000", "must be a whole number from 512 to 10240"),
        ("MemoryMb", "511", "must be a whole number from 512 to 10240"),
        ("MemoryMb", "1024.5", "must be a whole number from 512 to 10240"),
        ("MaximumConcurrency", "many", "must be a whole number from 2 to 1000"),
        ("MaximumConcurrency", "", "must be a whole number from 2 to 1000"),
        ("ReservedConcurrency", "-1", "must be a whole number from 0 to 10000"),
        ("TimeoutSeconds", "301", "must be one of 30, 60, 120, 180, 300, 600, 900"),
        ("Architecture", "arm", "must be one of arm64, x86_64"),
        ("LogRetentionDays", "31", "must be one of 1, 3, 5, 7, 14, 30, 60, 90, 180, 365"),
        ("ImageUri", "repo:latest", "must be an ECR image pinned by digest (…@sha256:…), or empty"),
        ("EncryptionKey", "alias/x", "must be aws, stack, or the ARN of a KMS key"),
        ("NetworkCidr", "10.0.0.0/8", "must be an IPv4 range of /16 to /25"),
        ("AlarmEmail", "on call", "must be an e-mail address, or empty"),
        ("ModelPath", "", "must have at least 1 characters"),
        ("OpsCodeKey", "k" * 201, "must have at most 200 characters"),
    ],
)
def test_a_value_out_of_its_limits_is_told_with_them(name: str, value: str, rule: str) -> None:
    deployment = Deployment(target())

    with pytest.raises(DeploymentError) as told:
        deployment.prepare(Wanted(parameters={name: value}))

    assert str(told.value) == f"{name} is {value!r}, it {rule}"


def test_all_mistakes_are_told_together() -> None:
    with pytest.raises(DeploymentError) as told:
        check_each({"Nope": "1", "BatchSize": "0", "Threads": "4", "Network": "open"})

    assert str(told.value) == (
        "the template has no parameter Nope; "
        "BatchSize is '0', it must be a whole number from 1 to 10000; "
        "Network is 'open', it must be one of shared, private"
    )


@pytest.mark.parametrize("name", deploy.declared())
def test_every_parameter_says_its_limits_and_takes_its_own_default(name: str) -> None:
    declared = deploy.declared()[name]

    assert broken_rule(declared, declared["Default"]) is None
    assert declared["Description"]
    limits = {"AllowedValues", "MaxValue", "AllowedPattern", "MaxLength", "MinLength"}
    assert limits & set(declared)
    if "AllowedPattern" in declared:
        assert declared["ConstraintDescription"].startswith("must be ")


WAIT = "it is being changed right now; wait until that has ended"
CONTINUE = "mend what its last events name, then run `aws cloudformation continue-update-rollback`"
NEVER = "it was never created; remove it with `zeroidle deploy destroy`, then apply"


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("CREATE_IN_PROGRESS", WAIT),
        ("UPDATE_IN_PROGRESS", WAIT),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", WAIT),
        ("ROLLBACK_IN_PROGRESS", WAIT),
        ("DELETE_IN_PROGRESS", WAIT),
        ("CREATE_FAILED", NEVER),
        ("ROLLBACK_COMPLETE", NEVER),
        ("ROLLBACK_FAILED", NEVER),
        (
            "DELETE_FAILED",
            "run `zeroidle deploy destroy` again; its events say what was in the way",
        ),
        (
            "UPDATE_ROLLBACK_FAILED",
            CONTINUE,
        ),
        ("UPDATE_FAILED", "run `aws cloudformation rollback-stack`, then apply"),
        (
            "IMPORT_ROLLBACK_FAILED",
            "its last events say why; mend that in CloudFormation's console, then apply",
        ),
    ],
)
def test_a_stack_in_a_bad_state_is_left_alone_and_the_way_out_is_told(
    status: str, remedy: str
) -> None:
    deployment = Deployment(target(status))

    with pytest.raises(DeploymentError) as told:
        deployment.prepare(Wanted(parameters={"BatchSize": "5"}))

    assert str(told.value) == f"stack 'prod' is {status}: {remedy}"


def test_every_state_of_cloudformation_is_known() -> None:
    """Either a change may begin, or the sentence says what is to be done."""
    statuses: Any = (
        botocore.session.get_session().get_service_model("cloudformation").shape_for("StackStatus")
    )
    free = set()
    for status in statuses.enum:
        try:
            change_set.check_state("prod", status)
        except DeploymentError:
            continue
        free.add(status)

    assert free == {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
        "DELETE_COMPLETE",
        "REVIEW_IN_PROGRESS",  # the shell of a stack that was planned
    }


def test_a_template_longer_than_cloudformation_takes_is_told_by_how_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = deploy.template()
    outputs = "".join(f"  Extra{number}:\n    Value: {'x' * 90}\n" for number in range(20))
    monkeypatch.setattr(deploy, "template", lambda: told + outputs)

    with pytest.raises(
        DeploymentError, match=r"is 5\d,\d\d\d bytes .* takes 51,200: shorten template"
    ):
        deploy.compact()
