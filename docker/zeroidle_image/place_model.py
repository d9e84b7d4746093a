"""Puts the model's file in its place in the build: given or downloaded, and verified.

Run by the Dockerfile before anything slow. Standard library only. It compares hash, size and the
first four bytes: whether it is a usable model is for the code that will load it.
"""

import argparse
import hashlib
import re
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.error import URLError

from zeroidle_image.errors import ImageError, ModelRefusedError, NoSpaceError

CHUNK_BYTES: Final = 1 << 20
TIMEOUT_S: Final = 60
SAY_EVERY_S: Final = 5.0
MAGIC: Final = b"GGUF"

Progress = Callable[[str], None]


def place(
    *, given: Path, url: str, sha256: str, memory_mb: int, to: Path, progress: Progress
) -> None:
    """Write the model to `to`, whole and verified, or not at all.

    Raises:
        ModelRefusedError: there is no model, it is not the one that was named or no GGUF, or it
            cannot fit into the function's memory.
        NoSpaceError: the disk is full.
    """
    check_named(sha256)
    check_source(given=given.is_file(), url=url)
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = to.with_suffix(".partial")
    try:
        if url:
            _download(url, partial, memory_mb=memory_mb, progress=progress)
        else:
            check_size(given.stat().st_size, memory_mb)
            shutil.copyfile(given, partial)
        check_hash(partial, sha256)
        check_format(partial)
        partial.replace(to)
    except OSError as error:
        raise NoSpaceError(f"cannot write the model to {to}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def check_source(*, given: bool, url: str) -> None:
    """See that there is one model, and that nobody can change it on its way.

    Raises:
        ModelRefusedError: there is none, or two, or it would come over an open line.
    """
    if given and url:
        raise ModelRefusedError("two models were given: drop MODEL_URL or the file")
    if not given and not url:
        raise ModelRefusedError(
            "no model was given: put model.gguf into the inputs or name MODEL_URL"
        )
    if url and not url.startswith("https://"):
        raise ModelRefusedError("MODEL_URL must begin with https://")


def check_named(sha256: str) -> None:
    """See that a hash was given.

    Raises:
        ModelRefusedError: none was.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ModelRefusedError(
            "MODEL_SHA256 is not a SHA-256 in hex: give the one that the model's source publishes"
        )


def check_hash(path: Path, sha256: str) -> None:
    """Compare.

    Raises:
        ModelRefusedError: it is another file.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ModelRefusedError(
            f"the model has SHA-256 {found}, expected {sha256}: it is not the file that was named, "
            "do not use it; fetch it again, or correct MODEL_SHA256 if you trust this one"
        )


def check_format(path: Path) -> None:
    """Refuse what is no GGUF at all, such as the page that a download link led to.

    Raises:
        ModelRefusedError: it does not begin as a GGUF does.
    """
    with path.open("rb") as file:
        began = file.read(len(MAGIC))
    if began != MAGIC:
        raise ModelRefusedError(
            "the model is no GGUF file: give the GGUF itself, not a page, an archive or "
            "another format"
        )


def check_size(size_bytes: int, memory_mb: int) -> None:
    """Refuse what can never fit.

    Raises:
        ModelRefusedError: the file alone is larger than the function's memory.
    """
    # The exact account, with context and repacked weights, is the loader's.
    if size_bytes > memory_mb << 20:
        raise ModelRefusedError(
            f"the model is {size_bytes >> 20} MiB, the function has {memory_mb} MB of memory: "
            "raise MEMORY_MB (10240 is Lambda's most) or take a smaller model or quantisation"
        )


class _HttpsAlone(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *told: Any) -> urllib.request.Request | None:  # noqa: ANN401
        if not (url := str(told[-1])).startswith("https://"):
            raise ModelRefusedError(f"MODEL_URL leads on to {url}: not https")
        return super().redirect_request(*told)


def _download(url: str, target: Path, *, memory_mb: int, progress: Progress) -> None:
    try:
        opener = urllib.request.build_opener(_HttpsAlone)
        with opener.open(url, timeout=TIMEOUT_S) as answer, target.open("wb") as file:
            announced = int(answer.headers.get("Content-Length") or 0)
            check_size(announced, memory_mb)
            for received in _copied(answer, file, announced, progress):
                check_size(received, memory_mb)
    except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise ModelRefusedError(f"cannot download the model: {reason}") from error


def _copied(
    source: BinaryIO, target: BinaryIO, announced: int, progress: Progress
) -> Iterator[int]:
    """Copy; the bytes so far after each chunk."""
    received, said_s = 0, time.monotonic()
    while chunk := source.read(CHUNK_BYTES):
        target.write(chunk)
        received += len(chunk)
        if time.monotonic() - said_s > SAY_EVERY_S:
            said_s = time.monotonic()
            progress(f"model: {received >> 20} of {announced >> 20 or 'unknown'} MiB downloaded")
        yield received


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one placement and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m zeroidle_image.place_model")
    parser.add_argument("--given", type=Path, required=True, help="the file, where it is given")
    parser.add_argument("--url", required=True, help="where to download it; empty: it is given")
    parser.add_argument("--sha256", required=True)
    parser.add_argument("--memory-mb", type=int, required=True, help="of the function")
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        place(**vars(options), progress=_say)
    except ImageError as error:
        _say(f"error: {error}")
        return 1
    _say(f"model: {options.to.stat().st_size >> 20} MiB, SHA-256 as expected")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
