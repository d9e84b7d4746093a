import pytest

from zeroidle_contract import (
    Classify,
    ClassifyOutput,
    Complete,
    CompleteOutput,
    Entity,
    Extract,
    ExtractOutput,
    Output,
    Redact,
    RedactOutput,
    Span,
    Summarize,
    SummarizeOutput,
    Task,
)
from zeroidle_ops.scoring import Share, add, score, violations

LETTER = "Dear Ann Lee, call 555-0100. Ann Lee"
REDACT = Redact(entities=(Entity.NAME, Entity.PHONE))
BOTH_NAMES = RedactOutput(
    text="Dear [name], call 555-0100. [name]",
    spans=(
        Span(start=5, end=12, entity=Entity.NAME),
        Span(start=29, end=36, entity=Entity.NAME),
    ),
)
GOOD_OR_BAD = Classify(labels=("good", "bad"))


def test_classify_counts_equal_labels() -> None:
    output = ClassifyOutput(label="good", probabilities={"good": 0.9, "bad": 0.1})

    assert score(output, text="", expected="good") == {"accuracy": Share(1, 1)}
    assert score(output, text="", expected="bad") == {"accuracy": Share(0, 1)}


def test_extract_counts_equal_leaves_of_all_leaves_in_either() -> None:
    output = ExtractOutput(
        data={"total": "3.00", "items": [{"amount": "1.00"}, {"amount": "2.00"}]}
    )
    expected = {"total": "3.00", "currency": "EUR", "items": [{"amount": "1.00"}]}

    assert score(output, text="", expected=expected) == {"fields": Share(2, 4)}


def test_redact_counts_each_occurrence_by_entity() -> None:
    expected = {
        "spans": [
            {"entity": "name", "text": "Ann Lee"},
            {"entity": "name", "text": "Ann Lee"},
            {"entity": "phone", "text": "555-0100"},
        ]
    }

    assert score(BOTH_NAMES, text=LETTER, expected=expected) == {
        "recall": Share(2, 3),
        "precision": Share(2, 2),
        "recall name": Share(2, 2),
        "precision name": Share(2, 2),
        "recall phone": Share(0, 1),
        "precision phone": Share(0, 0),
    }


def test_summary_must_mention_words_in_any_case() -> None:
    output = SummarizeOutput(summary="A STRIKE in the harbour.")

    expected = {"must_mention": ["strike", "rail"]}

    assert score(output, text="", expected=expected) == {"mentions": Share(1, 2)}


def test_without_an_expected_answer_there_is_no_score() -> None:
    output = CompleteOutput(text="Hello.", finish_reason="stop")

    assert score(output, text="", expected=None) == {}


def test_scores_add_up_share_by_share() -> None:
    assert add({"a": Share(1, 2)}, {"a": Share(0, 1), "b": Share(1, 1)}) == {
        "a": Share(1, 3),
        "b": Share(1, 1),
    }


def test_a_share_of_nothing_has_no_value() -> None:
    assert Share(0, 0).value is None
    assert Share(1, 4).value == 0.25


@pytest.mark.parametrize(
    ("task", "output"),
    [
        (GOOD_OR_BAD, ClassifyOutput(label="good", probabilities={"good": 0.75, "bad": 0.25})),
        (Extract(json_schema={"type": "object"}), ExtractOutput(data={"a": 1})),
        (REDACT, BOTH_NAMES),
        (Summarize(max_words=5), SummarizeOutput(summary="five words are just right")),
        (Complete(), CompleteOutput(text="Hello.", finish_reason="stop")),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_what_the_contract_promises_is_no_violation(task: Task, output: Output) -> None:
    assert violations(task, output, text=LETTER) == []


@pytest.mark.parametrize(
    ("task", "output", "violation"),
    [
        (
            GOOD_OR_BAD,
            ClassifyOutput(label="good", probabilities={"good": 0.75, "bad": 0.5}),
            "the probabilities sum to 1.25",
        ),
        (
            GOOD_OR_BAD,
            ClassifyOutput(label="bad", probabilities={"good": 0.75, "bad": 0.25}),
            "the label is not the likeliest",
        ),
        (
            GOOD_OR_BAD,
            ClassifyOutput(label="good", probabilities={"good": 1.0}),
            "the probabilities are not those of the labels",
        ),
        (
            Extract(json_schema="invoice"),
            ExtractOutput(data=[]),
            "$ breaks the schema's type",
        ),
        (
            REDACT,
            BOTH_NAMES.model_copy(update={"text": "Dear [name], call 555-0101. [name]"}),
            "the text is not the document with its spans masked",
        ),
        (
            Summarize(max_words=5),
            SummarizeOutput(summary="these are six words in all"),
            "the summary has 6 words",
        ),
        (Complete(), CompleteOutput(text="", finish_reason="length"), "the answer is empty"),
        (
            Complete(),
            SummarizeOutput(summary="no"),
            "a complete task was answered with a summarize output",
        ),
    ],
)
def test_each_broken_promise_is_named(task: Task, output: Output, violation: str) -> None:
    assert violations(task, output, text=LETTER) == [violation]
