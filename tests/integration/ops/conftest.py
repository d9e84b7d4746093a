"""A local stack with a tiny function instead of the model; the emulator's environment is shared."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from deployed_world import World, new_world

from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.local_deployment import Settings
from zeroidle_ops.stack.target import Target

FUNCTIONS = Path(__file__).parent / "functions"
INSTALLED = Path(__file__).parents[3] / "build" / "emulator"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("models") / "none.gguf"
    file.write_bytes(b"GGUF")
    return file


@pytest.fixture(scope="session")
def settings(model: Path) -> Settings:
    return Settings(model=model, handler="tiny.handler", python_path=FUNCTIONS, timeout_s=30)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build folder of the tests' own, with the emulator that is installed already."""
    folder = tmp_path_factory.mktemp("build")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    (folder / "emulator").symlink_to(INSTALLED)
    return folder


@pytest.fixture(scope="session")
def running(build: Path, settings: Settings) -> Iterator[LocalStack]:
    stack = LocalStack(build=build)
    stack.up(settings, progress=lambda _: None)
    yield stack
    stack.down()


@pytest.fixture
def target(running: LocalStack) -> Iterator[Target]:
    with running.target() as target:
        yield target


@pytest.fixture
def world(running: LocalStack, settings: Settings, tmp_path: Path) -> Iterator[World]:
    with new_world(running, settings, tmp_path) as world:
        yield world
