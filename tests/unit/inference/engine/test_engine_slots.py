"""How the engine fills slots, keeps them neighbours, and keeps fair."""

from collections import Counter
from itertools import groupby

import pytest
from unit.inference.engine.engine_fakes import FakeDecoder, engine_on, roomy_decoder
from unit.inference.engine.engine_reference import expected, given
from unit.inference.engine.engine_requests import INSTRUCTION, about, finish, patterned

from zeroidle_inference.engine.request import Score


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
