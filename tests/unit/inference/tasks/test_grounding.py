"""Grounding: a marked string can only be what the document says."""

import re
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from zeroidle_inference.tasks.grounding import ground, run_pattern, values

MONEY = "^-?[0-9]{1,9}\\.[0-9]{2}$"
DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def copied(**rules: object) -> dict[str, Any]:
    return {"type": "string", "x-copied": True, **rules}


def test_a_schema_without_marks_stays_as_it_is() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}}

    assert ground(schema, "A text.") == schema


def test_a_patterned_string_becomes_a_choice_of_what_matches() -> None:
    schema = {"properties": {"items": {"items": copied(pattern=MONEY)}}}

    grounded = ground(schema, "Lamp 90.00, chair EUR 1.204,50, in all 1,294.50 on 3.4.2025")

    assert grounded["properties"]["items"]["items"] == {
        "type": "string",
        "enum": ["90.00", "1204.50", "1294.50"],
    }


def test_without_a_match_the_schemas_own_rules_stand() -> None:
    assert ground(copied(pattern=DATE), "No date here.") == copied(pattern=DATE)
    assert ground(copied(maxLength=9), " ... ") == copied(maxLength=9)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2025-3-4", "2025-03-04"),
        ("04.03.2025", "2025-03-04"),
        ("4 March 2025", "2025-03-04"),
        ("4th of", None),
        ("March 4, 2025", "2025-03-04"),
        ("4-Mar-2025", "2025-03-04"),
        ("04 MAR 2025", "2025-03-04"),
        ("£", "GBP"),
        ("(CHF)", "CHF"),
        ("1'040.00", "1040.00"),
        ("18,500", "18500"),
        ("6.5", "6.5"),
        ("-3", "-3"),
        ("€104,50", "104.50"),
        ("“INV-7”,", None),
        ("(INV-7),", "INV-7"),
    ],
)
def test_values_are_rewritten_as_patterns_ask_for_them(written: str, value: str | None) -> None:
    found = set(values(f"a {written} b"))

    assert value is None or value in found


def matches(document: str, text: str, limit: int = 80) -> bool:
    return re.search(run_pattern(document, limit), text) is not None


def test_a_run_is_whole_words_of_one_line_or_cell() -> None:
    document = "Brass desk lamp,  black      64.90\nTo: Hill & Sons (Omaha)"

    assert matches(document, "desk lamp, black")
    assert matches(document, "Hill & Sons")
    assert matches(document, "Omaha")
    assert not matches(document, "desk lam")
    assert not matches(document, "black 64.90")
    assert not matches(document, "64.90 To")
    assert not matches(document, "lamp black")


def test_a_run_is_no_longer_than_the_schema_allows() -> None:
    assert matches("one two three", "one two", 7)
    assert not matches("one two three", "one two three", 7)


@given(st.text(max_size=200), st.integers(1, 60))
def test_any_document_gives_a_pattern_that_compiles(document: str, limit: int) -> None:
    pattern = run_pattern(document, limit)

    assert not pattern or re.compile(pattern)
