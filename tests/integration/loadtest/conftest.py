"""A local stack whose function takes a fixed time for each job."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.local_deployment import Settings

FUNCTIONS = Path(__file__).parent / "functions"
INSTALLED = Path(__file__).parents[3] / "build" / "emulator"


@pytest.fixture(scope="session")
def fixed_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    build = tmp_path_factory.mktemp("loadtest-build")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    (build / "emulator").symlink_to(INSTALLED)
    model = build / "none.gguf"
    model.write_bytes(b"GGUF")
    settings = Settings(model=model, handler="fixed.handler", python_path=FUNCTIONS, timeout_s=30)
    stack = LocalStack(build=build)
    stack.up(settings, progress=lambda _: None)
    yield stack
    stack.down()
