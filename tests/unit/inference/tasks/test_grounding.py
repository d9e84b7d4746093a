"""Grounding: a marked string can only be what the document says."""

import json
import re
from typing import Any

import hypothesis.strategies as st
import jsonschema
import numpy as np
import pytest
from hypothesis import given
from llguidance import LLTokenizer

from zeroidle_inference.engine.errors import GrammarError
from zeroidle_inference.engine.grammar import Grammars
from zeroidle_inference.engine.request import JsonSchema
from zeroidle_inference.tasks import grounding
from zeroidle_inference.tasks.grounding import ground, run_pattern, values

BYTES = LLTokenizer("byte", slices=[])
grammars = Grammars(make_tokenizer=lambda: BYTES, vocabulary_size=BYTES.vocab_size)

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
    ("rules", "found"),
    [
        ({"pattern": "^[A-Z0-9]+$", "maxLength": 5}, ["AB1"]),
        ({"pattern": "^[A-Z0-9]+$", "minLength": 5}, ["ABCDEFGH12"]),
        ({"format": "date"}, ["2026-05-04"]),
    ],
)
def test_only_what_meets_every_rule_of_the_string_is_a_choice(
    rules: dict[str, object], found: list[str]
) -> None:
    grounded = ground(copied(**rules), "Order ABCDEFGH12 and AB1 of 4.5.2026,")

    assert grounded == {"type": "string", "enum": found}


def test_runs_keep_the_rules_that_not_every_run_meets() -> None:
    grounded = ground(copied(minLength=9), "ten words of it")

    assert grounded["minLength"] == 9
    assert grounded["pattern"] == run_pattern("ten words of it", 80)
    assert ground(copied(minLength=99), "ten words of it") == copied(minLength=99)


@pytest.mark.parametrize(
    "schema",
    [
        copied(enum=["Lamp", "Sofa"]),
        copied(const="Sofa"),
        {"const": copied(pattern=MONEY)},
        {"oneOf": [copied(pattern=MONEY), {"type": "string", "maxLength": 9}]},
        {"$defs": {"a": copied(pattern=MONEY)}, "oneOf": [{"$ref": "#/$defs/a"}]},
        {"$defs": {"a": {"minLength": 9}}, "items": copied(**{"$ref": "#/$defs/a"})},
    ],
)
def test_what_is_no_narrower_when_narrowed_stays_as_it_is(schema: dict[str, Any]) -> None:
    assert ground(schema, "Lamp 90.00") == schema


@pytest.mark.parametrize(
    "rules",
    [
        {"maxLength": "x"},
        {"maxLength": -1},
        {"maxLength": None},
        {"maxLength": 1.5},
        {"minLength": [], "pattern": MONEY},
        {"pattern": 3},
        {"pattern": "("},
        {"format": {}},
        {"enum": "abc"},
    ],
)
def test_rules_that_are_none_are_left_to_the_grammar_which_refuses_them(
    rules: dict[str, object],
) -> None:
    grounded = ground({"items": copied(**rules)}, "Lamp 90.00")

    assert grounded == {"items": copied(**rules)}
    with pytest.raises(GrammarError):
        grammars.matcher(JsonSchema(grounded["items"]))


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(.*)*x$", "(a*)*b$"])
def test_a_pattern_that_makes_backtracking_explode_is_matched_like_any_other(pattern: str) -> None:
    # By backtracking this takes longer than the universe is old.
    document = "a" * 5000 + "c Lamp " + "a" * 500

    assert ground(copied(pattern=pattern), document)["type"] == "string"


def test_a_schema_that_asks_for_too_much_work_is_narrowed_as_far_as_that_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = "one two three"
    monkeypatch.setattr(grounding, "MAX_CHARACTERS", 2 * 10 * len(document))

    assert ground({"items": [], "anyOf": [copied(maxLength=7), copied(maxLength=8)]}, document) == {
        "items": [],
        "anyOf": [{**copied(), "pattern": run_pattern(document, 7)}, copied(maxLength=8)],
    }
    assert ground(copied(pattern="^t"), "two " + "1" * 300) == copied(pattern="^t")


def test_rules_that_stand_at_many_places_are_looked_at_once() -> None:
    schema = {"properties": {f"p{i}": copied(pattern=MONEY) for i in range(5000)}}

    grounded = ground(schema, "Lamp 90.00")["properties"]

    assert {id(each) for each in grounded.values()} == {id(grounded["p0"])}


def test_two_marked_strings_that_must_both_hold_keep_the_schemas_own_rules() -> None:
    schema = {"allOf": [copied(), copied(pattern=MONEY)]}

    assert ground(schema, "Lamp") == schema


AN_AMOUNT = {"properties": {"ab": {"type": "string", "pattern": MONEY}}}


@pytest.mark.parametrize(
    "other_rule",
    [
        {"patternProperties": {"^a": copied(pattern=MONEY)}},
        {"anyOf": [AN_AMOUNT]},
        {"allOf": [AN_AMOUNT]},
        {"$ref": "#/$defs/amount", "$defs": {"amount": AN_AMOUNT}},
    ],
)
def test_where_another_rule_for_the_same_value_leaves_nothing_of_the_document_the_schema_stands(
    other_rule: dict[str, Any],
) -> None:
    schema = {"type": "object", "properties": {"ab": copied()}, "required": ["ab"], **other_rule}

    assert ground(schema, "Lamp") == schema
    assert ground(schema, "Lamp 90.00") != schema


# The grounded schema implies the given one ----------------------------------------------------

WORDS = ["Lamp", "ABCDEFGH12", "AB1,", "4", "May", "2026", "90.00", "1,204.50", "€", '"q\\', "é🙂"]
documents = st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=8).map(" ".join)
marked = st.fixed_dictionaries(
    {},
    optional={
        "pattern": st.sampled_from([MONEY, DATE, "^[A-Z]", "[0-9]", "^.{3}$", "^(a|b)*$"]),
        "minLength": st.integers(0, 9),
        "maxLength": st.integers(0, 12),
        "format": st.sampled_from(["date", "email"]),
        "enum": st.lists(st.sampled_from(["Lamp", "AB1", "2026"]), min_size=1, unique=True),
        "const": st.sampled_from(["Lamp", "4"]),
        "anyOf": st.just([{"maxLength": 4}, {"pattern": "^[0-9]+$"}]),
        "description": st.just("copied"),
    },
).map(lambda rules: copied(**rules))
schemas = st.recursive(
    marked,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2).map(lambda each: {"anyOf": each}),
        st.lists(inner, min_size=1, max_size=2).map(lambda each: {"allOf": each}),
        st.lists(inner, min_size=1, max_size=2).map(lambda each: {"oneOf": each}),
        inner.map(lambda each: {"type": "array", "items": each, "minItems": 1, "maxItems": 2}),
        inner.map(
            lambda each: {
                "type": "object",
                "properties": {"a": each, "b": {"$ref": "#/$defs/d"}},
                "required": ["a", "b"],
                "additionalProperties": False,
            }
        ),
    ),
    max_leaves=3,
)


def written(schema: Any, seed: int) -> str:
    """An answer that the grammar allows, of a model that likes anything and to come to an end."""
    random = np.random.default_rng(seed)
    matcher = grammars.matcher(JsonSchema(schema))
    output = list(matcher.forced())
    while not matcher.is_complete:
        logits = random.standard_normal(BYTES.vocab_size).astype(np.float32)
        logits[[*b'"}]', BYTES.eos_token]] += 2
        token = matcher.choose(logits)
        if token == BYTES.eos_token:
            break
        output += [token, *matcher.forced()]
    return bytes(output).decode(errors="replace")


@given(schemas, marked, documents, st.integers(0, 2**32))
def test_whatever_the_grounded_schema_admits_is_valid_under_the_given_one(
    schema: Any, definition: Any, document: str, seed: int
) -> None:
    given_schema = {**schema, "$defs": {"d": definition}}
    try:
        written(given_schema, seed)
    except GrammarError:
        return  # nothing meets it: no document mends that

    answer = written(ground(given_schema, document), seed)

    jsonschema.validate(json.loads(answer), given_schema)


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
