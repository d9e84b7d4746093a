"""Puts a file in its place whole or not at all, one process at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zeroidle_inference.engine.errors import ModelFileError


@contextmanager
def only_writer_of(folder: Path) -> Iterator[None]:
    """Let one process at a time write into the folder; a second waits and finds the work done.

    Raises:
        ModelFileError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise _cannot_write(folder, error) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def placed(target: Path) -> Iterator[Path]:
    """Give a path beside the target to write to; it becomes the target if the block succeeds.

    Raises:
        ModelFileError: the disk refused.
    """
    # A fixed name: what a killed run left behind is overwritten by the next.
    partial = target.with_name(f".{target.name}.partial")
    try:
        yield partial
        partial.replace(target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _cannot_write(target: Path, error: OSError) -> ModelFileError:
    return ModelFileError(f"cannot write {target}: {error.strerror or error}")
