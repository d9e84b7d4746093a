"""From a GGUF's path to an engine that is ready. Takes seconds; safe to run in a thread."""

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import llama_cpp

from zeroidle_inference.engine import prefix_files
from zeroidle_inference.engine.engine import Engine
from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.engine.grammar import Grammars
from zeroidle_inference.engine.llama import PIECE_ROWS, LlamaDecoder
from zeroidle_inference.engine.model import LoadedModel, file_sha256
from zeroidle_inference.engine.prefix import PrefixStates
from zeroidle_inference.engine.request import ChatMessage, Prompt

STEP_ROWS = 256
"""Rows a step may have: beyond it a row gets no cheaper, and answers wait longer."""

WORKING_BYTES = 1024 * 1024 * 1024
"""Kept for Python, the step's own buffers and saved prefixes."""


@dataclass(frozen=True)
class Way:
    """How weights come into memory, and what they take there for each byte of the file."""

    is_mapped: bool
    is_repacked: bool
    share: float
    kept_share: float
    """Without the mapped file's pages that the system may drop: after repacking none reads them."""


WAYS = (
    Way(is_mapped=True, is_repacked=True, share=1.8, kept_share=1.2),
    Way(is_mapped=False, is_repacked=True, share=1.2, kept_share=1.2),
    Way(is_mapped=True, is_repacked=False, share=1.0, kept_share=1.0),
)
"""From the soonest ready to the least memory, as measured (docs/models.md). Weights that are not
repacked compute slowly; it is what is left for a model that would not fit otherwise."""

PREFIX_BYTES = 512 * 1024 * 1024
LOGIT_ROWS_PER_SEQUENCE = 16

_LOG = logging.getLogger(__name__)
_TASKS_CHATS = (
    Prompt(messages=(ChatMessage("user", ""),), document=""),
    Prompt(messages=(ChatMessage("system", ""), ChatMessage("user", "")), document=""),
)
"""The shapes of the tasks' own prompts."""


def load(
    path: Path,
    *,
    threads: int,
    context_tokens: int,
    max_sequences: int,
    memory_bytes: int | None = None,
    prefix_states: Path | None = None,
) -> Engine:
    """Load a model and make an engine for it.

    Args:
        path: a chat GGUF.
        threads: threads of a step.
        context_tokens: tokens that one sequence can hold, prompt and answer together.
        max_sequences: sequences that run at once, at most; each reserves its whole context.
        memory_bytes: the memory there is; as many sequences run as fit beside the weights.
        prefix_states: a folder of `prefix_files` from an engine of one sequence, to begin warm.

    Raises:
        ModelFileError: the file is missing, damaged, not a chat model, or too large for memory.
    """
    way = choose_way(path, memory_bytes)
    with ThreadPoolExecutor(thread_name_prefix="load") as pool:
        # Beside the load, of which repacking on one thread is the most.
        hashing = pool.submit(file_sha256, path)
        model = LoadedModel(path, is_mapped=way.is_mapped, is_repacked=way.is_repacked)
        sequences = min(
            max_sequences, _affordable_sequences(model, way, context_tokens, memory_bytes)
        )
        # Now, so that a template that tasks cannot use stops the load, and no job waits for it.
        rendering = [pool.submit(model.prompt, chat) for chat in _TASKS_CHATS]
        decoder = LlamaDecoder(
            model.pointer,
            threads=threads,
            context_tokens=context_tokens,
            sequences=sequences,
            max_rows=STEP_ROWS,
            max_logit_rows=min(STEP_ROWS, LOGIT_ROWS_PER_SEQUENCE * sequences),
        )
        for rendered in rendering:
            rendered.result()
        identity = model.name(hashing.result())
    prefixes = PrefixStates(max_bytes=PREFIX_BYTES)
    if prefix_states is not None:
        for tokens, state in prefix_files.read(
            prefix_states, model_sha256=identity.sha256, build=build()
        ):
            prefixes.put(tokens, decoder.widened(state))
    return Engine(
        decoder=decoder,
        vocabulary=model,
        matcher=Grammars.of(model).matcher,
        prefixes=prefixes,
        identity=identity,
    )


def choose_way(path: Path, memory_bytes: int | None) -> Way:
    """The first way whose weights leave working memory; the last, if none does."""
    if memory_bytes is None or not path.is_file():
        return WAYS[0]
    file_bytes = path.stat().st_size
    for way in WAYS:
        if file_bytes * way.share + WORKING_BYTES <= memory_bytes:
            break
    if not way.is_repacked:
        _LOG.warning(
            "%d MiB of memory are too few to repack a model of %d MiB: it computes slowly",
            memory_bytes >> 20,
            file_bytes >> 20,
        )
    return way


def _affordable_sequences(
    model: LoadedModel, way: Way, context_tokens: int, memory_bytes: int | None
) -> int:
    """How many contexts the memory holds beside the weights."""
    if context_tokens > model.train_context_tokens:
        raise ModelFileError(
            f"the model was trained for {model.train_context_tokens} tokens of context, not "
            f"{context_tokens}; lower ZEROIDLE_CONTEXT_TOKENS"
        )
    if memory_bytes is None:
        return sys.maxsize
    return affordable_sequences(
        weights_bytes=int(model.weights_bytes * way.kept_share),
        context_tokens=context_tokens,
        cell_bytes=model.cell_bytes,
        memory_bytes=memory_bytes,
    )


def affordable_sequences(
    *, weights_bytes: int, context_tokens: int, cell_bytes: int, memory_bytes: int
) -> int:
    """How many contexts fit beside weights and working memory.

    Raises:
        ModelFileError: not one.
    """
    context_bytes = context_tokens * cell_bytes
    sequences = (memory_bytes - weights_bytes - WORKING_BYTES) // context_bytes
    if sequences < 1:
        raise ModelFileError(
            f"weights of {weights_bytes >> 20} MiB, one context of {context_tokens} tokens "
            f"({context_bytes >> 20} MiB) and {WORKING_BYTES >> 20} MiB to work in do not fit into "
            f"{memory_bytes >> 20} MiB of memory; give the function more memory, lower "
            "ZEROIDLE_CONTEXT_TOKENS, or use a smaller model"
        )
    return sequences


def build() -> str:
    """Which llama.cpp this is, and how it is asked: a saved state is good for the same only."""
    features = llama_cpp.llama_print_system_info().decode()
    return f"{llama_cpp.__version__} {features}flash attention, pieces of {PIECE_ROWS} rows"
