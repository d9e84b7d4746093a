"""A build's inputs, its course on the terminal, and what its failures mean."""

import hashlib
from pathlib import Path

import pytest

from zeroidle_image import build
from zeroidle_image.errors import ImageError, ModelRefusedError, NoSpaceError, ToolError
from zeroidle_image.running import Course, failure

LOG = Path("build.log")


def test_the_inputs_are_the_model_and_tasks_under_names_of_their_own(tmp_path: Path) -> None:
    model = tmp_path / "any-name.gguf"
    model.write_bytes(b"GGUF")
    tasks = [tmp_path / kind / "task.json" for kind in ("invoices", "letters")]
    for task in tasks:
        task.parent.mkdir()
        task.write_text(task.parent.name)
    inputs = build.gather_inputs(tmp_path / "inputs", model, tasks)
    assert (inputs / "model.gguf").read_bytes() == b"GGUF"
    assert sorted(path.read_text() for path in (inputs / "tasks").iterdir()) == [
        "invoices",
        "letters",
    ]


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"missing\.gguf into the build: No such file"):
        build.gather_inputs(tmp_path / "inputs", tmp_path / "missing.gguf", [])


def test_a_model_with_another_hash_is_told_before_anything_is_built(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    with pytest.raises(ModelRefusedError, match="it is not the file that was named"):
        build.check_model(model, "0" * 64, 1024)


def test_a_file_that_is_no_gguf_is_told_before_anything_is_built(tmp_path: Path) -> None:
    page = tmp_path / "model.gguf"
    page.write_bytes(b"<!doctype html>")
    with pytest.raises(ModelRefusedError, match="no GGUF file"):
        build.check_model(page, hashlib.sha256(page.read_bytes()).hexdigest(), 1024)


def test_a_model_that_cannot_be_read_is_told_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"cannot read the model .*missing\.gguf"):
        build.check_model(tmp_path / "missing.gguf", "0" * 64, 1024)


def test_an_unprotected_download_is_told_before_anything_is_built(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--model-url", "http://models.example/model.gguf", "--model-sha256", "0" * 64]
    assert build.main(arguments) == 1
    assert capsys.readouterr().err == "error: MODEL_URL must begin with https://\n"


def test_a_disk_too_small_for_the_model_is_told_before_anything_is_built(tmp_path: Path) -> None:
    model = tmp_path / "huge.gguf"
    with model.open("wb") as file:
        file.truncate(1 << 43)  # sparse: 8 TiB that take no room
    with pytest.raises(NoSpaceError, match="GB are free: make room"):
        build.check_space(tmp_path, model)


def test_a_small_model_needs_no_more_than_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "WORKING_BYTES", 0)
    build.check_space(tmp_path, None)


def test_our_own_refusal_is_the_failure() -> None:
    error = failure("#9 0.2 error: the model has SHA-256 ab\nlater noise", LOG)
    assert str(error) == "the model has SHA-256 ab"


def test_a_full_disk_is_told_whoever_met_it() -> None:
    assert isinstance(failure("cc1plus: fatal error: No space left on device", LOG), NoSpaceError)


def test_any_other_failure_shows_the_end_of_the_log() -> None:
    error = failure("first\nE: Unable to fetch some archives", LOG)
    assert isinstance(error, ToolError)
    assert "Unable to fetch some archives" in str(error)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("[3/9] STEP 2/4: RUN /build/llama-wheel.sh arm64", ["RUN /build/llama-wheel.sh arm64"]),
        ("[3/9] STEP 1/4: COPY docker/locks /locks", []),
        (
            "#9 [llama 3/4] RUN /build/llama-wheel.sh arm64",
            ["llama 3/4] RUN /build/llama-wheel.sh arm64"],
        ),
        ("  [50/100] /usr/bin/g++ -O3 -c x.cpp", ["  50 % compiled"]),
        ("#12 44.1 SBOM: 140 components", ["SBOM: 140 components"]),
        ("Setting up python3", []),
    ],
)
def test_the_terminal_shows_steps_and_our_own_lines(line: str, shown: list[str]) -> None:
    lines: list[str] = []
    Course(lines.append, lambda: 1.0).see(line + "\n")
    assert lines == [f"    1 s  {one}" for one in shown]
