"""Runs an image as Lambda does: its own user, a read-only file system, a fresh /tmp.

With buildah there is no daemon to do it: the mounted root is bound read-only in a mount namespace
of its own and entered with chroot. The network is the caller's.
"""

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from zeroidle_image.builders import Buildah, Builder, Config

NOBODY: Final = "65534:65534"
BROUGHT: Final = "/tmp/brought"  # noqa: S108 - in the container's own file system
"""Where the files that are brought along lie in the container."""


class Container(Protocol):
    """Something that runs commands in the image."""

    config: Config

    def command(self, words: list[str], environment: Mapping[str, str]) -> list[str]:
        """The host's command that runs these words in the container."""
        ...


@contextmanager
def opened(builder: Builder, image: str, brought: Mapping[str, Path]) -> Iterator[Container]:
    """The image, ready to run; `brought` are files of the host by their names in BROUGHT."""
    config = builder.config(image)
    if not isinstance(builder, Buildah):
        yield _DockerContainer(image, config, brought)
        return
    name, root = builder.mount(image)
    try:
        yield _ChrootContainer(root, config, brought)
    finally:
        builder.remove(name)


def start(
    container: Container, words: list[str], environment: Mapping[str, str], output: IO[bytes]
) -> "subprocess.Popen[bytes]":
    """Run words in the container, in a process group that can be ended as a whole."""
    return subprocess.Popen(  # noqa: S603
        container.command(words, environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


class _ChrootContainer:
    def __init__(self, root: Path, config: Config, brought: Mapping[str, Path]) -> None:
        self.config = config
        self._root = root
        self._brought = brought

    def command(self, words: list[str], environment: Mapping[str, str]) -> list[str]:
        root = shlex.quote(str(self._root))
        brought = f"{root}{BROUGHT}"
        copies = "".join(
            f"install -m 755 {shlex.quote(str(path))} {brought}/{name}\n"
            for name, path in self._brought.items()
        )
        known = {"PATH": os.defpath} | dict(self.config.environment) | dict(environment)
        told = shlex.join(f"{name}={value}" for name, value in known.items())
        # Bound onto itself, so that it can be remounted read-only.
        script = (
            "set -e\n"
            f"mount --bind {root} {root}\n"
            f"mount -o remount,bind,ro {root}\n"
            f"mount -t tmpfs -o mode=1777 tmpfs {root}/tmp\n"  # noqa: S108 - likewise
            f"mkdir {brought}\n{copies}"
            f"mount -t proc proc {root}/proc\n"
            f"mount --bind /dev {root}/dev\n"
            f"exec chroot --userspec={shlex.quote(self.config.user or '0:0')} {root} "
            f"env -i {told} {shlex.join(words)}"
        )
        isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*isolated, "sh", "-c", script]


class _DockerContainer:
    def __init__(self, image: str, config: Config, brought: Mapping[str, Path]) -> None:
        self.config = config
        self._image = image
        self._brought = brought

    def command(self, words: list[str], environment: Mapping[str, str]) -> list[str]:
        run = ["docker", "run", "--rm", "--init", "--network", "host", "--read-only"]
        run += ["--cap-drop", "ALL", "--tmpfs", "/tmp:exec,mode=1777"]  # noqa: S108 - the container's
        for name, path in self._brought.items():
            run += ["--volume", f"{path.resolve()}:{BROUGHT}/{name}:ro"]
        for name, value in environment.items():
            run += ["--env", f"{name}={value}"]
        return [*run, "--entrypoint", words[0], self._image, *words[1:]]
