"""Loops in free text, and JSON lists that go in circles."""

import json
import random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from zeroidle_inference.engine.repetition import LONGEST_CYCLE, JsonLists, find_loop

LAMP = {"description": "Lamp", "quantity": "2", "amount": "90.00"}
CHAIR = {"description": "Chair", "quantity": "1", "amount": "60.00"}


LINE = list(range(10))


def test_what_stands_eight_times_in_succession_is_a_loop() -> None:
    assert find_loop([77, *LINE * 8]) == 10
    assert find_loop([77, *LINE * 7]) is None


def test_a_short_cycle_must_fill_64_tokens() -> None:
    assert find_loop([5] * 64) == 1
    assert find_loop([5] * 63) is None


def test_the_longest_cycle_counts_and_no_longer_one() -> None:
    assert find_loop(list(range(LONGEST_CYCLE)) * 8) == LONGEST_CYCLE
    assert find_loop(list(range(LONGEST_CYCLE + 1)) * 8) is None


@pytest.mark.parametrize(
    "output",
    [
        [],
        [*LINE * 7, 99, *LINE * 7],
        [*LINE * 20, 99],
        [token for number in range(30) for token in (*LINE, 100 + number)],
    ],
)
def test_what_is_broken_by_anything_else_is_no_loop(output: list[int]) -> None:
    assert find_loop(output) is None


def lists_after(items: list[object]) -> JsonLists:
    """A list as far as before what follows its last item."""
    lists = JsonLists()
    lists.add('{"items": ' + json.dumps(items)[:-1])
    return lists


@pytest.mark.parametrize(
    ("items", "goes_in_circles"),
    [
        ([LAMP, LAMP, LAMP], False),
        ([LAMP, LAMP, LAMP, LAMP], True),
        ([LAMP, LAMP, CHAIR, LAMP, LAMP], False),
        ([CHAIR, LAMP, LAMP, LAMP, LAMP], True),
        ([LAMP, LAMP, LAMP, {**LAMP, "amount": "91.00"}], False),
        (["red", "red", "red", "red"], True),
        ([0, 0, 0, 0, 0], False),
        ([{"x": 1}] * 5, False),
        ([["a"], ["a"], ["a"], ["a"]], True),
    ],
)
def test_a_list_goes_in_circles_when_four_equal_items_stand_in_a_row(
    items: list[object], *, goes_in_circles: bool
) -> None:
    lists = lists_after(items)

    assert lists.goes_in_circles_after(", ") is goes_in_circles
    assert not lists.goes_in_circles_after("]")


def test_a_token_that_ends_the_item_and_leads_on_is_seen_as_well() -> None:
    lists = JsonLists()
    lists.add('["red", "red", "red", "red')

    assert lists.goes_in_circles_after('", "')


def test_a_comma_inside_a_string_ends_no_item() -> None:
    lists = JsonLists()
    lists.add('["a, \\"b", "a')

    assert not lists.goes_in_circles_after(', \\"b')


def test_asking_changes_nothing() -> None:
    lists = lists_after([LAMP] * 3)

    assert not lists.goes_in_circles_after(", ")
    lists.add(", " + json.dumps(LAMP))

    assert lists.goes_in_circles_after(", ")


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, max_size=3)), st.randoms()
)
def test_it_does_not_matter_how_the_answer_is_cut_into_pieces(
    value: object, dice: random.Random
) -> None:
    text = json.dumps([value, *["end"] * 4])[:-1]
    lists = JsonLists()
    start = 0
    while start < len(text):
        stop = start + dice.randint(1, 9)
        lists.add(text[start:stop])
        start = stop

    assert lists.goes_in_circles_after(",")
