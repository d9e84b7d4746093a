"""The doctor asks the real function which model it runs."""

import hashlib
from pathlib import Path

import pytest

from zeroidle_ops.doctor.doctor import examine
from zeroidle_ops.stack.target import Target

pytestmark = [pytest.mark.emulator, pytest.mark.model]


def test_the_model_that_was_evaluated_is_well_and_another_is_found(
    stack: Target, small_model: Path
) -> None:
    runs = hashlib.sha256(small_model.read_bytes()).hexdigest()
    evaluated = "0" * 64

    assert examine(stack, model_sha256=runs) == []
    [finding] = examine(stack, model_sha256=evaluated)

    assert finding.check == "model-hash"
    assert finding.what == f"the model that runs is {runs}, not {evaluated}"
