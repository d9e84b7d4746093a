"""What a GGUF says about itself, its hash, and the same model in another quantisation."""

import ctypes
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import llama_cpp

from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.model_file.placing import only_writer_of, placed

_GGML_LOG_LEVEL_ERROR = 4  # ggml.h; the list in llama_cpp's logger is shifted by one
_QUANTISATIONS = {
    value: name.removeprefix("LLAMA_FTYPE_").removeprefix("MOSTLY_").removeprefix("ALL_")
    for name, value in vars(llama_cpp).items()
    if name.startswith("LLAMA_FTYPE_") and name != "LLAMA_FTYPE_GUESSED"
}


@dataclass(frozen=True)
class ModelMetadata:
    """What a GGUF says about itself.

    `context_tokens` is the context it was trained for; `licence` is empty where it names none.
    """

    name: str
    architecture: str
    quantisation: str
    context_tokens: int
    has_chat_template: bool
    licence: str


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex, read in pieces.

    Raises:
        ModelFileError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _cannot_read(path, error) from error


def read_metadata(path: Path) -> ModelMetadata:
    """Read a GGUF's header and vocabulary, and check that no tensor reaches past the file's end.

    Raises:
        ModelFileError: the file is missing, no GGUF, damaged or cut short.
    """
    _check_magic(path)
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = True
    with _llama_errors() as errors:
        model = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
    if model is None:
        raise ModelFileError(
            f"{path} is damaged or cut short, copy or fetch it again ({_cause(errors)})"
        )
    try:
        architecture = _value(model, "general.architecture")
        file_type = _value(model, "general.file_type")
        return ModelMetadata(
            name=_value(model, "general.name") or path.stem,
            architecture=architecture,
            quantisation=_QUANTISATIONS.get(int(file_type or -1), "unknown"),
            context_tokens=int(_value(model, f"{architecture}.context_length") or 0),
            has_chat_template=llama_cpp.llama_model_chat_template(model, None) is not None,
            licence=_value(model, "general.license"),
        )
    finally:
        llama_cpp.llama_model_free(model)


def requantise(source: Path, target: Path, *, quantisation: str) -> Path:
    """Write `source` in another quantisation, unless `target` already holds it and is newer.

    Raises:
        ModelFileError: an unknown quantisation, a damaged source, or no room on the disk.
    """
    file_types = {name: value for value, name in _QUANTISATIONS.items()}
    if quantisation not in file_types:
        known = ", ".join(sorted(file_types))
        raise ModelFileError(f"llama.cpp has no quantisation {quantisation!r}; it has {known}")
    read_metadata(source)
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = file_types[quantisation]
    params.allow_requantize = True
    with only_writer_of(target.parent):
        if _is_made_from(source, target, quantisation):
            return target
        with placed(target) as partial, _llama_errors() as errors:
            failed = llama_cpp.llama_model_quantize(
                os.fsencode(source), os.fsencode(partial), ctypes.byref(params)
            )
            if failed:
                raise ModelFileError(
                    f"cannot write {source} as {quantisation} to {target}, "
                    f"look whether the disk is full ({_cause(errors)})"
                )
            read_metadata(partial)
    return target


def _is_made_from(source: Path, target: Path, quantisation: str) -> bool:
    if not target.exists() or target.stat().st_mtime_ns < source.stat().st_mtime_ns:
        return False
    try:
        return read_metadata(target).quantisation == quantisation
    except ModelFileError:
        return False


def _check_magic(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise _cannot_read(path, error) from error
    if magic != b"GGUF":
        raise ModelFileError(f"{path} is not a GGUF file: give the path of a model in GGUF format")


def _cannot_read(path: Path, error: OSError) -> ModelFileError:
    return ModelFileError(f"cannot read the model file {path}: {error.strerror or error}")


def _value(model: object, key: str) -> str:
    # The first call returns the length, or -1 where the key is absent.
    length = llama_cpp.llama_model_meta_val_str(model, key.encode(), None, 0)
    if length < 0:
        return ""
    buffer = ctypes.create_string_buffer(length + 1)
    llama_cpp.llama_model_meta_val_str(model, key.encode(), buffer, len(buffer))
    return buffer.value.decode(errors="replace")


@contextmanager
def _llama_errors() -> Iterator[list[str]]:
    """Silence llama.cpp inside the block and collect what it reports as errors."""
    errors: list[str] = []

    def collect(level: int, text: bytes, _user_data: object) -> None:
        if level == _GGML_LOG_LEVEL_ERROR:
            errors.append(text.decode(errors="replace").strip())

    callback = llama_cpp.llama_log_callback(collect)
    before, user_data = llama_cpp.llama_log_callback(), ctypes.c_void_p()
    llama_cpp.llama_log_get(ctypes.byref(before), ctypes.byref(user_data))
    llama_cpp.llama_log_set(callback, ctypes.c_void_p())
    try:
        yield errors
    finally:
        llama_cpp.llama_log_set(before, user_data)


def _cause(errors: Sequence[str]) -> str:
    # The first names the cause; later ones are the callers' echoes of it.
    return errors[0] if errors else "llama.cpp gave no reason"
