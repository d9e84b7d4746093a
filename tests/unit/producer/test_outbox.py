"""Sending: batches within SQS's limits, and only the entries that failed are sent again."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from zeroidle_producer.outbox import (
    BATCH_BYTES,
    BATCH_ENTRIES,
    SEND_ATTEMPTS,
    Message,
    Outbox,
    Refusal,
    split,
)

Answer = Callable[[list[dict[str, Any]]], dict[str, Any]]
TRACE = "Root=1-67000000-0123456789abcdef01234567"


class FakeClock:
    def __init__(self) -> None:
        self.pauses_s: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 3, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return sum(self.pauses_s)

    def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)


class ScriptedSqs:
    """Answers each call by the next function; remembers the bodies of each call."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.entries: list[list[dict[str, Any]]] = []

    @property
    def bodies(self) -> list[list[str]]:
        return [[entry["MessageBody"] for entry in call] for call in self.entries]

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803
        self.entries.append(Entries)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer(Entries)


def failing(*bodies: str, code: str = "InternalError", sender_fault: bool = False) -> Answer:
    """An answer that takes all entries but those with these bodies."""

    def answer(entries: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "Successful": [
                {"Id": entry["Id"]} for entry in entries if entry["MessageBody"] not in bodies
            ],
            "Failed": [
                {"Id": entry["Id"], "Code": code, "SenderFault": sender_fault}
                for entry in entries
                if entry["MessageBody"] in bodies
            ],
        }

    return answer


def raising(error: Exception) -> Answer:
    def answer(entries: list[dict[str, Any]]) -> dict[str, Any]:
        raise error

    return answer


def make_outbox(sqs: Any, clock: FakeClock) -> Outbox:
    return Outbox(sqs=sqs, queue_url="q", clock=clock, random=Random(7))  # noqa: S311 -- jitter


def send(sqs: ScriptedSqs, *bodies: str, clock: FakeClock | None = None) -> list[Refusal | None]:
    outbox = make_outbox(sqs, clock or FakeClock())
    return outbox.send_batch([Message(job_id=body, body=body) for body in bodies])


def test_only_the_entries_that_failed_are_sent_again() -> None:
    sqs = ScriptedSqs(failing("b", "d"), failing("d"), failing())

    assert send(sqs, "a", "b", "c", "d") == [None] * 4
    assert sqs.bodies == [["a", "b", "c", "d"], ["b", "d"], ["d"]]


def test_what_is_the_senders_fault_is_not_sent_again() -> None:
    sqs = ScriptedSqs(failing("b", code="InvalidMessageContents", sender_fault=True))

    assert send(sqs, "a", "b") == [None, Refusal("InvalidMessageContents")]
    assert len(sqs.bodies) == 1


def test_attempts_are_bounded() -> None:
    sqs = ScriptedSqs(failing("b"))

    assert send(sqs, "a", "b") == [None, Refusal("InternalError")]
    assert sqs.bodies == [["a", "b"]] + [["b"]] * (SEND_ATTEMPTS - 1)


def test_pauses_between_attempts_are_random_parts_of_a_doubling_bound() -> None:
    clock = FakeClock()

    send(ScriptedSqs(failing("a")), "a", clock=clock)

    bounds = [0.2, 0.4, 0.8, 1.6]
    assert len(clock.pauses_s) == len(bounds)
    assert all(0 <= pause <= bound for pause, bound in zip(clock.pauses_s, bounds, strict=True))


def test_nothing_waits_when_all_goes_well() -> None:
    clock = FakeClock()

    send(ScriptedSqs(failing()), "a", clock=clock)

    assert clock.pauses_s == []


def test_an_entry_without_an_answer_is_sent_again() -> None:
    sqs = ScriptedSqs(lambda _: {}, failing())

    assert send(sqs, "a") == [None]
    assert sqs.bodies == [["a"], ["a"]]


def test_when_a_call_fails_what_was_taken_before_stays_taken() -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessageBatch")
    sqs = ScriptedSqs(failing("b"), raising(denied))

    assert send(sqs, "a", "b") == [None, Refusal("AccessDenied", denied)]


def test_a_queue_that_cannot_be_reached_refuses_all_by_the_errors_name() -> None:
    unreachable = EndpointConnectionError(endpoint_url="https://queue")

    refusals = send(ScriptedSqs(raising(unreachable)), "a", "b")

    assert refusals == [Refusal("EndpointConnectionError", unreachable)] * 2


@pytest.mark.parametrize(
    ("header", "attributes"),
    [
        (TRACE, {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}),
        (None, {}),
    ],
)
def test_a_batch_carries_each_jobs_trace_header(
    header: str | None, attributes: dict[str, Any]
) -> None:
    sqs = ScriptedSqs(failing())

    make_outbox(sqs, FakeClock()).send_batch([Message("a", "a", header)])

    assert sqs.entries[0][0]["MessageSystemAttributes"] == attributes


sizes_bytes = st.one_of(
    st.integers(1, 200), st.integers(90_000, 120_000), st.integers(BATCH_BYTES - 9, BATCH_BYTES)
)


@given(st.lists(sizes_bytes, max_size=40))
def test_splitting_stays_within_the_limits_keeps_the_order_and_loses_nothing(
    sizes: list[int],
) -> None:
    messages = [Message(str(n), "x" * size) for n, size in enumerate(sizes)]

    batches = list(split(messages))

    assert [message for batch in batches for message in batch] == messages
    for batch in batches:
        assert 1 <= len(batch) <= BATCH_ENTRIES
        assert sum(message.size_bytes for message in batch) <= BATCH_BYTES


@given(st.lists(sizes_bytes, max_size=40))
def test_splitting_fills_each_batch_before_it_begins_the_next(sizes: list[int]) -> None:
    batches = list(split(Message("a", "x" * size) for size in sizes))

    for batch, following in itertools.pairwise(batches):
        full = len(batch) == BATCH_ENTRIES
        size = sum(message.size_bytes for message in batch) + following[0].size_bytes
        assert full or size > BATCH_BYTES


def test_sizes_count_bytes_not_characters() -> None:
    assert Message("a", "ä" * 100, "x" * 50).size_bytes == 250


@given(st.lists(st.sets(st.sampled_from("abcdef")), min_size=SEND_ATTEMPTS, max_size=9))
def test_a_message_is_reported_as_refused_exactly_when_sqs_never_took_it(
    failures: list[set[str]],
) -> None:
    sqs = ScriptedSqs(*(failing(*bodies) for bodies in failures))

    refusals = send(sqs, *"abcdef")

    taken = {
        body
        for bodies, failed in zip(sqs.bodies, failures, strict=False)
        for body in bodies
        if body not in failed
    }
    refused = {
        body for body, refusal in zip("abcdef", refusals, strict=True) if refusal is not None
    }
    assert refused == set("abcdef") - taken
