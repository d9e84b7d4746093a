"""Summarize: one go where it fits, else rounds that must end."""

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given
from unit.inference.tasks.task_driver import WordModel, completion, generates, run, run_by

from zeroidle_contract import ErrorCode, Summarize, SummarizeOutput
from zeroidle_inference.engine.request import Answer
from zeroidle_inference.tasks.summarize import cut_to_words, summarize
from zeroidle_inference.tasks.task import TaskError

CONTEXT = 400


def words(count: int) -> str:
    return " ".join(f"w{i}" for i in range(count))


def test_a_document_that_fits_takes_one_request() -> None:
    steps = summarize(Summarize(max_words=20), "A short report.", WordModel())

    assert run(steps, [completion("Summary: It is short.")]) == SummarizeOutput(
        summary="It is short."
    )


def test_the_focus_and_the_limit_are_asked_for() -> None:
    (request,) = next(
        summarize(Summarize(max_words=33, focus="the {costs}"), "A report.", WordModel())
    )

    assert "33 words" in request.prompt.messages[-1].text
    assert "Focus on: the {costs}." in request.prompt.messages[-1].text


def test_parts_are_summarised_and_their_summaries_in_order_summarised_again() -> None:
    steps = summarize(Summarize(max_words=20), words(900), WordModel(CONTEXT))

    first = generates(next(steps))
    (second,) = generates(
        steps.send([completion(f"Part {i} says little.") for i in range(len(first))])
    )

    assert len(first) == 3
    assert second.prompt.document == "\n".join(f"Part {i} says little." for i in range(3))


@given(st.integers(1, 20_000), st.integers(5, 500), st.integers(60, 3000))
def test_any_document_ends_in_a_summary_or_as_too_long_in_few_rounds(
    size: int, max_words: int, context_tokens: int
) -> None:
    model = WordModel(context_tokens)
    rounds = itertools.count(1)
    seen = 0

    def longest_answers(wave: object) -> list[Answer]:
        nonlocal seen
        seen = next(rounds)
        assert isinstance(wave, list)
        for request in generates(wave):
            assert model.prompt_tokens(request.prompt) + request.max_tokens <= context_tokens
        return [completion(words(1000), "length") for _ in wave]

    try:
        output = run_by(
            summarize(Summarize(max_words=max_words), words(size), model), longest_answers
        )
    except TaskError as error:
        assert error.code is ErrorCode.DOCUMENT_TOO_LONG  # noqa: PT017 - small contexts are refused
        assert seen == 0
    else:
        assert isinstance(output, SummarizeOutput)
        assert 1 <= len(output.summary.split()) <= max_words
    # Each round halves what there is to read.
    assert seen <= 2 + size.bit_length()


def test_a_document_that_fits_needs_no_room_for_further_rounds() -> None:
    steps = summarize(Summarize(max_words=120), words(80), WordModel(CONTEXT))

    assert run(steps, [completion("Fine.")]) == SummarizeOutput(summary="Fine.")


def test_one_that_does_not_fit_is_too_long_if_its_summaries_would_not_shrink_it() -> None:
    with pytest.raises(TaskError, match="120 words leaves too little") as caught:
        next(summarize(Summarize(max_words=120), words(800), WordModel(CONTEXT)))

    assert caught.value.code is ErrorCode.DOCUMENT_TOO_LONG


class Stuck(WordModel):
    """A model that splits whatever it is given into three."""

    def split(self, text, max_tokens, overlap_tokens=0):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        return super().split(text + words(3), 1)[:3]


def test_a_round_that_shrinks_nothing_is_the_last() -> None:
    steps = summarize(Summarize(max_words=20), words(800), Stuck(CONTEXT))

    with pytest.raises(TaskError):
        run_by(steps, lambda wave: [completion("Again.") for _ in wave])


@given(st.text(st.sampled_from("ab .!?\n\"')"), max_size=200), st.integers(1, 20), st.booleans())
def test_a_cut_summary_is_a_beginning_within_the_limit(
    text: str, max_words: int, is_ended: bool
) -> None:
    cut = cut_to_words(text, max_words, is_ended=is_ended)

    assert len(cut.split()) <= max_words
    assert text.strip().startswith(cut)
    assert bool(cut) == bool(text.strip())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two. Three four five.", "One two."),
        ("One two three four five", "One two three"),
        ("One two. Three", "One two."),
        ("One two three", "One two three"),
        ('He said "no." Then left', 'He said "no."'),
        ("SUMMARY: One two.", "One two."),
    ],
)
def test_a_summary_is_cut_behind_a_sentence_if_there_is_one(text: str, expected: str) -> None:
    assert cut_to_words(text, 3, is_ended=False) == expected


def test_a_summary_that_the_model_ended_keeps_its_last_line_without_a_full_stop() -> None:
    steps = summarize(Summarize(max_words=20), "A report.", WordModel())

    assert run(steps, [completion("Sales rose. Costs:\n- rent")]) == SummarizeOutput(
        summary="Sales rose. Costs:\n- rent"
    )
