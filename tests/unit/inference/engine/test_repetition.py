"""Loops in free text, and JSON lists that go in circles."""

import json
import random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from zeroidle_inference.engine.repetition import JsonLists, find_loop

LAMP = {"description": "Lamp", "quantity": "2", "amount": "90.00"}
CHAIR = {"description": "Chair", "quantity": "1", "amount": "60.00"}


def test_a_long_cycle_is_a_loop_as_soon_as_it_stands_twice() -> None:
    line = list(range(10))

    loop = find_loop([77, *line, *line])

    assert loop is not None
    assert (loop.cycle, loop.surplus) == (10, 10)


def test_a_short_cycle_must_fill_24_tokens() -> None:
    assert find_loop([5] * 23) is None
    assert find_loop([5] * 24) is not None


@given(st.lists(st.integers(0, 3), max_size=60))
def test_what_is_cut_only_repeats_what_stands_before_it(output: list[int]) -> None:
    loop = find_loop(output)

    if loop is not None:
        kept = output[: -loop.surplus]
        assert output[-loop.surplus :] == [
            kept[i % loop.cycle - loop.cycle] for i in range(loop.surplus)
        ]


def lists_after(items: list[object]) -> JsonLists:
    """A list as far as before what follows its last item."""
    lists = JsonLists()
    lists.add('{"items": ' + json.dumps(items)[:-1])
    return lists


@pytest.mark.parametrize(
    ("items", "goes_in_circles"),
    [
        ([LAMP, CHAIR], False),
        ([LAMP, LAMP], True),
        ([LAMP, CHAIR, LAMP], True),
        ([LAMP, {**LAMP, "amount": "91.00"}], True),
        ([LAMP, {**LAMP, "amount": "91.00", "quantity": "3"}], False),
        (["red", "green"], False),
        (["red", "green", "red"], True),
        ([1, 0, 0, 1], False),
        ([{"x": 1}, {"x": 1}], False),
        ([["a", "b"], ["a", "c"]], False),
    ],
)
def test_a_list_goes_in_circles_when_its_newest_item_repeats(
    items: list[object], *, goes_in_circles: bool
) -> None:
    lists = lists_after(items)

    assert lists.goes_in_circles_after(", ") is goes_in_circles
    assert not lists.goes_in_circles_after("]")


def test_a_token_that_ends_the_item_and_leads_on_is_seen_as_well() -> None:
    lists = JsonLists()
    lists.add('["red", "red')

    assert lists.goes_in_circles_after('", "')


def test_a_comma_inside_a_string_ends_no_item() -> None:
    lists = JsonLists()
    lists.add('["a, \\"b", "a')

    assert not lists.goes_in_circles_after(', \\"b')


def test_asking_changes_nothing() -> None:
    lists = lists_after([LAMP])

    assert not lists.goes_in_circles_after(", ")
    lists.add(", " + json.dumps(LAMP))

    assert lists.goes_in_circles_after(", ")


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, max_size=3)), st.randoms()
)
def test_it_does_not_matter_how_the_answer_is_cut_into_pieces(
    value: object, dice: random.Random
) -> None:
    text = json.dumps([value, "end", "end"])[:-1]
    lists = JsonLists()
    start = 0
    while start < len(text):
        stop = start + dice.randint(1, 9)
        lists.add(text[start:stop])
        start = stop

    assert lists.goes_in_circles_after(",")
