"""Writes the locks of the image's build: `python -m zeroidle_image.lock` in docker/.

A lock names one version and the SHA-256 of exactly the files that a build downloads, for both
architectures. Versions of the function's libraries come from constraints.txt, so that the image
runs what the tests ran; of the build's tools from tools.in. Knows nothing of building.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from zeroidle_image.errors import ImageError

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = ROOT / "docker" / "locks"
PYTHON_VERSION: Final = "3.11"  # of Debian 12, the image's base
GLIBC: Final = range(36, 16, -1)  # Debian 12 has 2.36; manylinux names begin at 2.17
ARCHITECTURES: Final = ("x86_64", "aarch64")
MEMBERS: Final = ("contract", "inference")
LLAMA: Final = "llama-cpp-python"
"""Compiled in the build, so its source is locked, and what it needs stands with the rest."""

Hashes = dict[str, set[str]]


def main() -> int:
    """Resolve and write the three locks; return the exit code."""
    try:
        constraints = ROOT / "constraints.txt"
        versions = read_versions(constraints)
        llama = f"{LLAMA}=={versions[canonical(LLAMA)]}"
        _write("llama", "the source of llama.cpp's Python package", _source(llama))
        _write(
            "runtime",
            "the function's libraries, of constraints.txt",
            _wheels([*function_requirements(), *_requirements_of(llama)], constraints),
        )
        _write("tools", "what builds the image, of tools.in", _wheels_of(LOCKS / "tools.in"))
    except ImageError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def function_requirements() -> list[str]:
    """The libraries that the function's members ask for, without each other and llama.cpp."""
    asked = [
        requirement
        for member in MEMBERS
        for requirement in tomllib.loads(
            (ROOT / "services" / member / "pyproject.toml").read_text()
        )["project"]["dependencies"]
    ]
    ours = {canonical(f"zeroidle-{member}") for member in MEMBERS} | {canonical(LLAMA)}
    return sorted({one for one in asked if canonical(re.split(r"[^\w.-]", one)[0]) not in ours})


def read_versions(lock: Path) -> dict[str, str]:
    """Name to version of every `name==version` line."""
    pinned = re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock.read_text(), re.MULTILINE)
    return {canonical(name): version for name, version in pinned}


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def collect(reports: Iterable[Mapping[str, Any]]) -> Hashes:
    """`name==version` to the hashes of its files, from pip's installation reports."""
    hashes: Hashes = defaultdict(set)
    for report in reports:
        for item in report["install"]:
            name = canonical(item["metadata"]["name"])
            digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
            hashes[f"{name}=={item['metadata']['version']}"].add(digest)
    names = [pin.partition("==")[0] for pin in hashes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ImageError(
            f"the two architectures resolve to different versions of {', '.join(twice)}; pin one"
        )
    return dict(hashes)


def render(title: str, hashes: Hashes) -> str:
    """A requirements file in pip's hash-checking form."""
    lines = [f"# Locked: {title}. Written by `make image-lock`."]
    for pin in sorted(hashes):
        checks = [f"    --hash=sha256:{digest}" for digest in sorted(hashes[pin])]
        lines.append(" \\\n".join([pin, *checks]))
    return "\n".join(lines) + "\n"


def _wheels(requirements: list[str], constraints: Path) -> Hashes:
    return collect(
        _report(["--constraint", str(constraints), *_platform(one), *requirements])
        for one in ARCHITECTURES
    )


def _wheels_of(listed: Path) -> Hashes:
    return collect(
        _report([*_platform(one), "--requirement", str(listed)]) for one in ARCHITECTURES
    )


def _source(requirement: str) -> Hashes:
    return collect([_report(["--no-deps", "--no-binary", LLAMA, requirement])])


def _requirements_of(requirement: str) -> list[str]:
    report = _report(["--no-deps", "--no-binary", LLAMA, requirement])
    asked = report["install"][0]["metadata"].get("requires_dist", [])
    return [one for one in asked if "extra ==" not in one]


def _platform(architecture: str) -> list[str]:
    tags = [f"--platform=manylinux_2_{minor}_{architecture}" for minor in GLIBC]
    return [
        "--only-binary=:all:",
        f"--python-version={PYTHON_VERSION}",
        *tags,
        f"--platform=manylinux2014_{architecture}",
    ]


def _report(arguments: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as target:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
        command += ["--ignore-installed", "--target", target, "--report", "-", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        reason = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise ImageError(f"pip cannot resolve the lock: {' '.join(reason) or done.stderr[-500:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _write(name: str, title: str, hashes: Hashes) -> None:
    path = LOCKS / f"{name}.lock"
    path.write_text(render(title, hashes))
    sys.stderr.write(f"{path.relative_to(ROOT)}: {len(hashes)} distributions\n")


if __name__ == "__main__":
    sys.exit(main())
