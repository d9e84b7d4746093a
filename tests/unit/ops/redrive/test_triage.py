"""What becomes of one letter: sent, dropped because its work is done, or left."""

import pytest

from zeroidle_contract import Job, Status, encode
from zeroidle_ops.redrive.archive import Fate
from zeroidle_ops.redrive.letter import MOVED_BY_SQS, Letter
from zeroidle_ops.redrive.rows import Standing
from zeroidle_ops.redrive.triage import Kept, triage

JOB = Job.model_validate(
    {"job_id": "a", "task": {"kind": "summarize"}, "document": {"text": "a letter"}}
)


def make_letter(body: str = encode(JOB), **attributes: str) -> Letter:
    return Letter(
        message_id="m",
        receipt_handle="r",
        body=body,
        attributes={name: {"t": "String", "v": value} for name, value in attributes.items()},
        sent_ms=0,
        receive_count=1,
    )


def make_row(status: Status, *, content_sha256: str = JOB.content_sha256()) -> Standing:
    return Standing(
        status=status,
        content_sha256=content_sha256,
        attempts=1,
        mark="1/",
        fingerprint=None,
    )


def judge(letter: Letter, row: Standing | None) -> tuple[Fate | None, Kept | None]:
    verdict = triage(letter, row, plan_id="p", max_redrives=3)
    return verdict.fate, verdict.kept


@pytest.mark.parametrize("status", [Status.FAILED, Status.QUEUED, Status.RUNNING])
def test_a_job_that_has_not_ended_well_is_sent(status: Status) -> None:
    assert judge(make_letter(), make_row(status)) == (Fate.SEND, None)


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.CANCELLED])
def test_a_job_that_is_done_is_dropped(status: Status) -> None:
    assert judge(make_letter(), make_row(status)) == (Fate.DROP, None)


def test_a_letter_without_a_row_is_sent() -> None:
    assert judge(make_letter(), None) == (Fate.SEND, None)


def test_a_body_that_is_no_job_is_sent() -> None:
    assert judge(make_letter("not json"), None) == (Fate.SEND, None)


@pytest.mark.parametrize("status", list(Status))
def test_a_letter_with_other_content_than_the_row_stays(status: Status) -> None:
    row = make_row(status, content_sha256="0" * 64)

    assert judge(make_letter(), row) == (None, Kept.CONFLICT)


@pytest.mark.parametrize(("count", "kept"), [("2", None), ("3", Kept.CAP), ("9", Kept.CAP)])
def test_a_job_is_redriven_only_so_often(count: str, kept: Kept | None) -> None:
    assert judge(make_letter(redrive_count=count), None)[1] is kept


def test_a_message_without_room_for_its_lineage_stays() -> None:
    full = make_letter(**{f"own{number}": "x" for number in range(9)})

    assert judge(full, None) == (None, Kept.NO_ROOM)


def test_a_redrive_adds_its_plan_and_its_count_and_keeps_the_rest() -> None:
    letter = make_letter(customer="4711", redrive_plan="before", redrive_count="1")

    assert letter.redriven("p") == {
        "customer": {"t": "String", "v": "4711"},
        "redrive_plan": {"t": "String", "v": "p"},
        "redrive_count": {"t": "Number", "v": "2"},
    }


def test_binary_attributes_survive() -> None:
    letter = Letter.from_message(
        {
            "MessageId": "m",
            "ReceiptHandle": "r",
            "Body": "b",
            "MessageAttributes": {"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}},
            "Attributes": {"SentTimestamp": "5"},
        }
    )

    assert letter.attributes["raw"] == {"t": "Binary", "b": "AP8="}


def test_the_code_of_a_message_that_sqs_moved_is_not_that_of_an_earlier_failure() -> None:
    moved = Letter.from_message(
        {
            "MessageId": "m",
            "ReceiptHandle": "r",
            "Body": "b",
            "MessageAttributes": {"error_code": {"DataType": "String", "StringValue": "internal"}},
            "Attributes": {"SentTimestamp": "5", "DeadLetterQueueSourceArn": "arn:aws:sqs:::q"},
        }
    )

    assert (moved.code, moved.fingerprint) == (MOVED_BY_SQS, MOVED_BY_SQS)
