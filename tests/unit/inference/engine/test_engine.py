"""Which rows the engine computes, how it drafts, and how it ends what cannot be done."""

from collections import Counter
from dataclasses import replace

import pytest
from unit.inference.engine.engine_fakes import FakeDecoder, engine_on, roomy_decoder
from unit.inference.engine.engine_reference import expected, given
from unit.inference.engine.engine_requests import INSTRUCTION, about, answer_of, finish, patterned

from zeroidle_inference.engine.engine import SHORT_RUN_ROWS, SIDE_BY_SIDE, Engine
from zeroidle_inference.engine.errors import (
    DecodeError,
    EngineError,
    GrammarError,
    PromptTooLongError,
)
from zeroidle_inference.engine.request import ChatMessage, Completion, Generate, Prompt, Score
from zeroidle_inference.engine.sequence import Sequence
from zeroidle_inference.engine.vocabulary import PromptTokens

# Rows and tokens ------------------------------------------------------------------------------


def test_forced_tokens_are_computed_in_one_step_and_never_sampled() -> None:
    decoder = roomy_decoder()
    engine = engine_on(decoder)

    answer = answer_of(engine, patterned("doc", "a bc d e f g hi"))

    assert answer.usage.forced == 5
    assert answer.usage.sampled == 2
    # The instruction in two steps, document and `a`, the choice of b or c with all that follows it.
    assert [len(step) for step in decoder.steps] == [32, len(INSTRUCTION) - 32, 3 + 1, 1 + 4]


CHOICES = "ab cd ef gh ij kl"
"""Nothing of it is forced."""

SHORT_RUN = "ab c d e fg hi"
LONG_RUN = "ab " + "c d " * (SHORT_RUN_ROWS // 2) + "fg hi"


@pytest.mark.parametrize(
    ("patterns", "rows_of_a_run"),
    [
        # All of them at once, which is one pass.
        ([SHORT_RUN] * SIDE_BY_SIDE, 4),
        # In step with the one that is forced to nothing.
        ([CHOICES] + [SHORT_RUN] * (SIDE_BY_SIDE - 1), 1),
        ([CHOICES] + [SHORT_RUN] * (SIDE_BY_SIDE - 2), 4),
        ([CHOICES] + [LONG_RUN] * (SIDE_BY_SIDE - 1), 1 + SHORT_RUN_ROWS),
    ],
)
def test_only_a_short_forced_run_among_many_answers_goes_in_step_with_them(
    patterns: list[str], rows_of_a_run: int
) -> None:
    decoder = roomy_decoder(max_rows=128)
    engine = engine_on(decoder)
    requests = [
        replace(patterned("xyz", pattern), prompt=about("xyz", "short")) for pattern in patterns
    ]
    tickets = [engine.submit(request) for request in requests]

    ends = finish(engine)

    prompts, answers, *_ = decoder.steps
    assert len(prompts) == len(patterns) * len("shortxyz")
    assert Counter(row.sequence for row in answers)[len(patterns) - 1] == rows_of_a_run
    for ticket, request in zip(tickets, requests, strict=True):
        answer = ends[ticket].answer
        assert answer is not None
        assert given(answer) == expected(request)


def test_logits_are_asked_for_only_where_a_token_is_chosen() -> None:
    decoder = roomy_decoder()
    engine = engine_on(decoder)
    answer_of(engine, patterned("doc", "a bc d e f g hi"))

    assert sum(row.wants_logits for step in decoder.steps for row in step) == 2


def test_labels_that_begin_alike_share_their_rows() -> None:
    decoder = roomy_decoder()
    engine = engine_on(decoder)

    answer_of(engine, Score(about("doc"), ("very good", "very bad", "very", "fine")))

    prompt = len(INSTRUCTION) + 3
    longest_runs = len("very goo") + len("very ba") + len("fin")
    assert sum(len(step) for step in decoder.steps) == prompt + longest_runs


def test_the_one_label_of_several_tokens_is_computed_with_the_prompt() -> None:
    decoder = roomy_decoder(max_rows=64)
    engine = engine_on(decoder)
    request = Score(about("doc"), ("a", "good", "f", "goo"))

    answer = answer_of(engine, request)

    assert given(answer) == pytest.approx(expected(request, logit_rows=16), abs=1e-3)
    assert len(decoder.steps) == 2  # the instruction, which is kept, and all the rest


def test_a_step_never_asks_for_more_logits_than_the_decoder_has_room_for() -> None:
    decoder = FakeDecoder(sequences=2, context_tokens=200, max_rows=64, max_logit_rows=2)
    engine = engine_on(decoder)
    request = Score(about("doc"), ("a" * 30, "b" * 30))
    tickets = [engine.submit(request) for _ in range(2)]

    ends = finish(engine)

    assert all(ends[ticket].error is None for ticket in tickets)


def test_usage_and_moments_are_told() -> None:
    answer = answer_of(engine_on(roomy_decoder()), patterned("doc", "a bc d"))

    assert isinstance(answer, Completion)
    assert answer.usage.prompt == len(INSTRUCTION) + 3
    timing = answer.timing
    assert timing.submitted_s < timing.admitted_s < timing.first_token_s < timing.finished_s


def test_what_an_answer_waits_for_prompts_is_time_of_reading() -> None:
    """One waits for the other's long prompt before it writes; the clock ticks at each look."""
    waits = engine_on(roomy_decoder(sequences=2))
    ticket = waits.submit(patterned("doc", "ab cd ef"))
    waits.submit(Score(about("x" * 300), ("a",)))
    alone = answer_of(engine_on(roomy_decoder()), patterned("doc", "ab cd ef")).timing

    answer = finish(waits)[ticket].answer

    assert answer is not None
    timing = answer.timing
    assert timing.first_token_s - timing.admitted_s > 2 * (alone.first_token_s - alone.admitted_s)
    assert timing.finished_s - timing.first_token_s <= alone.finished_s - alone.first_token_s


# What cannot be done --------------------------------------------------------------------------


def test_a_grammar_that_runs_into_a_dead_end_fails_its_own_request_alone() -> None:
    engine = engine_on(roomy_decoder())
    doomed = engine.submit(patterned("doc", "ab ! cd"))
    healthy = engine.submit(patterned("doc", "ab cd"))

    ends = finish(engine)

    assert isinstance(ends[doomed].error, GrammarError)
    assert ends[healthy].answer is not None


def test_a_bug_behind_one_request_fails_that_request_alone() -> None:
    engine = engine_on(roomy_decoder())
    doomed = engine.submit(patterned("doc", "ab ?? cd"))
    healthy = engine.submit(patterned("doc", "ab cd"))

    ends = finish(engine)

    assert isinstance(ends[doomed].error, ValueError)
    assert ends[healthy].answer is not None


def test_a_request_fits_when_prompt_and_answer_just_fill_the_context() -> None:
    decoder = FakeDecoder(sequences=1, context_tokens=60, max_rows=8, max_logit_rows=1)
    request = patterned("x" * (60 - 20 - len(INSTRUCTION)), "a b " + "cd " * 30, max_tokens=20)

    answer = answer_of(engine_on(decoder), request)

    assert given(answer) == expected(request)


def test_a_request_that_is_one_token_longer_is_refused() -> None:
    decoder = FakeDecoder(sequences=1, context_tokens=60, max_rows=8, max_logit_rows=1)
    engine = engine_on(decoder)

    with pytest.raises(PromptTooLongError, match="exceed the context of 60"):
        engine.submit(patterned("x" * (61 - 20 - len(INSTRUCTION)), "ab", max_tokens=20))

    assert not engine.has_work


def test_an_answer_that_the_grammar_leaves_no_choice_is_given_without_the_model() -> None:
    decoder = roomy_decoder()
    engine = engine_on(decoder)
    answer = answer_of(engine, patterned("letter", "a b c"))
    assert given(answer) == ("abc", "stop")
    assert answer.usage.sampled == 0
    assert decoder.steps == []


def test_a_prefix_state_is_not_computed_beside_running_requests() -> None:
    engine = engine_on(roomy_decoder())
    engine.submit(Generate(about("letter"), 5))
    with pytest.raises(EngineError, match="at rest"):
        engine.prefix_state(about("letter"))


def test_a_schema_whose_forced_beginning_is_longer_than_the_answer_may_be_is_refused() -> None:
    with pytest.raises(GrammarError, match="as short as the 5 tokens"):
        engine_on(roomy_decoder()).submit(patterned("doc", "a b c d e f", max_tokens=5))


def test_labels_of_a_prompt_without_a_token_are_refused() -> None:
    prompt = Prompt(messages=(ChatMessage("user", ""),))
    with pytest.raises(EngineError, match="no tokens"):
        engine_on(roomy_decoder()).submit(Score(prompt, ("good", "g")))


def test_a_prompt_without_a_token_is_refused() -> None:
    with pytest.raises(EngineError, match="no tokens"):
        engine_on(roomy_decoder()).submit(Score(about("", ""), ("a",)))


def test_a_decoder_whose_steps_cannot_serve_all_its_sequences_is_refused() -> None:
    with pytest.raises(EngineError, match="for each sequence"):
        engine_on(FakeDecoder(sequences=4, context_tokens=60, max_rows=8, max_logit_rows=3))


class IdleGoal:
    """A goal that never answers and never asks."""

    output_tokens = 0

    def begin(self, sequence: Sequence) -> None:
        return None

    def observe(self, sequence: Sequence, position: int, logits: object) -> None:
        pass

    def advance(self, sequence: Sequence) -> None:
        return None


def test_a_request_that_asks_for_nothing_more_ends_instead_of_spinning() -> None:
    engine = engine_on(roomy_decoder())
    engine._waiting.append(Sequence(0, 0, PromptTokens((), (1, 2)), IdleGoal(), submitted_s=0.0))

    (end,) = engine.step()

    assert isinstance(end.error, EngineError)
    assert not engine.has_work


# Cancelling and aborting ----------------------------------------------------------------------


def test_cancelling_the_one_that_computes_an_instruction_lets_the_others_go_on() -> None:
    decoder = roomy_decoder(sequences=2, max_rows=8)
    engine = engine_on(decoder)
    first = engine.submit(Score(about("one"), ("a",)))
    second = engine.submit(Score(about("two"), ("a",)))
    engine.step()
    engine.cancel(first)

    assert list(finish(engine)) == [second]
    assert decoder.is_empty


def test_cancelling_what_is_unknown_or_done_changes_nothing() -> None:
    engine = engine_on(roomy_decoder())
    ticket = engine.submit(Score(about("one"), ("a",)))
    finish(engine)

    engine.cancel(ticket)
    engine.cancel(12345)

    assert not engine.has_work


def test_an_aborted_step_raises_and_a_reset_engine_works_again() -> None:
    decoder = roomy_decoder()
    engine = engine_on(decoder)
    request = patterned("doc", "ab cd e fg")
    engine.submit(request)
    engine.step()
    engine.abort()

    with pytest.raises(DecodeError):
        engine.step()
    engine.reset()

    assert not engine.has_work
    assert given(answer_of(engine, request)) == expected(request)
    assert decoder.is_empty


def test_a_step_without_work_computes_nothing() -> None:
    decoder = roomy_decoder()

    assert engine_on(decoder).step() == []
    assert decoder.steps == []


# Drafts ---------------------------------------------------------------------------------------


def steps_and_text(engine: Engine, decoder: FakeDecoder, request: Generate) -> tuple[int, str]:
    before = len(decoder.steps)
    answer = answer_of(engine, request)
    assert isinstance(answer, Completion)
    return len(decoder.steps) - before, answer.text


def test_what_followed_before_is_guessed_and_saves_steps() -> None:
    decoder = roomy_decoder(memory=1)
    # A model that forgets all but the last letter goes in a circle: `p` follows on `h`, and so on.
    request = Generate(about("a graph"), 22)

    steps, text = steps_and_text(engine_on(decoder), decoder, request)

    assert (text, "length") == expected(request, memory=1)
    assert steps < len(text) * 2 / 3


def test_no_draft_is_made_where_other_answers_fill_the_step() -> None:
    decoder = roomy_decoder(sequences=16, max_rows=64, memory=1)
    engine = engine_on(decoder)
    for letter in "abcdefghijklmnop":
        engine.submit(Generate(about(f"{letter} graph"), 22))

    finish(engine)

    decoding = [step for step in decoder.steps if len({row.sequence for row in step}) == 16]
    assert decoding
    assert all(len(step) == 16 for step in decoding[1:])
