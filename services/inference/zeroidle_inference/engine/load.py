"""From a GGUF's path to an engine that is ready. Takes seconds; safe to run in a thread."""

import threading
from dataclasses import dataclass
from pathlib import Path

from zeroidle_inference.engine.engine import Engine
from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.engine.grammar import Grammars
from zeroidle_inference.engine.llama import LlamaDecoder
from zeroidle_inference.engine.model import LoadedModel, ModelName
from zeroidle_inference.engine.prefix import PrefixStates

STEP_ROWS = 256
"""Rows a step may have: beyond it a row gets no cheaper, and answers wait longer."""

PREFIX_BYTES = 512 * 1024 * 1024
LOGIT_ROWS_PER_SEQUENCE = 16


@dataclass(frozen=True, slots=True)
class LoadedEngine:
    """An engine, and which model answers."""

    engine: Engine
    model: ModelName


def load(path: Path, *, threads: int, context_tokens: int, max_sequences: int) -> LoadedEngine:
    """Load a model and make an engine for it.

    Args:
        path: a chat GGUF.
        threads: threads of a step.
        context_tokens: tokens that one sequence can hold, prompt and answer together.
        max_sequences: sequences that run at once; each reserves its whole context.

    Raises:
        ModelFileError: the file is missing, damaged, or not a chat model.
    """
    model = LoadedModel(path)
    if context_tokens > model.train_context_tokens:
        raise ModelFileError(
            f"the model was trained for {model.train_context_tokens} tokens of context, not "
            f"{context_tokens}; lower ZEROIDLE_CONTEXT_TOKENS"
        )
    names: list[ModelName] = []
    naming = threading.Thread(target=lambda: names.append(model.name()), name="hash-model")
    naming.start()
    decoder = LlamaDecoder(
        model.pointer,
        threads=threads,
        context_tokens=context_tokens,
        sequences=max_sequences,
        max_rows=STEP_ROWS,
        max_logit_rows=min(STEP_ROWS, LOGIT_ROWS_PER_SEQUENCE * max_sequences),
    )
    engine = Engine(
        decoder=decoder,
        vocabulary=model,
        matcher=Grammars(model).matcher,
        prefixes=PrefixStates(max_bytes=PREFIX_BYTES),
    )
    naming.join()
    return LoadedEngine(engine=engine, model=names[0])
