"""`zeroidle` as on-call types it, in this process; and whose credentials it is typed with."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from zeroidle_ops import cli
from zeroidle_ops.stack.emulator import REGION, ROOT_KEY
from zeroidle_ops.stack.target import Target


class Terminal:
    """Runs one command's subcommands; keeps what the last one printed to stderr."""

    def __init__(self, command: str, capsys: pytest.CaptureFixture[str], *, where: str) -> None:
        self._command = command
        self._capsys = capsys
        self._where = where
        self.err = ""

    def __call__(self, line: str, *, where: str | None = None) -> tuple[int, str]:
        """The exit code and what was printed. `where` names the stack, once or for good."""
        place = self._where if where is None else where
        code = cli.main([self._command, *line.split(), *place.split()])
        captured = self._capsys.readouterr()
        self.err = captured.err
        return code, captured.out

    def json(self, line: str, *, where: str | None = None) -> tuple[int, Any]:
        code, out = self(f"{line} --json", where=where)
        return code, json.loads(out)


class ClientThat:
    """The real client, but for some calls."""

    def __init__(self, client: Any, **instead: Callable[..., Any]) -> None:
        self._client = client
        self._instead = instead

    def __getattr__(self, name: str) -> Any:
        return self._instead.get(name) or getattr(self._client, name)


def log_in(monkeypatch: pytest.MonkeyPatch, target: Target) -> str:
    """As the account's root, through the environment, as on AWS. Returns how to name the stack."""
    _set_environment(monkeypatch, target, key=ROOT_KEY, secret=ROOT_KEY)
    return f"--stack {target.stack_name}"


def log_in_as_one_who_may(
    monkeypatch: pytest.MonkeyPatch, target: Target, *actions: str, then_not: str = ""
) -> str:
    """As a user of these rights, IAM being enforced; `then_not` is denied whatever they say."""
    name = f"user-{uuid.uuid4().hex[:8]}"
    statements = [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]
    if then_not:
        statements.append({"Effect": "Deny", "Action": [then_not], "Resource": "*"})
    target.iam.create_user(UserName=name)
    target.iam.put_user_policy(
        UserName=name,
        PolicyName="rights",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    key = target.iam.create_access_key(UserName=name)["AccessKey"]
    _set_environment(monkeypatch, target, key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    return f"--stack {target.stack_name}"


def _set_environment(
    monkeypatch: pytest.MonkeyPatch, target: Target, *, key: str, secret: str
) -> None:
    assert target.endpoint is not None
    for name, value in {
        "AWS_ENDPOINT_URL": target.endpoint,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
