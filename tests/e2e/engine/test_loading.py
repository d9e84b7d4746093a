"""From a file to an engine: shipped prefix states, and what a token takes in memory."""

import logging
from pathlib import Path

import llama_cpp
import pytest
from e2e.engine.small_engine import answers, decoder_of

from zeroidle_inference.engine import prefix_files
from zeroidle_inference.engine.decoder import Row
from zeroidle_inference.engine.engine import Engine
from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.engine.load import build, load
from zeroidle_inference.engine.model import LoadedModel
from zeroidle_inference.engine.request import ChatMessage, Prompt, Score, Scores

pytestmark = pytest.mark.model

REQUEST = Score(
    Prompt(
        (ChatMessage("user", "You read reviews and say how the writer felt about the thing.\n"),),
        document="It broke after a week.",
        after_document="\nAnswer:",
    ),
    ("good", "bad"),
)


def loaded(path: Path, prefix_states: Path | None = None) -> Engine:
    return load(path, threads=1, context_tokens=256, max_sequences=2, prefix_states=prefix_states)


@pytest.fixture(scope="module")
def plain(model_path: Path) -> Engine:
    return loaded(model_path)


@pytest.fixture
def shipped(model_path: Path, tmp_path: Path) -> Path:
    """A folder with the state of the request's prefix, from an engine like the build step's."""
    alone = load(model_path, threads=1, context_tokens=512, max_sequences=1)
    tokens, state = alone.prefix_state(REQUEST.prompt)
    prefix_files.write(
        tmp_path, model_sha256=alone.identity.sha256, build=build(), tokens=tokens, state=state
    )
    return tmp_path


def test_a_cold_start_with_a_shipped_prefix_state_computes_the_document_only(
    plain: Engine, model_path: Path, shipped: Path
) -> None:
    (expected,) = answers(plain, [REQUEST])
    (answer,) = answers(loaded(model_path, shipped), [REQUEST])

    assert isinstance(answer, Scores)
    assert isinstance(expected, Scores)
    assert answer.log_probabilities == expected.log_probabilities
    assert answer.usage.cached > 0


def test_a_damaged_file_costs_a_warning_and_a_prefill(
    plain: Engine, model_path: Path, shipped: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (file,) = shipped.iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    (expected,) = answers(plain, [REQUEST])

    with caplog.at_level(logging.WARNING):
        (answer,) = answers(loaded(model_path, shipped), [REQUEST])

    assert "damaged" in caplog.text
    assert isinstance(answer, Scores)
    assert isinstance(expected, Scores)
    assert answer.log_probabilities == expected.log_probabilities
    assert answer.usage.cached == 0


def test_a_tokens_keys_and_values_take_the_memory_that_is_reckoned(model: LoadedModel) -> None:
    tokens = 200
    with decoder_of(model) as decoder:
        for start in range(0, tokens, 50):
            decoder.decode([Row(1000, start + i, 0, False) for i in range(50)])
        state = decoder.save(0)

    assert len(state) / (tokens * model.cell_bytes) == pytest.approx(1, abs=0.01)


def test_heads_that_are_longer_than_the_embedding_divided_by_them_are_reckoned_so(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = model.cell_bytes
    said = {
        "general.architecture": "qwen3",
        "qwen3.attention.key_length": "128",
        "qwen3.attention.value_length": "64",
    }
    monkeypatch.setattr(model, "_metadata", said.get)

    assert model.cell_bytes == usual * (128 + 64) // (64 + 64)


@pytest.mark.parametrize("kind", ["llama_model_is_recurrent", "llama_model_is_hybrid"])
def test_a_model_whose_memory_cannot_be_cut_is_refused(
    model_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(llama_cpp, kind, lambda _model: True)
    with pytest.raises(ModelFileError, match="cannot be cut back"):
        LoadedModel(model_path)
