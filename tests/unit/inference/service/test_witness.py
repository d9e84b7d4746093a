"""What one invocation tells in metrics and subsegments, job by job."""

import json
from dataclasses import replace
from typing import Any

import emf_documents
import pytest
from unit.inference.service.service_fakes import START_MS
from unit.inference.service.service_world import World, make_job, make_record

from zeroidle_contract import Status
from zeroidle_inference.engine.errors import DecodeError
from zeroidle_inference.errors import DependencyDownError
from zeroidle_inference.telemetry.metrics import DEPENDENCIES, TASKS, Outcome
from zeroidle_inference.telemetry.witness import MOST_TRACED_JOBS

DOWN = DependencyDownError("dynamodb", "Timeout", may_have_applied=False)
SECRET = "MARKED-SECRET"


def jobs(world: World) -> dict[tuple[str, str], float]:
    """Counts by task and outcome."""
    [family] = [
        f for f in world.last_witness.metrics.registry.collect() if f.name == "zeroidle_jobs"
    ]
    return {
        (sample.labels["task"], sample.labels["outcome"]): sample.value
        for sample in family.samples
        if sample.name == "zeroidle_jobs_total"
    }


def value(world: World, name: str, **labels: str) -> float | None:
    return world.last_witness.metrics.registry.get_sample_value(name, labels)


def test_each_job_counts_once_by_its_task_and_outcome(world: World) -> None:
    def refuse(request: Any) -> None:
        if request.prompt.document == "bad":
            raise DependencyDownError("s3", "SlowDown", may_have_applied=False)

    world.engine.refuse = refuse
    world.run(make_record(make_job("twice")))
    world.run(
        make_record(make_job("good")),
        make_record(make_job("twice"), message_id="again"),
        make_record(make_job("outage", "bad")),
        make_record("no JSON", message_id="x"),
        make_record(make_job("late", deadline="2020-01-01T00:00:00Z")),
    )
    assert jobs(world) == {
        ("summarize", "succeeded"): 1,
        ("summarize", "duplicate"): 1,
        ("summarize", "returned"): 1,
        ("summarize", "failed"): 1,
        ("none", "invalid"): 1,
    }


def test_each_step_tells_its_width_and_its_time(world: World) -> None:
    world.run(make_record(make_job("a")), make_record(make_job("b", "another")))
    metrics = world.last_witness.metrics
    assert metrics.batch_width.values == [2, 2]
    assert metrics.step.values == pytest.approx([0.1, 0.1])


def test_tokens_are_counted_when_they_were_computed_whatever_becomes_of_the_job(
    world: World,
) -> None:
    world.store.fail_next["commit"] = [DOWN]
    world.run(make_record(make_job("a")))
    assert jobs(world) == {("summarize", "returned"): 1}
    assert value(world, "zeroidle_tokens_total", kind="prefilled") == 6
    assert value(world, "zeroidle_tokens_total", kind="cached") == 4
    assert value(world, "zeroidle_prefix_cache_hits_total") == 1


def test_a_dependency_that_is_down_counts_once_an_invocation(world: World) -> None:
    world.store.fail_next["commit"] = [DOWN, DOWN]
    world.run(make_record(make_job("a")), make_record(make_job("b")))
    assert value(world, "zeroidle_dependency_down_total", dependency="dynamodb") == 1


def test_a_queue_that_does_not_hide_messages_counts_as_down(world: World) -> None:
    down = DependencyDownError("sqs", "Timeout", may_have_applied=True)
    world.queue.fail_next["change_visibility"] = [down]
    world.run(make_record(make_job("a")))
    assert value(world, "zeroidle_dependency_down_total", dependency="sqs") == 1


def test_a_lease_that_was_taken_over_counts_as_lost_and_a_cancelled_job_does_not(
    world: World,
) -> None:
    def overtake() -> None:
        for key, status in {"-/lost": Status.SUCCEEDED, "-/stopped": Status.CANCELLED}.items():
            world.store.rows[key] = replace(world.store.rows[key], status=status, fence=9)

    world.engine.during_step = overtake
    world.run(make_record(make_job("lost")), make_record(make_job("stopped")))
    assert value(world, "zeroidle_lost_claims_total") == 1


def test_the_wait_in_the_queue_is_told_of_messages_received_for_the_first_time(
    world: World,
) -> None:
    first = replace(make_record(make_job("a")), sent_ms=START_MS - 2500)
    again = replace(make_record(make_job("b"), receives=2), sent_ms=START_MS - 99_000)
    world.run(first, again)
    assert world.last_witness.metrics.queue_wait.values == [2.5]


def test_a_producers_clock_that_is_ahead_makes_no_negative_wait(world: World) -> None:
    world.run(replace(make_record(make_job("a")), sent_ms=START_MS + 1000))
    assert world.last_witness.metrics.queue_wait.values == [0]


def test_what_jobs_say_is_no_value_of_any_label_or_annotation(world: World) -> None:
    world.run(
        make_record(make_job("a", f"text {SECRET}", task={"kind": "summarize", "focus": SECRET})),
        make_record(f'{{"job_id": "b", "{SECRET}": "{SECRET}"}}', message_id="2"),
        make_record(f'{{"job_id": "c", "task": {{"kind": "{SECRET}"}}}}', message_id="3"),
        make_record(SECRET, message_id="4"),
    )
    allowed = {*TASKS, *Outcome, *DEPENDENCIES, "prefilled", "cached", "forced", "sampled"}
    for family in world.last_witness.metrics.registry.collect():
        for sample in family.samples:
            values = {value for name, value in sample.labels.items() if name != "le"}
            assert values <= allowed
    assert SECRET not in repr(world.tracer.spans)


def test_a_job_that_nobody_settled_counts_as_returned(world: World) -> None:
    world.store.fail_next["commit"] = [RuntimeError("a bug")]
    world.queue.fail_next["send_dead_letter"] = [RuntimeError("a bug")]
    kept = world.run(make_record(make_job("a")), make_record("no JSON", message_id="x"))
    assert kept == ["a", "x"]
    assert jobs(world) == {("summarize", "returned"): 1, ("none", "returned"): 1}
    [line] = world.lines("job_returned")
    assert (line["job_id"], line["reason"]) == ("a", "unsettled")


OUTCOME_LINES = (
    "job_succeeded", "job_failed", "job_returned", "job_duplicate", "record_invalid",
    "record_returned",
)  # fmt: skip


def test_every_job_has_one_line_that_says_how_it_ended_and_where_to_look(world: World) -> None:
    down = DependencyDownError("s3", "SlowDown", may_have_applied=False)
    trouble = {"bad": down, "flaky": DecodeError("llama_decode failed")}
    world.engine.answer = lambda request: trouble.get(request.prompt.document or "", "fine")
    world.run(make_record(make_job("twice")))
    before = len(world.log_text())
    world.run(
        make_record(make_job("good")),
        make_record(make_job("twice"), message_id="again"),
        make_record(make_job("back", "bad")),
        make_record(make_job("again", "flaky")),
        make_record('{"job_id": "invalid"}', message_id="x"),
        make_record(make_job("late", deadline="2020-01-01T00:00:00Z")),
    )
    lines = [json.loads(line) for line in world.log_text()[before:].splitlines()]
    told = [line for line in lines if line["action"] in OUTCOME_LINES]
    assert {line["job_id"]: line["action"] for line in told} == {
        "good": "job_succeeded",
        "twice": "job_duplicate",
        "back": "job_returned",
        "again": "job_returned",
        "invalid": "record_invalid",
        "late": "job_failed",
    }
    assert len(told) == 6
    for line in told:
        assert line["request_id"] == "request-2"
        assert line["trace_id"] == "1-67891233-abcdef012345678912345678"
        assert line["invocation_trace_id"] == "1-6f000000-0123456789abcdef01234567"


def test_a_job_without_a_producers_trace_is_told_under_the_invocations(world: World) -> None:
    world.run(replace(make_record(make_job("a")), trace_header=None))
    [line] = world.lines("job_succeeded")
    assert line["trace_id"] == "1-6f000000-0123456789abcdef01234567"


# --- subsegments -----------------------------------------------------------------------------


def test_a_job_is_one_subsegment_with_its_parts_in_the_order_of_time(world: World) -> None:
    world.run(make_record(make_job("a")))
    [job] = world.tracer.named("job")
    assert [child.name for child in job.children] == ["claim", "prefill", "decode", "commit"]
    moments = [moment for child in job.children for moment in (child.start_s, child.end_s)]
    assert moments == sorted(moments)
    assert job.start_s == pytest.approx(START_MS / 1000)
    assert job.end_s == pytest.approx(START_MS / 1000 + 0.2)
    assert job.annotations["producer_trace_id"] == "1-67891233-abcdef012345678912345678"
    assert not job.is_fault


def test_the_batchs_parts_reach_from_its_first_job_to_its_last(world: World) -> None:
    world.run(make_record(make_job("a")), make_record(make_job("b")))
    world.last_witness.close(returned=0, memory_mb=2048, start_s=0.0)
    [decode] = world.tracer.named("decode")
    of_jobs = [job.children[2] for job in world.tracer.named("job")]
    assert decode.start_s == min(child.start_s for child in of_jobs)
    assert decode.end_s == max(child.end_s for child in of_jobs)


def test_a_job_that_comes_back_has_a_release_and_its_reason(world: World) -> None:
    world.store.fail_next["commit"] = [DOWN]
    world.run(make_record(make_job("a")))
    [job] = world.tracer.named("job")
    assert job.children[-1].name == "release"
    assert (job.annotations["outcome"], job.annotations["reason"]) == ("returned", "outage")


def test_a_duplicate_has_a_claim_alone(world: World) -> None:
    world.run(make_record(make_job("a")))
    world.tracer.spans.clear()
    world.run(make_record(make_job("a")))
    [job] = world.tracer.named("job")
    assert [child.name for child in job.children] == ["claim"]


def test_a_batch_of_thousands_sends_a_bounded_trace(world: World) -> None:
    records = [make_record(make_job(f"job-{n}")) for n in range(MOST_TRACED_JOBS + 50)]
    world.timeout_s = 10_000
    world.run(*records)
    assert len(world.tracer.named("job")) == MOST_TRACED_JOBS
    assert jobs(world) == {("summarize", "succeeded"): MOST_TRACED_JOBS + 50}


def test_an_invocation_that_was_not_sampled_sends_nothing(world: World) -> None:
    world.trace_header = (
        "Root=1-6f000000-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=0"
    )
    world.run(make_record(make_job("a")))
    assert world.tracer.spans == []
    [line] = world.lines("job_succeeded")
    assert line["invocation_trace_id"] == "1-6f000000-0123456789abcdef01234567"


def test_a_tracer_that_breaks_costs_no_job_and_one_line(world: World) -> None:
    world.tracer.error = RuntimeError(SECRET)
    assert world.run(make_record(make_job("a")), make_record(make_job("b"))) == []
    assert len(world.lines("trace_failed")) == 1
    assert SECRET not in world.log_text()


# --- the lines -------------------------------------------------------------------------------


def test_an_invocation_that_ends_writes_its_metrics_as_valid_lines(world: World) -> None:
    world.run(make_record(make_job("a")), make_record("no JSON", message_id="x"))
    world.last_witness.close(returned=1, memory_mb=2048, start_s=0.0)
    lines = [line for line in world.log_text().splitlines() if emf_documents.is_document(line)]
    documents = [emf_documents.check(line) for line in lines]
    for name, expected in {
        "zeroidle_jobs_total": 2,
        "zeroidle_partial_failures_total": 1,
        "zeroidle_gb_seconds_total": pytest.approx(0.4),
        "zeroidle_tokens_total": 16,
    }.items():
        assert emf_documents.totals(documents, name, "FunctionName") == {("consumer",): expected}
    assert all(document["action"] == "metrics" for document in documents)
