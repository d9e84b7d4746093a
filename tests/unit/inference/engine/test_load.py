"""How a model comes into memory, and how many contexts fit beside it. Arithmetic; no model."""

import logging
from pathlib import Path

import pytest

from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.engine.load import WORKING_BYTES, affordable_sequences, choose_way

MIB = 1 << 20
FILE_BYTES = 1000 * MIB


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    with path.open("wb") as file:
        file.truncate(FILE_BYTES)  # sparse: takes no room
    return path


@pytest.mark.parametrize(
    ("mib_beside_work", "is_mapped", "is_repacked"),
    [
        (1800, True, True),
        (1799, False, True),
        (1200, False, True),
        (1199, True, False),
        (10, True, False),
    ],
)
def test_the_way_that_is_soonest_ready_is_taken_where_memory_allows_it(
    model_file: Path, mib_beside_work: int, is_mapped: bool, is_repacked: bool
) -> None:
    way = choose_way(model_file, mib_beside_work * MIB + WORKING_BYTES)
    assert (way.is_mapped, way.is_repacked) == (is_mapped, is_repacked)


def test_slow_computing_for_want_of_memory_is_told(
    model_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        choose_way(model_file, 1100 * MIB + WORKING_BYTES)
    assert "computes slowly" in caplog.text


def test_where_no_memory_is_stated_the_file_is_mapped_and_repacked(model_file: Path) -> None:
    way = choose_way(model_file, None)
    assert way.is_mapped
    assert way.is_repacked


def test_as_many_sequences_run_as_contexts_fit() -> None:
    def fitting(memory_mib: int) -> int:
        return affordable_sequences(
            weights_bytes=5000 * MIB,
            context_tokens=4096,
            cell_bytes=MIB // 8,
            memory_bytes=memory_mib * MIB + WORKING_BYTES,
        )

    assert fitting(5512) == 1
    assert fitting(6023) == 1
    assert fitting(6024) == 2


def test_memory_without_room_for_one_context_is_refused_with_what_to_do() -> None:
    with pytest.raises(ModelFileError, match="give the function more memory"):
        affordable_sequences(
            weights_bytes=5000 * MIB,
            context_tokens=4096,
            cell_bytes=MIB // 8,
            memory_bytes=5511 * MIB,
        )
