"""Forks the harness's processes: `python -m faults.nursery FD`. A fork takes milliseconds where a
start takes most of a second, so that processes can be killed and made by the hundred.

It has one thread, so that forking is safe; whoever holds the other end of the socket asks for a
process with a `Setting` and the descriptor of its pipe.
"""

import os
import pickle
import signal
import socket
import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

LONGEST_REQUEST_BYTES = 1 << 16


class Nursery:
    """The harness's side."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        tests = str(Path(__file__).parents[1])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.nursery", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": tests, "FAULTS_NURSERY": "1"},
        )
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.wait(timeout=10)

    def make(self, setting: object) -> tuple[int, Connection]:
        """A new process: its id, and our end of its pipe."""
        ours, theirs = Pipe()
        socket.send_fds(self._socket, [pickle.dumps(setting)], [theirs.fileno()])
        theirs.close()
        pid = int(self._socket.recv(32))
        return pid, ours


def main() -> None:
    """Fork whenever asked, until the harness is gone."""
    from faults.roles import ROLES  # noqa: PLC0415 - heavy, and needed on this side only

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    harness = socket.socket(fileno=int(sys.argv[1]))
    while True:
        asked, descriptors, _, _ = socket.recv_fds(harness, LONGEST_REQUEST_BYTES, 1)
        if not asked:
            return
        pid = os.fork()
        if pid == 0:
            harness.close()
            setting = pickle.loads(asked)  # noqa: S301 - from our own harness
            ROLES[setting.role](setting, Connection(descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])
        harness.send(str(pid).encode())


if __name__ == "__main__":
    main()
