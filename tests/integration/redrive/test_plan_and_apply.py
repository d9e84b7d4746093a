"""Inspect, plan, apply against the emulator: what is moved, what is left, what is kept."""

import pytest
from redrive_world import QUICK, TRACE, World, make_job

from zeroidle_contract import ErrorCode, Job, Status, encode
from zeroidle_ops.lock import lock_key
from zeroidle_ops.redrive import (
    LockBusyError,
    LockLostError,
    NothingToDoError,
    Pace,
    PlanUnusableError,
    Progress,
    State,
)

pytestmark = pytest.mark.emulator


def jobs(count: int, prefix: str = "job") -> list[Job]:
    return [make_job(f"{prefix}-{number}") for number in range(count)]


def test_inspect_groups_by_cause_and_leaves_every_message_visible(world: World) -> None:
    world.fail(jobs(3, "a"), code=ErrorCode.INTERNAL, message="boom")
    world.fail(jobs(2, "b"), code=ErrorCode.DOCUMENT_MISSING, message="gone")

    seen = world.redrive().inspect()

    assert [(group.cause.code, group.count) for group in seen.groups] == [
        ("internal", 3),
        ("document_missing", 2),
    ]
    assert seen.messages == 5
    assert not seen.is_partial
    assert len(seen.expiring_first) == 5
    assert world.depth() == (5, 0)


def test_inspect_holds_no_document_text_unless_asked(world: World) -> None:
    world.fail([make_job("a", text="the secret letter")])

    without, with_text = world.redrive().inspect(), world.redrive().inspect(with_text=True)

    assert "secret" not in repr(without)
    assert with_text.groups[0].example_text == "the secret letter"


def test_a_plan_takes_what_the_filter_matches_and_touches_nothing(world: World) -> None:
    world.fail(jobs(3, "a"), code=ErrorCode.INTERNAL)
    world.fail(jobs(2, "b"), code=ErrorCode.DOCUMENT_MISSING)

    plan = world.redrive().plan(where="code == 'internal'", reason="fixed in 1.2")

    assert plan.count == 3
    assert (plan.created_by, plan.reason) == ("alice", "fixed in 1.2")
    assert [(cause.code, cause.count) for cause in plan.causes] == [("internal", 3)]
    assert plan.blast_radius.tenants == ("acme",)
    assert world.depth() == (5, 0)


def test_apply_moves_the_plan_and_leaves_the_rest(world: World) -> None:
    world.fail(jobs(12, "a"), code=ErrorCode.INTERNAL)
    world.fail(jobs(5, "b"), code=ErrorCode.DOCUMENT_MISSING)
    redrive = world.redrive()
    plan = redrive.plan(where="code == 'internal'", reason="fixed")

    outcome = redrive.apply(plan.plan_id, pace=QUICK)

    assert (outcome.state, outcome.sent, outcome.remaining) == (State.DONE, 12, 0)
    assert sorted(world.consume()) == sorted(job.job_id for job in jobs(12, "a"))
    assert world.depth() == (5, 0)


def test_attributes_and_trace_header_are_kept_and_the_lineage_is_added(world: World) -> None:
    world.fail([make_job("a")], attributes={"customer": "4711"})
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")

    with world.sent_batches() as batches:
        redrive.apply(plan.plan_id, pace=QUICK)

    [message] = world.receive()
    attributes = {
        name: value["StringValue"] for name, value in message["MessageAttributes"].items()
    }
    assert attributes["customer"] == "4711"
    assert attributes["redrive_plan"] == plan.plan_id
    assert attributes["redrive_count"] == "1"
    # The emulator's queue drops what a batch says of the trace; what was asked for counts.
    assert batches[0]["Entries"][0]["MessageSystemAttributes"] == {
        "AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}
    }


def test_every_message_is_archived_before_it_leaves(world: World) -> None:
    world.fail(jobs(7))
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")

    redrive.apply(plan.plan_id, pace=QUICK)

    assert sorted(world.archived_job_ids(plan.plan_id)) == sorted(job.job_id for job in jobs(7))


def test_a_job_that_succeeded_meanwhile_is_archived_and_not_sent(world: World) -> None:
    done, failed = make_job("done"), make_job("failed")
    world.fail([done, failed])
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")
    world.put_row(done, Status.SUCCEEDED, fence=2)

    outcome = redrive.apply(plan.plan_id, pace=QUICK)

    assert (outcome.sent, outcome.dropped) == (1, 1)
    assert list(world.consume()) == ["failed"]
    assert "done" in world.archived_job_ids(plan.plan_id)


def test_a_letter_whose_id_is_another_jobs_stays(world: World) -> None:
    world.fail([make_job("a", text="the second letter")], code=ErrorCode.CONTENT_CONFLICT)
    world.put_row(make_job("a", text="the first letter"), Status.SUCCEEDED)
    redrive = world.redrive()
    plan = redrive.plan(reason="try")

    outcome = redrive.apply(plan.plan_id, pace=QUICK)

    assert list(outcome.kept.values()) == [1]
    assert not outcome.is_complete
    assert world.depth() == (1, 0)


def test_a_job_is_redriven_only_so_often(world: World) -> None:
    world.fail([make_job("a")], attributes={"redrive_count": "3"})
    world.fail([make_job("b")], attributes={"redrive_count": "2"})
    redrive = world.redrive()
    plan = redrive.plan(reason="again")

    outcome = redrive.apply(plan.plan_id, pace=Pace(canary=0, max_redrives=3))

    assert outcome.sent == 1
    assert list(world.consume()) == ["b"]
    assert world.depth() == (1, 0)


def test_a_plan_that_is_done_has_nothing_left_to_do(world: World) -> None:
    world.fail(jobs(2))
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")
    redrive.apply(plan.plan_id, pace=QUICK)

    with pytest.raises(NothingToDoError, match="is done"):
        redrive.apply(plan.plan_id, pace=QUICK)


def test_one_operator_at_a_time_and_the_other_is_named(world: World) -> None:
    world.fail(jobs(20))
    redrive = world.redrive("alice")
    plan = redrive.plan(reason="fixed")
    refusals: list[str] = []

    def interfere(_: object) -> None:
        with pytest.raises(LockBusyError) as caught:
            world.redrive("bob").inspect()
        refusals.append(str(caught.value))

    redrive.apply(plan.plan_id, pace=QUICK, on_progress=interfere)

    assert refusals[0].startswith(f"alice works on this queue (apply {plan.plan_id}")


def test_a_stop_leaves_a_plan_that_the_same_call_finishes(world: World) -> None:
    world.fail(jobs(30))
    plan = world.redrive("alice").plan(reason="fixed")
    slow = Pace(canary=0, rate_per_s=8)
    stops = iter([False, False, True])

    stopped = world.redrive("alice").apply(
        plan.plan_id, pace=slow, should_stop=lambda: next(stops, True)
    )
    finished = world.redrive("bob").apply(plan.plan_id, pace=QUICK)

    assert (stopped.state, stopped.reason) == (State.STOPPED, "interrupted")
    assert 0 < stopped.sent < 30
    assert stopped.sent + finished.sent == 30
    assert world.consume().total() == 30


def test_an_aborted_plan_stops_at_its_next_chunk_and_for_good(world: World) -> None:
    world.fail(jobs(30))
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")
    aborted: list[bool] = []

    def abort(_: object) -> None:
        if not aborted:
            world.redrive("bob").abort(plan.plan_id, reason="wrong fix")
            aborted.append(True)

    outcome = redrive.apply(plan.plan_id, pace=Pace(canary=0, rate_per_s=40), on_progress=abort)

    assert outcome.state is State.ABORTED
    assert 0 < outcome.sent < 30
    assert world.depth() == (30 - outcome.sent, 0)
    with pytest.raises(PlanUnusableError, match="aborted by bob"):
        redrive.apply(plan.plan_id, pace=QUICK)


def test_status_tells_what_all_runs_did(world: World) -> None:
    world.fail(jobs(4))
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")
    redrive.apply(plan.plan_id, pace=QUICK)

    status = redrive.status(plan.plan_id)

    assert (status.head.state, status.sent, status.remaining) == (State.DONE, 4, 0)


def test_a_discarded_plan_is_archived_deleted_and_can_be_restored(world: World) -> None:
    world.fail(jobs(6))
    redrive = world.redrive()
    plan = redrive.plan(reason="test data")

    outcome = redrive.discard(plan.plan_id)
    left = world.depth()
    restored = redrive.restore(plan.plan_id)

    assert (outcome.dropped, outcome.sent, left) == (6, 0, (0, 0))
    assert restored == (6, 0)
    assert world.depth() == (6, 0)
    with pytest.raises(NothingToDoError):
        redrive.restore(plan.plan_id)


def test_a_plan_begun_as_discard_cannot_be_applied(world: World) -> None:
    world.fail(jobs(1))
    redrive = world.redrive()
    plan = redrive.plan(reason="test data")
    redrive.discard(plan.plan_id)

    with pytest.raises(PlanUnusableError, match="begun as `discard`"):
        redrive.apply(plan.plan_id)


def test_a_body_that_is_no_job_can_be_redriven_and_discarded(world: World) -> None:
    world.sqs.send_message(QueueUrl=world.stack.dead_letter_queue_url, MessageBody="not json")
    redrive = world.redrive()
    plan = redrive.plan(reason="the parser is fixed")

    outcome = redrive.apply(plan.plan_id, pace=QUICK)

    assert outcome.sent == 1
    assert [message["Body"] for message in world.receive()] == ["not json"]


def test_reconcile_marks_rows_of_jobs_that_sqs_itself_moved(shallow_world: World) -> None:
    world, job = shallow_world, make_job("a")
    world.put_row(job, Status.QUEUED)
    world.sqs.send_message(QueueUrl=world.stack.queue_url, MessageBody=encode(job))
    world.sqs.receive_message(QueueUrl=world.stack.queue_url, VisibilityTimeout=0)
    world.sqs.receive_message(QueueUrl=world.stack.queue_url)  # SQS moves it now

    assert world.redrive().inspect().groups[0].cause.code == "moved_by_sqs"
    assert world.redrive().reconcile() == (1, 1)

    row = world.row(job)
    assert row.status is Status.FAILED
    assert row.error is not None
    assert row.error.code is ErrorCode.ATTEMPTS_EXHAUSTED
    assert world.depth() == (1, 0)


def test_an_operator_whose_lock_was_taken_stops_before_the_next_chunk(world: World) -> None:
    world.fail(jobs(30))
    redrive = world.redrive("alice")
    plan = redrive.plan(reason="fixed")
    sent: list[int] = []

    def take_the_lock(now: Progress) -> None:
        sent.append(now.moved)
        world.dynamodb.update_item(
            TableName=world.stack.ops_table_name,
            Key=lock_key(world.stack.dead_letter_queue_arn),
            UpdateExpression="SET #token = :other",
            ExpressionAttributeNames={"#token": "token"},
            ExpressionAttributeValues={":other": {"S": "bob's"}},
        )

    with pytest.raises(LockLostError, match="another operator has taken it"):
        redrive.apply(plan.plan_id, pace=Pace(canary=0, rate_per_s=40), on_progress=take_the_lock)

    assert sent == [5]
    assert world.depth() == (25, 0)
