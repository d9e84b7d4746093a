"""What a GGUF says about itself, and what is said of one that is damaged."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.model_file import SMOLLM2, read_metadata, requantise, sha256_of
from zeroidle_inference.model_file.__main__ import main

MODELS = Path(__file__).parents[4] / "build" / "models"
PACKAGED_MODEL = MODELS / Path(SMOLLM2.member).name


@pytest.fixture(scope="module")
def packaged_model() -> Path:
    if not PACKAGED_MODEL.is_file():
        message = f"{PACKAGED_MODEL} is missing; run `make model`"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return PACKAGED_MODEL


def truncated(source: Path, to: Path, size_bytes: int) -> Path:
    with source.open("rb") as whole:
        to.write_bytes(whole.read(size_bytes))
    return to


def test_the_hash_is_the_sha256_of_the_content(tmp_path: Path) -> None:
    file = tmp_path / "some"
    file.write_bytes(b"content")

    assert sha256_of(file) == hashlib.sha256(b"content").hexdigest()


@pytest.mark.parametrize("read", [sha256_of, read_metadata])
def test_a_missing_file_is_named(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(ModelFileError, match=r"absent\.gguf: No such file or directory"):
        read(tmp_path / "absent.gguf")


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\x08\x00\x00\x00{}")

    with pytest.raises(ModelFileError, match=r"model\.safetensors is not a GGUF file"):
        read_metadata(tmp_path / "model.safetensors")


def test_a_damaged_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF" + bytes(range(200)))

    with pytest.raises(ModelFileError, match=r"damaged\.gguf is damaged or cut short"):
        read_metadata(tmp_path / "damaged.gguf")


@pytest.mark.model
def test_the_packaged_model_describes_itself(packaged_model: Path) -> None:
    metadata = read_metadata(packaged_model)

    assert metadata.architecture == "llama"
    assert metadata.quantisation == "Q4_1"
    assert metadata.context_tokens == 8192
    assert metadata.has_chat_template


@pytest.mark.model
@pytest.mark.parametrize("size_bytes", [4, 5_000, 50_000_000], ids=["magic", "header", "tensors"])
def test_a_file_cut_short_anywhere_is_refused(
    packaged_model: Path, tmp_path: Path, size_bytes: int
) -> None:
    cut = truncated(packaged_model, tmp_path / "cut.gguf", size_bytes)

    with pytest.raises(ModelFileError, match=r"cut\.gguf is damaged or cut short"):
        read_metadata(cut)


@pytest.mark.model
def test_requantising_writes_the_same_model_in_another_quantisation(
    packaged_model: Path, tmp_path: Path
) -> None:
    requantise(packaged_model, tmp_path / "small.gguf", quantisation="Q4_0")

    metadata = read_metadata(tmp_path / "small.gguf")
    assert metadata.quantisation == "Q4_0"
    assert metadata.name == read_metadata(packaged_model).name
    assert metadata.has_chat_template


@pytest.mark.model
def test_requantising_again_keeps_the_file_and_repairs_a_damaged_one(
    packaged_model: Path, tmp_path: Path
) -> None:
    target = requantise(packaged_model, tmp_path / "small.gguf", quantisation="Q4_0")
    written = target.stat().st_ino

    requantise(packaged_model, target, quantisation="Q4_0")
    assert target.stat().st_ino == written

    truncated(target, target.with_name("cut"), 50_000_000).replace(target)
    requantise(packaged_model, target, quantisation="Q4_0")
    assert read_metadata(target).quantisation == "Q4_0"


@pytest.mark.model
def test_a_damaged_source_is_not_requantised(packaged_model: Path, tmp_path: Path) -> None:
    cut = truncated(packaged_model, tmp_path / "cut.gguf", 50_000_000)

    with pytest.raises(ModelFileError, match=r"cut\.gguf is damaged or cut short"):
        requantise(cut, tmp_path / "target.gguf", quantisation="Q4_0")

    assert not (tmp_path / "target.gguf").exists()


def test_an_unknown_quantisation_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"no quantisation 'Q4'; it has .*Q4_0, Q4_1, Q4_K_M"):
        requantise(tmp_path / "a.gguf", tmp_path / "b.gguf", quantisation="Q4")


@pytest.mark.model
def test_describe_prints_metadata_size_and_hash_as_json(
    packaged_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["describe", "--for-chat", str(packaged_model)]) == 0

    described = json.loads(capsys.readouterr().out)
    assert described["sha256"] == SMOLLM2.sha256
    assert described["size_bytes"] == 98_362_432
    assert described["quantisation"] == "Q4_1"


def test_a_failed_command_says_one_sentence_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["describe", str(tmp_path / "absent.gguf")]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: cannot read the model file")
    assert said.err.count("\n") == 1
