"""How each system is started: the same model file, threads and context for all of them."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zeroidle_inference.bench.results import OURS
from zeroidle_inference.bench.systems import (
    CONTEXT_TOKENS,
    HttpSystem,
    LineSystem,
    System,
    free_port,
)

DEFAULT_CONTEXT_TOKENS = 4096
"""What the function gives a sequence if it is not told otherwise (settings.py)."""

_BENCH = Path(__file__).parent
_EXAMPLE_SERVER = "llama_cpp_python-*/examples/server/server.py"


@dataclass(frozen=True)
class Lineup:
    """Which model, with what means, against which peers."""

    model: Path
    peers: Path
    """The folder that `build-peers.sh` filled."""
    threads: int = 2
    sequences: int = 16
    slots: tuple[int, ...] = (1, 8, 16)
    drafts: bool = True
    """Also llama-server with n-gram drafts. On weights without meaning their hits mean nothing."""


def ours(lineup: Lineup) -> System:
    """Our engine in a process of its own."""
    return LineSystem(
        OURS,
        [
            *(sys.executable, "-m", "zeroidle_inference.bench.ours"),
            *_common(lineup),
            *("--sequences", str(lineup.sequences)),
        ],
    )


def ours_in_memory(lineup: Lineup, memory_mib: int, *, enter: Path | None) -> System:
    """Our engine as a function of this size has it: default context, what fits of sequences.

    `enter` is the file of a cgroup that the process writes its id to first.
    """
    command = [
        *(sys.executable, "-m", "zeroidle_inference.bench.ours"),
        *_common(lineup, DEFAULT_CONTEXT_TOKENS),
        *("--sequences", str(lineup.sequences), "--memory-mib", str(memory_mib)),
    ]
    if enter is not None:
        command = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(enter), *command]
    return LineSystem(OURS, command)


def _common(lineup: Lineup, context_tokens: int = CONTEXT_TOKENS) -> list[str]:
    return [
        *("--model", str(lineup.model), "--threads", str(lineup.threads)),
        *("--context-tokens", str(context_tokens)),
    ]


def start(lineup: Lineup) -> Iterator[System]:
    """Start the systems one after the other, ours first."""
    yield ours(lineup)
    python = lineup.peers / "env" / "bin" / "python"
    yield LineSystem(
        "llama-cpp-python", [str(python), str(_BENCH / "high_level.py"), *_common(lineup)]
    )
    for slots in lineup.slots:
        yield _llama_server(lineup, slots, drafts=False)
        if lineup.drafts:
            yield _llama_server(lineup, slots, drafts=True)
    yield _example_server(lineup, python)


def _llama_server(lineup: Lineup, slots: int, *, drafts: bool) -> System:
    port = free_port()
    command = [
        str(lineup.peers / "llama.cpp" / "bin" / "llama-server"),
        *("--model", str(lineup.model)),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--threads", str(lineup.threads), "--threads-batch", str(lineup.threads)),
        *("--parallel", str(slots), "--ctx-size", str(slots * CONTEXT_TOKENS)),
        # As in all the others, so that answers can be compared.
        *("--flash-attn", "on"),
        *(["--spec-type", "ngram-simple"] if drafts else []),
    ]
    name = f"llama-server, {slots} slot{'s' * (slots > 1)}{', drafts' * drafts}"
    return HttpSystem(name, command, port=port, health="/health")


def _example_server(lineup: Lineup, python: Path) -> System:
    """llama-cpp-python's own batching engine, which comes with its source package."""
    port = free_port()
    (script,) = lineup.peers.glob(_EXAMPLE_SERVER)
    slots = max(lineup.slots)
    config = {
        "server": {"host": "127.0.0.1", "port": port},
        "model": {
            "path": str(lineup.model),
            "n_ctx": slots * CONTEXT_TOKENS,
            "n_seq_max": slots,
            "n_batch": 512,
            "n_ubatch": 512,
            "threads": lineup.threads,
            "threads_batch": lineup.threads,
            "store_logits": False,
            "flash_attn": True,
        },
    }
    path = lineup.peers / f"{lineup.model.stem}.server.json"
    path.write_text(json.dumps(config))
    name = f"llama-cpp-python server, {slots} sequences"
    # The wheel that we install leaves out libmtmd, which this server loads without using it.
    libraries = str((lineup.peers / "llama.cpp" / "bin").resolve())
    return HttpSystem(
        name,
        [str(python), str(script), "-C", str(path)],
        port=port,
        health="/healthz",
        environment={"MTMD_CPP_LIB": libraries, "LLAMA_CPP_LIB_PATH": libraries},
    )
