from pathlib import Path
from typing import Any

import pytest

from zeroidle_contract import Summarize
from zeroidle_ops.errors import InputError
from zeroidle_ops.samples import load_samples


def a_set(folder: Path, name: str, **documents: Any) -> Path:
    (folder / name).mkdir()
    (folder / name / "task.json").write_text('{"kind": "summarize"}')
    for document, text in documents.items():
        (folder / name / f"{document}.txt").write_text(text)
    return folder / name


def test_every_document_of_every_set_is_a_sample(tmp_path: Path) -> None:
    a_set(tmp_path, "b", one="text")
    expected = a_set(tmp_path, "a", one="first", two="second") / "expected.json"
    expected.write_text('{"two": {"must_mention": ["x"]}}')

    samples = load_samples(tmp_path)

    assert [(s.set_name, s.name, s.text, s.expected) for s in samples] == [
        ("a", "one", "first", None),
        ("a", "two", "second", {"must_mention": ["x"]}),
        ("b", "one", "text", None),
    ]


def test_each_run_has_jobs_of_its_own(tmp_path: Path) -> None:
    a_set(tmp_path, "letters", one="text")
    [sample] = load_samples(tmp_path)

    job = sample.job("run-1")

    assert (job.job_id, job.task) == ("run-1.letters.one", Summarize())
    assert sample.job("run-2").job_id != job.job_id


def test_a_folder_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are no samples in"):
        load_samples(tmp_path)


def test_a_broken_expected_file_is_named(tmp_path: Path) -> None:
    (a_set(tmp_path, "a", one="text") / "expected.json").write_text("{")

    with pytest.raises(InputError, match=r"expected\.json is not JSON"):
        load_samples(tmp_path)
