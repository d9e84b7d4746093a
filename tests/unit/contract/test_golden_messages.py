"""Golden messages: what is on the wire today must be readable and writable tomorrow, unchanged."""

import json
from pathlib import Path

import jsonschema
import pytest

from zeroidle_contract import ExtractOutput, Job, NamedSchema, Result, decode, encode, output_schema
from zeroidle_contract.schemas.__main__ import GENERATED, render

GOLDEN = Path(__file__).with_name("golden")
SCHEMAS = Path(__file__).parents[3] / "services" / "contract" / "zeroidle_contract" / "schemas"

JOBS = sorted(GOLDEN.glob("job-*.json"))
RESULTS = sorted(GOLDEN.glob("result-*.json"))
KINDS = {"classify", "extract", "redact", "summarize", "complete"}


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8").removesuffix("\n")


def test_every_task_has_a_golden_job_and_a_golden_result() -> None:
    assert {decode(read(path)).task.kind for path in JOBS} == KINDS
    results = [Result.model_validate_json(read(path)) for path in RESULTS]
    assert {result.output.kind for result in results if result.output} == KINDS


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_golden_job_decodes_and_encodes_to_the_same_bytes(path: Path) -> None:
    assert encode(decode(read(path))) == read(path)


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_golden_result_decodes_and_encodes_to_the_same_bytes(path: Path) -> None:
    assert Result.model_validate_json(read(path)).model_dump_json() == read(path)


@pytest.mark.parametrize("path", JOBS + RESULTS, ids=lambda path: path.stem)
def test_a_golden_message_is_valid_under_the_committed_schema(path: Path) -> None:
    name = "job.schema.json" if path in JOBS else "result.schema.json"
    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator(schema).validate(json.loads(read(path)))


@pytest.mark.parametrize("name", GENERATED)
def test_a_committed_schema_is_the_generated_one(name: str) -> None:
    assert (SCHEMAS / name).read_text(encoding="utf-8") == render(GENERATED[name])


@pytest.mark.parametrize("name", ["job.schema.json", "result.schema.json", "outputs/invoice.json"])
def test_a_committed_schema_is_itself_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads((SCHEMAS / name).read_text("utf-8")))


def test_the_job_schema_refuses_what_the_codec_refuses() -> None:
    schema = json.loads((SCHEMAS / "job.schema.json").read_text(encoding="utf-8"))
    job = json.loads(read(GOLDEN / "job-classify.json"))
    job["task"]["labels"] = ["only one"]

    assert not jsonschema.Draft202012Validator(schema).is_valid(job)


def test_the_golden_invoice_is_valid_under_the_named_schema() -> None:
    result = Result.model_validate_json(read(GOLDEN / "result-extract.json"))
    assert isinstance(result.output, ExtractOutput)

    jsonschema.validate(result.output.data, output_schema(NamedSchema.INVOICE))


def test_the_golden_redaction_is_the_document_with_its_spans_masked() -> None:
    job = decode(read(GOLDEN / "job-redact.json"))
    result = Result.model_validate_json(read(GOLDEN / "result-redact.json"))
    assert job.document is not None
    text = job.document.text
    assert text is not None
    assert result.output is not None
    assert result.output.kind == "redact"

    for span in reversed(result.output.spans):
        text = f"{text[: span.start]}<{span.entity}>{text[span.end :]}"

    assert result.output.text == text


def test_a_job_without_set_fields_is_sent_without_them() -> None:
    job = Job.model_validate(
        {
            "job_id": "a",
            "task": {"kind": "summarize"},
            "document": {"text": "-"},
            "submitted_at": "2026-11-03T09:15:27.250Z",
        }
    )

    assert encode(job) == (
        '{"schema_version":1,"job_id":"a","task":{"kind":"summarize","max_words":60},'
        '"document":{"text":"-"},"submitted_at":"2026-11-03T09:15:27.250000Z"}'
    )
