"""A loaded GGUF: weights, vocabulary and chat template. Turns prompts into tokens and back.

Knows llama.cpp's model and vocabulary; knows nothing of contexts, schedules or requests' fates.
"""

import ctypes
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp

from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.engine.request import Prompt, Window
from zeroidle_inference.engine.template import ChatTemplate, Literal
from zeroidle_inference.engine.vocabulary import ModelName, PromptTokens

_READ_BYTES = 1 << 20

# Hundreds of lines a load, none of which says more than our errors do.
_DISCARD_LOG = llama_cpp.llama_log_callback(lambda _level, _text, _data: None)


class LoadedModel:
    """A chat model in memory."""

    def __init__(self, path: Path, *, is_mapped: bool = True, is_repacked: bool = True) -> None:
        """Load a GGUF.

        Args:
            path: the file.
            is_mapped: map the file, or read it into memory of the process's own.
            is_repacked: lay the weights out for this processor's widest instructions.

        Raises:
            ModelFileError: missing, damaged, or no chat model whose sequences can be cut.
        """
        if not path.is_file():
            raise ModelFileError(
                f"there is no model at {path}; set ZEROIDLE_MODEL_PATH, or run `make model`"
            )
        llama_cpp.llama_log_set(_DISCARD_LOG, ctypes.c_void_p(None))
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.load_mode = (
            llama_cpp.LLAMA_LOAD_MODE_MMAP if is_mapped else llama_cpp.LLAMA_LOAD_MODE_NONE
        )
        params.use_extra_bufts = is_repacked
        self.pointer = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self.pointer:
            raise ModelFileError(
                f"{path} is not a GGUF that llama.cpp can load; it may be truncated or damaged: "
                "compare its SHA-256 with the publisher's"
            )
        if _forgets_no_part(self.pointer):
            raise ModelFileError(
                f"{path} is a recurrent or hybrid model: what it has read cannot be cut back to an "
                "earlier token, as scoring labels and drafts need; use a transformer"
            )
        self._vocab = llama_cpp.llama_model_get_vocab(self.pointer)
        self.vocabulary_size: int = llama_cpp.llama_vocab_n_tokens(self._vocab)
        self.train_context_tokens: int = llama_cpp.llama_model_n_ctx_train(self.pointer)
        self.end_tokens = frozenset(
            token
            for token in range(self.vocabulary_size)
            if llama_cpp.llama_vocab_is_eog(self._vocab, token)
        )
        self._bos: int = llama_cpp.llama_vocab_bos(self._vocab)
        self._template = self._read_template(path)
        self._literals: dict[str, tuple[int, ...]] = {}
        self.path = path

    @property
    def vocab(self) -> Any:  # noqa: ANN401 - an opaque pointer
        """llama.cpp's vocabulary."""
        return self._vocab

    def _read_template(self, path: Path) -> ChatTemplate:
        source = llama_cpp.llama_model_chat_template(self.pointer, None)
        if source is None:
            raise ModelFileError(
                f"{path} has no chat template; use an instruction-tuned GGUF that carries one"
            )
        specials = {
            "bos_token": self._piece(self._bos, special=True),
            "eos_token": self._piece(llama_cpp.llama_vocab_eos(self._vocab), special=True),
        }
        return ChatTemplate(
            source.decode(errors="replace"),
            {name: text.decode(errors="replace") for name, text in specials.items()},
        )

    def name(self, sha256: str) -> ModelName:
        """The model's identity, given its file's hash (`file_sha256`)."""
        return ModelName(
            name=self._metadata("general.name") or self.path.stem,
            sha256=sha256,
            quantisation=_quantisation(self.pointer),
        )

    @property
    def weights_bytes(self) -> int:
        """Bytes of the weights in memory."""
        return int(llama_cpp.llama_model_size(self.pointer))

    @property
    def cell_bytes(self) -> int:
        """Bytes of one token's keys and values, in half precision, of all layers.

        A head is as long as the file says, and only else as long as the embedding divided by heads.
        """
        heads = llama_cpp.llama_model_n_head(self.pointer)
        default = llama_cpp.llama_model_n_embd(self.pointer) // heads
        architecture = self._metadata("general.architecture")
        numbers = sum(
            int(self._metadata(f"{architecture}.attention.{kind}_length") or default)
            for kind in ("key", "value")
        )
        key_value_heads = llama_cpp.llama_model_n_head_kv(self.pointer)
        return int(llama_cpp.llama_model_n_layer(self.pointer) * key_value_heads * numbers * 2)

    def _metadata(self, key: str) -> str | None:
        buffer = ctypes.create_string_buffer(512)
        length = llama_cpp.llama_model_meta_val_str(self.pointer, key.encode(), buffer, len(buffer))
        return buffer.value.decode(errors="replace") if length >= 0 else None

    def tokenize(self, text: str, *, control_tokens: bool = False) -> tuple[int, ...]:
        """A text's tokens, without any at its start or end.

        Only with `control_tokens` does `<|im_end|>` and its like mean anything but its letters.
        """
        data = text.encode(errors="replace")
        capacity = len(data) + 8
        buffer = (ctypes.c_int32 * capacity)()
        count = llama_cpp.llama_tokenize(
            self._vocab,
            data,
            len(data),
            buffer,
            capacity,
            False,  # noqa: FBT003 - a C function: add_special
            control_tokens,
        )
        return tuple(buffer[:count])

    def _piece(self, token: int, *, special: bool = False) -> bytes:
        if token < 0:
            return b""
        buffer = ctypes.create_string_buffer(256)
        length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, special)
        if length < 0:
            # So many bytes it would have needed.
            buffer = ctypes.create_string_buffer(-length)
            length = llama_cpp.llama_token_to_piece(
                self._vocab, token, buffer, len(buffer), 0, special
            )
        return buffer.raw[:length]

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of tokens. Incomplete characters at its end are dropped."""
        return b"".join(self._piece(token) for token in tokens).decode(errors="ignore")

    def prompt(self, prompt: Prompt) -> PromptTokens:
        """A prompt's tokens, in the model's own chat format."""
        pieces = self._template.render([message.role for message in prompt.messages])
        before: list[int] = []
        after: list[int] = []
        last = len(prompt.messages) - 1
        target = before
        for piece in pieces:
            if isinstance(piece, Literal):
                target += self._literal(piece.text)
                continue
            text = prompt.messages[piece.index].text
            if prompt.document is None or piece.index != last:
                target += self.tokenize(text)
                continue
            before += self.tokenize(text)
            after += self.tokenize(prompt.document)
            after += self.tokenize(prompt.after_document)
            target = after
        if llama_cpp.llama_vocab_get_add_bos(self._vocab) and before[:1] != [self._bos]:
            before.insert(0, self._bos)
        if prompt.document is None:
            return PromptTokens(shared=(), own=tuple(before))
        return PromptTokens(shared=tuple(before), own=tuple(after))

    def _literal(self, text: str) -> tuple[int, ...]:
        if text not in self._literals:
            self._literals[text] = self.tokenize(text, control_tokens=True)
        return self._literals[text]

    def split(self, text: str, max_tokens: int, overlap_tokens: int = 0) -> list[Window]:
        """See `TextModel.split`."""
        pieces = [self._piece(token) for token in self.tokenize(text)]
        ends = _character_ends(pieces)
        if not ends or ends[-1] != len(text):
            # The vocabulary does not give the text back letter for letter: cut by proportion.
            ends = [len(text) * (i + 1) // max(len(pieces), 1) for i in range(len(pieces))]
        windows: list[Window] = []
        start = stop = 0
        while stop < len(ends):
            stop = min(start + max_tokens, len(ends))
            begin = ends[start - 1] if start else 0
            # Cut out, a text may have more tokens than it has as a part of the whole.
            while (
                excess := len(self.tokenize(text[begin : ends[stop - 1]])) - max_tokens
            ) > 0 and stop > start + 1:
                stop = max(stop - excess, start + 1)
            windows.append(Window(begin, ends[stop - 1]))
            start = max(stop - overlap_tokens, start + 1)
        # Characters that the vocabulary lacks are no tokens at all.
        return windows or [Window(0, len(text))]

    def close(self) -> None:
        """Free the weights. The model is unusable afterwards."""
        llama_cpp.llama_model_free(self.pointer)
        self.pointer = None


def _character_ends(pieces: Sequence[bytes]) -> list[int]:
    """For each token the number of whole characters that its text and all before it hold."""
    ends: list[int] = []
    characters = 0
    for piece in pieces:
        characters += sum(not _is_utf8_continuation(byte) for byte in piece)
        ends.append(characters)
    return ends


def _is_utf8_continuation(byte: int) -> bool:
    return 0x80 <= byte < 0xC0  # noqa: PLR2004 - the bits 10xxxxxx


def file_sha256(path: Path) -> str:
    """The hash of a model's file, all of which it reads.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _forgets_no_part(model: Any) -> bool:  # noqa: ANN401 - an opaque pointer
    return bool(llama_cpp.llama_model_is_recurrent(model) or llama_cpp.llama_model_is_hybrid(model))


def _quantisation(model: Any) -> str:  # noqa: ANN401 - an opaque pointer
    """The quantisation's name as llama.cpp describes it, such as `Q4_0`."""
    buffer = ctypes.create_string_buffer(128)
    llama_cpp.llama_model_desc(model, buffer, len(buffer))
    return buffer.value.decode().split(" ")[-1] or "unknown"
