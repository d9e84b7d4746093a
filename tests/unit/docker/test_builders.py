"""Docker and buildah are told the same build, and their absence is one sentence."""

import os
from pathlib import Path

import pytest
from stand_in import program

from zeroidle_image import build
from zeroidle_image.base import MACHINES
from zeroidle_image.builders import Build, Buildah, Builder, Docker, failed, find_builder
from zeroidle_image.errors import NoSpaceError, ToolError

ARM64 = Build(
    dockerfile=Path("docker/Dockerfile"),
    context=Path("clone"),
    inputs=Path("inputs"),
    build_platform="linux/amd64",
    platform="linux/arm64",
    tag="localhost/zeroidle:arm64",
    arguments={"BASE": "debian:bookworm-slim", "MODEL_SHA256": "ab"},
    certificates=Path("own.crt"),
)
TOLD_TO_BOTH = [
    "--platform linux/arm64",
    "--file docker/Dockerfile",
    "--tag localhost/zeroidle:arm64",
    "--build-context inputs=inputs",
    "--build-arg BUILDPLATFORM=linux/amd64",
    "--build-arg TARGETPLATFORM=linux/arm64",
    "--build-arg BASE=debian:bookworm-slim",
    "--build-arg MODEL_SHA256=ab",
    "--secret id=certificates,src=own.crt",
    "clone",
]
CONFIG = '{"User": "65534", "Env": ["A=b=c"], "Entrypoint": ["python3"], "Cmd": ["handler"]}'
LAYERS = '["sha256:1", "sha256:2"]'


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_buildah_keeps_to_its_own_store_and_reuses_layers(tmp_path: Path) -> None:
    home = tmp_path / "image"
    assert Buildah(home).build_command(ARM64) == [
        *["buildah", "--root", f"{home}/store", "--runroot", f"{home}/run"],
        *["build", "--layers", "--signature-policy", f"{home}/policy.json"],
        *" ".join(TOLD_TO_BOTH).split(),
    ]


def test_docker_builds_one_plain_manifest_into_its_own_store() -> None:
    assert Docker().build_command(ARM64) == [
        *["docker", "buildx", "build", "--progress", "plain"],
        *["--provenance=false", "--sbom=false", "--load"],
        *" ".join(TOLD_TO_BOTH).split(),
    ]


def test_without_certificates_of_ones_own_there_is_no_secret() -> None:
    plain = Build(**{**vars(ARM64), "certificates": None})
    assert "--secret" not in Docker().build_command(plain)


def test_docker_is_taken_where_its_daemon_answers(only: Path, tmp_path: Path) -> None:
    program(only, "docker", answers="exit 0")
    assert find_builder(tmp_path).name == "docker"


@pytest.mark.skipif(os.geteuid() != 0, reason="buildah builds here as root alone")
@pytest.mark.parametrize("answers", ["exit 1", '[ "$1" = version ]'], ids=["daemon", "buildx"])
def test_buildah_is_taken_where_docker_lacks_its(answers: str, only: Path, tmp_path: Path) -> None:
    program(only, "docker", answers=answers)
    program(only, "buildah", answers="exit 0")
    assert find_builder(tmp_path).name == "buildah"


def test_where_neither_is_there_it_says_what_to_install(only: Path, tmp_path: Path) -> None:
    assert list(only.iterdir()) == []
    with pytest.raises(ToolError, match="apt install buildah"):
        find_builder(tmp_path)


def saved_by(docker: str, only: Path, layout: Path) -> None:
    """Export with a docker whose `save --output ARCHIVE` runs this line."""
    program(only, "docker", answers=f"PATH=/usr/bin:/bin; cd {layout.parent} && {docker}")
    Docker().export("image", layout)


def test_what_docker_saved_is_laid_out(only: Path, tmp_path: Path) -> None:
    saved_by('echo "{}" >index.json && tar -cf "$3" index.json', only, tmp_path / "oci")
    assert (tmp_path / "oci" / "index.json").read_text() == "{}\n"


def test_a_docker_that_saves_no_oci_layout_is_told(only: Path, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="docker 25 or newer"):
        saved_by('echo "{}" >manifest.json && tar -cf "$3" manifest.json', only, tmp_path / "oci")


@pytest.mark.parametrize(
    ("program_name", "inspected"),
    [
        ("docker", f'[{{"Config": {CONFIG}, "RootFS": {{"Layers": {LAYERS}}}}}]'),
        ("buildah", f'{{"OCIv1": {{"config": {CONFIG}, "rootfs": {{"diff_ids": {LAYERS}}}}}}}'),
    ],
)
def test_both_say_how_an_image_is_run(
    program_name: str, inspected: str, only: Path, tmp_path: Path
) -> None:
    program(only, program_name, answers=f"echo '{inspected}'")
    builder: Builder = Docker() if program_name == "docker" else Buildah(tmp_path / "image")
    config = builder.config("image")
    assert (config.layers, config.user) == (2, "65534")
    assert config.environment == {"A": "b=c"}
    assert config.command == ("python3", "handler")


@pytest.mark.parametrize("said", ["write: no space left on device", "No space left on device"])
def test_a_full_disk_is_told_in_both_spellings(said: str) -> None:
    assert isinstance(failed(said), NoSpaceError)


def test_an_unknown_architecture_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build.main(["--arch", "sparc", "--model-sha256", "0" * 64])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert [name for name in ("sparc", *MACHINES) if name not in said] == []
