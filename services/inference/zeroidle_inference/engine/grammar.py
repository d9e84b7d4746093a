"""Grammars over the model's tokens, by llguidance.

A `Matcher` follows one answer. It hands out the tokens that the grammar forces, so that they need
no sampling, and checks the model's favourite before it computes a mask over the vocabulary.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import llguidance.llamacpp
import numpy as np
from llguidance import LLMatcher, LLTokenizer
from numpy.typing import NDArray

from zeroidle_inference.engine.decoder import Logits
from zeroidle_inference.engine.errors import GrammarError
from zeroidle_inference.engine.model import LoadedModel
from zeroidle_inference.engine.request import JsonSchema

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions

_JSON_LAYOUT: "JsonCompileOptions" = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
}
_UNMET = "the schema cannot be met: its grammar allows no further token, or is too complex"
_WORD = re.compile(r"[A-Za-z]+")
_TELLABLE_WORDS = """
    a able allowed allows and are array as be boolean bounds but by cannot circular complex
    constraint depth does doesn empty error exceeded exist expected extension field fields for found
    generator grammar greater has have in incompatible infinite integer invalid is item items key
    keys large less lexer limit limits match maximum minimum missing more must nested no not null
    number object of only or parse parser pointer property recursion reference regex required
    resource same schema string supported than that the to token too type types unable unimplemented
    unknown unsatisfiable unsupported value values was with
    additionalItems additionalProperties allOf anyOf const contains dependentRequired enum
    exclusiveMaximum exclusiveMinimum format maxItems maxLength maxProperties minItems minLength
    minProperties multipleOf oneOf pattern patternProperties prefixItems properties propertyNames
    ref unevaluatedProperties uniqueItems
"""
"""What llguidance's messages are made of, and the names of JSON Schema's keywords."""

_TELLABLE = frozenset(_TELLABLE_WORDS.split())


class Matcher(Protocol):
    """One answer's way through a grammar."""

    @property
    def is_complete(self) -> bool:
        """True when nothing may follow."""
        ...

    def forced(self) -> Sequence[int]:
        """The tokens that must come next, already accepted; empty where there is a choice."""
        ...

    def choose(self, logits: Logits) -> int:
        """The likeliest token that may come next, already accepted."""
        ...

    def undo(self) -> None:
        """Take back the last token that was chosen."""
        ...

    def allows(self, tokens: Sequence[int]) -> int:
        """How many of these tokens may come next, in their order; none is accepted."""
        ...


class Grammars:
    """Compiles grammars for one model's vocabulary."""

    def __init__(self, *, make_tokenizer: Callable[[], LLTokenizer], vocabulary_size: int) -> None:
        self._make_tokenizer = make_tokenizer
        self._vocabulary_size = vocabulary_size

    @classmethod
    def of(cls, model: LoadedModel) -> "Grammars":
        """Grammars over a model's tokens."""

        def make_tokenizer() -> LLTokenizer:
            return llguidance.llamacpp.lltokenizer_from_vocab(
                model.vocab, eos_token=sorted(model.end_tokens)
            )

        return cls(make_tokenizer=make_tokenizer, vocabulary_size=model.vocabulary_size)

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        # Takes a third of a second and more: a cold start for other tasks need not wait for it.
        return self._make_tokenizer()

    def matcher(self, grammar: JsonSchema) -> Matcher:
        """A fresh matcher.

        Raises:
            GrammarError: it cannot be compiled, or nothing satisfies it. The message holds nothing
                of the schema's own words.
        """
        try:
            source = _source(grammar)
        except (TypeError, ValueError, RecursionError) as error:
            raise GrammarError("the schema is not plain JSON, or nested too deeply") from error
        matcher = LLMatcher(self._tokenizer, source, log_level=0)
        if matcher.is_error():
            raise GrammarError(f"the schema cannot be compiled: {_summary(matcher.get_error())}")
        return _LlguidanceMatcher(matcher, self._vocabulary_size)


class _LlguidanceMatcher:
    def __init__(self, matcher: LLMatcher, vocabulary_size: int) -> None:
        self._matcher = matcher
        self._vocabulary_size = vocabulary_size

    @property
    def is_complete(self) -> bool:
        if not self._matcher.is_stopped():
            return False
        # A matcher that ran into a limit or a dead end has stopped as well.
        if not self._matcher.is_accepting():
            raise GrammarError(_UNMET)
        return True

    def forced(self) -> Sequence[int]:
        tokens: list[int] = [] if self.is_complete else self._matcher.compute_ff_tokens()
        if tokens:
            self._accept(tokens)
        elif self._matcher.is_error():
            raise GrammarError(_UNMET)
        return tokens

    def choose(self, logits: Logits) -> int:
        favourite = int(logits.argmax())
        if self._matcher.validate_tokens([favourite]) == 0:
            allowed = self._allowed()
            if not allowed.any():
                raise GrammarError(_UNMET)
            # A token the caller has ruled out (-inf) is taken only if there is no other.
            favourite = int(np.where(allowed, logits, -np.inf).argmax())
            if not allowed[favourite]:
                favourite = int(allowed.argmax())
        self._accept([favourite])
        return favourite

    def undo(self) -> None:
        self._matcher.rollback(1)

    def allows(self, tokens: Sequence[int]) -> int:
        return self._matcher.validate_tokens(list(tokens))

    def _allowed(self) -> NDArray[np.bool_]:
        try:
            mask = self._matcher.compute_bitmask()
        except ValueError as error:
            raise GrammarError(_UNMET) from error
        bits = np.unpackbits(np.frombuffer(mask, np.uint8), bitorder="little")
        return bits[: self._vocabulary_size].astype(bool)

    def _accept(self, tokens: list[int]) -> None:
        if not self._matcher.consume_tokens(tokens):
            raise GrammarError(_UNMET)


def _source(grammar: JsonSchema) -> str:
    schema = json.dumps(grammar.schema, allow_nan=False)
    return str(LLMatcher.grammar_from_json_schema(schema, overrides=_JSON_LAYOUT))


def _summary(problem: str) -> str:
    """What is wrong, without the names, patterns and values that the sender wrote."""
    words = _WORD.findall(problem.partition("\n")[0])
    told = [word for word in words if word in _TELLABLE or word.lower() in _TELLABLE]
    return " ".join(told) or "no reason given"
