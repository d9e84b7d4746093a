"""Makes functions that speak to the emulator."""

from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.faults.runtime_api import FrozenFunction

from emulator import Emulator, StackResources

HANDLER = "zeroidle_inference.handler.handler"


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
