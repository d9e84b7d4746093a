"""The base that the image stands on: pulled from a registry, or made where none can be reached.

A base of our own is Debian 12 by debootstrap. For another processor than this one's, its last
steps and everything that the build runs in it go through QEMU's user emulation.
"""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from zeroidle_image.builders import Builder, failed
from zeroidle_image.errors import ToolError

DEBIAN: Final = "bookworm"
DEFAULT: Final = "debian:bookworm-slim"
MACHINES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""Names of processors, as the machine, Lambda and Debian say, to Debian's."""

_BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")
_QEMU: Final = {"arm64": "qemu-aarch64", "amd64": "qemu-x86_64"}

Progress = Callable[[str], None]


def obtain(
    wanted: str, architecture: str, *, builder: Builder, scratch: Path, progress: Progress
) -> str:
    """The name of a usable base for an architecture (Debian's name).

    Only the default is replaced by one of our own: who names another wants that one.

    Raises:
        ToolError: it can neither be pulled nor made.
    """
    made = f"localhost/zeroidle-base:{architecture}"
    if wanted == DEFAULT and builder.has(made):
        return made
    progress(f"base: asking for {wanted} for {architecture}")
    if builder.pull(wanted, f"linux/{architecture}"):
        return wanted
    if wanted != DEFAULT:
        raise ToolError(
            f"{wanted} cannot be pulled for {architecture}: correct BASE, or leave it out"
        )
    progress(
        f"base: {wanted} cannot be pulled; making Debian {DEBIAN} for {architecture} by "
        "debootstrap (half a minute; 3 minutes under emulation)"
    )
    archive = _bootstrap(architecture, scratch)
    try:
        builder.import_root(archive, made, f"linux/{architecture}")
    finally:
        archive.unlink()
    return made


def ensure_emulation(architecture: str) -> None:
    """See to it that this machine can run programs of an architecture.

    Raises:
        ToolError: it cannot.
    """
    if architecture == MACHINES.get(os.uname().machine):
        return
    handler = _BINFMT / _QEMU[architecture]
    if not handler.exists() and os.geteuid() == 0 and shutil.which("update-binfmts"):
        if not (_BINFMT / "register").exists():
            _run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT)])
        _run(["update-binfmts", "--enable", _QEMU[architecture]])
    if not handler.exists():
        raise ToolError(
            f"this machine cannot run {architecture} programs, and the build runs some. On Debian, "
            "as root: apt install qemu-user-static binfmt-support"
        )


def _bootstrap(architecture: str, scratch: Path) -> Path:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise ToolError(
            "the base can neither be pulled nor made: name one that can be pulled "
            "(BASE=host/debian:bookworm-slim), or as root on Debian: apt install debootstrap"
        )
    folder = scratch / f"base-{architecture}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        _run(["debootstrap", f"--arch={architecture}", "--variant=minbase", DEBIAN, str(folder)])
        for cached in (folder / "var/cache/apt/archives").glob("*.deb"):
            cached.unlink()
        archive = scratch / f"base-{architecture}.tar"
        with tarfile.open(archive, "w") as packed:
            packed.add(folder, arcname=".")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return archive


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip()[-500:]
        raise failed(f"`{' '.join(command)}` failed: {said}")
