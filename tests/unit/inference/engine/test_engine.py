"""How the engine shares prefixes, fills slots, keeps fair, and ends what cannot be done."""

from collections import Counter
from dataclasses import replace
from itertools import groupby

import pytest
from unit.inference.engine.engine_fakes import FakeDecoder, engine_on, roomy_decoder
from unit.inference.engine.engine_reference import expected, given

from zeroidle_inference.engine.engine import SHORT_RUN_ROWS, SIDE_BY_SIDE, Engine
from zeroidle_inference.engine.errors import (
    DecodeError,
    EngineError,
    GrammarError,
    PromptTooLongError,
)
from zeroidle_inference.engine.prefix import MIN_TOKENS
from zeroidle_inference.engine.request import (
    Answer,
    ChatMessage,
    Completion,
    Finished,
    Generate,
    JsonSchema,
    Prompt,
    Request,
    Score,
)
from zeroidle_inference.engine.sequence import Sequence
from zeroidle_inference.engine.vocabulary import PromptTokens

INSTRUCTION = "read this letter and say what it is"


def about(document: str, instruction: str = INSTRUCTION) -> Prompt:
    return Prompt(messages=(ChatMessage("user", instruction),), document=document)


def patterned(document: str, pattern: str, *, max_tokens: int = 40) -> Generate:
    return Generate(about(document), max_tokens, JsonSchema({"pattern": pattern}))


def finish(engine: Engine) -> dict[int, Finished]:
    ends: dict[int, Finished] = {}
    for _ in range(1000):
        if not engine.has_work:
            return ends
        ends.update({end.ticket: end for end in engine.step()})
    raise AssertionError("the engine does not finish")


def answer_of(engine: Engine, request: Request) -> Answer:
    ticket = engine.submit(request)
    answer = finish(engine)[ticket].answer
    assert answer is not None
    return answer


# Shared prefixes ------------------------------------------------------------------------------


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


# Slots and fairness ---------------------------------------------------------------------------


def test_one_jobs_thirty_windows_delay_anothers_request_by_no_more_than_those_under_way() -> None:
    decoder = roomy_decoder(sequences=4)
    engine = engine_on(decoder)
    windows = [
        engine.submit(patterned(f"window {i:02}", "ab cd ef gh"), group=1) for i in range(30)
    ]
    single = engine.submit(patterned("only one", "ab cd ef gh"), group=2)

    order = list(finish(engine))

    assert order.index(single) <= 2 * decoder.sequences
    assert sorted(order) == sorted([*windows, single])


def test_two_jobs_share_the_slots_evenly() -> None:
    engine = engine_on(roomy_decoder(sequences=4))
    group_of = {
        engine.submit(patterned(f"window {i:02}", "ab cd ef gh"), group=group): group
        for group in (1, 2)
        for i in range(12)
    }

    first_half = Counter(group_of[ticket] for ticket in list(finish(engine))[:12])

    assert abs(first_half[1] - first_half[2]) <= 4


def test_a_long_document_is_read_on_while_short_ones_keep_overtaking_it() -> None:
    decoder = roomy_decoder(sequences=4, max_rows=32)
    engine = engine_on(decoder)
    long = engine.submit(Score(about("x" * 300), ("a",)), group=0)
    steps = 0
    is_done = False
    while not is_done:
        for i in range(2):
            engine.submit(Score(about(f"short one {steps} {i}"), ("a",)), group=1)
        is_done = any(end.ticket == long for end in engine.step())
        steps += 1
        assert steps < 100

    # A quarter of each step's rows is the least that it gets.
    assert steps <= (len(INSTRUCTION) + 300) / (32 / 4) + 2


def test_a_free_slot_is_filled_in_the_next_step() -> None:
    decoder = roomy_decoder(sequences=2)
    engine = engine_on(decoder)
    for i in range(6):
        engine.submit(Score(about(f"{i}", "short"), ("a",)))

    finish(engine)

    assert [len({row.sequence for row in step}) for step in decoder.steps] == [2, 2, 2]


def test_when_a_sequence_between_others_ends_the_highest_takes_its_place() -> None:
    decoder = roomy_decoder(sequences=5)
    engine = engine_on(decoder)
    requests = [patterned(f"{n} letters", "ab " * n) for n in (9, 2, 8, 3, 9)]
    tickets = [engine.submit(request) for request in requests]

    ends = finish(engine)

    in_use = [
        slots for slots, _ in groupby({row.sequence for row in step} for step in decoder.steps)
    ]
    assert in_use[-4:] == [{0, 1, 2, 3, 4}, {0, 1, 2, 3}, {0, 1, 2}, {0, 1}]
    for ticket, request in zip(tickets, requests, strict=True):
        answer = ends[ticket].answer
        assert answer is not None
        assert given(answer) == expected(request)


def test_a_sequence_that_is_too_much_to_copy_stays_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoder = roomy_decoder(sequences=3)
    monkeypatch.setattr(decoder, "move", lambda *_: False)
    engine = engine_on(decoder)
    tickets = [engine.submit(patterned(f"{n} letters", "ab " * n)) for n in (9, 2, 9)]

    ends = finish(engine)

    assert sorted(ends) == tickets
    assert {row.sequence for row in decoder.steps[-1]} == {0, 2}


def test_a_short_answer_ends_while_a_very_long_prompt_is_read() -> None:
    decoder = FakeDecoder(
        sequences=2, context_tokens=9000, max_rows=64, max_logit_rows=8, piece_rows=1
    )
    engine = engine_on(decoder)
    long = engine.submit(Score(about("x" * 8000), ("a",)))
    short = engine.submit(patterned("short", "ab cd ef"))

    assert list(finish(engine)) == [short, long]


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
