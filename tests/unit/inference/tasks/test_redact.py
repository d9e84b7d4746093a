"""Redact: spans of the input are masked, and nothing else changes."""

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given
from unit.inference.tasks.task_driver import WordModel, run_by, scores

from zeroidle_contract import Entity, Redact, RedactOutput, Span
from zeroidle_inference.engine.request import Score
from zeroidle_inference.tasks.prompts import REDACT_KINDS
from zeroidle_inference.tasks.redact import mask, merge, redact

LETTER = "Dear Ms Ruiz, write to lena@example.com. Yours, Tom Ruiz"

spans = st.lists(
    st.builds(
        lambda start, length, entity: Span(start=start, end=start + length, entity=entity),
        st.integers(0, 40),
        st.integers(1, 20),
        st.sampled_from(Entity),
    ),
    max_size=8,
)


PERSONAL, OTHER = -0.1, -9.0


def redacted(
    document: str, *, entities: tuple[Entity, ...] = (Entity.NAME,), personal: bool = True
) -> str:
    """The document, redacted with a model that takes all candidates for persons, or none."""
    wanted, unwanted = (PERSONAL, OTHER) if personal else (OTHER, PERSONAL)
    kinds = len(REDACT_KINDS)
    answer = scores(*[wanted] * (kinds - 3), *[unwanted] * 3)
    steps = redact(Redact(entities=entities), document, WordModel())
    output = run_by(steps, lambda wave: [answer] * len(wave))
    assert isinstance(output, RedactOutput)
    return output.text


def test_what_has_a_shape_and_what_its_surroundings_give_away_needs_no_model() -> None:
    steps = redact(Redact(entities=(Entity.NAME, Entity.EMAIL)), LETTER, WordModel())

    output = run_by(steps, lambda _: pytest.fail("the model was asked"))

    assert isinstance(output, RedactOutput)
    assert output.text == "Dear Ms [name], write to [email]. Yours, [name]"


def test_a_name_once_known_is_masked_wherever_it_stands_as_a_whole_word() -> None:
    document = "Dear Ms Ruiz,\nplease ask if Ruiz was there. Ruizla was not."

    assert redacted(document, personal=False) == (
        "Dear Ms [name],\nplease ask if [name] was there. Ruizla was not."
    )


def test_a_candidate_in_doubt_is_for_the_model_to_decide() -> None:
    document = "Yesterday we met with Adaeze Obi and her brother about the roof."

    assert redacted(document) == "Yesterday we met with [name] and her brother about the roof."
    assert redacted(document, personal=False) == document


def test_each_candidate_is_asked_about_once_in_its_own_context() -> None:
    document = "Then Adaeze Obi called. " * 3

    (request,) = next(redact(Redact(entities=(Entity.NAME,)), document, WordModel()))

    assert isinstance(request, Score)
    assert "[Adaeze Obi]" in (request.prompt.document or "")


def test_without_kinds_for_the_model_it_is_not_asked() -> None:
    steps = redact(Redact(entities=(Entity.EMAIL,), mask="<{entity}>"), LETTER, WordModel())

    output = run_by(steps, lambda _: pytest.fail("the model was asked"))

    assert isinstance(output, RedactOutput)
    assert output.text == "Dear Ms Ruiz, write to <email>. Yours, Tom Ruiz"


def test_kinds_that_were_not_asked_for_stay() -> None:
    assert redacted(LETTER, entities=(Entity.PHONE,)) == LETTER


def test_an_address_is_masked_as_a_whole() -> None:
    document = "She lives at 14 Quarry Steps, Ludlow SY8 9ZZ, they say."

    assert redacted(document, entities=(Entity.ADDRESS,)) == "She lives at [address], they say."


@given(spans)
def test_merged_spans_are_sorted_disjoint_and_cover_the_same_characters(found: list[Span]) -> None:
    merged = merge(found)

    assert all(a.end <= b.start for a, b in itertools.pairwise(merged))
    assert {i for span in merged for i in range(span.start, span.end)} == {
        i for span in found for i in range(span.start, span.end)
    }


@given(st.text(min_size=60, max_size=80), spans, st.text(max_size=4))
def test_masking_leaves_every_other_character_as_it_was(
    text: str, found: list[Span], frame: str
) -> None:
    disjoint = merge(found)

    masked = mask(text, disjoint, "⟦{entity}⟧" + frame)

    position = 0
    for before, span in zip([0, *(s.end for s in disjoint)], disjoint, strict=False):
        kept = text[before : span.start] + f"⟦{span.entity.value}⟧{frame}"
        assert masked[position : position + len(kept)] == kept
        position += len(kept)
    assert masked[position:] == text[disjoint[-1].end if disjoint else 0 :]
