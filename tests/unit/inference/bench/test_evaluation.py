"""The evaluation's arithmetic, and what its labelled sets promise."""

import pytest

from zeroidle_contract import Entity, NamedSchema, Redact, Span, output_schema
from zeroidle_inference.bench import scoring
from zeroidle_inference.bench.labelled.invoices import invoices
from zeroidle_inference.bench.labelled.letters import letters
from zeroidle_inference.bench.labelled.notes import notes
from zeroidle_inference.bench.labelled.reviews import reviews
from zeroidle_inference.tasks import patterns

jsonschema = pytest.importorskip("jsonschema")


def test_calibration_error_is_the_distance_of_confidence_from_accuracy() -> None:
    sure = {"a": 0.95, "b": 0.05}

    metric = scoring.expected_calibration_error([sure] * 4, ["a", "a", "a", "b"])

    assert metric.value == pytest.approx(0.95 - 0.75)


def test_always_the_most_common_label_is_accurate_but_not_in_balance() -> None:
    metrics = scoring.labels(["a"] * 5, ["a", "a", "a", "a", "b"])

    assert {metric.name: metric.value for metric in metrics} == {
        "accuracy": 0.8,
        "balanced accuracy": 0.5,
    }


def test_an_answer_without_a_probability_is_as_wrong_in_calibration_as_in_accuracy() -> None:
    metric = scoring.expected_calibration_error([{"a": 1.0}, {"": 1.0}], ["a", "b"])

    assert metric.value == pytest.approx(0.5)


def test_fields_are_counted_one_by_one_and_a_missing_answer_has_none_right() -> None:
    metrics = scoring.exact_fields([{"a": 1, "b": 2}, None], [{"a": 1, "b": 3}, {"a": 1, "b": 3}])

    assert [(metric.name, metric.value) for metric in metrics] == [
        ("exact a", 0.5),
        ("exact b", 0.0),
        ("exact, mean of fields", 0.25),
    ]


def test_spans_count_only_if_exact_but_masked_characters_in_part() -> None:
    name = Span(start=0, end=10, entity=Entity.NAME)
    half = Span(start=0, end=5, entity=Entity.NAME)

    metrics = {metric.name: metric.value for metric in scoring.spans([[half]], [[name]])}

    assert metrics == {
        "personal characters masked": 0.5,
        "recall name": 0.0,
        "precision name": 0.0,
    }


def test_reviews_have_the_mix_that_is_asked_for_and_none_is_used_twice() -> None:
    for mix, positive in (("balanced", 100), ("skewed", 160)):
        sample = reviews(mix, 200)  # type: ignore[arg-type] # a literal in a loop

        assert len({review.text for review in sample}) == 200
        assert sum(review.label == "positive" for review in sample) == positive


def test_every_expected_invoice_is_valid_and_its_sum_stands_in_the_text() -> None:
    for text, fields in invoices("test", 70):
        jsonschema.validate(fields, output_schema(NamedSchema.INVOICE))
        assert fields["invoice_number"] in text
        assert fields["total"] in text.replace(",", "") or fields["total"].replace(
            ".", ","
        ) in text.replace(".", "")


def test_a_letters_spans_hold_every_kind_and_are_disjoint() -> None:
    sample = letters("test", 64)

    assert {span.entity for letter in sample for span in letter.spans} == set(
        Redact(entities=tuple(Entity)).entities
    )
    for letter in sample:
        assert all(a.end <= b.start for a, b in zip(letter.spans, letter.spans[1:], strict=False))


def test_development_and_test_letters_share_no_person() -> None:
    def people(split: str) -> set[str]:
        return {
            word
            for letter in letters(split, 64)  # type: ignore[arg-type] # a literal passed on
            for span in letter.spans
            if span.entity is Entity.NAME
            for word in letter.text[span.start : span.end].split()
        }

    assert people("dev") & people("test") <= {"De", "de", "van", "der"}


def test_the_patterns_find_what_has_a_shape_in_notes_written_by_hand() -> None:
    sample = notes("test")
    found = [list(patterns.find(note.text, frozenset(scoring.PATTERNED))) for note in sample]

    metrics = {
        metric.name: metric.value
        for metric in scoring.spans(found, [note.spans for note in sample])
    }

    assert metrics["recall patterned entities"] >= 0.99
    assert metrics["precision patterned entities"] >= 0.95
