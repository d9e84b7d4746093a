"""What jobs and documents say is told to nobody: not in logs, traces, errors or dead letters.

The real handler with the real model gets jobs whose every field is marked, good ones of all five
tasks and bad ones of all kinds; then everything it has let out is searched for the marks, also
escaped, in base64, and cut.
"""

import base64
import hashlib
import json
import random
import socket
import string
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from e2e.faults.runtime_api import FrozenFunction

from emulator import Emulator, StackResources
from zeroidle_contract import ClaimCheck

pytestmark = [pytest.mark.emulator, pytest.mark.model]

MARK_CHARACTERS = 24
CUT = 8
"""A mark that is cut is still one while so much of it is left."""

BATCH = 10


class Marks:
    """Makes marks that occur nowhere by chance, each with a letter that JSON escapes."""

    def __init__(self) -> None:
        self._rng = random.Random(20261124)  # noqa: S311 - marks
        self.made: list[str] = []

    def new(self) -> str:
        letters = "".join(self._rng.choices(string.ascii_lowercase, k=MARK_CHARACTERS))
        self.made.append(letters[:12] + "é" + letters[12:])
        return self.made[-1]

    def traces(self) -> Iterator[str]:
        """Every piece of a mark, as it may be written."""
        for mark in self.made:
            yield from windows(mark)
            yield from windows(json.dumps(mark).strip('"'))
            yield from windows(mark.upper())
            for shift in range(3):
                encoded = base64.b64encode(b"\0" * shift + mark.encode()).decode()
                yield from windows(encoded[4:-4])


def windows(text: str) -> Iterator[str]:
    for start in range(len(text) - CUT + 1):
        yield text[start : start + CUT]


def good_jobs(mark: Callable[[], str]) -> list[Any]:
    """One of each task, marked in every field that is free text."""
    text = {"text": f"{mark()} wrote to {mark()}@example.com: I love it. {mark()}"}
    schema = {
        "type": "object",
        "properties": {(name := mark()): {"type": "boolean", "description": mark()}},
        "required": [name],
        "additionalProperties": False,
        "title": mark(),
    }
    tasks: list[dict[str, Any]] = [
        {"kind": "classify", "labels": [mark(), mark()], "instruction": mark()},
        {"kind": "extract", "json_schema": schema},
        {"kind": "redact", "entities": ["email", "name"], "mask": mark()},
        {"kind": "summarize", "max_words": 5, "focus": mark()},
        {"kind": "complete", "messages": [{"role": "user", "content": mark()}], "max_tokens": 8},
    ]
    return [{"job_id": f"good-{task['kind']}", "task": task, "document": text} for task in tasks]


def bad_jobs(mark: Callable[[], str], claims: ClaimCheck, s3: Any, bucket: str) -> list[Any]:
    """One of each way to fail."""

    def job(name: str, task: Any = None, **fields: Any) -> dict[str, Any]:
        return {
            "job_id": f"bad-{name}",
            "task": task or {"kind": "summarize"},
            "document": {"text": mark()},
            **fields,
        }

    def extract(schema: Any) -> dict[str, Any]:
        return {"kind": "extract", "json_schema": schema}

    def stored(name: str) -> dict[str, Any]:
        return claims.put_document(None, name, mark()).model_dump()

    altered = stored("altered")
    s3.put_object(Bucket=bucket, Key=altered["key"], Body=mark().encode())
    data = b"\xff" + mark().encode()
    sha256 = hashlib.sha256(data).hexdigest()
    binary = {"key": "tenants/-/binary", "sha256": sha256, "bytes": len(data)}
    s3.put_object(Bucket=bucket, Key=binary["key"], Body=data)
    missing = {"key": f"tenants/-/{mark()}", "sha256": "0" * 64, "bytes": 5}
    foreign = {"key": f"tenants/other/{mark()}", "sha256": "0" * 64, "bytes": 5}
    return [
        mark(),
        json.dumps([mark()]),
        f'{{"job_id": "bad-cut", "document": {{"text": "{mark()}',
        "[" * 100_000 + mark(),
        job("kind", {"kind": mark()}),
        job("unknown-field", **{mark(): mark()}),
        job("unknown-task-field", {"kind": "summarize", mark(): mark()}),
        job("version", schema_version=mark()),
        job("deadline", deadline=mark()),
        job("submitted", submitted_at=mark()),
        job("past", deadline="2020-01-01T00:00:00Z"),
        job("words", {"kind": "summarize", "max_words": mark()}),
        job("labels", {"kind": "classify", "labels": [same := mark(), same]}),
        job("entities", {"kind": "redact", "entities": [mark()]}),
        job("role", {"kind": "complete", "messages": [{"role": mark(), "content": mark()}]}),
        job("both", document={"text": mark(), "s3": missing}),
        job("type", extract({"type": mark()})),
        job("pattern", extract({"type": "string", "pattern": f"(?<={mark()})x"})),
        job("reference", extract({"$ref": f"#/{mark()}"})),
        job("never", extract({"type": "string", "enum": [], "title": mark()})),
        job("named-schema", extract(mark())),
        job("long", extract({"type": "null"}), document={"text": f"{mark()} " * 1000}),
        job(
            "truncated",
            {
                "kind": "complete",
                "max_tokens": 4,
                "json_schema": {"type": "string", "minLength": 100, "title": mark()},
            },
        ),
        job("missing", document={"s3": missing}),
        job("foreign", document={"s3": foreign}),
        job("altered", document={"s3": altered}),
        job("binary", document={"s3": binary}),
        job("tenant", tenant=f"{mark()}!"),
        {**job("id"), "job_id": f"bad id {mark()}"},
        {**job("conflict"), "job_id": "good-redact"},
    ]


def invoke(function: FrozenFunction, bodies: list[Any], mark: Callable[[], str]) -> list[Any]:
    """The answers to these messages, which also carry attributes of their sender."""
    answers = []
    for start in range(0, len(bodies), BATCH):
        records = [
            {
                "messageId": f"m{start + index}",
                "receiptHandle": "r",
                "body": body if isinstance(body, str) else json.dumps(body),
                "messageAttributes": {"note": {"dataType": "String", "stringValue": mark()}},
            }
            for index, body in enumerate(bodies[start : start + BATCH])
        ]
        answers.append(function.invoke({"Records": records}, request_id=f"request-{start}"))
    return answers


def errors_in(emulator: Emulator, resources: StackResources) -> dict[str, str]:
    """What the table says of failures, by job."""
    items = emulator.dynamodb.scan(TableName=resources.jobs_table)["Items"]
    return {item["job_id"]["S"]: item["error"]["S"] for item in items if "error" in item}


def names_of_dead_letters(emulator: Emulator, resources: StackResources) -> list[str]:
    """The attributes that we added, of all dead letters; the rest is the sender's."""
    found = []
    while messages := emulator.sqs.receive_message(
        QueueUrl=resources.dead_letter_queue_url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
    ).get("Messages", []):
        for message in messages:
            attributes = message["MessageAttributes"]
            found.append(" ".join(v["StringValue"] for k, v in attributes.items() if k != "note"))
    return found


def test_nothing_of_a_job_is_told_to_anybody(
    make_function: Callable[..., FrozenFunction], emulator: Emulator, resources: StackResources
) -> None:
    marks = Marks()
    claims = ClaimCheck(s3=emulator.s3, bucket=resources.bucket)
    good = good_jobs(marks.new)
    bad = bad_jobs(marks.new, claims, emulator.s3, resources.bucket)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(0.2)
        address = f"127.0.0.1:{daemon.getsockname()[1]}"
        with make_function(AWS_XRAY_DAEMON_ADDRESS=address) as function:
            answers = invoke(function, good + bad, marks.new)
            refusal = function.invoke({marks.new(): marks.new()}, request_id="request-odd")
        segments = list(datagrams(daemon))

    errors = errors_in(emulator, resources)
    letters = names_of_dead_letters(emulator, resources)
    # First that there was something to tell: every good job succeeded, every bad one failed.
    assert answers == [{"batchItemFailures": []}] * len(answers), function.output
    assert refusal["errorType"] == "ServiceError"
    assert [error for name, error in errors.items() if name.startswith("good")] == []
    assert len(letters) == len(bad)
    assert function.output.count('"action":"job_succeeded"') == len(good)
    assert sum('"name": "job"' in segment for segment in segments) == len(good) + len(bad)

    told = "\n".join([function.output, json.dumps(refusal), *segments, *errors.values(), *letters])
    assert [trace for trace in marks.traces() if trace in told] == []


def datagrams(daemon: socket.socket) -> Iterator[str]:
    """What was sent to the X-Ray daemon."""
    try:
        while True:
            yield daemon.recv(1 << 16).decode(errors="replace")
    except TimeoutError:
        return


@pytest.mark.parametrize("disguise", [str, json.dumps, str.upper])
def test_the_search_finds_a_mark_in_any_disguise(disguise: Callable[[str], str]) -> None:
    marks = Marks()
    told = f"an error near {disguise(marks.new())[5:18]}"
    assert any(trace in told for trace in marks.traces())


@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_the_search_finds_a_mark_in_base64(before: str) -> None:
    marks = Marks()
    told = base64.b64encode(f"{before}{marks.new()} and more".encode()).decode()
    assert any(trace in told for trace in marks.traces())
