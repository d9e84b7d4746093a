"""The base that was named, or one of our own in the default's place."""

from pathlib import Path

import pytest
from stand_in import program

from zeroidle_image import base
from zeroidle_image.builders import Buildah
from zeroidle_image.errors import ToolError

OURS = "localhost/zeroidle-base:amd64"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Buildah:
    """A store that holds every image, with registries that have `there/debian:12` alone."""
    answers = 'case "$*" in *" pull "*there/debian:12) ;; *" pull "*) exit 1 ;; esac'
    program(tmp_path / "bin", "buildah", answers=answers)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return Buildah(tmp_path / "image")


def obtained(wanted: str, store: Buildah, scratch: Path) -> str:
    return base.obtain(wanted, "amd64", builder=store, scratch=scratch, progress=lambda _: None)


def test_a_base_of_our_own_is_made_once(store: Buildah, tmp_path: Path) -> None:
    assert obtained(base.DEFAULT, store, tmp_path) == OURS


def test_a_base_that_was_named_is_taken_though_one_of_our_own_is_there(
    store: Buildah, tmp_path: Path
) -> None:
    assert obtained("there/debian:12", store, tmp_path) == "there/debian:12"


def test_a_base_that_was_named_and_cannot_be_had_is_told(store: Buildah, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="nowhere/debian:12 cannot be pulled for amd64: correct"):
        obtained("nowhere/debian:12", store, tmp_path)
