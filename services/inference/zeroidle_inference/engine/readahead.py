"""Reads the model file into the page cache while Python is still importing.

Standard library only, for it runs before anything heavy. On Lambda an image's file arrives in
chunks on first touch, so several readers in parallel fetch it sooner than one that maps it.
"""

import contextlib
import os
import threading
from pathlib import Path

CHUNK_BYTES = 4 * 1024 * 1024


def start(path: Path, *, readers: int) -> list[threading.Thread]:
    """Begin reading; each reader takes every n-th chunk. A missing file is the loader's to report.

    The threads are daemons and end by themselves.
    """
    threads = [
        threading.Thread(
            target=_read, args=(path, reader, readers), name=f"readahead-{reader}", daemon=True
        )
        for reader in range(readers)
    ]
    for thread in threads:
        thread.start()
    return threads


def _read(path: Path, first: int, step: int) -> None:
    buffer = bytearray(CHUNK_BYTES)
    with contextlib.suppress(OSError), path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        for offset in range(first * CHUNK_BYTES, size, step * CHUNK_BYTES):
            os.preadv(file.fileno(), [buffer], offset)
