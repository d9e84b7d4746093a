"""A stack of a test's own on the emulator: code to deploy to it, and load while that happens."""

import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import boto3

from zeroidle_contract import Classify, Document, Job, job_key
from zeroidle_ops.stack import change_set
from zeroidle_ops.stack.deployment import Deployment, Wanted
from zeroidle_ops.stack.destruction import destroy
from zeroidle_ops.stack.emulator import REGION, ROOT_KEY
from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.local_deployment import Settings, correct_emulator, function_zip
from zeroidle_ops.stack.target import Target

FUNCTIONS = Path(__file__).parent / "integration" / "ops" / "functions"
CODE_BUCKET = "zeroidle-deploy-code"
MARKED = """
import sys
sys.path.insert(0, {functions!r})
import tiny
from zeroidle_contract import decode

def handler(event, context):
    for record in event["Records"]:
        tiny.dynamodb.update_item(
            TableName=tiny.TABLE,
            Key={{"job_key": {{"S": decode(record["body"]).key}}}},
            UpdateExpression="SET served_by = :mark",
            ExpressionAttributeValues={{":mark": {{"S": {mark!r}}}}},
        )
    return tiny.handler(event, context)
"""


class World:
    """A stack of its own on the emulator, and code to deploy to it."""

    def __init__(self, target: Target, folder: Path, settings: Settings) -> None:
        self.target = target
        self.deployment = Deployment(target, timeout_s=60)
        self._folder = folder
        self._settings = settings

    def code(self, mark: str) -> dict[str, str]:
        """Parameters of a function that writes its mark into every row."""
        folder = self._folder / mark
        folder.mkdir(exist_ok=True)
        text = MARKED.format(functions=str(FUNCTIONS), mark=mark)
        (folder / f"marked_{mark}.py").write_text(text)
        settings = replace(self._settings, handler=f"marked_{mark}.handler", python_path=folder)
        archive = function_zip(settings, folder / "function.log")
        key = f"{hashlib.sha256(archive).hexdigest()}.zip"
        self.target.s3.create_bucket(Bucket=CODE_BUCKET)
        self.target.s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=archive)
        return {"CodeBucket": CODE_BUCKET, "CodeKey": key}

    def apply(self, **parameters: str) -> None:
        self.deployment.apply(self.deployment.prepare(Wanted(parameters=parameters)))
        correct_emulator(self.target)

    def create(self, mark: str = "one", **parameters: str) -> None:
        self.apply(
            **self.code(mark),
            Architecture="x86_64",
            TimeoutSeconds="30",
            MaximumConcurrency="2",
            **parameters,
        )

    def served_by(self) -> str:
        """Who serves a job that is submitted now."""
        job = a_job()
        with self.target.producer() as producer:
            producer.submit(job)
            producer.wait([job.job_id], timeout_s=30)
        row = self.target.dynamodb.get_item(
            TableName=self.target.stack.jobs_table_name,
            Key={"job_key": {"S": job_key(None, job.job_id)}},
        )["Item"]
        return row["served_by"]["S"]


@contextmanager
def new_world(running: LocalStack, settings: Settings, folder: Path) -> Iterator[World]:
    """Nothing is deployed yet; what is then, is destroyed."""
    session = boto3.Session(
        aws_access_key_id=ROOT_KEY, aws_secret_access_key=ROOT_KEY, region_name=REGION
    )
    endpoint = running.status().endpoint
    with Target(
        stack_name=f"s{uuid.uuid4().hex[:8]}", session=session, endpoint=endpoint
    ) as target:
        yield World(target, folder, settings)
        if change_set.describe(target.cloudformation, target.stack_name) is not None:
            destroy(target, lose_messages=True, timeout_s=30, tell=lambda _: None)


class Load:
    """Jobs, submitted one after another until told to stop."""

    def __init__(self, target: Target) -> None:
        self.submitted: list[str] = []
        self._target = target
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self._target.producer() as producer:
            while not self._stop.wait(0.02):
                job = a_job()
                producer.submit(job)
                self.submitted.append(job.job_id)


def a_job() -> Job:
    return Job(
        job_id=uuid.uuid4().hex,
        task=Classify(labels=("a", "b")),
        document=Document(text="a document"),
    )


def through_tls(request: Any, **_: object) -> None:
    """As if a proxy had ended TLS before the emulator."""
    request.headers["X-Forwarded-Proto"] = "https"
