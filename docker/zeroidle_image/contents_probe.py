"""Runs inside the image: what an auditor would look for in it. Prints one line of JSON.

Who it runs as, where it can write, whether it holds what compiles or installs, the hash of the
model, and the SBOM. Standard library only.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

TOOLS = ("gcc", "g++", "cc", "c++", "clang", "cpp", "as", "ld", "make", "cmake", "pip", "pip3")
FOLDERS = ("/", "/etc", "/opt/model", "/usr/local/lib/python3.11/dist-packages", "/var/tmp")  # noqa: S108


def _can_write(folder: str) -> bool:
    path = Path(folder) / "zeroidle-image-check"
    try:
        path.write_text("")
    except OSError:
        return False
    path.unlink()
    return True


tools = [name for name in TOOLS if shutil.which(name)]
tools += [name for name in ("pip", "ensurepip", "setuptools") if importlib.util.find_spec(name)]
with Path(os.environ["ZEROIDLE_MODEL_PATH"]).open("rb") as model:
    digest = hashlib.file_digest(model, "sha256").hexdigest()
sys.stdout.write(
    json.dumps(
        {
            "user_id": os.getuid(),
            "writable": [folder for folder in FOLDERS if _can_write(folder)],
            "scratch": _can_write("/tmp"),  # noqa: S108 - Lambda's own
            "tools": tools,
            "model_sha256": digest,
            "sbom": json.loads(Path("/usr/share/zeroidle/sbom.cdx.json").read_text()),
        }
    )
    + "\n"
)
