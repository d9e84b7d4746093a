"""The command line without AWS: usage errors, sentences and exit codes."""

from pathlib import Path

import botocore.exceptions
import pytest

from zeroidle_contract import StackNotFoundError
from zeroidle_ops import cli
from zeroidle_ops.errors import explain


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("nope", 'Unknown command "nope"'),
        ("job", "JOB_ID requires an argument"),
        ("job a", "say which stack: --stack NAME for AWS, --local for this machine"),
        ("job a --stack b --local", "--stack and --local exclude each other"),
        ("failures --verbose", "Unknown option: --verbose"),
        ("submit a.txt --local", "--task is missing"),
        ("submit a.txt --local --label a", "--task is missing"),
        ("submit a.txt --local --task classify", "classify needs --label"),
        ("submit a.jsonl --local --task summarize", "leave --task out"),
        ("submit a.txt --local --task redact --entity shoe", "shoe"),
        ("exporter --local --port 65536", "--port must be 0 to 65535"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], command: str, sentence: str
) -> None:
    assert cli.main(command.split()) == 2

    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("doctor", "Exit code 3 when something is wrong"),
        ("exporter", "only behind something that has"),
        ("forget", "It cannot be undone"),
        ("job", "left out and named"),
        ("top", "code 3 when a part of it could not be read"),
    ],
)
def test_a_commands_help_says_what_the_list_of_commands_does_not(
    capsys: pytest.CaptureFixture[str], command: str, sentence: str
) -> None:
    assert cli.main([command, "--help"]) == 0

    words = " ".join(capsys.readouterr().out.split())
    assert sentence in words
    assert f"Example: zeroidle {command} " in words
    cli.main(["--help"])
    assert sentence not in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("local status", "no local stack runs (looked in build/local); start it with"),
        ("job a --local", "start it with `zeroidle local up`"),
        ("local up", "there is no model at build/models/"),
        ("demo", "there are no samples in samples"),
        ("submit a.txt --local --task summarize", "a.txt cannot be read: No such file"),
    ],
)
def test_an_expected_error_is_one_sentence(
    capsys: pytest.CaptureFixture[str], command: str, sentence: str
) -> None:
    assert cli.main(command.split()) == 1

    captured = capsys.readouterr()
    assert captured.err.startswith("zeroidle: ")
    assert sentence in captured.err
    assert captured.err.count("\n") == 1


def test_stopping_what_does_not_run_is_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["local", "down", "--json"]) == 4

    assert capsys.readouterr().out == '{\n  "stopped": false\n}\n'


def test_an_empty_folder_is_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inbox").mkdir()

    assert cli.main(["submit", "inbox", "--local", "--task", "summarize"]) == 4

    assert "inbox holds nothing to submit" in capsys.readouterr().err


def test_a_stack_without_credentials_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    assert cli.main(["failures", "--stack", "prod"]) == 1

    assert "there are no AWS credentials; log in" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    ["demo", "submit", "job", "failures", "local up", "doctor", "top", "exporter", "forget"],
)
def test_help_shows_a_worked_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert cli.main([*command.split(), "--help"]) == 0

    assert f"Example: zeroidle {command}" in capsys.readouterr().out


def test_help_names_the_first_thing_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0

    assert "zeroidle demo" in capsys.readouterr().out


def client_error(code: str) -> botocore.exceptions.ClientError:
    return botocore.exceptions.ClientError(
        {"Error": {"Code": code, "Message": "no identity-based policy allows it"}}, "GetItem"
    )


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StackNotFoundError("there is no stack named 'x' in this region"), "check --stack"),
        (botocore.exceptions.NoRegionError(), "set AWS_DEFAULT_REGION"),
        (botocore.exceptions.ProfileNotFound(profile="x"), "set AWS_PROFILE"),
        (
            botocore.exceptions.EndpointConnectionError(endpoint_url="https://sqs"),
            "AWS cannot be reached",
        ),
        (client_error("AccessDeniedException"), "AWS denies GetItem"),
        (client_error("ExpiredTokenException"), "log in again"),
        (client_error("ValidationException"), "AWS refused GetItem (ValidationException)"),
    ],
)
def test_errors_of_aws_say_what_to_do(error: Exception, sentence: str) -> None:
    explained = explain(error)

    assert explained is not None
    assert sentence in explained


def test_a_surprise_is_not_explained_away() -> None:
    assert explain(KeyError("x")) is None
