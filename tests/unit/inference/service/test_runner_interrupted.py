"""A batch that time, another holder or an outage interrupts, and what is logged of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from unit.inference.service.service_fakes import START_MS, FakeRates
from unit.inference.service.service_world import (
    World,
    claim_elsewhere,
    make_job,
    make_record,
    replace_status,
    request,
)

from zeroidle_contract import Status, SummarizeOutput
from zeroidle_inference.errors import DependencyDownError, UnexpectedAnswerError

DOWN = DependencyDownError("dynamodb", "ReadTimeoutError", may_have_applied=False)


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
