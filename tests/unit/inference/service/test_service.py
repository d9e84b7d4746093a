"""The function's answers to its events, and the batch response's contract with Lambda."""

import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.inference.service.batch_contract import deleted_by_lambda
from unit.inference.service.service_fakes import FakeEngine
from unit.inference.service.service_world import World, make_job

from zeroidle_contract import Status, encode
from zeroidle_inference import tasks
from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.errors import DependencyDownError, ServiceError
from zeroidle_inference.loading import Loading
from zeroidle_inference.service import Service


class FakeContext:
    aws_request_id = "request-1"
    memory_limit_in_mb = "2048"

    def __init__(self, world: World, timeout_s: float = 60) -> None:
        self._clock = world.clock
        self._ends_s = world.clock.monotonic_s() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        return round((self._ends_s - self._clock.monotonic_s()) * 1000)


def make_service(world: World, load: Callable[[], Any] | None = None) -> Service:
    return Service(
        environment_id="environment-1",
        loading=Loading(load or (lambda: world.engine)),
        make_runner=lambda _: world.runner(),
        queue=world.queue,
        clock=world.clock,
        rng=random.Random(1),  # noqa: S311 - jitter
        log=world.log,
        open_witness=lambda _: world.witness(),
    )


def sqs_event(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"m{index}",
                "receiptHandle": f"r{index}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
            }
            for index, body in enumerate(bodies)
        ]
    }


def test_a_batch_that_succeeded_is_answered_with_an_empty_list(world: World) -> None:
    event = sqs_event(encode(make_job("a")), encode(make_job("b")))
    response = make_service(world).handle(event, FakeContext(world))
    assert response == {"batchItemFailures": []}
    assert deleted_by_lambda(response, ["m0", "m1"]) == ["m0", "m1"]


def test_lambda_deletes_what_succeeded_and_keeps_what_comes_back(world: World) -> None:
    world.engine.poison = "bad"
    event = sqs_event(encode(make_job("a", "bad")), encode(make_job("b", "good")))
    response = make_service(world).handle(event, FakeContext(world))
    assert deleted_by_lambda(response, ["m0", "m1"]) == ["m1"]


def metric(world: World, name: str) -> float | None:
    return world.last_witness.metrics.registry.get_sample_value(name)


def test_what_comes_back_is_counted_and_what_succeeded_is_not(world: World) -> None:
    world.store.fail_next["commit"] = [DependencyDownError("s3", "x", may_have_applied=False)]
    event = sqs_event(encode(make_job("a")), encode(make_job("b")))
    response = make_service(world).handle(event, FakeContext(world))
    assert len(response["batchItemFailures"]) == 1
    assert metric(world, "zeroidle_partial_failures_total") == 1


def test_the_memory_that_a_batch_held_is_told_with_the_wait_for_its_model(world: World) -> None:
    def load() -> FakeEngine:
        time.sleep(0.05)
        world.clock.advance_s(3)
        return world.engine

    make_service(world, load).handle(sqs_event(encode(make_job("a"))), FakeContext(world))
    assert metric(world, "zeroidle_gb_seconds_total") == pytest.approx(2 * 3.2)
    assert metric(world, "zeroidle_cold_starts_total") == 1
    [span] = world.tracer.named("load_model")
    assert span.end_s - span.start_s == pytest.approx(3)


def test_a_model_that_is_there_makes_no_cold_start(world: World) -> None:
    service = make_service(world)
    service.handle({"zeroidle": "warm"}, FakeContext(world))
    service.handle(sqs_event(encode(make_job("a"))), FakeContext(world))
    assert metric(world, "zeroidle_cold_starts_total") == 0
    assert world.tracer.named("load_model") == []


def test_without_a_model_the_whole_batch_is_counted_as_returned(world: World) -> None:
    def load() -> FakeEngine:
        raise ModelFileError("no model")

    make_service(world, load).handle(sqs_event(encode(make_job("a"))), FakeContext(world))
    assert metric(world, "zeroidle_partial_failures_total") == 1


def test_without_a_model_every_record_comes_back_later_and_no_attempt_is_spent(
    world: World,
) -> None:
    def load() -> FakeEngine:
        raise ModelFileError("there is no model file at model.gguf: set ZEROIDLE_MODEL_PATH")

    response = make_service(world, load).handle(sqs_event("x", "y"), FakeContext(world))
    assert deleted_by_lambda(response, ["m0", "m1"]) == []
    assert world.store.calls == []
    assert all(seconds[-1] >= 30 for seconds in world.queue.visibilities_s.values())
    [line] = world.lines("model_not_ready")
    assert line["error"] == "there is no model file at model.gguf: set ZEROIDLE_MODEL_PATH"


def test_messages_that_wait_for_the_model_are_hidden_no_longer_than_a_lease(world: World) -> None:
    service = make_service(world)
    service.handle(sqs_event("x"), FakeContext(world, timeout_s=60))
    assert world.queue.visibilities_s["m0"][0] == 65
    # Once it is loaded, the runner alone does so.
    service.handle(sqs_event("y"), FakeContext(world, timeout_s=60))
    assert len(world.queue.visibilities_s["m0"]) == 3


def test_an_environment_whose_load_failed_tries_again_at_the_next_event(world: World) -> None:
    outcomes: list[Any] = [ModelFileError("not yet"), world.engine]

    def load() -> FakeEngine:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    service = make_service(world, load)
    event = sqs_event(encode(make_job("a")))
    service.handle(event, FakeContext(world))
    assert service.handle(event, FakeContext(world)) == {"batchItemFailures": []}
    assert world.row("a").status is Status.SUCCEEDED


def test_an_unexpected_error_returns_the_batch_and_tells_nothing_of_it(world: World) -> None:
    def load() -> FakeEngine:
        raise RuntimeError("secret")

    response = make_service(world, load).handle(sqs_event("x"), FakeContext(world))
    assert response == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert "secret" not in world.log_text()


def test_a_warm_up_answers_when_the_model_is_ready_and_touches_nothing(world: World) -> None:
    context = FakeContext(world)
    answer = make_service(world).handle({"zeroidle": "warm", "hold_ms": 1500}, context)
    assert answer["environment_id"] == "environment-1"
    assert answer["model_sha256"] == "0" * 64
    assert answer["init_ms"] >= 0
    assert world.clock.monotonic_s() == 1.5
    assert (world.store.calls, world.queue.visibilities_s) == ([], {})


def test_a_warm_up_holds_no_longer_than_its_time(world: World) -> None:
    context = FakeContext(world, timeout_s=10)
    make_service(world).handle({"zeroidle": "warm", "hold_ms": 60_000}, context)
    assert world.clock.monotonic_s() == 9


def test_a_warm_up_without_a_model_is_an_error(world: World) -> None:
    def load() -> FakeEngine:
        raise ModelFileError("no model")

    with pytest.raises(ModelFileError, match="no model"):
        make_service(world, load).handle({"zeroidle": "warm"}, FakeContext(world))


def test_an_event_of_another_kind_is_refused_with_a_clear_sentence(world: World) -> None:
    with pytest.raises(ServiceError, match="neither an SQS batch nor"):
        make_service(world).handle({"hello": "world"}, FakeContext(world))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
TASKS: list[dict[str, Any]] = [
    {"kind": "classify", "labels": ["good", "bad"], "instruction": "Judge."},
    {"kind": "extract", "json_schema": {"type": "object", "properties": {"a": {"type": "null"}}}},
    {"kind": "redact", "entities": ["name", "email"], "mask": "[{entity}]"},
    {"kind": "summarize", "max_words": 20, "focus": "prices"},
    {"kind": "complete", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 20},
]
VALID = [
    encode(make_job("victim", tenant="acme", deadline="2030-01-01T00:00:00Z", task=task))
    for task in TASKS
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a JSON value with each of its keys."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    inner = [value[key] for key in keys if isinstance(value[key], dict | list)]
    return [(value, key) for key in keys] + [place for one in inner for place in places(one)]


@st.composite
def malformed_bodies(draw: st.DrawFn) -> str:
    """Valid messages with a part cut, doubled, dropped, or replaced by any other value."""
    body = draw(st.sampled_from(VALID))
    how = draw(st.sampled_from(["cut", "splice", "replace", "drop", "add"]))
    if how == "cut":
        return body[: draw(st.integers(1, len(body) - 1))]
    if how == "splice":
        at = draw(st.integers(0, len(body) - 1))
        return body[:at] + draw(st.text(min_size=1, max_size=5)) + body[at:]
    fields = json.loads(body)
    container, key = draw(st.sampled_from(places(fields)))
    if how == "replace":
        container[key] = draw(JSON_VALUES)
    elif how == "drop":
        del container[key]
    elif isinstance(container, dict):
        container[draw(st.text(max_size=8))] = draw(JSON_VALUES)
    else:
        container.append(draw(JSON_VALUES))
    return json.dumps(fields)


@settings(max_examples=1500, deadline=None)
@given(body=malformed_bodies())
def test_whatever_a_message_holds_its_batch_mate_succeeds_and_it_ends_with_a_code(
    body: str,
) -> None:
    world = World()
    world.start_task = tasks.start
    world.engine.answer = lambda _: "{}"
    event = sqs_event(body, encode(make_job("mate", "another text")))
    response = make_service(world).handle(event, FakeContext(world))
    assert deleted_by_lambda(response, ["m0", "m1"]) == ["m0", "m1"]
    assert world.row("mate").status is Status.SUCCEEDED
    # A mutation may leave the message valid; then it is a job like any other.
    succeeded = {row.job_id for row in world.store.rows.values() if row.status is Status.SUCCEEDED}
    assert len(succeeded) == 2 or "m0" in world.dead_letter_codes()


@pytest.mark.parametrize(
    ("response", "deleted"),
    [
        (None, ["a", "b"]),
        ({}, ["a", "b"]),
        ({"batchItemFailures": None}, ["a", "b"]),
        ({"batchItemFailures": []}, ["a", "b"]),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, ["b"]),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, []),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, []),
        ({"batchItemFailures": [{"itemIdentifier": "zzz"}]}, []),
        ({"batchItemFailures": [{"id": "a"}]}, []),
        ({"failures": []}, []),
        ({"batchItemFailures": {1}}, []),
    ],
)
def test_the_checker_answers_as_aws_documents(response: Any, deleted: list[str]) -> None:
    assert deleted_by_lambda(response, ["a", "b"]) == deleted
