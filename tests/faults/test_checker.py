"""The checker on small histories, each with one thing wrong."""

from collections import Counter
from dataclasses import replace

import pytest
from faults.checker import History, Letter, Version, check
from faults.population import Kind, Planned

from zeroidle_contract import Job, Status

JOB = Job.model_validate(
    {"job_id": "a", "task": {"kind": "summarize"}, "document": {"text": "good a"}}
)
QUEUED = Version(Status.QUEUED, fence=0, attempts=0, commits=0, result=None)
RUNNING = Version(Status.RUNNING, fence=1, attempts=1, commits=0, result=None)
DONE = Version(Status.SUCCEEDED, fence=1, attempts=1, commits=1, result="r1")
FAILED = Version(Status.FAILED, fence=1, attempts=1, commits=1, result=None)
LETTER = Letter("a", "internal")


def history(
    *versions: Version,
    kind: Kind = Kind.GOOD,
    letters: tuple[Letter, ...] = (),
    in_queue: int = 0,
    steps: int = 4,
) -> History:
    return History(
        planned={"a": Planned("a", kind, "", JOB)},
        acknowledged=frozenset({"a"}),
        cancelled=frozenset(),
        versions={"a": versions} if versions else {},
        queue=Counter({"a": in_queue}),
        letters=letters,
        steps=Counter({"a": steps}),
    )


def test_a_job_that_succeeded_once_is_no_problem() -> None:
    assert check(history(QUEUED, RUNNING, DONE)).problems == ()


def test_a_broken_job_that_failed_with_its_letter_is_no_problem() -> None:
    assert check(history(RUNNING, FAILED, kind=Kind.BROKEN, letters=(LETTER,))).problems == ()


@pytest.mark.parametrize("versions", [(), (QUEUED,), (QUEUED, RUNNING)])
def test_a_job_that_has_not_ended_and_has_no_message_is_lost(versions: tuple[Version, ...]) -> None:
    assert len(check(history(*versions)).lost) == 1
    assert check(history(*versions, in_queue=1)).lost == ()


def test_a_failed_row_without_its_letter_is_lost() -> None:
    assert len(check(history(RUNNING, FAILED, kind=Kind.BROKEN)).lost) == 1


def test_a_letter_without_a_failed_row_is_lost_and_unexpected() -> None:
    verdict = check(history(RUNNING, kind=Kind.CRASHER, letters=(Letter("a", None),)))
    assert len(verdict.lost) == 1
    assert verdict.unexpected == (
        "a (crasher) ended as running",
        "a (crasher) has a dead letter with None",
    )


@pytest.mark.parametrize(
    "after",
    [
        replace(DONE, commits=2),
        replace(DONE, result="r2"),
        replace(DONE, attempts=2),
        replace(RUNNING, fence=2),
    ],
)
def test_a_row_that_changes_after_success_is_doubled(after: Version) -> None:
    assert check(history(RUNNING, DONE, after)).doubled != ()


def test_a_fence_that_falls_is_doubled_work() -> None:
    assert check(history(replace(RUNNING, fence=2), RUNNING, DONE)).doubled == (
        "the fence of a fell from 2 to 1",
    )


def test_an_innocent_job_in_the_dead_letter_queue_is_told() -> None:
    verdict = check(history(RUNNING, DONE, letters=(LETTER,)))
    assert verdict.innocent_in_dlq == ("a (good) is in the dead-letter queue with internal",)


def test_a_claim_that_is_not_counted_is_unexpected() -> None:
    again = replace(RUNNING, fence=2)
    assert check(history(RUNNING, again, in_queue=1)).unexpected == (
        "a claim of a counted 0 attempts",
    )


def test_a_release_gives_back_its_own_attempt_at_most() -> None:
    held = replace(RUNNING, attempts=2)
    for attempts, problems in ((2, 0), (1, 0), (0, 1)):
        released = replace(QUEUED, fence=1, attempts=attempts)
        assert len(check(history(held, released, in_queue=1)).unexpected) == problems


def test_what_nobody_sent_is_unexpected() -> None:
    strange = replace(history(DONE), letters=(Letter("b", "internal"),))
    assert check(strange).unexpected == ("b was never sent",)


def test_a_cancelled_job_that_succeeded_all_the_same_is_unexpected() -> None:
    told = replace(history(DONE, kind=Kind.CANCELLED), cancelled=frozenset({"a"}))
    assert check(told).unexpected == ("a was cancelled, and ended as succeeded",)


def test_steps_beyond_those_of_the_committed_result_are_wasted() -> None:
    assert check(history(DONE, steps=5)).wasted_inference == pytest.approx(0.2)
