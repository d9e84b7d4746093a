"""The pure parts: admission, timings, the invocation's margins."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.inference.service.service_fakes import FakeRates, FakeTextModel
from unit.inference.service.service_world import request

from zeroidle_inference.admission import Admission, Work, admit, estimate
from zeroidle_inference.engine.request import ChatMessage, Prompt, Score
from zeroidle_inference.invocation import Invocation
from zeroidle_inference.timings import Anchor, account

RATES = FakeRates(prefill_tokens_per_s=10, decode_tokens_per_s=5)


def test_an_estimate_reads_the_prompt_and_writes_at_most_max_tokens() -> None:
    # "Summarise:" and nine words are read; 100 tokens are written at most.
    work = estimate([request("word " * 9)], FakeTextModel(), RATES)
    assert work == Work(read_s=1.0, longest_write_s=20.0, write_s=20.0)


def test_an_estimate_of_scores_reads_the_choices_too() -> None:
    score = Score(Prompt((ChatMessage("user", "one"),), "two"), ("good", "bad!"))
    assert estimate([score], FakeTextModel(), RATES) == Work(read_s=0.4)


def test_without_measured_rates_nothing_is_estimated() -> None:
    assert estimate([request("word")], FakeTextModel(), FakeRates()) == Work()


def test_prompts_alone_are_estimated_before_any_answer_was_written() -> None:
    rates = FakeRates(prefill_tokens_per_s=10)
    assert estimate([request("word " * 9)], FakeTextModel(), rates) == Work(read_s=1.0)


def work(read_s: float, write_s: float) -> Work:
    return Work(read_s, write_s, write_s)


def test_prompts_are_read_one_after_the_other_and_answers_overlap() -> None:
    together = work(1, 10) + work(2, 8)
    assert together.done_s(width=4) == 13


def test_more_answers_than_the_engine_is_wide_take_turns() -> None:
    together = sum([work(1, 10)] * 8, Work())
    assert together.done_s(width=4) == 28


@pytest.mark.parametrize(
    ("waiting", "under_way", "left_s", "expected"),
    [
        (work(1, 9), Work(), 13.1, Admission.BEGIN),
        (work(1, 9), Work(), 12.9, Admission.WAIT),
        (work(1, 9), work(1, 9), 14.4, Admission.BEGIN),
        (work(1, 9), work(1, 9), 14.2, Admission.WAIT),
        (work(1, 500), Work(), 91.0, Admission.BEGIN),  # begins alone in a fresh invocation
        (work(1, 500), Work(), 89.0, Admission.WAIT),
        (work(1, 500), work(1, 1), 100.0, Admission.WAIT),
        (work(300, 500), Work(), 100.0, Admission.BEGIN),  # near cases are tried
        (work(301, 500), Work(), 100.0, Admission.NEVER),
        (Work(), Work(), 0.1, Admission.BEGIN),
    ],
)
def test_admission(waiting: Work, under_way: Work, left_s: float, expected: Admission) -> None:
    assert admit(waiting, under_way=under_way, width=4, left_s=left_s, usable_s=100) is expected


MOMENTS = st.integers(0, 10**7)


@given(
    submitted=MOMENTS,
    wait=st.integers(0, 10**5),
    queued=st.integers(0, 10**6),
    parts=st.tuples(*[st.integers(0, 10**6)] * 3),
)
def test_the_parts_add_up_to_the_whole(
    submitted: int, wait: int, queued: int, parts: tuple[int, int, int]
) -> None:
    began = submitted + queued
    prefill, decode, commit = parts
    timings = account(
        submitted_ms=submitted,
        model_wait_ms=wait,
        began_ms=began,
        prefill_ms=prefill,
        finished_ms=began + prefill + decode,
        completed_ms=began + prefill + decode + commit,
    )
    assert sum(timings.model_dump().values()) == queued + prefill + decode + commit
    assert min(timings.model_dump().values()) >= 0


def test_a_producers_clock_that_is_ahead_makes_no_part_negative() -> None:
    timings = account(
        submitted_ms=9000,
        model_wait_ms=0,
        began_ms=4000,
        prefill_ms=10,
        finished_ms=4030,
        completed_ms=4035,
    )
    assert timings.model_dump() == {
        "queued_ms": 0,
        "cold_start_ms": 0,
        "prefill_ms": 10,
        "decode_ms": 20,
        "commit_ms": 5,
    }


def test_an_anchor_turns_monotonic_moments_into_wall_time() -> None:
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    anchor = Anchor(round(moment.timestamp() * 1000), 50.0)
    assert anchor.wall(50.0604) == round(moment.timestamp() * 1000) + 60


@pytest.mark.parametrize(("timeout_s", "margin_s"), [(3, 1.0), (60, 6.0), (900, 10.0)])
def test_the_margin_is_a_tenth_of_the_timeout_within_bounds(
    timeout_s: float, margin_s: float
) -> None:
    invocation = Invocation(
        request_id="r",
        deadline_ms=1_000_000,
        started_s=0,
        deadline_s=timeout_s,
        timeout_s=timeout_s,
        memory_mb=1024,
    )
    assert invocation.margin_s == margin_s
    assert invocation.stop_s == timeout_s - margin_s
    assert invocation.lease_expires_at_ms == 1_005_000
