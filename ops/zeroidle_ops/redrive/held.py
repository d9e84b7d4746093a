"""Messages that are kept hidden for a while: their receipt handles, on disk rather than in memory.

A receipt handle opens nothing without the queue's permissions, and holds no text.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO


class Held:
    """Receipt handles in a nameless temporary file."""

    def __init__(self) -> None:
        self._file: IO[str] | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, receipt_handles: Iterable[str]) -> None:
        """Keep these."""
        for receipt in receipt_handles:
            if self._file is None:
                self._file = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by drain
            self._file.write(json.dumps(receipt) + "\n")
            self._count += 1

    def drain(self, size: int = 1000) -> Iterator[list[str]]:
        """Give them all back, some at a time, and forget them."""
        file, self._file, self._count = self._file, None, 0
        if file is None:
            return
        with file:
            file.seek(0)
            while lines := list(islice(file, size)):
                yield [json.loads(line) for line in lines]
