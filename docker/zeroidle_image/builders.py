"""The two programs that build images, behind the few verbs that we need of them.

Buildah works without a daemon, in a store under build/image; docker in its daemon's store. Knows
nothing of what is in our image.
"""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from zeroidle_image.errors import ImageError, NoSpaceError, ToolError

PULL_TIMEOUT_S: Final = 120
FULL_DISK: Final = "no space left on device"
"""As C says it (in capitals) and Go."""

_TRUST = '{"default":[{"type":"insecureAcceptAnything"}]}'  # images of our own have no signatures


@dataclass(frozen=True, kw_only=True)
class Build:
    """What one build is told."""

    dockerfile: Path
    context: Path
    inputs: Path
    build_platform: str
    platform: str
    tag: str
    arguments: Mapping[str, str]
    certificates: Path | None


@dataclass(frozen=True, kw_only=True)
class Config:
    """How an image wants to be run, and how many layers it has."""

    layers: int
    user: str
    environment: Mapping[str, str]
    command: tuple[str, ...]


class Builder(Protocol):
    """A program that builds images."""

    name: str

    def pull(self, image: str, platform: str) -> bool:
        """Fetch an image from its registry. False where that cannot be."""
        ...

    def has(self, image: str) -> bool:
        """True when the image is in the store."""
        ...

    def import_root(self, archive: Path, image: str, platform: str) -> None:
        """Make an image of one layer from a tar of a root file system."""
        ...

    def build_command(self, build: Build) -> list[str]:
        """The command that builds."""
        ...

    def tidied(self) -> AbstractContextManager[None]:
        """Around a build: when it is stopped, what it leaves half done is taken away."""
        ...

    def export(self, image: str, layout: Path) -> None:
        """Write the image as an OCI layout, uncompressed."""
        ...

    def environment(self) -> dict[str, str]:
        """What the commands run in."""
        ...

    def config(self, image: str) -> Config:
        """How the image wants to be run, and its layers."""
        ...


class Buildah:
    """Buildah with a store of its own; root, for that is where chroot isolation works."""

    name = "buildah"

    def __init__(self, home: Path) -> None:
        self._home = home
        home.mkdir(parents=True, exist_ok=True)
        self._policy = home / "policy.json"
        self._policy.write_text(_TRUST)

    def command(self, *arguments: str) -> list[str]:
        """A command on our store."""
        store = ["--root", str(self._home / "store"), "--runroot", str(self._home / "run")]
        return ["buildah", *store, *arguments]

    def environment(self) -> dict[str, str]:  # noqa: D102
        return os.environ | {"BUILDAH_ISOLATION": "chroot"}

    def pull(self, image: str, platform: str) -> bool:  # noqa: D102
        command = self.command("pull", "--quiet", "--signature-policy", str(self._policy))
        return _succeeds([*command, "--platform", platform, image], self.environment())

    def has(self, image: str) -> bool:  # noqa: D102
        return _succeeds(self.command("inspect", "--type", "image", image), self.environment())

    def import_root(self, archive: Path, image: str, platform: str) -> None:  # noqa: D102
        container = self._run("from", "scratch").strip()
        try:
            self._run("add", "--quiet", container, str(archive), "/")
            self._run("config", "--arch", platform.partition("/")[2], container)
            self._run(
                "commit", "--quiet", "--signature-policy", str(self._policy), container, image
            )
        finally:
            self._run("rm", container)

    def build_command(self, build: Build) -> list[str]:  # noqa: D102
        return self.command(
            "build",
            "--layers",
            "--signature-policy",
            str(self._policy),
            *_build_arguments(build),
        )

    @contextmanager
    def tidied(self) -> Iterator[None]:  # noqa: D102
        before = self._containers()
        try:
            yield
        except BaseException:
            for container in self._containers() - before:
                self.remove(container)
            raise

    def export(self, image: str, layout: Path) -> None:  # noqa: D102
        shutil.rmtree(layout, ignore_errors=True)
        self._run(
            "push",
            "--quiet",
            "--disable-compression",
            "--signature-policy",
            str(self._policy),
            image,
            f"oci:{layout}",
        )

    def config(self, image: str) -> Config:  # noqa: D102
        inspected = json.loads(self._run("inspect", "--type", "image", image))["OCIv1"]
        return _config(inspected["config"], inspected["rootfs"]["diff_ids"])

    def mount(self, image: str) -> tuple[str, Path]:
        """A container of the image and where its root file system lies."""
        container = self._run(
            "from", "--pull-never", "--signature-policy", str(self._policy), image
        ).strip()
        return container, Path(self._run("mount", container).strip())

    def remove(self, container: str) -> None:
        """Take a container away."""
        with suppress(ToolError):
            self._run("umount", container)
        self._run("rm", container)

    def _containers(self) -> set[str]:
        return set(self._run("containers", "--quiet").split())

    def _run(self, *arguments: str) -> str:
        return _run(self.command(*arguments), self.environment())


class Docker:
    """Docker with buildx, 25 or newer: older ones save images in a form of their own."""

    name = "docker"

    def environment(self) -> dict[str, str]:  # noqa: D102
        return dict(os.environ)

    def pull(self, image: str, platform: str) -> bool:  # noqa: D102
        return _succeeds(
            ["docker", "pull", "--quiet", "--platform", platform, image], self.environment()
        )

    def has(self, image: str) -> bool:  # noqa: D102
        return _succeeds(["docker", "image", "inspect", image], self.environment())

    def import_root(self, archive: Path, image: str, platform: str) -> None:  # noqa: D102
        _run(["docker", "import", "--platform", platform, str(archive), image], self.environment())

    def build_command(self, build: Build) -> list[str]:  # noqa: D102
        plain = ["--progress", "plain", "--provenance=false", "--sbom=false", "--load"]
        return ["docker", "buildx", "build", *plain, *_build_arguments(build)]

    def tidied(self) -> AbstractContextManager[None]:  # noqa: D102
        return nullcontext()  # its daemon does it

    def export(self, image: str, layout: Path) -> None:  # noqa: D102
        shutil.rmtree(layout, ignore_errors=True)
        layout.mkdir(parents=True)
        archive = layout.with_suffix(".tar")
        _run(["docker", "save", "--output", str(archive), image], self.environment())
        try:
            with tarfile.open(archive) as saved:
                saved.extractall(layout, filter="data")
        finally:
            archive.unlink()
        if not (layout / "index.json").exists():
            raise ToolError("this docker saves no OCI layout: use docker 25 or newer, or buildah")

    def config(self, image: str) -> Config:  # noqa: D102
        (inspected,) = json.loads(_run(["docker", "image", "inspect", image], self.environment()))
        return _config(inspected["Config"], inspected["RootFS"]["Layers"])


def find_builder(home: Path) -> Builder:
    """Docker where its daemon answers and buildx is there, else buildah.

    Raises:
        ToolError: neither is there.
    """
    if shutil.which("docker") and all(
        _succeeds(["docker", *words], dict(os.environ)) for words in (["version"], ["buildx", "ls"])
    ):
        return Docker()
    if shutil.which("buildah"):
        if os.geteuid() != 0:
            raise ToolError("buildah needs root here: run this as root, or start docker")
        return Buildah(home)
    raise ToolError(
        "neither docker (with buildx and a running daemon) nor buildah is here. "
        "On Debian: apt install buildah"
    )


def _build_arguments(build: Build) -> list[str]:
    words = ["--platform", build.platform, "--file", str(build.dockerfile), "--tag", build.tag]
    words += ["--build-context", f"inputs={build.inputs}"]
    # Docker knows these two by itself, buildah does not; told to both, both read the same file.
    words += ["--build-arg", f"BUILDPLATFORM={build.build_platform}"]
    words += ["--build-arg", f"TARGETPLATFORM={build.platform}"]
    for name, value in build.arguments.items():
        words += ["--build-arg", f"{name}={value}"]
    if build.certificates is not None:
        words += ["--secret", f"id=certificates,src={build.certificates}"]
    return [*words, str(build.context)]


def _config(config: Mapping[str, object], layers: Sequence[str]) -> Config:
    pairs = [one.partition("=") for one in _words(config.get("Env"))]
    return Config(
        layers=len(layers),
        user=str(config.get("User") or ""),
        environment={name: value for name, _, value in pairs},
        command=(*_words(config.get("Entrypoint")), *_words(config.get("Cmd"))),
    )


def _words(value: object) -> Sequence[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _succeeds(command: list[str], environment: dict[str, str]) -> bool:
    with suppress(subprocess.TimeoutExpired):
        done = subprocess.run(  # noqa: S603
            command, env=environment, capture_output=True, check=False, timeout=PULL_TIMEOUT_S
        )
        return done.returncode == 0
    return False


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise failed(f"`{' '.join(command)}` failed: {done.stderr.strip()[-600:]}")
    return done.stdout


def failed(said: str) -> ImageError:
    """The error of a program that ended with these words."""
    if FULL_DISK in said.lower():
        return NoSpaceError(
            "the disk is full: make room, or let build/ be a link to a larger disk; "
            "what was built is kept"
        )
    return ToolError(said)
