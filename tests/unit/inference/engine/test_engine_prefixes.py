"""How the engine computes an instruction once and shares it."""

from dataclasses import replace

import pytest
from unit.inference.engine.engine_fakes import FakeDecoder, engine_on, roomy_decoder
from unit.inference.engine.engine_reference import expected, given
from unit.inference.engine.engine_requests import INSTRUCTION, about, answer_of, finish, patterned

from zeroidle_inference.engine.errors import DecodeError
from zeroidle_inference.engine.prefix import MIN_TOKENS
from zeroidle_inference.engine.request import Score


def test_an_instruction_is_computed_once_for_all_its_documents() -> None:
    decoder = roomy_decoder()
    engine = engine_on(decoder)
    documents = ["one", "two", "three", "four", "five", "six"]
    tickets = [engine.submit(Score(about(document), ("a", "b"))) for document in documents]

    ends = finish(engine)

    rows = sum(len(step) for step in decoder.steps)
    assert rows == len(INSTRUCTION) + sum(len(document) for document in documents)
    cached = [end.answer.usage.cached for t in tickets if (end := ends[t]).answer is not None]
    assert cached == [0, *[len(INSTRUCTION)] * 5]


def test_a_kept_instruction_survives_a_reset() -> None:
    decoder = roomy_decoder()
    engine = engine_on(decoder)
    answer_of(engine, Score(about("one"), ("a",)))
    engine.reset()

    assert answer_of(engine, Score(about("two"), ("a",))).usage.cached == len(INSTRUCTION)


def test_an_instruction_too_short_to_be_worth_it_is_not_kept() -> None:
    engine = engine_on(roomy_decoder())
    short = "x" * (MIN_TOKENS - 1)
    answer_of(engine, Score(about("one", short), ("a",)))

    assert answer_of(engine, Score(about("two", short), ("a",))).usage.cached == 0


def test_an_empty_document_is_answered_though_its_whole_prompt_is_kept() -> None:
    engine = engine_on(roomy_decoder())
    request = Score(about(""), ("a", "b"))
    answer_of(engine, request)

    assert given(answer_of(engine, request)) == pytest.approx(expected(request), abs=1e-3)


def test_what_is_forced_at_the_start_is_computed_in_pieces_as_the_prompt_is() -> None:
    decoder = FakeDecoder(
        sequences=1, context_tokens=60, max_rows=15, max_logit_rows=1, piece_rows=8
    )
    # Ten letters and twelve forced ones: the first piece ends among the forced.
    request = patterned("abcdefghij", "a b c d e f g h i j k l mn")
    request = replace(request, prompt=about("abcdefghij", ""))

    answer = answer_of(engine_on(decoder), request)

    assert given(answer) == expected(request, piece_rows=8)
    assert [len(step) for step in decoder.steps] == [12, 10]


def test_a_state_that_does_not_load_costs_a_prefill_and_no_wrong_answer() -> None:
    decoder = roomy_decoder()
    engine = engine_on(decoder)
    answer_of(engine, Score(about("one"), ("a",)))
    decoder.loads_fail = True
    request = patterned("two", "a bc de f")

    answer = answer_of(engine, request)

    assert answer.usage.cached == 0
    assert given(answer) == expected(request)


def test_a_state_that_breaks_the_decoder_is_not_tried_again_after_the_reset() -> None:
    decoder = roomy_decoder()
    engine = engine_on(decoder)
    request = Score(about("one"), ("a",))
    answer_of(engine, request)
    decoder.loads_break = True
    engine.submit(request)

    with pytest.raises(DecodeError):
        engine.step()
    engine.reset()

    assert answer_of(engine, request).usage.cached == 0


def test_the_oldest_instructions_leave_when_the_memory_for_them_is_full() -> None:
    engine = engine_on(roomy_decoder(), prefix_bytes=2 * len(INSTRUCTION))
    third = INSTRUCTION.replace("letter", "ticket")
    for instruction in (INSTRUCTION, INSTRUCTION.replace("letter", "parcel"), third):
        answer_of(engine, Score(about("one", instruction), ("a",)))

    assert answer_of(engine, Score(about("two", third), ("a",))).usage.cached == len(third)
    assert answer_of(engine, Score(about("two"), ("a",))).usage.cached == 0


def test_a_prefix_state_made_in_a_build_step_is_the_one_the_engine_would_make() -> None:
    decoder = roomy_decoder()
    engine = engine_on(decoder)

    tokens, state = engine.prefix_state(about("never read"))

    assert list(state) == list(tokens)
    assert decoder.is_empty
