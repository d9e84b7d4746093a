"""Grammars over a vocabulary of single bytes: forced tokens, dead ends, and hostile schemas."""

import json
import time
from collections.abc import Mapping
from typing import Any

import hypothesis.strategies as st
import jsonschema
import numpy as np
import pytest
from hypothesis import given
from llguidance import LLTokenizer

from zeroidle_inference.engine.errors import GrammarError
from zeroidle_inference.engine.grammar import Grammars, Matcher
from zeroidle_inference.engine.request import JsonSchema

TOKENIZER = LLTokenizer("byte")
SECRET = "Xq7Zw9"
STATED_SECONDS = 5.0
"""No schema takes longer to be compiled or refused."""

grammars = Grammars(make_tokenizer=lambda: TOKENIZER, vocabulary_size=TOKENIZER.vocab_size)


def matcher(schema: Mapping[str, Any]) -> Matcher:
    return grammars.matcher(JsonSchema(schema))


def write(matcher: Matcher, wish: str = "", *, seed: int = 0, limit: int = 2000) -> str:
    """An answer: the wished letters where they are allowed, else whatever a random model likes."""
    random = np.random.default_rng(seed)
    wishes = wish.encode()
    output = list(matcher.forced())
    while not matcher.is_complete:
        logits = random.standard_normal(TOKENIZER.vocab_size).astype(np.float32)
        # A model that comes to an end.
        logits[[*b'"}]', TOKENIZER.eos_token]] += 2
        if len(output) < len(wishes):
            logits[wishes[len(output)]] = 100
        token = matcher.choose(logits)
        if token == TOKENIZER.eos_token:
            break
        output += [token, *matcher.forced()]
        assert len(output) < limit
    return bytes(output).decode()


INVOICE = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "maxLength": 12},
        "total": {"type": "number"},
        "currency": {"enum": ["EUR", "USD", "GBP"]},
        "items": {
            "type": "array",
            "maxItems": 2,
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 8}},
                "required": ["name"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["number", "total", "currency", "items"],
    "additionalProperties": False,
}


@given(st.integers(0, 2**32))
def test_whatever_the_model_likes_the_answer_is_json_under_the_schema(seed: int) -> None:
    answer = write(matcher(INVOICE), seed=seed)

    jsonschema.validate(json.loads(answer), INVOICE)


def test_what_the_schema_leaves_no_choice_in_is_forced() -> None:
    assert bytes(matcher(INVOICE).forced()) == b'{"number": "'


def test_an_answer_without_any_choice_is_forced_whole() -> None:
    constant = matcher({"const": {"ok": True}})

    assert bytes(constant.forced()) == b'{"ok": true}'
    assert constant.is_complete


def test_the_models_favourite_is_taken_where_it_is_allowed() -> None:
    assert write(matcher({"enum": ["left", "right"]}), "right") == '"right"'


def test_a_token_ruled_out_by_the_caller_is_taken_only_if_there_is_no_other() -> None:
    either = matcher({"enum": ["a", "b"]})
    either.forced()
    logits = np.full(TOKENIZER.vocab_size, -np.inf, np.float32)
    logits[ord("b")] = -5

    assert either.choose(logits) == ord("b")

    neither = matcher({"enum": ["a", "b"]})
    neither.forced()

    assert neither.choose(np.full_like(logits, -np.inf)) in b"ab"


@pytest.mark.parametrize("last", [ord("1"), ord("2")])
def test_a_choice_taken_back_is_open_again(last: int) -> None:
    either = matcher({"enum": [1, 2]})
    logits = np.zeros(TOKENIZER.vocab_size, np.float32)
    logits[last] = 1
    either.choose(logits)

    either.undo()

    logits[last] = -1
    assert either.choose(logits) == {ord("1"): ord("2"), ord("2"): ord("1")}[last]


# Schemas that cannot be ----------------------------------------------------------------------

REFUSED: dict[str, dict[str, Any]] = {
    "an unknown type": {"type": SECRET},
    "an unknown keyword's value": {"type": "string", "not": {"const": SECRET}},
    "a reference to nothing": {"$ref": f"#/$defs/{SECRET}"},
    "a reference to the network": {"$ref": f"http://{SECRET}/schema.json"},
    "a broken pattern": {"type": "string", "pattern": f"({SECRET}["},
    "a contradiction": {"type": "string", "minLength": 5, "maxLength": 3},
    "an empty choice": {"enum": []},
    "an impossible field": {
        "type": "object",
        "properties": {f"it's {SECRET}": False},
        "required": [f"it's {SECRET}"],
    },
    "a field with a colon and quotes": {
        "type": "object",
        "properties": {f"a\"b: '{SECRET}": {"type": f"'{SECRET}"}},
    },
    "an unknown option of the compiler": {"x-guidance": {SECRET: 1}, "type": "string"},
    "no JSON": {"const": {SECRET, "a set"}},
    "a number that is none": {"const": float("nan")},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_schema_that_cannot_be_is_refused_without_its_own_words(name: str) -> None:
    with pytest.raises(GrammarError) as caught:
        matcher(REFUSED[name])

    assert SECRET.lower() not in str(caught.value).lower()
    assert len(str(caught.value)) > len("the schema ")


def test_a_refusal_says_what_is_wrong_in_the_schemas_keywords() -> None:
    with pytest.raises(GrammarError, match="minLength is greater than maxLength"):
        matcher(REFUSED["a contradiction"])


secret_schemas = st.recursive(
    st.sampled_from(
        [
            {"type": SECRET},
            {"type": "string", "format": SECRET},
            {"type": "string", "pattern": f"({SECRET}"},
            {"enum": [SECRET]},
            {"const": SECRET},
            {"type": "integer", "minimum": SECRET},
            {SECRET: SECRET},
            {"$ref": SECRET},
            {"required": [SECRET], "properties": {SECRET: False}},
        ]
    ),
    lambda inner: st.one_of(
        inner.map(lambda schema: {"type": "object", "properties": {SECRET: schema}}),
        inner.map(lambda schema: {"type": "array", "items": schema}),
        st.lists(inner, min_size=1, max_size=3).map(lambda schemas: {"allOf": schemas}),
        st.lists(inner, min_size=1, max_size=3).map(lambda schemas: {"anyOf": schemas}),
    ),
    max_leaves=4,
)


@given(secret_schemas)
def test_no_refusal_repeats_what_the_sender_wrote(schema: dict[str, Any]) -> None:
    try:
        matcher(schema)
    except GrammarError as error:
        assert SECRET.lower() not in str(error).lower()  # noqa: PT017 - many schemas are fine


def test_a_schema_that_no_finite_answer_meets_is_an_error_and_not_a_complete_answer() -> None:
    endless = {
        "type": "object",
        "properties": {"a": {"$ref": "#"}},
        "required": ["a"],
        "additionalProperties": False,
    }

    with pytest.raises(GrammarError, match="cannot be met"):
        write(matcher(endless), limit=10**6)


def test_a_schema_that_means_itself_is_an_error() -> None:
    with pytest.raises(GrammarError, match="cannot be met"):
        write(matcher({"$ref": "#"}))


def test_a_pattern_that_outgrows_the_lexer_is_an_error_and_not_a_complete_answer() -> None:
    bomb = {"type": "string", "pattern": "^(a{1,1000}){1,1000}$"}

    with pytest.raises(GrammarError, match="cannot be met"):
        write(matcher(bomb), "a" * 5000, limit=10**4)


def doubling(keyword: str, depth: int) -> dict[str, Any]:
    """A schema whose expansion doubles with each definition."""
    definitions: dict[str, Any] = {"d0": {"type": "string"}}
    for i in range(1, depth):
        inner = {"$ref": f"#/$defs/d{i - 1}"}
        definitions[f"d{i}"] = {
            keyword: [inner, {"type": "object", "properties": {"a": inner, "b": inner}}]
        }
    return {"$defs": definitions, "$ref": f"#/$defs/d{depth - 1}"}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


BOMBS: dict[str, dict[str, Any]] = {
    "nested to the limit of Python": nested(900),
    "nested beyond it": nested(20_000),
    "doubling choices": doubling("anyOf", 40),
    "doubling conjunctions": doubling("allOf", 40),
    "a very long list": {"type": "array", "items": {"type": "integer"}, "minItems": 10**8},
    "a very long string": {"type": "string", "minLength": 10**8},
    "many fields": {"type": "object", "properties": {f"p{i}": {} for i in range(50_000)}},
    "many values": {"enum": [f"value {i}" for i in range(50_000)]},
    "nested repetitions": {"type": "string", "pattern": "^(((a{1,99}){1,99}){1,99}){1,99}$"},
    "a lookbehind of states": {"type": "string", "pattern": "^(.*a.{500})$"},
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_schema_is_compiled_or_refused_in_bounded_time(name: str) -> None:
    started_s = time.monotonic()

    try:
        compiled = matcher(BOMBS[name])
        compiled.forced()
        compiled.choose(np.zeros(TOKENIZER.vocab_size, np.float32))
    except GrammarError as error:
        assert str(error).startswith("the schema")  # noqa: PT017 - some are merely large

    assert time.monotonic() - started_s < STATED_SECONDS


class CountedMasks:
    """llguidance's matcher, and how often it was asked for a mask."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher
        self.masks = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._matcher, name)

    def compute_bitmask(self) -> Any:
        self.masks += 1
        return self._matcher.compute_bitmask()


def test_a_mask_over_the_vocabulary_is_made_only_where_the_favourite_may_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    under_test = matcher({"type": "string", "enum": ["good", "great", "bad"]})
    counted = CountedMasks(getattr(under_test, "_matcher"))  # noqa: B009 - no part of `Matcher`
    monkeypatch.setattr(under_test, "_matcher", counted)
    logits = np.zeros(TOKENIZER.vocab_size, np.float32)
    assert list(under_test.forced()) == list(b'"')
    logits[ord("g")] = 1

    assert under_test.choose(logits) == ord("g")
    assert counted.masks == 0
    logits[ord("r")] = 0.5
    assert under_test.choose(logits) == ord("r")  # the favourite, another g, may not follow
    assert counted.masks == 1
    assert list(under_test.forced()) == list(b'eat"')
    assert counted.masks == 1
