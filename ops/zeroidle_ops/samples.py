"""Folders of sample documents with their task and expected answers. Knows nothing of AWS.

<folder>/<set>/task.json       what to do with every document of the set
<folder>/<set>/<document>.txt  one document
<folder>/<set>/expected.json   {"<document>": expected answer}; absent where there is none
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zeroidle_contract import Document, Job, Task
from zeroidle_ops.errors import InputError

_TASK: TypeAdapter[Task] = TypeAdapter(Task)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One document, what to do with it, and what should come out (None where nobody says)."""

    set_name: str
    name: str
    text: str
    task: Task
    expected: Any = None

    def job(self, run: str) -> Job:
        """The job of this sample in a run; each run has jobs of its own."""
        return Job(
            job_id=f"{run}.{self.set_name}.{self.name}",
            task=self.task,
            document=Document(text=self.text),
        )


def load_samples(folder: Path) -> list[Sample]:
    """All samples of all sets, by set and name.

    Raises:
        InputError: there are none, or a file cannot be read.
    """
    samples = [
        sample
        for task_file in sorted(folder.glob("*/task.json"))
        for sample in _load_set(task_file.parent)
    ]
    if not samples:
        raise InputError(f"there are no samples in {folder}: no <set>/task.json with <name>.txt")
    return samples


def read_task(path: Path) -> Task:
    """A task from its JSON file.

    Raises:
        InputError: it is not there, not JSON, or not a task.
    """
    try:
        return _TASK.validate_python(json.loads(read_text(path)))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON: {error}") from None
    except ValidationError as error:
        raise InputError(f"{path} is not a task: {describe(error)}") from None


def read_text(path: Path) -> str:
    """A UTF-8 file.

    Raises:
        InputError: it is not there, or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text; convert it first") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def describe(error: ValidationError) -> str:
    """The first problem of a validation error: where and what, never the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


def _load_set(folder: Path) -> list[Sample]:
    task = read_task(folder / "task.json")
    expected_file = folder / "expected.json"
    expected: dict[str, Any] = {}
    if expected_file.is_file():
        try:
            expected = json.loads(read_text(expected_file))
        except json.JSONDecodeError as error:
            raise InputError(f"{expected_file} is not JSON: {error}") from None
    return [
        Sample(
            set_name=folder.name,
            name=file.stem,
            text=read_text(file),
            task=task,
            expected=expected.get(file.stem),
        )
        for file in sorted(folder.glob("*.txt"))
    ]
