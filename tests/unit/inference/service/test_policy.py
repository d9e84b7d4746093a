"""What each error means for a job, and when its message comes back."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroidle_contract import ClaimCheckError, ErrorCode, InvalidRecordError
from zeroidle_inference import policy
from zeroidle_inference.engine.errors import DecodeError, GrammarError, PromptTooLongError
from zeroidle_inference.errors import DependencyDownError, TooSlowError, UnexpectedAnswerError
from zeroidle_inference.lease import Refusal, Refused
from zeroidle_inference.policy import Backoff, Verdict
from zeroidle_inference.tasks.task import TaskError

RNG = random.Random(7)  # noqa: S311 - jitter


@pytest.mark.parametrize(
    ("error", "verdict", "spends_attempt", "code"),
    [
        (InvalidRecordError(ErrorCode.INVALID_JSON, "m"), Verdict.FAIL, True, "invalid_json"),
        (ClaimCheckError(ErrorCode.DOCUMENT_MISSING, "m"), Verdict.FAIL, True, "document_missing"),
        (TaskError(ErrorCode.OUTPUT_TRUNCATED, "m"), Verdict.FAIL, True, "output_truncated"),
        (PromptTooLongError("m"), Verdict.FAIL, True, "document_too_long"),
        (GrammarError("m"), Verdict.FAIL, True, "invalid_schema"),
        (DecodeError("m"), Verdict.RETRY, True, "internal"),
        (TooSlowError(), Verdict.RETRY, True, "timeout_too_short"),
        (UnexpectedAnswerError("s3", "Odd"), Verdict.RETRY, True, "internal"),
        (ZeroDivisionError("m"), Verdict.RETRY, True, "internal"),
        (
            DependencyDownError("s3", "SlowDown", may_have_applied=False),
            Verdict.RETRY,
            False,
            "dependency_down",
        ),
    ],
)
def test_each_error_has_its_rule(
    error: Exception, verdict: Verdict, spends_attempt: bool, code: str
) -> None:
    rule = policy.rule_for(error)
    assert (rule.verdict, rule.spends_attempt) == (verdict, spends_attempt)
    assert policy.job_error(error).code == code


def test_an_error_that_was_not_written_for_readers_is_not_quoted() -> None:
    assert policy.job_error(KeyError("secret")).message == "unexpected KeyError in unknown"


def test_failures_of_one_cause_have_one_fingerprint() -> None:
    first = policy.job_error(PromptTooLongError("5000 tokens, 4096 fit"))
    second = policy.job_error(PromptTooLongError("7321 tokens, 4096 fit"))
    assert first.fingerprint == second.fingerprint


@given(attempts=st.integers(1, 100), seed=st.integers())
def test_backoff_lies_between_its_least_and_its_cap(attempts: int, seed: int) -> None:
    backoff = Backoff(base_s=5, cap_s=300, least_s=10)
    seconds = backoff.visibility_s(attempts, random.Random(seed))  # noqa: S311 - jitter
    assert 10 <= seconds <= min(300, 5 * 2 ** (attempts - 1)) + 10


def test_an_outage_returns_messages_after_two_to_five_minutes() -> None:
    seconds = [policy.OUTAGE.backoff.visibility_s(1, RNG) for _ in range(200)]
    assert 120 <= min(seconds) < 150
    assert 270 < max(seconds) <= 300


def test_a_held_job_comes_back_when_its_lease_has_ended() -> None:
    held = Refused(Refusal.HELD, 100_500)
    seconds = policy.visibility_after_refusal_s(held, 70_000, RNG)
    assert 31 <= seconds <= 34


def test_a_race_that_was_lost_without_a_lease_to_wait_for_is_tried_soon() -> None:
    assert policy.visibility_after_refusal_s(Refused(Refusal.LOST), 70_000, RNG) == 1
    assert policy.visibility_after_refusal_s(Refused(Refusal.HELD, 60_000), 70_000, RNG) == 1
