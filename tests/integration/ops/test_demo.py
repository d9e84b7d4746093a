"""The demo's run, on a stack whose function answers with the first label."""

import pytest

from zeroidle_contract import Classify, Summarize
from zeroidle_ops.demo import run_demo
from zeroidle_ops.samples import Sample
from zeroidle_ops.scoring import Share
from zeroidle_ops.stack.target import Target

pytestmark = pytest.mark.emulator


def a_review(name: str, expected: str) -> Sample:
    task = Classify(labels=("good", "bad"))
    return Sample(set_name="reviews", name=name, text="a review", task=task, expected=expected)


def test_every_sample_is_followed_to_its_end_and_judged(target: Target) -> None:
    ended: list[str] = []
    samples = [
        a_review("one", "good"),
        a_review("two", "bad"),
        Sample(set_name="reports", name="three", text="a report", task=Summarize()),
    ]

    with target.producer() as producer:
        report = run_demo(
            producer, samples, timeout_s=60, on_ended=lambda sample, _: ended.append(sample.name)
        )

    assert sorted(ended) == ["one", "three", "two"]
    assert [outcome.problem for outcome in report.outcomes] == ["", "", "internal: no model"]
    assert report.scores() == {"reviews": {"accuracy": Share(1, 2)}}


def test_what_has_not_ended_in_time_is_a_failure(target: Target) -> None:
    with target.producer() as producer:
        report = run_demo(producer, [a_review("late", "good")], timeout_s=0)

    assert [outcome.problem for outcome in report.outcomes] == ["not ended after 0 s"]
