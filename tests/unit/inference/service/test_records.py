"""Records as Lambda hands them over, and the dead letters made of them."""

import base64
from typing import Any

from unit.inference.service.service_world import make_job, make_record

from zeroidle_contract import encode
from zeroidle_inference.records import MessageAttribute, parse_event, read_jobs
from zeroidle_inference.sqs import MESSAGE_LIMIT_BYTES, fit_attributes

ADDED = {"error_code": "internal", "fingerprint": "0" * 12, "job_id": "a"}


def event(**record: Any) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": "m",
                "receiptHandle": "r",
                "body": "b",
                "attributes": {
                    "ApproximateReceiveCount": "4",
                    "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
                },
                "messageAttributes": {},
                **record,
            }
        ]
    }


def test_a_record_has_its_trace_and_its_count_of_receives() -> None:
    [record] = parse_event(event())
    assert record.receive_count == 4
    assert record.trace_id == "1-5759e988-bd862e3fe1be46a994272793"


def test_a_record_without_a_trace_header_has_no_trace() -> None:
    [record] = parse_event(event(attributes={}))
    assert (record.trace_header, record.trace_id, record.receive_count) == (None, None, 1)


def test_attributes_of_every_type_are_kept() -> None:
    raw = {
        "text": {"stringValue": "t", "dataType": "String"},
        "number": {"stringValue": "7", "dataType": "Number"},
        "bytes": {"binaryValue": base64.b64encode(b"\x00\xff").decode(), "dataType": "Binary"},
    }
    [record] = parse_event(event(messageAttributes=raw))
    assert record.attributes == {
        "text": MessageAttribute("String", "t"),
        "number": MessageAttribute("Number", "7"),
        "bytes": MessageAttribute("Binary", b"\x00\xff"),
    }


def test_twins_are_one_delivery_and_other_content_is_another() -> None:
    job = make_job("a")
    records = [
        make_record(job, message_id="1"),
        make_record(make_job("a", "other"), message_id="2"),
        make_record(job, message_id="3"),
    ]
    deliveries, invalid = read_jobs(records)
    assert invalid == []
    assert [[r.message_id for r in d.records] for d in deliveries] == [["1", "3"], ["2"]]


def test_the_same_text_submitted_at_another_time_is_a_twin() -> None:
    later = make_job("a", submitted_at="2027-02-01T00:00:00Z")
    deliveries, _ = read_jobs([make_record(make_job("a")), make_record(later, message_id="2")])
    assert len(deliveries) == 1


def test_one_job_id_of_two_tenants_is_two_jobs() -> None:
    records = [make_record(encode(make_job("a", tenant=tenant))) for tenant in ("x", "y")]
    assert len(read_jobs(records)[0]) == 2


def test_a_dead_letter_keeps_the_records_attributes_and_says_why() -> None:
    own = {"origin": MessageAttribute("String", "batch 7")}
    fitted = fit_attributes(make_record("b", attributes=own), ADDED)
    assert list(fitted) == ["origin", "error_code", "fingerprint", "job_id"]


def test_with_nine_attributes_of_its_own_a_dead_letter_says_the_code_alone() -> None:
    own = {f"own-{index}": MessageAttribute("String", "x") for index in range(9)}
    fitted = fit_attributes(make_record("b", attributes=own), ADDED)
    assert sorted(fitted) == ["error_code", *sorted(own)]


def test_a_dead_letter_that_failed_before_carries_the_new_reason() -> None:
    own = {"error_code": MessageAttribute("String", "old")}
    fitted = fit_attributes(make_record("b", attributes=own), ADDED)
    assert fitted["error_code"] == MessageAttribute("String", "internal")


def test_a_body_at_the_size_limit_leaves_no_room_for_attributes() -> None:
    assert fit_attributes(make_record("x" * MESSAGE_LIMIT_BYTES), ADDED) == {}
    room = len("error_code") + len("String") + len("internal")
    fitted = fit_attributes(make_record("x" * (MESSAGE_LIMIT_BYTES - room)), ADDED)
    assert list(fitted) == ["error_code"]
