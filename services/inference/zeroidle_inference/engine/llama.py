"""llama.cpp behind the `Decoder` seam, through llama-cpp-python's low-level functions.

The one module that speaks to llama.cpp's context; `model.py` speaks to its model and vocabulary.
"""

import ctypes
import struct
from collections.abc import Sequence
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from zeroidle_inference.engine.decoder import Logits, Row
from zeroidle_inference.engine.errors import DecodeError, ModelFileError

_LIBC = ctypes.CDLL(None)

_UINT32 = struct.Struct("=I")
_STREAMS_AT = 8
"""Behind the magic number and the sequence's id."""

FLASH_ATTENTION_ENABLED = 1
"""`enum llama_flash_attn_type`. docs/adr/0016 has the figures."""

PIECE_ROWS = 64
"""`GGML_FA_TILE_Q` of llama.cpp: from so many rows of a sequence on, attention goes by tiles."""

MOVED_BYTES = 128 * 1024 * 1024
"""What a sequence may hold to be moved: a copy takes as much memory again, for a moment."""


class LlamaDecoder:
    """One llama.cpp context, a stream of its own for each sequence.

    Streams (`kv_unified` off) attend to their own cells only; with one unified cache every row
    pays for the cells of all sequences. Prefixes are therefore moved as saved states, which fit
    any sequence, and not by `llama_memory_seq_cp`. docs/adr/0007 has the figures.
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - an opaque pointer
        *,
        threads: int,
        context_tokens: int,
        sequences: int,
        max_rows: int,
        max_logit_rows: int,
    ) -> None:
        # llama.cpp asks between any two operations, thousands of times a step, whether to go on. A
        # Python callback would take the GIL each time; `strlen` of a flag answers without it.
        self._abort_flag = ctypes.create_string_buffer(2)
        self._abort_callback = ctypes.cast(_LIBC.strlen, llama_cpp.ggml_abort_callback)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = context_tokens * sequences
        params.n_batch = params.n_ubatch = max_rows
        params.n_seq_max = sequences
        params.n_outputs_max = max_logit_rows
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = False
        params.flash_attn_type = FLASH_ATTENTION_ENABLED
        params.no_perf = True
        params.abort_callback = self._abort_callback
        params.abort_callback_data = ctypes.addressof(self._abort_flag)
        self._context = llama_cpp.llama_init_from_model(model, params)
        if not self._context:
            raise ModelFileError(
                f"llama.cpp could not make a context of {sequences} sequences of {context_tokens} "
                "tokens; give the function more memory, or lower ZEROIDLE_MAX_SEQUENCES"
            )
        self._memory = llama_cpp.llama_get_memory(self._context)
        self.vocabulary_size: int = llama_cpp.llama_vocab_n_tokens(
            llama_cpp.llama_model_get_vocab(model)
        )
        self.sequences = sequences
        self.context_tokens = context_tokens
        self.max_rows = max_rows
        self.max_logit_rows = max_logit_rows
        self.piece_rows = PIECE_ROWS
        self._batch = _Batch(max_rows)

    def decode(self, rows: Sequence[Row]) -> Sequence[Logits]:
        """See `Decoder`."""
        logits: dict[int, Logits] = {}
        groups = _groups(rows)
        for group in groups:
            self._compute([rows[i] for i in group])
            for place, i in enumerate(group):
                if rows[i].wants_logits:
                    # The next group's overwrite them.
                    logits[i] = (
                        self._logits(place) if group is groups[-1] else self._logits(place).copy()
                    )
        return [logits[i] for i in sorted(logits)]

    def _compute(self, rows: Sequence[Row]) -> None:
        status = llama_cpp.llama_decode(self._context, self._batch.fill(rows))
        if status != 0:
            raise DecodeError(
                "the step was aborted"
                if self._abort_flag[0] != b"\0"
                else f"llama_decode returned {status}"
            )

    def _logits(self, row: int) -> Logits:
        pointer = llama_cpp.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(pointer, shape=(self.vocabulary_size,))

    def truncate(self, sequence: int, length: int) -> None:
        """See `Decoder`."""
        if not llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1):
            raise DecodeError(f"sequence {sequence} could not be cut to {length} tokens")

    def clear(self) -> None:
        """See `Decoder`."""
        llama_cpp.llama_memory_clear(self._memory, False)  # noqa: FBT003 - a C function
        self._abort_flag[0] = b"\0"

    def save(self, sequence: int) -> bytes:
        """See `Decoder`."""
        return bytes(self._state(sequence))

    def _state(self, sequence: int) -> ctypes.Array[ctypes.c_uint8]:
        size = llama_cpp.llama_state_seq_get_size(self._context, sequence)
        buffer: ctypes.Array[ctypes.c_uint8] = (ctypes.c_uint8 * size)()
        if llama_cpp.llama_state_seq_get_data(self._context, buffer, size, sequence) != size:
            raise DecodeError(f"the state of sequence {sequence} could not be read")
        return buffer

    def move(self, source: int, target: int) -> bool:
        """See `Decoder`."""
        if llama_cpp.llama_state_seq_get_size(self._context, source) > MOVED_BYTES:
            return False
        length = llama_cpp.llama_memory_seq_pos_max(self._memory, source) + 1
        state = self._state(source)
        if not self._restore(target, state, len(state), length):
            return False
        self.truncate(source, 0)
        return True

    def load(self, sequence: int, state: bytes, *, length: int) -> bool:
        """See `Decoder`."""
        # llama.cpp only reads from it, so the bytes need no copy.
        buffer = ctypes.cast(ctypes.c_char_p(state), ctypes.POINTER(ctypes.c_uint8))
        return self._restore(sequence, buffer, len(state), length)

    def _restore(self, sequence: int, state: Any, size: int, length: int) -> bool:  # noqa: ANN401 - ctypes
        read = llama_cpp.llama_state_seq_set_data(self._context, state, size, sequence)
        if read == size and self._holds(sequence, length):
            return True
        self.truncate(sequence, 0)
        if not self._holds(sequence, 0):
            # Cells at negative positions, which llama.cpp removes only with everything else.
            raise DecodeError("a damaged state cannot be removed again")
        return False

    def widened(self, state: bytes) -> bytes:
        """A state that a decoder of one sequence saved, in the form that this one loads.

        llama.cpp writes how many streams there were and how many cells each had, and refuses a
        state of another number of streams (`llama_kv_cache::state_read`).
        """
        streams = _UINT32.pack(self.sequences)
        empty = _UINT32.pack(0) * (self.sequences - 1)
        return state[:_STREAMS_AT] + streams + state[_STREAMS_AT + _UINT32.size :] + empty

    def _holds(self, sequence: int, length: int) -> bool:
        # Both are -1 for an empty sequence.
        first = llama_cpp.llama_memory_seq_pos_min(self._memory, sequence)
        last = llama_cpp.llama_memory_seq_pos_max(self._memory, sequence)
        return bool(first == min(0, length - 1) and last == length - 1)

    def abort(self) -> None:
        """See `Decoder`."""
        self._abort_flag[0] = b"\1"

    def close(self) -> None:
        """Free the context. The decoder is unusable afterwards."""
        llama_cpp.llama_free(self._context)
        self._context = None


def _groups(rows: Sequence[Row]) -> list[list[int]]:
    """Which rows go to llama.cpp together: each sequence's piece of a prompt, and all the rest.

    Together it would cut pieces to the length of the shortest (`split_equal`), and what is cut off
    is rounded otherwise. Streams become one pass while their ids rise by one, so they are sorted.
    """
    by_sequence: dict[int, list[int]] = {}
    for i, row in enumerate(rows):
        by_sequence.setdefault(row.sequence, []).append(i)
    pieces = [group for group in by_sequence.values() if len(group) >= PIECE_ROWS]
    rest = [i for _, group in sorted(by_sequence.items()) if len(group) < PIECE_ROWS for i in group]
    return [*pieces, rest] if rest else pieces


class _Batch:
    """A `llama_batch` over numpy arrays, filled without a Python loop."""

    def __init__(self, capacity: int) -> None:
        self._tokens = np.zeros(capacity, np.int32)
        self._positions = np.zeros(capacity, np.int32)
        self._sequence_counts = np.ones(capacity, np.int32)
        self._sequences = np.zeros(capacity, np.int32)
        self._wants_logits = np.zeros(capacity, np.int8)
        # seq_id is an array of pointers: one to each row's own sequence id.
        self._sequence_pointers = (
            self._sequences.ctypes.data
            + np.arange(capacity, dtype=np.uintp) * self._sequences.itemsize
        )
        self._struct = llama_cpp.llama_batch()
        int32 = ctypes.POINTER(ctypes.c_int32)
        self._struct.token = _pointer(self._tokens, int32)
        self._struct.pos = _pointer(self._positions, int32)
        self._struct.n_seq_id = _pointer(self._sequence_counts, int32)
        self._struct.seq_id = _pointer(self._sequence_pointers, ctypes.POINTER(int32))
        self._struct.logits = _pointer(self._wants_logits, ctypes.POINTER(ctypes.c_int8))

    def fill(self, rows: Sequence[Row]) -> llama_cpp.llama_batch:
        count = len(rows)
        tokens, positions, sequences, wants_logits = zip(*rows, strict=True)
        self._tokens[:count] = tokens
        self._positions[:count] = positions
        self._sequences[:count] = sequences
        self._wants_logits[:count] = wants_logits
        self._struct.n_tokens = count
        return self._struct


def _pointer(array: NDArray[Any], kind: Any) -> Any:  # noqa: ANN401 - ctypes has no better type
    return ctypes.cast(array.ctypes.data, kind)
