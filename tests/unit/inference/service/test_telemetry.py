"""Structured logs: one line of JSON each, and never a text."""

import io
import json

import pytest
from unit.inference.service.service_world import World, make_job, make_record

from zeroidle_inference import policy, telemetry


def logged(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_its_time_its_level_its_action_and_its_fields() -> None:
    stream = io.StringIO()
    telemetry.Log(telemetry.configure(stream)).warning("job_failed", code="internal")
    [line] = logged(stream)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {"level": "WARNING", "action": "job_failed", "code": "internal"}


def test_bound_fields_stand_on_every_line_and_absent_ones_on_none() -> None:
    stream = io.StringIO()
    log = telemetry.Log(telemetry.configure(stream)).bind(request_id="r", trace_id=None)
    log.info("one")
    log.bind(job_id="j").info("two")
    first, second = logged(stream)
    assert (first["request_id"], "trace_id" in first, "job_id" in first) == ("r", False, False)
    assert (second["request_id"], second["job_id"]) == ("r", "j")


def test_a_value_with_a_line_break_stays_on_one_line() -> None:
    stream = io.StringIO()
    telemetry.Log(telemetry.configure(stream)).info("odd", path="a\nb")
    assert len(stream.getvalue().splitlines()) == 1


def test_configured_twice_a_line_is_written_once() -> None:
    stream = io.StringIO()
    telemetry.configure(stream)
    telemetry.Log(telemetry.configure(stream)).info("once")
    assert len(logged(stream)) == 1


def test_an_unexpected_error_is_described_by_its_place_and_not_by_its_message() -> None:
    with pytest.raises(KeyError) as caught:
        policy.explain("no such code", "m")  # type: ignore[arg-type]
    described = policy.describe(caught.value)
    assert described == "unexpected KeyError in zeroidle_inference.policy.explain"


def test_no_marked_secret_of_a_job_or_its_document_reaches_a_log_line(world: World) -> None:
    secret = "MARKED-SECRET"

    def answer(request: object) -> Exception:
        return RuntimeError(f"broke at {secret}")

    world.engine.answer = answer
    world.run(
        make_record(make_job("a", f"text {secret}")),
        make_record(f'{{"job_id": "b", "{secret}": "{secret}"}}', message_id="2"),
        make_record(
            f'{{"job_id": "c", "task": {{"kind": "{secret}"}}, "document": {{"text": "t"}}}}',
            message_id="3",
        ),
        make_record(f"{secret} is no JSON", message_id="4"),
        make_record(make_job("d", task={"kind": "summarize", "focus": secret}), message_id="5"),
    )
    assert secret not in world.log_text()
    assert len(world.log_text().splitlines()) >= 5
    assert secret not in json.dumps([attributes for _, attributes in world.queue.dead_letters])
    assert secret not in "".join(str(row.error) for row in world.store.rows.values())
