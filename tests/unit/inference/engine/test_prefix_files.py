"""Prefix states as files: what is read is what was written, for one model and build, or nothing."""

import logging
from pathlib import Path

import pytest

from zeroidle_inference.engine import prefix_files, readahead

MODEL = "a" * 64
TOKENS = (1, 9690, 198)


def write(folder: Path, state: bytes = b"keys and values") -> Path:
    return prefix_files.write(folder, model_sha256=MODEL, build="b1", tokens=TOKENS, state=state)


def read(folder: Path, *, model: str = MODEL, build: str = "b1") -> list[tuple[object, bytes]]:
    return list(prefix_files.read(folder, model_sha256=model, build=build))


def test_a_state_comes_back_with_its_tokens(tmp_path: Path) -> None:
    write(tmp_path / "prefixes", b"state\nwith\nlines")

    assert read(tmp_path / "prefixes") == [(TOKENS, b"state\nwith\nlines")]


@pytest.mark.parametrize("other", [{"model": "c" * 64}, {"build": "b2"}])
def test_a_state_of_another_model_or_build_is_ignored_with_a_warning(
    tmp_path: Path, other: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path)

    with caplog.at_level(logging.WARNING):
        assert read(tmp_path, **other) == []
    assert "another model or build" in caplog.text


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_state_is_ignored_with_a_warning(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"flip": bytes(content), "cut": bytes(content[:-5]), "empty": b""}[damage])

    with caplog.at_level(logging.WARNING):
        assert read(tmp_path) == []
    assert "damaged" in caplog.text


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == []


def test_no_unfinished_file_is_left(tmp_path: Path) -> None:
    path = write(tmp_path)

    assert list(tmp_path.iterdir()) == [path]


def test_readers_end_with_the_file_and_a_missing_one_is_no_error(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(bytes(readahead.CHUNK_BYTES * 2 + 1))

    for path in (model, tmp_path / "none.gguf"):
        for thread in readahead.start(path, readers=2):
            thread.join(timeout=10)
            assert not thread.is_alive()
