"""The image runs the versions that the tests ran, each file of them known by its hash."""

import re
from pathlib import Path

import pytest

from zeroidle_image.errors import ImageError
from zeroidle_image.lock import (
    LOCKS,
    ROOT,
    canonical,
    collect,
    function_requirements,
    read_versions,
)

MAKE = "write the locks again: make image-lock"
every_lock = pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.lock")), ids=lambda one: one.name)


def test_the_runtime_lock_holds_the_versions_of_constraints() -> None:
    constraints = read_versions(ROOT / "constraints.txt")
    locked = read_versions(LOCKS / "runtime.lock")
    assert {name: constraints.get(name) for name in locked} == locked, MAKE


def test_the_runtime_lock_holds_all_that_the_function_asks_for() -> None:
    asked = {canonical(re.split(r"[^\w.-]", one)[0]) for one in function_requirements()}
    assert asked <= set(read_versions(LOCKS / "runtime.lock")), MAKE


def test_llama_cpp_is_locked_at_the_version_of_constraints() -> None:
    constraints = read_versions(ROOT / "constraints.txt")
    assert read_versions(LOCKS / "llama.lock") == {
        "llama-cpp-python": constraints["llama-cpp-python"]
    }, MAKE


def test_the_tools_lock_holds_what_tools_in_pins() -> None:
    pinned = read_versions(LOCKS / "tools.in")
    locked = read_versions(LOCKS / "tools.lock")
    assert {name: locked.get(name) for name in pinned} == pinned, MAKE


@every_lock
def test_every_locked_version_has_a_hash(lock: Path) -> None:
    pins = re.findall(
        r"^[\w.-]+==.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)*", lock.read_text(), re.MULTILINE
    )
    assert pins
    assert [pin for pin in pins if "--hash" not in pin] == []


def installed(version: str) -> dict[str, object]:
    archive = {"hashes": {"sha256": "0" * 64}}
    item = {
        "metadata": {"name": "a", "version": version},
        "download_info": {"archive_info": archive},
    }
    return {"install": [item]}


def test_architectures_that_resolve_differently_are_refused() -> None:
    with pytest.raises(ImageError, match="different versions of a"):
        collect([installed("1"), installed("2")])
