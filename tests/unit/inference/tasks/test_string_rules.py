"""Which strings a schema allows, and what cannot be told of it by itself."""

from typing import Any

import pytest

from zeroidle_inference.tasks.string_rules import StringRules, keywords

WORDS = ["ab", "abc", "ABC", 'a"b', "a\\b", "é", "", "2026-01-31", "2026-02-31"]


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ({"pattern": "^[a-z]+$"}, ["ab", "abc"]),
        ({"pattern": "c"}, ["abc"]),
        ({"pattern": "^[a-z]+$", "minLength": 3}, ["abc"]),
        ({"maxLength": 1}, ["é", ""]),
        ({"format": "date"}, ["2026-01-31"]),
        ({"enum": ["ab", 'a"b', "a\\b"]}, ["ab", 'a"b', "a\\b"]),
        ({"allOf": [{"minLength": 2}, {"maxLength": 2}]}, ["ab"]),
    ],
)
def test_every_rule_counts(rules: dict[str, object], allowed: list[str]) -> None:
    strings = [word for word in WORDS if rules.get("format") or "-02-" not in word]

    assert StringRules({"type": "string", **rules}).allowed(strings) == allowed


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "$ref": "#"},
        {"type": "string", "x-guidance": {"lenient": True}},
        {"type": "string", "minLength": 3, "maxLength": 2},
        {"type": "string", "pattern": "["},
        {"type": "string", "const": float("nan")},
    ],
)
def test_rules_that_cannot_be_met_or_told_alone_allow_nothing(schema: dict[str, Any]) -> None:
    rules = StringRules(schema)

    assert not rules.can_be_met
    assert rules.allowed(WORDS) == []


def test_a_string_that_takes_the_pattern_beyond_its_limits_is_not_allowed() -> None:
    rules = StringRules({"type": "string", "pattern": "^(a{1,1000}){1,1000}$"})

    assert rules.allowed(["a", "a" * 5000]) == ["a"]


def test_keywords_are_found_at_any_depth() -> None:
    assert keywords({"a": [{"b": 1}, [{"c": {}}]], "d": "e"}) == {"a", "b", "c", "d"}
