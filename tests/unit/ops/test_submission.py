import json
from pathlib import Path
from typing import Any

import pytest

from zeroidle_contract import Classify, Document, Entity, NamedSchema, Redact, Summarize, Task
from zeroidle_ops.errors import InputError, UsageError
from zeroidle_ops.submission import build_task, read_jobs, read_schema


def test_a_kind_and_its_options_make_a_task() -> None:
    task = build_task("redact", {"entities": (Entity.NAME,), "mask": None})

    assert task == Redact(entities=(Entity.NAME,))


def test_a_task_file_makes_a_task(tmp_path: Path) -> None:
    file = tmp_path / "task.json"
    file.write_text('{"kind": "summarize", "max_words": 20}')

    assert build_task(str(file), {}) == Summarize(max_words=20)


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("classify", {}, "classify needs --label"),
        ("summarize", {"labels": ("a", "b")}, "summarize takes no --label"),
        ("summarize", {"max_words": 1}, "--max-words: Input should be greater than or equal to 5"),
        ("translate", {}, "--task is 'translate'; give a kind"),
        ("task.json", {"mask": "#"}, "--mask cannot be given beside a task file"),
    ],
)
def test_a_wrong_option_is_named(kind: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        build_task(kind, options)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("{", "is not JSON"), ('{"kind": "classify", "labels": ["a"]}', "is not a task: classify")],
)
def test_a_wrong_task_file_is_named(tmp_path: Path, content: str, sentence: str) -> None:
    file = tmp_path / "task.json"
    file.write_text(content)

    with pytest.raises(InputError, match=rf"task\.json {sentence}"):
        build_task(str(file), {})


def test_the_same_file_is_the_same_job_and_a_changed_one_is_another(tmp_path: Path) -> None:
    file = tmp_path / "my letter.txt"

    def job_id(text: str, task: Task) -> str:
        file.write_text(text)
        return read_jobs(file, task=task, tenant=None)[0].job_id

    first = job_id("Dear all", Summarize())

    assert first.startswith("my-letter-")
    assert job_id("Dear all", Summarize()) == first
    assert job_id("Dear both", Summarize()) != first
    assert job_id("Dear all", Classify(labels=("a", "b"))) != first


def test_a_folder_gives_a_job_for_each_text(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "notes.md"):
        (tmp_path / name).write_text(name)

    jobs = read_jobs(tmp_path, task=Summarize(), tenant="claims")

    assert [(job.document, job.tenant) for job in jobs] == [
        (Document(text="a.txt"), "claims"),
        (Document(text="b.txt"), "claims"),
    ]


def test_json_lines_give_whole_jobs(tmp_path: Path) -> None:
    file = tmp_path / "jobs.jsonl"
    line = {"job_id": "a", "task": {"kind": "summarize"}, "document": {"text": "long"}}
    file.write_text(json.dumps(line) + "\n\n")

    [job] = read_jobs(file, task=None, tenant=None)

    assert (job.job_id, job.task, job.document) == ("a", Summarize(), Document(text="long"))


def test_a_wrong_line_is_named_without_its_content(tmp_path: Path) -> None:
    file = tmp_path / "jobs.jsonl"
    file.write_text('{"job_id": "a", "task": {"kind": "summarize"}, "document": "secret"}')

    with pytest.raises(InputError, match=r"jobs\.jsonl, line 1 is not a job: document") as raised:
        read_jobs(file, task=None, tenant=None)

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b" \n", "holds no text"), (b"\xff\xfe", "is not UTF-8 text")],
)
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "letter.txt"
    file.write_bytes(content)

    with pytest.raises(InputError, match=rf"letter\.txt {sentence}"):
        read_jobs(file, task=Summarize(), tenant=None)


def test_a_schema_is_a_name_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text('{"type": "object"}')

    assert read_schema("invoice") is NamedSchema.INVOICE
    assert read_schema(str(file)) == {"type": "object"}


def test_a_schema_must_be_an_object(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text("[]")

    with pytest.raises(InputError, match="must be an object"):
        read_schema(str(file))
