"""A local stack, and Application Auto Scaling of moto, in process: the emulator has none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from zeroidle_ops.observe.limits import read_provisioned
from zeroidle_ops.stack.local import LocalStack, local_stack
from zeroidle_ops.stack.local_deployment import Settings
from zeroidle_ops.stack.target import Target

FUNCTIONS = Path(__file__).parents[1] / "scale" / "functions"
INSTALLED = Path(__file__).parents[3] / "build" / "emulator"


@pytest.fixture
def autoscaling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("application-autoscaling", region_name="us-east-1")
        yield client
        client.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The build folder of a stack whose function knows no warm-up."""
    build = tmp_path_factory.mktemp("build")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    (build / "emulator").symlink_to(INSTALLED)
    model = build / "none.gguf"
    model.write_bytes(b"GGUF")
    settings = Settings(
        model=model, handler="unhurried.handler", python_path=FUNCTIONS, timeout_s=30
    )
    with local_stack(settings, build=build):
        yield build


@pytest.fixture
def target(running: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """The stack of a clone where `zeroidle local up` was run; every test finds it at rest."""
    (tmp_path / "build").symlink_to(running)
    monkeypatch.chdir(tmp_path)
    with LocalStack(build=running).target() as target:
        names = target.stack
        function = {"FunctionName": names.function_name}
        alias = target.lambda_.get_alias(**function, Name=names.alias_name)
        # The emulator's account holds less than AWS's, so the room is the function's own.
        target.lambda_.put_function_concurrency(**function, ReservedConcurrentExecutions=12)
        yield target
        target.lambda_.delete_function_concurrency(**function)
        if read_provisioned(target.lambda_, names).requested:
            target.lambda_.delete_provisioned_concurrency_config(
                **function, Qualifier=names.alias_name
            )
        target.lambda_.update_alias(
            FunctionName=names.function_name,
            Name=names.alias_name,
            FunctionVersion=alias["FunctionVersion"],
        )
