"""The build's step that writes prefix states, on the real model."""

import sys
from pathlib import Path

import pytest

from zeroidle_inference import prefix_states

pytestmark = pytest.mark.model

TASK = '{"kind": "classify", "labels": ["praise", "complaint"]}'
HOLDS_2048_TOKENS_NOT_4096_MB = "1190"


def ran(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["prefix_states", *map(str, words)])
    prefix_states.main()


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> str:
    with pytest.raises(SystemExit) as ended:
        ran(monkeypatch, *words)
    assert ended.value.code == 1
    return capsys.readouterr().err


def test_each_task_gets_a_state(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "task.json").write_text(TASK)
    states = tmp_path / "states"
    ran(monkeypatch, "--model", model_path, "--to", states, tmp_path / "task.json")
    assert len(list(states.glob("*.prefix"))) == 1


def test_memory_is_checked_with_the_context_that_the_function_runs_with(
    model_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--model", model_path, "--to", tmp_path, "--memory-mb", HOLDS_2048_TOKENS_NOT_4096_MB]
    ran(monkeypatch, *words, "--context-tokens", 2048)
    said = refused(monkeypatch, capsys, *words)
    assert "one context of 4096 tokens" in said
    assert "do not fit into 1190 MiB" in said


@pytest.mark.parametrize(
    ("content", "because"),
    [
        ('{"kind": "classify", "labels": []}', "is no task: classify.labels:"),
        ("{", "is no task: JSON: Invalid JSON"),
        (None, "cannot read the task file"),
    ],
)
def test_a_task_file_that_holds_none_is_named(
    content: str | None,
    because: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task = tmp_path / "task.json"
    if content is not None:
        task.write_text(content)
    said = refused(monkeypatch, capsys, "--model", "none.gguf", "--to", tmp_path, task)
    assert said.startswith("error: ")
    assert because in said
    assert str(task) in said
