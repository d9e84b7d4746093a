"""Programs that some tests need: missing, they skip a test on a laptop and fail it in CI."""

import os
import shutil

import pytest


def program(name: str, *, package: str) -> str:
    """The program's path; `package` is Debian's that brings it."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not installed: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
