"""What `zeroidle deploy` says of an image that does not fit, and of a deployer who may not.

And what a deployer needs for the command's own calls: docs/deploy.md names them.
"""

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from assumed_role import AssumedRole
from deployed_world import World

from zeroidle_ops import cli
from zeroidle_ops.stack import change_set
from zeroidle_ops.stack.deployment import Deployment, Wanted
from zeroidle_ops.stack.destruction import destroy
from zeroidle_ops.stack.emulator_iam import EMULATORS_NAME
from zeroidle_ops.stack.local_deployment import correct_emulator
from zeroidle_ops.stack.target import Target

pytestmark = pytest.mark.emulator

PLAIN = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
MIB = 1 << 20
DEPLOY_PAGE = Path(__file__).parents[3] / "docs" / "deploy.md"
FOR_IMAGES = {"ecr:BatchGetImage", "s3:ListBucket", "s3:GetObject", "s3:PutObject"}
"""With an image it is looked at, and the scheduled functions' Zip is put into the bucket unless it
is there; without `s3:ListBucket` S3 would say forbidden where it means missing."""


@pytest.fixture
def push(world: World) -> Callable[..., str]:
    """Pushes a manifest; the image's name, pinned."""
    name = f"r{uuid.uuid4().hex[:8]}"
    world.target.ecr.create_repository(repositoryName=name)

    def manifest(kind: str, **told: Any) -> str:
        image = world.target.ecr.put_image(
            repositoryName=name,
            imageManifest=json.dumps({"schemaVersion": 2, "mediaType": kind, **told}),
            imageManifestMediaType=kind,
            imageTag=uuid.uuid4().hex,
        )["image"]
        digest = image["imageId"]["imageDigest"]
        return f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{name}@{digest}"

    return manifest


class Terminal:
    """Types `zeroidle deploy` for the world's stack, as somebody."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self._world = world
        self._capsys = capsys

    def __call__(self, *line: str) -> tuple[int, str]:
        code = cli.main(["deploy", *line, "--stack", self._world.target.stack_name])
        return code, " ".join(self._capsys.readouterr().err.split())


@pytest.fixture
def terminal(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    root = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    act_as(monkeypatch, {**root, "AWS_DEFAULT_REGION": "us-east-1"}, world.target)
    return Terminal(world, capsys)


def act_as(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], target: Target) -> None:
    assert target.endpoint is not None
    for name, value in {**environment, "AWS_ENDPOINT_URL": target.endpoint}.items():
        monkeypatch.setenv(name, value)


def stands(world: World) -> bool:
    return change_set.describe(world.target.cloudformation, world.target.stack_name) is not None


def test_a_model_larger_than_the_functions_memory_is_refused_at_the_plan(
    world: World, push: Callable[..., str], terminal: Terminal
) -> None:
    image = push(PLAIN, layers=[{"size": 80 * MIB}, {"size": 4_700 * MIB}, {"size": 9}])

    code, told = terminal("plan", "--image", image, "--set", "MemoryMb=4096")

    assert code == 1
    assert told == (
        "zeroidle: the model takes about 5500 MB of memory and MemoryMb is 4096; raise it (10240 "
        "is the most), or take a smaller model"
    )
    assert not stands(world)
    assert terminal("plan", "--image", image, "--set", "MemoryMb=5632")[0] == 0


def test_an_index_or_an_image_that_is_not_there_is_refused_at_the_plan(
    world: World, push: Callable[..., str], terminal: Terminal
) -> None:
    index = push(INDEX, manifests=[{"size": 500}])
    missing = index.split("@")[0] + "@sha256:" + "0" * 64

    for image in (index, missing):
        code, told = terminal("plan", "--image", image)
        assert code == 1
        assert "there is no plain image sha256:" in told
        assert "push it first (an index with attestations is none: Lambda refuses it)" in told
    assert not stands(world)


def a_role(world: World, actions: list[str]) -> AssumedRole:
    """A role that may do this and nothing else."""
    name = f"deployer-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    emulators = [EMULATORS_NAME[action] for action in actions if action in EMULATORS_NAME]
    allowed = {"Effect": "Allow", "Action": actions + emulators, "Resource": "*"}
    arn = world.target.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))[
        "Role"
    ]["Arn"]
    world.target.iam.put_role_policy(
        RoleName=name, PolicyName="deploy", PolicyDocument=document(allowed)
    )
    return AssumedRole(world.target, arn, names={})


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_who_may_not_deploy_is_told_the_action_and_the_role(
    world: World, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = a_role(world, ["cloudformation:DescribeStacks"])
    act_as(monkeypatch, role.environment(), world.target)

    code, told = terminal("plan")

    assert code == 1
    assert told.startswith("zeroidle: AWS denies CreateChangeSet: User: ")
    assert "assumed-role/deployer-" in told
    assert "not authorized to perform: cloudformation:CreateChangeSet" in told
    assert told.endswith("; ask for a role that allows it")


def test_the_commands_own_calls_are_those_that_the_page_names(world: World) -> None:
    section = DEPLOY_PAGE.read_text().split("## Who may deploy")[1].split("\n## ")[0]
    named = re.findall(r"`([a-z0-9]+:[A-Za-z]+)`", section)
    role = a_role(world, named)
    deployment = Deployment(role.target, timeout_s=60)
    small = {"Architecture": "x86_64", "TimeoutSeconds": "30"}

    def apply(mark: str) -> None:
        wanted = Wanted(parameters={**world.code(mark), **small})
        deployment.apply(deployment.prepare(wanted))
        correct_emulator(world.target)

    with role.target:
        deployment.discard(deployment.prepare(Wanted(parameters={**world.code("one"), **small})))
        apply("one")
        apply("two")
        deployment.apply(deployment.prepare(Wanted(parameters={"AlarmBacklog": "5"})))
        deployment.rollback(deployment.rollback_target(None)[1])
        destroy(role.target, lose_messages=False, timeout_s=30, tell=lambda _: None)

    taken = {permission.split()[0] for permission in role.taken}
    assert taken | FOR_IMAGES == set(named)
