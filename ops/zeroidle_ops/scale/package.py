"""Packs the scaler's Zip: `python -m zeroidle_ops.scale.package build/scaler.zip`.

Three packages of ours, of ops no more than scaling needs, and pydantic for Lambda's Python 3.12 on
arm64, as wheels from the package index. boto3 is Lambda's own.
"""

import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

WHEELS: Final = (
    "annotated-types",
    "pydantic",
    "pydantic-core",
    "typing-extensions",
    "typing-inspection",
)
OPS_PARTS: Final = ("__init__.py", "errors.py", "lock.py", "scale")
_PLATFORM = (
    "--platform=manylinux2014_aarch64",
    "--python-version=3.12",
    "--only-binary=:all:",
    "--no-deps",
)


def our_files() -> dict[str, Path]:
    """Archive name to file."""
    files: dict[str, Path] = {}
    for package in ("zeroidle_contract", "zeroidle_producer", "zeroidle_ops"):
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(package)
        root = Path(spec.origin).parent
        for file in sorted(root.rglob("*")):
            part = file.relative_to(root)
            is_wanted = package != "zeroidle_ops" or part.parts[0] in OPS_PARTS
            if file.is_file() and is_wanted and "__pycache__" not in part.parts:
                files[f"{package}/{part.as_posix()}"] = file
    return files


def pack(to: Path) -> None:
    """Write the Zip."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603 - our own pip
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--target", folder),
                *_PLATFORM,
                *(f"{name}=={version(name)}" for name in WHEELS),
            ],
            check=True,
        )
        to.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, file in our_files().items():
                archive.write(file, name)
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    archive.write(file, file.relative_to(folder))


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its argument
        sys.exit("usage: python -m zeroidle_ops.scale.package FILE.zip")
    pack(Path(sys.argv[1]))
