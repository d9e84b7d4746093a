"""Packs the Zip of the scheduled functions, the scaler and the watch over dead letters.

`zeroidle deploy apply` packs and uploads it; `python -m zeroidle_ops.stack.functions FILE.zip` is
for those who deploy with another tool. Our code is the operator's own library, of it no more than
the two need; pydantic comes as locked wheels; boto3 is Lambda's. Equal content makes equal bytes.
"""

import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from zeroidle_ops.errors import DeploymentError

HANDLERS: Final = ("zeroidle_ops.scale.function.handler", "zeroidle_ops.watch_handler.handler")
PYTHON_VERSION: Final = "3.13"
"""Of the template's runtime."""

MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
"""The template's architectures, as wheels call them."""

_PACKAGES: Final = ("zeroidle_contract", "zeroidle_producer", "zeroidle_ops")
_OPS_PARTS: Final = frozenset(
    {"__init__.py", "errors.py", "lock.py", "observe", "redrive", "scale", "watch_handler.py"}
)
_LEFT_OUT: Final = frozenset({"__pycache__", "bench", "simulation"})


def pack(architecture: str) -> bytes:
    """The Zip for the template's `Architecture`.

    Raises:
        DeploymentError: the wheels cannot be fetched, or are not those of the lock.
    """
    with tempfile.TemporaryDirectory() as folder:
        _fetch(MACHINES[architecture], Path(folder))
        return archive({**wheel_files(sorted(Path(folder).glob("*.whl"))), **our_files()})


def our_files() -> dict[str, bytes]:
    """Our part of the Zip: name to content."""
    files: dict[str, bytes] = {}
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(package)
        root = Path(spec.origin).parent
        for file in root.rglob("*"):
            parts = file.relative_to(root).parts
            is_wanted = package != "zeroidle_ops" or parts[0] in _OPS_PARTS
            if file.is_file() and is_wanted and not _LEFT_OUT.intersection(parts):
                files["/".join((package, *parts))] = file.read_bytes()
    return files


def wheel_files(wheels: Iterable[Path]) -> dict[str, bytes]:
    """What wheels install: name to content."""
    files: dict[str, bytes] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as content:
            files |= {name: content.read(name) for name in content.namelist() if name[-1] != "/"}
    return files


def archive(files: Mapping[str, bytes], *, executable: str = "") -> bytes:
    """The files as a Zip: in order, without dates or owners.

    Nothing is compressed: compressors of two machines may differ, and the bytes name the Zip.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name)  # of a fixed date
            entry.create_system = 3  # Unix, whatever machine packs
            entry.external_attr = (0o755 if name == executable else 0o644) << 16
            target.writestr(entry, files[name])
    return buffer.getvalue()


def _fetch(machine: str, folder: Path) -> None:
    """Put the locked wheels into the folder; those fetched before come from the cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zeroidle/functions"
    if _pip(machine, folder, "--no-index", f"--find-links={cache}") is None:
        return
    if (reason := _pip(machine, folder)) is not None:
        raise DeploymentError(
            f"the libraries of the scheduled functions cannot be fetched ({reason}); check the "
            "network and pip"
        )
    cache.mkdir(parents=True, exist_ok=True)
    for wheel in folder.glob("*.whl"):
        shutil.copy(wheel, part := cache / f"{wheel.name}.{os.getpid()}")
        part.replace(cache / wheel.name)


def _pip(machine: str, folder: Path, *options: str) -> str | None:
    """Download by the lock, hashes checked; why it failed, or None."""
    with resources.as_file(resources.files(__package__).joinpath("functions.lock")) as lock:
        done = subprocess.run(  # noqa: S603 - our own pip
            [
                *(
                    sys.executable,
                    "-m",
                    "pip",
                    "download",
                    "--quiet",
                    "--disable-pip-version-check",
                ),
                *("--no-deps", "--require-hashes", "--only-binary=:all:", *options),
                *(f"--platform=manylinux2014_{machine}", f"--python-version={PYTHON_VERSION}"),
                *("--requirement", str(lock), "--dest", str(folder)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode == 0:
        return None
    return " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-1:])


if __name__ == "__main__":
    if len(sys.argv) not in {2, 3} or sys.argv[2:] not in ([], ["arm64"], ["x86_64"]):
        sys.exit("usage: python -m zeroidle_ops.stack.functions FILE.zip [arm64|x86_64]")
    try:
        Path(sys.argv[1]).write_bytes(pack((*sys.argv[2:], "arm64")[0]))
    except DeploymentError as error:
        sys.exit(f"error: {error}")
