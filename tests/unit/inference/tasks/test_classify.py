"""Classify: probabilities from scores."""

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given
from unit.inference.tasks.task_driver import WordModel, run, scores

from zeroidle_contract import Classify, ClassifyOutput
from zeroidle_inference.engine.request import Score
from zeroidle_inference.tasks.classify import classify

log_probabilities = st.floats(-2000, 0)


def output_for(*values: float) -> ClassifyOutput:
    labels = tuple(f"label {i}" for i in range(len(values)))
    output = run(classify(Classify(labels=labels), "Fine.", WordModel()), [scores(*values)])
    assert isinstance(output, ClassifyOutput)
    return output


@given(st.lists(log_probabilities, min_size=2, max_size=64))
def test_probabilities_sum_to_one_and_the_label_is_the_likeliest(values: list[float]) -> None:
    output = output_for(*values)

    assert math.fsum(output.probabilities.values()) == pytest.approx(1, abs=1e-9)
    assert output.probabilities[output.label] == max(output.probabilities.values())


def test_probabilities_are_those_of_the_labels_relative_to_each_other() -> None:
    output = output_for(math.log(0.03), math.log(0.01))

    assert output.probabilities == pytest.approx({"label 0": 0.75, "label 1": 0.25})


def test_scores_too_small_for_a_float_still_give_probabilities() -> None:
    assert output_for(-1900.0, -1900.0).probabilities == pytest.approx(
        {"label 0": 0.5, "label 1": 0.5}
    )


def test_each_label_is_a_choice_and_the_document_stands_apart() -> None:
    task = Classify(labels=("good", "bad"), instruction="Is it good?")

    (request,) = next(classify(task, "  It is {fine}.\n", WordModel()))

    assert isinstance(request, Score)
    assert request.choices == ("Good", "Bad")
    assert request.prompt.document == "It is {fine}."
    assert "Is it good?" in request.prompt.after_document


def test_labels_that_differ_in_their_case_alone_are_scored_as_they_are() -> None:
    (request,) = next(classify(Classify(labels=("a", "A")), "Fine.", WordModel()))

    assert isinstance(request, Score)
    assert request.choices == ("a", "A")


def test_braces_in_labels_and_instruction_are_taken_literally() -> None:
    task = Classify(labels=("{0}", "{labels}"), instruction="{instruction} {nothing}")

    (request,) = next(classify(task, "Fine.", WordModel()))

    assert "{instruction} {nothing}" in request.prompt.after_document
    assert "{0} or {labels}" in request.prompt.after_document


def test_a_long_instruction_stands_before_the_document_where_it_is_shared() -> None:
    instruction = "Think of what the customer would tell a friend. " * 5
    task = Classify(labels=("good", "bad"), instruction=instruction)

    (request,) = next(classify(task, "Fine.", WordModel()))

    assert instruction.strip() in request.prompt.messages[-1].text
    assert instruction.strip() not in request.prompt.after_document
