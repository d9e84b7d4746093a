"""Files on disk to jobs: a text, a folder of texts, or JSON Lines of whole jobs.

A job's id is made of the file's name and a hash of task and text, so that submitting the same file
again is the same job and a changed file is another. Knows nothing of AWS.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zeroidle_contract import Document, Job, NamedSchema, Task
from zeroidle_ops.errors import InputError, UsageError
from zeroidle_ops.samples import describe, read_task, read_text
from zeroidle_producer import valid_tenant

KINDS = ("classify", "extract", "redact", "summarize", "complete")

_TASK: TypeAdapter[Task] = TypeAdapter(Task)
_OPTION_OF = {
    "labels": "--label",
    "json_schema": "--schema",
    "entities": "--entity",
    "messages": "--prompt",
}


def build_task(kind_or_file: str, options: Mapping[str, Any]) -> Task:
    """A task from its kind and its fields (those that are None are left out), or from its file.

    Raises:
        UsageError: the kind does not know, or lacks, an option; or a file came with options.
        InputError: the file is not a task.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if kind_or_file not in KINDS:
        if not kind_or_file.endswith(".json"):
            raise UsageError(
                f"--task is {kind_or_file!r}; give a kind ({', '.join(KINDS)}) or a .json file"
            )
        if given:
            raise UsageError(f"{_option(next(iter(given)))} cannot be given beside a task file")
        return read_task(Path(kind_or_file))
    try:
        return _TASK.validate_python({"kind": kind_or_file, **given})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = str(first["loc"][1]) if len(first["loc"]) > 1 else "task"
        match first["type"]:
            case "extra_forbidden":
                raise UsageError(f"{kind_or_file} takes no {_option(field)}") from None
            case "missing":
                raise UsageError(f"{kind_or_file} needs {_option(field)}") from None
        raise UsageError(f"{_option(field)}: {first['msg']}") from None


def read_schema(name_or_file: str) -> NamedSchema | dict[str, Any]:
    """A schema that ships with zeroidle, by name, or one from a file.

    Raises:
        InputError: neither.
    """
    if name_or_file in set(NamedSchema):
        return NamedSchema(name_or_file)
    try:
        schema = json.loads(read_text(Path(name_or_file)))
    except json.JSONDecodeError as error:
        raise InputError(f"{name_or_file} is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise InputError(f"{name_or_file} is not a JSON Schema: it must be an object")
    return schema


def read_jobs(path: Path, *, task: Task | None, tenant: str | None) -> list[Job]:
    """The jobs of a `.jsonl` of whole jobs, of a folder of `.txt`, or of one text.

    Raises:
        UsageError: a text without a task, or jobs with one.
        InputError: a file cannot be read as asked.
    """
    tenant = valid_tenant(tenant)
    if path.suffix == ".jsonl":
        if task is not None:
            raise UsageError("each job in a .jsonl brings its own task; leave --task out")
        return list(_read_lines(path))
    if task is None:
        raise UsageError("--task is missing: say what to do with the document")
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    return [_text_job(file, task, tenant) for file in files]


def _read_lines(path: Path) -> Iterator[Job]:
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield Job.model_validate_json(line)
        except ValidationError as error:
            raise InputError(f"{path}, line {number} is not a job: {describe(error)}") from None


def _text_job(file: Path, task: Task, tenant: str | None) -> Job:
    text = read_text(file)
    if not text.strip():
        raise InputError(f"{file} holds no text")
    content = f"{task.model_dump_json()}\n{text}"
    stem = re.sub(r"[^A-Za-z0-9._:-]", "-", file.stem)[:100]
    return Job(
        job_id=f"{stem}-{hashlib.sha256(content.encode()).hexdigest()[:12]}",
        task=task,
        document=Document(text=text),
        tenant=tenant,
    )


def _option(field: str) -> str:
    return _OPTION_OF.get(field, f"--{field.replace('_', '-')}")
