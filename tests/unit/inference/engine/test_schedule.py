"""Laws of the schedule: who computes how many rows in the next step."""

from hypothesis import assume, given
from hypothesis import strategies as st

from zeroidle_inference.engine.schedule import (
    OLDEST_PREFILL_SHARE,
    PATIENCE_ROWS,
    Demand,
    least_budget,
    prompt_piece,
    schedule,
)

demands = st.lists(
    st.builds(
        Demand,
        rows=st.integers(1, 500),
        is_prefilling=st.booleans(),
        waited_rows=st.sampled_from([0, 0, 0, PATIENCE_ROWS - 1, PATIENCE_ROWS]),
    ),
    max_size=16,
)

piece_sizes = st.sampled_from([1, 2, 64])


@given(demands, piece_sizes, st.integers(0, 300))
def test_no_step_has_more_rows_than_its_budget_or_than_were_asked_for(
    asked: list[Demand], piece_rows: int, more: int
) -> None:
    budget = least_budget(16, piece_rows) + more

    grants = schedule(asked, budget=budget, piece_rows=piece_rows)

    assert sum(grants) <= budget
    assert all(0 <= grant <= demand.rows for grant, demand in zip(grants, asked, strict=True))


@given(demands, st.integers(16, 300))
def test_no_row_is_left_while_one_is_wanted(asked: list[Demand], budget: int) -> None:
    grants = schedule(asked, budget=budget)

    wanted = sum(
        demand.rows
        for grant, demand in zip(grants, asked, strict=True)
        if grant or demand.is_prefilling
    )
    assert sum(grants) == min(budget, wanted)


@given(demands, piece_sizes, st.integers(0, 300))
def test_the_answers_under_way_go_on_together_without_prompts_or_when_one_has_waited_long(
    asked: list[Demand], piece_rows: int, more: int
) -> None:
    budget = least_budget(16, piece_rows) + more

    grants = schedule(asked, budget=budget, piece_rows=piece_rows)

    answers = [
        (grant, demand)
        for grant, demand in zip(grants, asked, strict=True)
        if not demand.is_prefilling
    ]
    are_alone = len(answers) == len(asked)
    has_waited = any(demand.waited_rows >= PATIENCE_ROWS for _, demand in answers)
    assert all((grant > 0) == (are_alone or has_waited) for grant, _ in answers)


@given(demands, piece_sizes, st.integers(0, 300))
def test_the_oldest_prompt_goes_on_whatever_is_newer(
    asked: list[Demand], piece_rows: int, more: int
) -> None:
    prompts = [i for i, demand in enumerate(asked) if demand.is_prefilling]
    assume(prompts)
    budget = least_budget(16, piece_rows) + more

    assert schedule(asked, budget=budget, piece_rows=piece_rows)[prompts[0]] > 0


@given(demands, st.integers(0, 300))
def test_a_prompt_is_cut_into_no_short_piece(asked: list[Demand], more: int) -> None:
    grants = schedule(asked, budget=least_budget(16, 64) + more, piece_rows=64)

    for grant, demand in zip(grants, asked, strict=True):
        if demand.is_prefilling and grant not in {0, demand.rows}:
            assert grant >= 64
            assert demand.rows - grant >= 64


def test_what_would_leave_a_short_piece_behind_is_made_shorter_itself() -> None:
    assert prompt_piece(300, room=256, piece_rows=64) == 236
    assert prompt_piece(127, room=127, piece_rows=64) == 127
    assert prompt_piece(127, room=126, piece_rows=64) == 0


def test_the_oldest_prompt_has_its_share_and_the_shortest_the_rest() -> None:
    long, short, middle = (Demand(rows, is_prefilling=True) for rows in (1000, 30, 200))

    grants = schedule([long, middle, short], budget=100)

    assert grants == [int(100 * OLDEST_PREFILL_SHARE), 45, 30]


def test_answers_wait_for_the_prompts() -> None:
    prompt = Demand(30, is_prefilling=True)
    sampled = Demand(1, is_prefilling=False)

    assert schedule([prompt, sampled], budget=100) == [30, 0]


def test_an_answer_that_has_waited_long_takes_the_others_with_it_and_comes_before_prompts() -> None:
    prompt = Demand(1000, is_prefilling=True)
    forced = Demand(40, is_prefilling=False)
    patient = Demand(40, is_prefilling=False, waited_rows=PATIENCE_ROWS)

    assert schedule([prompt, prompt, forced, patient], budget=100) == [20, 0, 40, 40]


def test_a_long_forced_text_leaves_a_row_for_every_other_answer_and_for_the_oldest_prompt() -> None:
    forced = Demand(500, is_prefilling=False, waited_rows=PATIENCE_ROWS)
    sampled = Demand(1, is_prefilling=False)
    prompt = Demand(50, is_prefilling=True)

    assert schedule([prompt, forced, sampled, sampled], budget=16) == [1, 13, 1, 1]


def test_nothing_wanted_is_nothing_granted() -> None:
    assert schedule([], budget=16) == []
