"""Laws of scoring choices over a token trie."""

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given
from unit.inference.engine.engine_fakes import LETTERS, engine_on, roomy_decoder

from zeroidle_inference.engine.request import ChatMessage, Prompt, Score, Scores


def scores(choices: tuple[str, ...], document: str = "doc") -> tuple[float, ...]:
    engine = engine_on(roomy_decoder())
    prompt = Prompt(messages=(ChatMessage("user", "label this: "),), document=document)
    engine.submit(Score(prompt, choices))
    while engine.has_work:
        for end in engine.step():
            assert isinstance(end.answer, Scores)
            return end.answer.log_probabilities
    raise AssertionError("no answer")


def test_all_letters_together_are_certain() -> None:
    assert sum(map(math.exp, scores(tuple(LETTERS)))) == pytest.approx(1, abs=1e-4)


def test_a_choice_that_begins_another_counts_only_where_the_answer_ends() -> None:
    alone, _ = scores(("ab", "xy"))
    beginning, longer = scores(("ab", "abc"))

    assert beginning < alone
    assert longer < alone


@given(st.lists(st.text("abc", min_size=1, max_size=6), min_size=2, max_size=6, unique=True))
def test_the_order_of_the_choices_changes_no_score(choices: list[str]) -> None:
    forwards = scores(tuple(choices))
    backwards = scores(tuple(reversed(choices)))

    assert forwards == pytest.approx(tuple(reversed(backwards)), abs=1e-4)
