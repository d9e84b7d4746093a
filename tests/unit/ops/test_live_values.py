"""What a deployment hands on of what operators and the scaler have set."""

from dataclasses import replace

import pytest

from zeroidle_ops.errors import DeploymentError
from zeroidle_ops.stack.live import Live

RUNNING = Live(
    deployed_version=2,
    serving_version=2,
    maximum_concurrency=10,
    reserved_concurrency=None,
    reads_queue=True,
)


def test_what_is_not_reserved_stays_so() -> None:
    assert RUNNING.parameters["ReservedConcurrency"] == "0"


def test_what_is_reserved_is_handed_on() -> None:
    assert replace(RUNNING, reserved_concurrency=12).parameters["ReservedConcurrency"] == "12"


def test_a_function_that_somebody_stopped_is_not_started_by_a_deployment() -> None:
    stopped = replace(RUNNING, reserved_concurrency=0)

    with pytest.raises(DeploymentError, match="scale resume --lift-stop"):
        _ = stopped.parameters
