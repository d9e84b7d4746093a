"""The whole product on this machine: queue, mapping, runtime client, model, table; no fakes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.faults.runtime_api import FrozenFunction

from emulator import Emulator, StackResources
from zeroidle_ops.stack.local import local_stack
from zeroidle_ops.stack.local_deployment import Settings
from zeroidle_ops.stack.target import Target

ROOT = Path(__file__).parents[2]
HANDLER = "zeroidle_inference.handler.handler"
EMULATOR = ROOT / "build" / "emulator"


@pytest.fixture(scope="session")
def stack(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A stack of the tests' own, beside whatever else runs."""
    build = tmp_path_factory.mktemp("build")
    EMULATOR.mkdir(parents=True, exist_ok=True)
    (build / "emulator").symlink_to(EMULATOR)
    with local_stack(Settings(model=small_model), build=build) as target:
        yield target


@pytest.fixture
def make_function(
    emulator: Emulator, resources: StackResources, small_model: Path
) -> Callable[..., FrozenFunction]:
    """The real handler on the small model; keyword arguments go into its environment."""
    settings = {
        **emulator.environment(),
        "ZEROIDLE_MODEL_PATH": str(small_model),
        "ZEROIDLE_JOBS_TABLE": resources.jobs_table,
        "ZEROIDLE_BUCKET": resources.bucket,
        "ZEROIDLE_QUEUE_URL": resources.queue_url,
        "ZEROIDLE_DEAD_LETTER_QUEUE_URL": resources.dead_letter_queue_url,
        "ZEROIDLE_THREADS": "1",
        "ZEROIDLE_CONTEXT_TOKENS": "768",
    }
    return lambda **more: FrozenFunction(HANDLER, {**settings, **more})
