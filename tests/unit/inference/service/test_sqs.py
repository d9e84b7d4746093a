"""Partial answers of SQS: a batch call is answered with 200 whatever became of its entries."""

from typing import Any

from unit.inference.service.service_world import make_job, make_record

from zeroidle_inference.sqs import SqsQueue


class PartialSqs:
    """Refuses the entries of these receipt handles, each as often as it is told."""

    def __init__(self, refusals: dict[str, int], *, sender_fault: bool = False) -> None:
        self._refusals = refusals
        self._sender_fault = sender_fault
        self.calls: list[list[str]] = []

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803 - as boto3 names them
        self.calls.append([entry["ReceiptHandle"] for entry in Entries])
        failed = []
        for entry in Entries:
            if self._refusals.get(entry["ReceiptHandle"], 0) > 0:
                self._refusals[entry["ReceiptHandle"]] -= 1
                failed.append({"Id": entry["Id"], "SenderFault": self._sender_fault, "Code": "x"})
        return {"Failed": failed}


def calls(sqs: PartialSqs) -> list[list[str]]:
    queue = SqsQueue(sqs=sqs, queue_url="q", dead_letter_queue_url="d")  # type: ignore[arg-type]
    queue.change_visibility([(make_record(make_job(name)), 305) for name in "ab"])
    return sqs.calls


def test_entries_that_sqs_could_not_serve_are_asked_again() -> None:
    assert calls(PartialSqs({"receipt-b": 1})) == [["receipt-a", "receipt-b"], ["receipt-b"]]


def test_an_entry_that_is_refused_for_good_is_let_be() -> None:
    assert calls(PartialSqs({"receipt-b": 1}, sender_fault=True)) == [["receipt-a", "receipt-b"]]


def test_asking_again_ends_after_three_calls() -> None:
    assert len(calls(PartialSqs({"receipt-b": 9}))) == 3
