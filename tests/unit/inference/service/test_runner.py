"""A batch through the runner: what is acknowledged, what comes back, and what the table says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from unit.inference.service.service_fakes import START_MS, FakeRates
from unit.inference.service.service_world import World, make_job, make_record, one_wave, request

from zeroidle_contract import ErrorCode, Result, Status, SummarizeOutput
from zeroidle_inference.engine.errors import DecodeError, GrammarError, PromptTooLongError
from zeroidle_inference.errors import DependencyDownError, UnexpectedAnswerError
from zeroidle_inference.records import MessageAttribute
from zeroidle_inference.tasks.task import TaskError

DOWN = DependencyDownError("dynamodb", "ReadTimeoutError", may_have_applied=False)


def claim_elsewhere(world: World, job: Any, *, lease_s: float = 30, owner: str = "other") -> Any:
    return world.store.claim(
        job,
        owner=owner,
        lease_expires_at_ms=world.clock.now_ms() + round(lease_s * 1000),
        trace_header=None,
    )


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


def replace_status(world: World, key: str, status: Status) -> Any:
    return replace(world.store.rows[key], status=status)


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


# --- time ------------------------------------------------------------------------------------


def test_when_time_is_up_the_rest_comes_back_soon_without_spending_an_attempt(
    world: World,
) -> None:
    world.engine.steps, world.engine.step_s = 100, 1.0
    records = [make_record(make_job("a", "one")), make_record(make_job("b", "two"))]
    assert world.run(*records) == ["a", "b"]
    assert (world.row("a").status, world.row("a").attempts) == (Status.QUEUED, 0)
    assert world.queue.visibilities_s["a"][-1] == 1
    assert world.clock.monotonic_s() == 54  # 60 s less the margin of 6 s
    assert world.engine.has_work is False


def test_what_is_done_when_time_is_up_stays_committed(world: World) -> None:
    def long_or_short(task: Any, document: str | None, model: Any) -> Any:
        for _ in range(60 if document == "long" else 1):
            answers = yield [request(document)]
        return SummarizeOutput(summary=answers[0].text)

    world.start_task, world.engine.step_s = long_or_short, 1.0
    records = [make_record(make_job("a", "long")), make_record(make_job("b", "short"))]
    assert world.run(*records) == ["a"]
    assert world.row("b").status is Status.SUCCEEDED


def test_a_job_too_slow_for_a_whole_invocation_of_its_own_spends_attempts_and_fails(
    world: World,
) -> None:
    world.engine.steps, world.engine.step_s = 100, 1.0
    record = make_record(make_job("a"))
    assert [world.run(record) for _ in range(3)] == [["a"], ["a"], []]
    assert world.dead_letter_codes() == {"a": "timeout_too_short"}


def test_a_job_cut_in_a_late_start_keeps_its_attempts(world: World) -> None:
    world.engine.steps, world.engine.step_s = 100, 1.0
    world.remaining_s = 20.0
    assert world.run(make_record(make_job("a"))) == ["a"]
    assert world.row("a").attempts == 0


def test_jobs_that_do_not_fit_the_time_left_are_not_begun(world: World) -> None:
    # A text is read in 12 s and answered in no time; with safety 54 s hold three.
    world.engine.rates = FakeRates(prefill_tokens_per_s=1, decode_tokens_per_s=10_000)
    world.engine.steps, world.engine.step_s = 2, 5.0
    records = [make_record(make_job(f"j{index}", f"{index}" + " x" * 10)) for index in range(6)]
    kept = world.run(*records)
    steps = [entry for entry in world.engine.log if entry.startswith("step")]
    assert [step.count(",") + 1 for step in steps] == [3, 3, 2, 2, 1, 1]
    assert kept == []  # the others began when these were done


def test_a_job_that_fits_no_more_comes_back_unspent(world: World) -> None:
    world.engine.rates = FakeRates(prefill_tokens_per_s=1000, decode_tokens_per_s=10)
    world.remaining_s = 15.0  # 9 s without the margin
    assert world.run(make_record(make_job("a"))) == ["a"]
    assert (world.row("a").attempts, world.row("a").status) == (0, Status.QUEUED)
    assert world.engine.log == []


def test_a_prompt_that_cannot_be_read_in_time_is_not_begun_and_fails_after_its_attempts(
    world: World,
) -> None:
    world.engine.rates = FakeRates(prefill_tokens_per_s=10, decode_tokens_per_s=10)
    records = make_record(make_job("a", "word " * 2000)), make_record(make_job("b"))
    assert [world.run(*records) for _ in range(3)] == [["a"], ["a"], []]
    assert world.dead_letter_codes() == {"a": "timeout_too_short"}
    assert world.row("b").status is Status.SUCCEEDED
    assert world.clock.monotonic_s() < 1


def test_a_later_wave_that_cannot_be_read_in_time_ends_the_attempt(world: World) -> None:
    def growing(task: Any, document: str | None, model: Any) -> Any:
        yield [request("short")]
        yield [request("word " * 2000)]
        return SummarizeOutput(summary="never")

    world.start_task = growing
    world.engine.rates = FakeRates(prefill_tokens_per_s=10, decode_tokens_per_s=10)
    assert world.run(make_record(make_job("a"))) == ["a"]
    assert (world.row("a").attempts, world.engine.has_work) == (1, False)


def test_a_job_that_was_returned_most_often_goes_first(world: World) -> None:
    world.engine.rates = FakeRates(prefill_tokens_per_s=1, decode_tokens_per_s=10_000)
    world.engine.step_s = 10.0
    text = " word" * 40
    records = [
        make_record(make_job("a", f"young {text}")),
        make_record(make_job("b", f"old {text}"), receives=4),
    ]
    assert world.run(*records) == ["a"]
    assert world.row("b").status is Status.SUCCEEDED


def test_a_step_under_way_is_aborted_when_the_time_is_up(world: World) -> None:
    aborted = []

    def stuck() -> None:
        world.clock.advance_s(100)
        world.engine.abort()
        aborted.append(True)

    world.engine.during_step = stuck
    assert world.run(make_record(make_job("a"))) == ["a"]
    assert aborted == [True]
    assert world.engine.log[-1] == "reset"


def test_a_job_whose_own_deadline_has_passed_fails_without_inference(world: World) -> None:
    past = world.clock.now() - timedelta(seconds=1)
    assert world.run(make_record(make_job("a", deadline=past))) == []
    assert world.dead_letter_codes() == {"a": "deadline_passed"}
    assert world.engine.log == []


def test_the_text_of_a_late_job_is_not_even_read(world: World) -> None:
    claim = world.claim_check.put_document(None, "a", "long text")
    past = world.clock.now() - timedelta(seconds=1)
    world.run(make_record(make_job("a", deadline=past, document={"s3": claim.model_dump()})))
    assert world.s3.reads == []


def test_a_job_whose_deadline_passes_under_way_leaves_the_engine(world: World) -> None:
    world.engine.steps, world.engine.step_s = 50, 1.0
    soon = world.clock.now() + timedelta(seconds=3)
    assert world.run(make_record(make_job("a", deadline=soon))) == []
    assert world.dead_letter_codes() == {"a": "deadline_passed"}
    assert world.clock.monotonic_s() == 3


# --- lost leases -----------------------------------------------------------------------------


def test_a_job_cancelled_under_way_is_acknowledged_and_stays_cancelled(world: World) -> None:
    def cancel() -> None:
        world.store.rows["-/a"] = replace_status(world, "-/a", Status.CANCELLED)

    world.engine.during_step = cancel
    assert world.run(make_record(make_job("a"))) == []
    assert world.row("a").status is Status.CANCELLED


def test_a_holder_that_was_overtaken_does_not_acknowledge(world: World) -> None:
    job = make_job("a")

    def overtake() -> None:
        if world.row("a").lease_owner != "other":
            world.store.rows["-/a"] = expire_lease(world, "-/a")
            claim_elsewhere(world, job)

    world.engine.during_step = overtake
    assert world.run(make_record(job)) == ["a"]
    assert (world.row("a").lease_owner, world.row("a").commits) == ("other", 0)


def expire_lease(world: World, key: str) -> Any:
    return replace(world.store.rows[key], lease_expires_at_ms=0)


# --- outages ---------------------------------------------------------------------------------


def test_when_the_table_is_down_claims_stop_and_all_comes_back_in_minutes(world: World) -> None:
    world.store.fail_next["claim"] = [DOWN]
    records = [make_record(make_job(job_id)) for job_id in "abc"]
    assert world.run(*records) == ["a", "b", "c"]
    assert world.store.calls == ["claim"]
    assert all(world.queue.visibilities_s[job_id][-1] >= 120 for job_id in "abc")
    [line] = world.lines("dependency_down")
    assert (line["level"], line["dependency"]) == ("ERROR", "dynamodb")


def test_jobs_not_yet_begun_when_the_outage_is_seen_are_released(world: World) -> None:
    world.store.fail_next["claim"] = []
    claims = iter([None, DOWN])

    def claim(*args: Any, **kwargs: Any) -> Any:
        error = next(claims)
        if error is not None:
            raise error
        return type(world.store).claim(world.store, *args, **kwargs)

    world.store.claim = claim  # type: ignore[method-assign]
    assert world.run(make_record(make_job("a")), make_record(make_job("b"))) == ["a", "b"]
    assert (world.row("a").status, world.row("a").attempts) == (Status.QUEUED, 0)
    assert world.queue.visibilities_s["a"][-1] >= 120
    assert world.engine.log == []


def test_a_commit_that_fails_in_an_outage_gives_the_job_back_unspent(world: World) -> None:
    world.store.fail_next["commit"] = [DOWN]
    assert world.run(make_record(make_job("a"))) == ["a"]
    assert (world.row("a").status, world.row("a").attempts) == (Status.QUEUED, 0)
    assert world.queue.visibilities_s["a"][-1] >= 120


def test_when_not_even_the_release_gets_through_the_lease_just_runs_out(world: World) -> None:
    world.store.fail_next = {"commit": [DOWN], "release": [DOWN]}
    assert world.run(make_record(make_job("a"))) == ["a"]
    row = world.row("a")
    assert (row.status, row.lease_expires_at_ms) == (Status.RUNNING, START_MS + 65_000)


def test_a_commit_that_the_table_refuses_as_such_spends_an_attempt(world: World) -> None:
    world.store.fail_next["commit"] = [UnexpectedAnswerError("dynamodb", "ValidationException")]
    assert world.run(make_record(make_job("a"))) == ["a"]
    assert (world.row("a").status, world.row("a").attempts) == (Status.QUEUED, 1)


def test_when_visibility_cannot_be_changed_the_batch_goes_on(world: World) -> None:
    world.queue.fail_next["change_visibility"] = [
        DependencyDownError("sqs", "Timeout", may_have_applied=True)
    ]
    assert world.run(make_record(make_job("a"))) == []
    assert len(world.lines("visibility_not_changed")) == 1


def test_a_record_that_nothing_is_known_of_is_kept(world: World) -> None:
    world.queue.fail_next["send_dead_letter"] = [RuntimeError("a bug")]
    assert world.run(make_record("no json", message_id="x")) == ["x"]
    assert len(world.lines("call_failed")) == 1


def test_an_engine_that_breaks_unexpectedly_gives_all_jobs_back(world: World) -> None:
    def break_down() -> None:
        raise RuntimeError("secret text")

    world.engine.during_step = break_down
    assert world.run(make_record(make_job("a")), make_record(make_job("b", "two"))) == ["a", "b"]
    assert world.row("a").attempts == 1
    assert "secret" not in world.log_text()


# --- logs ------------------------------------------------------------------------------------


def test_each_job_has_one_line_that_says_how_it_ended(world: World) -> None:
    world.run(make_record(make_job("a", "the private text")))
    [line] = world.lines("job_succeeded")
    assert line["job_id"] == "a"
    assert line["request_id"] == "request-1"
    assert line["trace_id"] == "1-67891233-abcdef012345678912345678"
    assert line["usage"]["prompt_tokens"] == 10
    assert "private" not in world.log_text()
