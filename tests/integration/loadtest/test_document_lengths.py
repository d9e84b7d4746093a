"""Generated documents have the length they were asked for, counted by a real model's vocabulary."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import llama_cpp
import pytest

from zeroidle_loadtest.documents import document

pytestmark = pytest.mark.model

MODEL = Path(__file__).parents[3] / "build" / "models" / "SmolLM2-135M-Instruct.Q4_0.gguf"
SHARE, TOKENS = 0.01, 1
"""What `documents.document` promises: within 1 % and one token."""


@pytest.fixture(scope="module")
def count_tokens() -> Iterator[Callable[[str], int]]:
    """The length of a text in the small model's tokens."""
    if not MODEL.is_file():
        reason = "the small model is not there: run `make model`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    parameters = llama_cpp.llama_model_default_params()
    parameters.vocab_only = True
    model = llama_cpp.llama_model_load_from_file(os.fsencode(MODEL), parameters)
    vocabulary = llama_cpp.llama_model_get_vocab(model)

    def count(text: str) -> int:
        raw = text.encode()
        room = (llama_cpp.llama_token * (len(raw) + 1))()
        return int(
            llama_cpp.llama_tokenize(vocabulary, raw, len(raw), room, len(room), False, False)
        )

    yield count
    llama_cpp.llama_model_free(model)


@pytest.mark.parametrize("tokens", [8, 20, 100, 400, 1000, 4000, 30_000])
def test_a_document_has_the_length_it_was_asked_for(
    count_tokens: Callable[[str], int], tokens: int
) -> None:
    for seed in range(20 if tokens <= 4000 else 1):
        counted = count_tokens(document(tokens, Random(seed)))  # noqa: S311 - words

        assert abs(counted - tokens) <= SHARE * tokens + TOKENS
