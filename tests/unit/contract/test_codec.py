"""The queue codec: each way a record can be bad has its code; no way shows what it holds."""

import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroidle_contract import ErrorCode, InvalidRecordError, Job, decode, encode

GOLDEN = [
    json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(Path(__file__).with_name("golden").glob("job-*.json"))
]
SECRET = "Hedwig Quastenflosser"


def body(**changes: Any) -> str:
    fields: dict[str, Any] = {
        "job_id": "a",
        "tenant": "shop",
        "task": {"kind": "summarize"},
        "document": {"text": "a report"},
    }
    return json.dumps({**fields, **changes})


@pytest.mark.parametrize(
    ("record", "code", "message", "key"),
    [
        ("", ErrorCode.INVALID_JSON, "the body is not JSON", None),
        ("{'job_id': 'a'}", ErrorCode.INVALID_JSON, "the body is not JSON", None),
        ("[" * 100_000, ErrorCode.INVALID_JSON, "the body is not JSON", None),
        (
            '{"job_id":"a","task":{"kind":"summarize"},"document":{"text":"\\ud800"}}',
            ErrorCode.INVALID_JSON,
            "the body is not strict JSON",
            "-/a",
        ),
        ("[]", ErrorCode.INVALID_JOB, "the body is not a JSON object", None),
        ("null", ErrorCode.INVALID_JOB, "the body is not a JSON object", None),
        ("{}", ErrorCode.INVALID_JOB, "job_id: Field required (and 1 more)", None),
        (
            body(job_id="a/b"),
            ErrorCode.INVALID_JOB,
            "job_id: String should match pattern '^[A-Za-z0-9._:-]{1,128}$'",
            None,
        ),
        (
            body(tenant=".."),
            ErrorCode.INVALID_JOB,
            "tenant: String should match pattern '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'",
            None,
        ),
        (
            body(task={"kind": "summarize", "max_words": 4}),
            ErrorCode.INVALID_JOB,
            "task.summarize.max_words: Input should be greater than or equal to 5",
            "shop/a",
        ),
        (
            body(task={"kind": "classify", "labels": ["x", "x"]}),
            ErrorCode.INVALID_JOB,
            "task.classify.labels: Value error, each entry must occur once",
            "shop/a",
        ),
        (
            body(priority=1),
            ErrorCode.INVALID_JOB,
            "job has a field that this schema does not know",
            "shop/a",
        ),
        (
            body(document=None),
            ErrorCode.INVALID_JOB,
            "job: Value error, document is required (only `complete` with messages goes without)",
            "shop/a",
        ),
        (
            body(document={}),
            ErrorCode.INVALID_JOB,
            "document: Value error, give either text or s3",
            "shop/a",
        ),
        (
            body(task={"kind": "translate"}),
            ErrorCode.UNKNOWN_TASK,
            "task.kind is missing or unknown",
            "shop/a",
        ),
        (body(task={}), ErrorCode.UNKNOWN_TASK, "task.kind is missing or unknown", "shop/a"),
        (
            body(schema_version=2),
            ErrorCode.UNSUPPORTED_VERSION,
            "schema_version is not 1, the one this consumer reads",
            "shop/a",
        ),
        (
            body(document={"text": " \n\t"}),
            ErrorCode.EMPTY_DOCUMENT,
            "document.text holds no text",
            "shop/a",
        ),
    ],
)
def test_a_bad_record_has_a_code_a_reason_and_where_possible_its_key(
    record: str, code: ErrorCode, message: str, key: str | None
) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        decode(record)

    assert (caught.value.code, str(caught.value), caught.value.job_key) == (code, message, key)


def test_a_newer_version_is_refused_as_such_even_with_unknown_fields() -> None:
    with pytest.raises(InvalidRecordError) as caught:
        decode(body(schema_version=2, priority="high", task={"kind": "translate"}))

    assert caught.value.code is ErrorCode.UNSUPPORTED_VERSION


@st.composite
def spoilt_records(draw: st.DrawFn) -> str:
    """A golden job with the secret in a place where it does not belong, or cut off."""
    job = json.loads(json.dumps(draw(st.sampled_from(GOLDEN))))
    parent = job
    while True:
        key = draw(st.sampled_from(sorted(parent) if isinstance(parent, dict) else [0]))
        child = parent[key]
        if not isinstance(child, dict | list) or not child or draw(st.booleans()):
            break
        parent = child
    poison = draw(
        st.sampled_from([SECRET, {SECRET: SECRET}, [SECRET], {"kind": SECRET}, {"text": [SECRET]}])
    )
    if isinstance(parent, dict) and draw(st.booleans()):
        parent[SECRET] = SECRET
    else:
        parent[key] = poison
    record = json.dumps(job)
    return record[: draw(st.integers(1, len(record)))] if draw(st.booleans()) else record


@given(record=spoilt_records())
def test_no_error_shows_what_a_record_holds(record: str) -> None:
    try:
        decode(record)
    except InvalidRecordError as error:
        shown = f"{error!r} {error.job_key} {error.__cause__!r}"
        shown += "".join(traceback.format_exception(error))
        assert SECRET not in shown
        assert "Quastenflosser" not in shown


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@given(text=st.text(min_size=1).filter(str.strip), schema=st.dictionaries(st.text(), json_values))
def test_a_job_arrives_as_it_was_sent(text: str, schema: dict[str, Any]) -> None:
    job = Job.model_validate(
        {
            "job_id": "a",
            "task": {"kind": "extract", "json_schema": schema},
            "document": {"text": text},
        }
    )

    arrived = decode(encode(job))

    assert arrived == job
    assert arrived.content_sha256() == job.content_sha256()


@given(text=st.text(min_size=1).filter(str.strip))
def test_a_body_holds_only_characters_that_sqs_takes(text: str) -> None:
    job = Job.model_validate(
        {"job_id": "a", "task": {"kind": "summarize"}, "document": {"text": text + "\ufffe\uffff"}}
    )

    for character in encode(job):
        point = ord(character)
        assert point in {0x9, 0xA, 0xD} or 0x20 <= point <= 0xFFFD or point >= 0x10000
