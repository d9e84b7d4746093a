"""The Zip of the scheduled functions: equal bytes, the lock, handlers that import from it alone."""

import io
import json
import re
import subprocess
import sys
import zipfile
from importlib import resources
from pathlib import Path

import pytest

from zeroidle_ops.stack import functions

ROOT = Path(__file__).parents[3]
LAMBDAS_OWN = {"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six"}
"""What Lambda's Python runtime brings: boto3 and what that needs."""

TAKEN_IF_THERE = {"brotli", "certifi"}
"""What boto3's own libraries do without."""

IMPORT_HANDLER = """
import importlib, json, sys
module, name = sys.argv[1].rsplit(".", 1)
assert callable(getattr(importlib.import_module(module), name))
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
print(json.dumps({name: file for name, file in files.items() if file}))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(io.BytesIO(functions.archive(functions.our_files()))) as content:
        content.extractall(folder)
    return folder


def lock() -> str:
    return resources.files("zeroidle_ops.stack").joinpath("functions.lock").read_text()


def versions(text: str) -> dict[str, str]:
    pinned = re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in pinned}


@pytest.mark.parametrize("handler", functions.HANDLERS)
def test_a_handler_imports_from_the_zip_what_is_ours_and_nothing_that_lambda_lacks(
    unpacked: Path, handler: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_HANDLER, handler],
        env={"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    files: dict[str, str] = json.loads(done.stdout)
    ours = {file for name, file in files.items() if name.startswith("zeroidle")}
    assert all(file.startswith(str(unpacked)) for file in ours)
    others = {
        name.split(".")[0].lower().replace("_", "-")
        for name, file in files.items()
        if "site-packages" in file and not name.startswith(("_", "zeroidle"))
    }
    assert others <= LAMBDAS_OWN | TAKEN_IF_THERE | set(versions(lock()))


def test_equal_content_makes_equal_bytes_whatever_its_order() -> None:
    files = {"b": b"2", "a/c": b"1"}

    assert functions.archive(files) == functions.archive(dict(sorted(files.items())))


def test_the_packed_zip_is_the_lambda_machines_and_the_same_again() -> None:
    once = functions.pack("arm64")

    assert once == functions.pack("arm64")
    names = zipfile.ZipFile(io.BytesIO(once)).namelist()
    assert "pydantic_core/_pydantic_core.cpython-313-aarch64-linux-gnu.so" in names
    assert "zeroidle_ops/watch_handler.py" in names
    assert not [name for name in names if "simulation" in name or "zeroidle_ops/stack" in name]


def test_its_libraries_are_the_versions_that_the_tests_run_on() -> None:
    constrained = versions((ROOT / "constraints.txt").read_text())

    assert versions(lock()) == {name: constrained[name] for name in versions(lock())}
