"""The commands against a stack: what they print and how they exit."""

import json
from pathlib import Path
from typing import Any

import pytest

from zeroidle_ops import cli
from zeroidle_ops.stack.local import LocalStack

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("in_a_folder_with_a_stack")]


@pytest.fixture
def in_a_folder_with_a_stack(
    running: LocalStack, build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a clone where `zeroidle local up` was run: `build/local` has a stack."""
    (tmp_path / "build").symlink_to(build)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def letter(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    file = tmp_path / "letter.txt"
    file.write_text(f"A letter for {request.node.name}.")
    return file


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = cli.main([*arguments, "--json"])
    captured = capsys.readouterr()
    assert captured.out, captured.err
    return code, json.loads(captured.out)


CLASSIFY = ("--task", "classify", "--label", "good", "--label", "bad")


def test_submit_and_wait_prints_the_result(
    capsys: pytest.CaptureFixture[str], letter: Path
) -> None:
    code, value = run(capsys, "submit", str(letter), "--local", *CLASSIFY, "--wait")

    assert code == 0
    [result] = value["results"]
    assert result["output"]["label"] == "good"


def test_submitting_the_same_file_again_is_the_same_job(
    capsys: pytest.CaptureFixture[str], letter: Path
) -> None:
    _, first = run(capsys, "submit", str(letter), "--local", *CLASSIFY, "--wait")

    code, again = run(capsys, "submit", str(letter), "--local", *CLASSIFY)

    assert code == 0
    [job] = again["submitted"]
    assert job == {**first["submitted"][0], "status": "succeeded", "sent": False}


def test_a_failed_job_is_partial_success_and_has_a_story(
    capsys: pytest.CaptureFixture[str], letter: Path
) -> None:
    code, value = run(capsys, "submit", str(letter), "--local", "--task", "summarize", "--wait")
    job_id = value["submitted"][0]["job_id"]

    assert code == 3
    code, story = run(capsys, "job", job_id, "--local")
    assert code == 0
    assert story["status"] == "failed"
    assert story["error"]["code"] == "internal"
    assert story["explanation"]["remedy"].startswith("Group by fingerprint")


def test_failures_are_listed_by_code(capsys: pytest.CaptureFixture[str], letter: Path) -> None:
    _, value = run(capsys, "submit", str(letter), "--local", "--task", "summarize", "--wait")
    job_id = value["submitted"][0]["job_id"]

    code, failures = run(capsys, "failures", "--local")

    assert code == 0
    [group] = failures["by_code"]
    assert group["code"] == "internal"
    assert group["count"] == failures["failed"] >= 1
    assert group["examples"][0] == job_id


def test_a_tenants_job_is_found_with_its_tenant_only(
    capsys: pytest.CaptureFixture[str], letter: Path
) -> None:
    _, value = run(capsys, "submit", str(letter), "--local", *CLASSIFY, "--tenant", "claims")
    job_id = value["submitted"][0]["job_id"]

    code, story = run(capsys, "job", job_id, "--local", "--tenant", "claims")
    assert (code, story["tenant"]) == (0, "claims")

    assert cli.main(["job", job_id, "--local"]) == 1
    assert "without tenant (is --tenant missing?)" in capsys.readouterr().err


def test_status_tells_the_stacks_names(
    capsys: pytest.CaptureFixture[str], running: LocalStack
) -> None:
    code, value = run(capsys, "local", "status")

    assert code == 0
    assert value["endpoint"] == running.status().endpoint
    assert value["alias_name"] == "live"
