"""Prefix states as files: written by a build step, loaded by a cold start.

A file is good for one model file, one list of tokens and one build of llama.cpp; its name says
which, and its last 32 bytes are a SHA-256 over all that stands before. A file that does not fit or
is damaged costs a warning and a prefill, never a wrong answer.

Layout: a line of JSON (`tokens`), the state, the checksum.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path

from zeroidle_inference.engine.prefix import Tokens

SUFFIX = ".prefix"
_CHECKSUM_BYTES = hashlib.sha256().digest_size
_LOG = logging.getLogger(__name__)


def file_name(*, model_sha256: str, build: str, tokens: Tokens) -> str:
    """The name of a prefix's file: what it was made with, then what it holds."""
    maker = _digest(f"{model_sha256} {build}")
    return f"{maker}-{_digest(json.dumps(tokens))}{SUFFIX}"


def write(folder: Path, *, model_sha256: str, build: str, tokens: Tokens, state: bytes) -> Path:
    """Write a state; the file is complete or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(model_sha256=model_sha256, build=build, tokens=tokens)
    content = json.dumps({"tokens": tokens}).encode() + b"\n" + state
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(content + hashlib.sha256(content).digest())
    unfinished.rename(path)
    return path


def read(folder: Path, *, model_sha256: str, build: str) -> Iterator[tuple[Tokens, bytes]]:
    """The states in a folder that fit this model and build."""
    maker = _digest(f"{model_sha256} {build}")
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if not path.name.startswith(maker):
            _LOG.warning("prefix state %s is for another model or build; ignored", path.name)
            continue
        try:
            content = path.read_bytes()
        except OSError as error:
            _LOG.warning("prefix state %s cannot be read (%s); ignored", path.name, error.strerror)
            continue
        body, checksum = content[:-_CHECKSUM_BYTES], content[-_CHECKSUM_BYTES:]
        if hashlib.sha256(body).digest() != checksum:
            _LOG.warning("prefix state %s is damaged; it will be computed again", path.name)
            continue
        header, _, state = body.partition(b"\n")
        yield tuple(json.loads(header)["tokens"]), state


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
