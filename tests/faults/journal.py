"""What environments do, one line each, written at once: a kill -9 loses none of it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """`what` happened to `subject` (jobs, or a call) at a simulated moment in an environment."""

    at_s: float
    who: str
    what: str
    subject: str


class Journal:
    """Appends lines; several processes may share the file."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, at_s: float, who: str, what: str, subject: str) -> None:
        os.write(self._descriptor, f"{at_s:.6f}\t{who}\t{what}\t{subject}\n".encode())


class JournalReader:
    """Reads what was added since the last time."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._file = path.open("rb")
        self._rest = b""

    def read(self) -> Iterator[Entry]:
        self._rest += self._file.read()
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            at_s, who, what, subject = line.decode().split("\t")
            yield Entry(float(at_s), who, what, subject)

    def close(self) -> None:
        self._file.close()
