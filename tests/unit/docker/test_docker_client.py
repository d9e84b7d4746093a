"""Docker's own client takes every command that it is given; no daemon answers here.

It reads all flags before it looks for its daemon, so an unknown one is told apart from a missing
daemon. Of `buildx`, which may not be there, the flags are compared with its manual.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from zeroidle_image.builders import Build, Config, Docker
from zeroidle_image.containers import opened
from zeroidle_image.errors import ToolError

BUILDX_FLAGS = {
    *["--build-arg", "--build-context", "--file", "--load", "--platform", "--progress"],
    *["--provenance", "--sbom", "--secret", "--tag"],
}
"""Those of https://docs.docker.com/reference/cli/docker/buildx/build/ that we use."""


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the client says, with a daemon that is not there."""
    client = shutil.which("docker")
    if client is None:
        pytest.skip("docker's client is not here")
    log = tmp_path / "said"
    wrapper = tmp_path / "bin" / "docker"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\n{client} "$@" 2>>{log}\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    return log


def test_the_client_takes_every_flag_of_the_builders_verbs(said: Path, tmp_path: Path) -> None:
    archive = tmp_path / "base.tar"
    archive.write_bytes(b"")
    docker = Docker()

    assert not docker.pull("debian", "linux/arm64")
    assert not docker.has("debian")
    for verb in (
        lambda: docker.import_root(archive, "base", "linux/arm64"),
        lambda: docker.export("image", tmp_path / "oci"),
        lambda: docker.config("image"),
    ):
        with pytest.raises(ToolError):
            verb()

    assert_only_the_daemon_was_missing(said, commands=5)


def test_the_client_takes_every_flag_of_a_run(
    said: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(layers=1, user="65534", environment={}, command=("python3",))
    monkeypatch.setattr(Docker, "config", lambda *_: config)

    with opened(Docker(), "image", {"probe.py": tmp_path / "probe.py"}) as container:
        subprocess.run(container.command(["python3", "-V"], {"NAME": "value"}), check=False)

    assert_only_the_daemon_was_missing(said, commands=1)


def test_a_build_uses_documented_flags_alone() -> None:
    words = Docker().build_command(
        Build(
            dockerfile=Path("Dockerfile"),
            context=Path("clone"),
            inputs=Path("inputs"),
            build_platform="linux/amd64",
            platform="linux/arm64",
            tag="tag",
            arguments={"BASE": "debian"},
            certificates=Path("own.crt"),
        )
    )

    assert {word.partition("=")[0] for word in words if word.startswith("--")} == BUILDX_FLAGS


def assert_only_the_daemon_was_missing(said: Path, *, commands: int) -> None:
    lines = said.read_text()
    assert "flag" not in lines
    assert lines.count("connect to the Docker daemon") == commands, lines
