"""What a program says in an interpreter of its own, where nothing is imported yet."""

import subprocess
import sys


def printed_by(program: str) -> str:
    """The program's output; it must end well."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
