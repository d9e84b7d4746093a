"""A batch through the runner: what is acknowledged, what comes back, and what the table says."""

from datetime import UTC, datetime
from typing import Any

import pytest
from unit.inference.service.service_fakes import START_MS
from unit.inference.service.service_world import (
    World,
    claim_elsewhere,
    make_job,
    make_record,
    one_wave,
    replace_status,
    request,
)

from zeroidle_contract import ErrorCode, Result, Status, SummarizeOutput
from zeroidle_inference.engine.errors import DecodeError, GrammarError, PromptTooLongError
from zeroidle_inference.errors import DependencyDownError
from zeroidle_inference.records import MessageAttribute
from zeroidle_inference.tasks.task import TaskError

# --- success ---------------------------------------------------------------------------------


def test_a_job_is_inferred_committed_and_acknowledged(world: World) -> None:
    assert world.run(make_record(make_job("a"))) == []
    row = world.row("a")
    assert row.result is not None
    assert row.result.output == SummarizeOutput(summary="answer")
    assert (row.status, row.commits, row.attempts) == (Status.SUCCEEDED, 1, 1)
    assert row.result.model is not None
    assert (row.result.model.name, row.result.model.prompt_version) == ("fake", "p1")


def test_the_message_is_hidden_no_longer_than_the_lease(world: World) -> None:
    world.run(make_record(make_job("a")))
    assert world.queue.visibilities_s["a"] == [65]  # 60 s to the deadline, 5 s of skew


def test_the_jobs_of_a_batch_run_together(world: World) -> None:
    world.run(make_record(make_job("a", "one")), make_record(make_job("b", "two")))
    assert world.engine.log == ["submit one", "submit two", "step one,two", "step one,two"]


def test_a_task_with_several_waves_gets_its_answers_in_the_order_of_its_requests(
    world: World,
) -> None:
    seen: list[list[str]] = []

    def two_waves(task: Any, document: str | None, model: Any) -> Any:
        answers = yield [request("first"), request("second")]
        seen.append([answer.text for answer in answers])
        answers = yield [request("third")]
        return SummarizeOutput(summary=answers[0].text)

    world.start_task = two_waves
    world.engine.answer = lambda r: f"about {r.prompt.document}"
    assert world.run(make_record(make_job("a"))) == []
    assert seen == [["about first", "about second"]]
    assert world.row("a").result.output == SummarizeOutput(summary="about third")  # type: ignore[union-attr]


def test_a_task_that_needs_no_model_succeeds_without_a_step(world: World) -> None:
    def by_code(task: Any, document: str | None, model: Any) -> Any:
        return SummarizeOutput(summary="by code")
        yield []

    world.start_task = by_code
    assert world.run(make_record(make_job("a"))) == []
    assert world.row("a").status is Status.SUCCEEDED
    assert world.engine.log == []


def test_usage_is_the_sum_over_all_requests(world: World) -> None:
    def two_requests(task: Any, document: str | None, model: Any) -> Any:
        yield [request("first"), request("second")]
        return SummarizeOutput(summary="done")

    world.start_task = two_requests
    world.run(make_record(make_job("a")))
    usage = world.row("a").result.usage  # type: ignore[union-attr]
    assert (usage.prompt_tokens, usage.cached_tokens) == (20, 8)
    assert (usage.forced_tokens, usage.sampled_tokens) == (2, 10)


def test_the_parts_of_the_time_add_up(world: World) -> None:
    world.model_wait_s = 4.0
    world.run(make_record(make_job("a")))
    result = world.row("a").result
    assert result is not None
    assert result.completed_at == datetime.fromtimestamp(START_MS / 1000 + 0.2, UTC)
    # Submitted 10 s before the start; 4 s of these this invocation waited for its model.
    assert result.timings.model_dump() == {
        "queued_ms": 6000,
        "cold_start_ms": 4000,
        "prefill_ms": 100,
        "decode_ms": 100,
        "commit_ms": 0,
    }


def test_what_passes_between_two_waves_counts_as_prefill(world: World) -> None:
    def two_waves(task: Any, document: str | None, model: Any) -> Any:
        yield [request("first")]
        world.clock.advance_s(0.03)
        yield [request("second")]
        return SummarizeOutput(summary="done")

    world.start_task = two_waves
    world.run(make_record(make_job("a")))
    timings = world.row("a").result.timings  # type: ignore[union-attr]
    assert (timings.prefill_ms, timings.decode_ms) == (100 + 30 + 100, 200)


def test_gb_seconds_of_a_batch_are_what_the_invocation_used(world: World) -> None:
    world.model_wait_s = 1.0
    world.run(make_record(make_job("a", "one")), make_record(make_job("b", "two")))
    shares = [world.row(job_id).result.gb_seconds for job_id in "ab"]  # type: ignore[union-attr]
    assert shares == pytest.approx([1.2, 1.2])  # 2 GB for 1.2 s, shared by two


# --- duplicates ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.CANCELLED])
def test_a_duplicate_of_an_ended_job_costs_neither_inference_nor_a_read_of_s3(
    world: World, status: Status
) -> None:
    claim = world.claim_check.put_document(None, "a", "long text")
    job = make_job("a", document={"s3": claim.model_dump()})
    lease = claim_elsewhere(world, job)
    if status is Status.SUCCEEDED:
        world.store.commit(lease, world_result(job))
    else:
        world.store.rows[job.key] = replace_status(world, job.key, status)
    assert world.run(make_record(job)) == []
    assert (world.engine.log, world.s3.reads) == ([], [])


def world_result(job: Any) -> Result:
    return Result(job_id=job.job_id, status=Status.SUCCEEDED)


def test_twins_in_a_batch_run_once_and_are_acknowledged_together(world: World) -> None:
    job = make_job("a")
    assert world.run(make_record(job, message_id="1"), make_record(job, message_id="2")) == []
    assert world.store.calls.count("claim") == 1
    assert world.engine.log.count("submit a text") == 1


def test_a_twin_is_not_acknowledged_when_the_job_comes_back(world: World) -> None:
    world.engine.answer = lambda _: DecodeError("broken")
    job = make_job("a")
    records = make_record(job, message_id="1"), make_record(job, message_id="2")
    assert world.run(*records) == ["1", "2"]


def test_other_content_under_one_id_is_a_conflict_and_the_first_job_is_untouched(
    world: World,
) -> None:
    first, second = make_job("a", "one"), make_job("a", "other")
    assert world.run(make_record(first), make_record(second, message_id="2")) == []
    assert world.dead_letter_codes() == {"2": "content_conflict"}
    assert world.row("a").status is Status.SUCCEEDED


def test_a_job_that_somebody_else_holds_comes_back_when_that_lease_ends(world: World) -> None:
    claim_elsewhere(world, make_job("a"), lease_s=30)
    assert world.run(make_record(make_job("a"))) == ["a"]
    assert 30 <= world.queue.visibilities_s["a"][-1] <= 34
    assert world.row("a").attempts == 1


# --- permanent failures ----------------------------------------------------------------------


def raising(error: Exception) -> Any:
    def start(task: Any, document: str | None, model: Any) -> Any:
        if document == "bad":
            raise error
        return one_wave(task, document, model)

    return start


def refusing(error: Exception) -> Any:
    def refuse(asked: Any) -> None:
        if asked.prompt.document == "bad":
            raise error

    return refuse


def test_a_task_error_fails_its_job_with_its_code_and_batch_mates_succeed(world: World) -> None:
    world.start_task = raising(TaskError(ErrorCode.OUTPUT_TRUNCATED, "cut short"))
    assert world.run(make_record(make_job("a", "bad")), make_record(make_job("b"))) == []
    row = world.row("a")
    assert row.error is not None
    assert (row.status, row.error.code, row.error.message) == (
        Status.FAILED,
        ErrorCode.OUTPUT_TRUNCATED,
        "cut short",
    )
    assert world.row("b").status is Status.SUCCEEDED
    assert world.queue.dead_letters[0][1] == {
        "error_code": "output_truncated",
        "fingerprint": row.error.fingerprint,
        "job_id": "a",
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PromptTooLongError("5000 tokens, 4096 fit"), ErrorCode.DOCUMENT_TOO_LONG),
        (GrammarError("not supported: if"), ErrorCode.INVALID_SCHEMA),
    ],
)
def test_what_the_engine_refuses_at_once_fails_with_its_code(
    world: World, error: Exception, code: ErrorCode
) -> None:
    world.engine.refuse = refusing(error)
    assert world.run(make_record(make_job("a", "bad")), make_record(make_job("b"))) == []
    assert world.dead_letter_codes() == {"a": code}
    assert world.row("b").status is Status.SUCCEEDED


def test_when_one_request_of_a_wave_is_refused_the_others_leave_the_engine(world: World) -> None:
    def two_requests(task: Any, document: str | None, model: Any) -> Any:
        yield [request("good"), request("bad")]
        return SummarizeOutput(summary="never")

    world.start_task = two_requests
    world.engine.refuse = refusing(GrammarError("no"))
    world.run(make_record(make_job("a")))
    assert world.engine.has_work is False


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("no json", "invalid_json"),
        ('{"job_id": "x"}', "invalid_job"),
        ('{"job_id": "x", "task": {"kind": "fly"}, "document": {"text": "t"}}', "unknown_task"),
        ('{"job_id": "x", "schema_version": 9}', "unsupported_version"),
        (
            '{"job_id": "x", "task": {"kind": "summarize"}, "document": {"text": "  "}}',
            "empty_document",
        ),
    ],
)
def test_a_record_that_is_no_job_goes_to_the_dead_letters_with_its_code(
    world: World, body: str, code: str
) -> None:
    assert world.run(make_record(body, message_id="x"), make_record(make_job("b"))) == []
    assert world.dead_letter_codes() == {"x": code}
    assert world.row("b").status is Status.SUCCEEDED


def test_an_invalid_record_whose_id_is_readable_leaves_a_failed_row(world: World) -> None:
    world.run(make_record('{"job_id": "x"}', message_id="1"))
    assert world.row("x").error.code is ErrorCode.INVALID_JOB  # type: ignore[union-attr]
    assert world.queue.dead_letters[0][1]["job_id"] == "x"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "document_missing"),
        ({"sha256": "0" * 64}, "document_hash_mismatch"),
        ({"key": "tenants/other/documents/a/x.txt"}, "document_forbidden"),
    ],
)
def test_a_document_in_s3_that_is_not_what_was_claimed_fails_its_job(
    world: World, change: dict[str, str], code: str
) -> None:
    claim = world.claim_check.put_document(None, "a", "long text").model_dump()
    if code == "document_missing":
        world.s3.objects.clear()
    job = make_job("a", document={"s3": claim | change})
    assert world.run(make_record(job), make_record(make_job("b"))) == []
    assert world.dead_letter_codes() == {"a": code}
    assert world.row("b").status is Status.SUCCEEDED


def test_a_document_in_s3_is_what_the_task_gets(world: World) -> None:
    claim = world.claim_check.put_document(None, "a", "long text")
    world.run(make_record(make_job("a", document={"s3": claim.model_dump()})))
    assert world.engine.log[0] == "submit long text"


def test_the_dead_letter_is_the_record_with_its_own_attributes(world: World) -> None:
    own = {"origin": MessageAttribute("String", "batch 7")}
    record = make_record("no json", attributes=own)
    world.run(record)
    assert world.queue.dead_letters[0][0] is record


def test_nothing_is_acknowledged_before_the_dead_letter_is_sent(world: World) -> None:
    world.start_task = raising(TaskError(ErrorCode.OUTPUT_TRUNCATED, "cut short"))
    world.queue.fail_next["send_dead_letter"] = [
        DependencyDownError("sqs", "Timeout", may_have_applied=True)
    ]
    assert world.run(make_record(make_job("a", "bad"))) == ["a"]
    assert world.row("a").status is Status.FAILED
    assert world.queue.visibilities_s["a"][-1] >= 120


def test_a_failed_job_whose_dead_letter_was_lost_runs_again_and_is_sent_then(world: World) -> None:
    world.start_task = raising(TaskError(ErrorCode.OUTPUT_TRUNCATED, "cut short"))
    world.queue.fail_next["send_dead_letter"] = [
        DependencyDownError("sqs", "Timeout", may_have_applied=True)
    ]
    record = make_record(make_job("a", "bad"))
    world.run(record)
    assert world.run(record) == []
    assert len(world.queue.dead_letters) == 1
    assert world.row("a").commits == 1


# --- attempts --------------------------------------------------------------------------------


def test_an_unexpected_error_spends_an_attempt_and_tells_nothing_of_the_text(world: World) -> None:
    world.start_task = raising(KeyError("secret text"))
    assert world.run(make_record(make_job("a", "bad"))) == ["a"]
    row = world.row("a")
    assert (row.status, row.attempts, row.lease_owner) == (Status.QUEUED, 1, None)
    assert "secret" not in world.log_text()
    [line] = world.lines("attempt_failed")
    assert line["error"].startswith("unexpected KeyError in ")


def test_after_the_last_attempt_the_job_fails_with_the_errors_code(world: World) -> None:
    world.start_task = raising(KeyError("secret text"))
    record = make_record(make_job("a", "bad"))
    assert [world.run(record) for _ in range(3)] == [["a"], ["a"], []]
    row = world.row("a")
    assert row.error is not None
    assert (row.status, row.attempts, row.error.code) == (Status.FAILED, 3, ErrorCode.INTERNAL)
    assert "secret" not in row.error.message
    assert world.dead_letter_codes() == {"a": "internal"}


def test_a_job_that_crashed_every_attempt_is_recorded_at_the_next_claim(world: World) -> None:
    job = make_job("a")
    for crash in range(3):
        claim_elsewhere(world, job, lease_s=0, owner=f"crashed-{crash}")
    assert world.run(make_record(job), make_record(make_job("b"))) == []
    row = world.row("a")
    assert row.error is not None
    assert (row.status, row.attempts, row.error.code) == (
        Status.FAILED,
        3,
        ErrorCode.ATTEMPTS_EXHAUSTED,
    )
    assert world.dead_letter_codes() == {"a": "attempts_exhausted"}
    assert world.row("b").status is Status.SUCCEEDED


class Killed(BaseException):
    """The process ends, whatever it was doing."""


def test_a_job_that_kills_the_process_takes_no_batch_mate_with_it(world: World) -> None:
    world.engine.during_step = lambda: kill_if_open(world, "bad")
    jobs = [make_job(f"mate-{index}", f"text {index}") for index in range(9)]
    in_queue = {job.job_id: job for job in [*jobs[:4], make_job("crasher", "bad"), *jobs[4:]]}
    for receives in range(1, 10):
        records = [make_record(job, receives=receives) for job in in_queue.values()]
        try:
            kept = world.run(*records)
        except Killed:
            world.engine.reset()
            world.clock.advance_s(world.timeout_s + 5)
        else:
            in_queue = {job_id: in_queue[job_id] for job_id in kept}
    assert in_queue == {}
    assert [world.row(job.job_id).status for job in jobs] == [Status.SUCCEEDED] * 9
    assert world.dead_letter_codes() == {"crasher": "attempts_exhausted"}


def kill_if_open(world: World, text: str) -> None:
    if any(entry.request.prompt.document == text for entry in world.engine._open.values()):
        raise Killed


def test_a_job_whose_attempt_never_ended_runs_before_the_others_are_claimed(world: World) -> None:
    claim_elsewhere(world, make_job("a", "one"), lease_s=0)
    world.run(make_record(make_job("b", "two")), make_record(make_job("a", "one"), receives=2))
    assert world.store.calls == ["claim", "attempts", "claim", "commit", "claim", "commit"]
    assert world.engine.log[:3] == ["submit one", "step one", "step one"]


def test_an_attempt_that_was_given_back_makes_no_suspect(world: World) -> None:
    lease = claim_elsewhere(world, make_job("a", "one"))
    world.store.release(lease, spend_attempt=False)
    world.run(make_record(make_job("a", "one"), receives=2), make_record(make_job("b", "two")))
    assert world.engine.log[:2] == ["submit one", "submit two"]


def test_a_redriven_job_has_all_its_attempts_again(world: World) -> None:
    world.start_task = raising(KeyError("x"))
    record = make_record(make_job("a", "bad"))
    for _ in range(3):
        world.run(record)
    world.start_task = one_wave
    assert world.run(record) == []
    row = world.row("a")
    assert (row.status, row.attempts, row.commits, row.error) == (Status.SUCCEEDED, 1, 1, None)


def test_the_job_that_breaks_a_batch_is_found_by_running_each_alone(world: World) -> None:
    world.engine.poison = "bad"
    records = [
        make_record(make_job(job_id, text))
        for job_id, text in (("a", "good"), ("b", "bad"), ("c", "fine"))
    ]
    assert world.run(*records) == ["b"]
    assert (world.row("a").status, world.row("c").status) == (Status.SUCCEEDED, Status.SUCCEEDED)
    assert (world.row("b").status, world.row("b").attempts) == (Status.QUEUED, 1)
    steps = [entry for entry in world.engine.log if entry.startswith("step")]
    assert steps == [
        "step bad,fine,good",
        "step good",
        "step good",
        "step bad",
        "step fine",
        "step fine",
    ]
