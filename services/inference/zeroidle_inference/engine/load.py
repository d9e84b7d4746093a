"""From a GGUF's path to an engine that is ready. Takes seconds; safe to run in a thread."""

from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import llama_cpp

from zeroidle_inference.engine import prefix_files
from zeroidle_inference.engine.engine import Engine
from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.engine.grammar import Grammars
from zeroidle_inference.engine.llama import LlamaDecoder
from zeroidle_inference.engine.model import LoadedModel
from zeroidle_inference.engine.prefix import PrefixStates
from zeroidle_inference.engine.request import ChatMessage, Prompt

STEP_ROWS = 256
"""Rows a step may have: beyond it a row gets no cheaper, and answers wait longer."""

WORKING_BYTES = 1024 * 1024 * 1024
"""Kept for Python, the step's own buffers and saved prefixes."""

REPACKED_SHARE = 0.2
"""Weights that llama.cpp repacks for this processor stand in memory beside the file's pages."""

PREFIX_BYTES = 512 * 1024 * 1024
LOGIT_ROWS_PER_SEQUENCE = 16

_TASKS_CHAT = Prompt(messages=(ChatMessage("system", ""), ChatMessage("user", "")), document="")


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
        prefix_states: a folder of `prefix_files`, to begin warm.

    Raises:
        ModelFileError: the file is missing, damaged, not a chat model, or too large for memory.
    """
    model = LoadedModel(path)
    if context_tokens > model.train_context_tokens:
        raise ModelFileError(
            f"the model was trained for {model.train_context_tokens} tokens of context, not "
            f"{context_tokens}; lower ZEROIDLE_CONTEXT_TOKENS"
        )
    sequences = max_sequences
    if memory_bytes is not None:
        sequences = min(max_sequences, _affordable_sequences(model, context_tokens, memory_bytes))
    with ThreadPoolExecutor(thread_name_prefix="load") as pool:
        naming = pool.submit(model.name)
        # Now, so that an unusable chat template stops the load and no job waits for its first use.
        rendering = pool.submit(model.prompt, _TASKS_CHAT)
        decoder = LlamaDecoder(
            model.pointer,
            threads=threads,
            context_tokens=context_tokens,
            sequences=sequences,
            max_rows=STEP_ROWS,
            max_logit_rows=min(STEP_ROWS, LOGIT_ROWS_PER_SEQUENCE * sequences),
        )
        rendering.result()
        identity = naming.result()
    prefixes = PrefixStates(max_bytes=PREFIX_BYTES)
    if prefix_states is not None:
        for tokens, state in prefix_files.read(
            prefix_states, model_sha256=identity.sha256, build=build()
        ):
            prefixes.put(tokens, state)
    return Engine(
        decoder=decoder,
        vocabulary=model,
        matcher=Grammars.of(model).matcher,
        prefixes=prefixes,
        identity=identity,
    )


def _affordable_sequences(model: LoadedModel, context_tokens: int, memory_bytes: int) -> int:
    needed_bytes = int(model.weights_bytes * (1 + REPACKED_SHARE)) + WORKING_BYTES
    sequences = (memory_bytes - needed_bytes) // (context_tokens * model.cell_bytes)
    if sequences < 1:
        raise ModelFileError(
            f"weights of {model.weights_bytes >> 20} MiB and one context of {context_tokens} "
            f"tokens ({context_tokens * model.cell_bytes >> 20} MiB) do not fit into "
            f"{memory_bytes >> 20} MiB of memory; give the function more memory, lower "
            "ZEROIDLE_CONTEXT_TOKENS, or use a smaller model"
        )
    return int(sequences)


def build() -> str:
    """Which llama.cpp this is: a saved state is good for the same build only."""
    features = llama_cpp.llama_print_system_info().decode()
    return f"{metadata.version('llama-cpp-python')} {features}"
