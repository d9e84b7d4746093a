"""Grammars over the model's tokens, by llguidance.

A `Matcher` follows one answer. It hands out the tokens that the grammar forces, so that they need
no sampling, and checks the model's favourite before it computes a mask over the vocabulary.
"""

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import llguidance.llamacpp
import numpy as np
from llguidance import LLMatcher

from zeroidle_inference.engine.decoder import Logits
from zeroidle_inference.engine.errors import GrammarError
from zeroidle_inference.engine.model import LoadedModel
from zeroidle_inference.engine.request import JsonSchema, QuotedLines

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions

_JSON_LAYOUT: "JsonCompileOptions" = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
}
_QUOTED_OR_DETAIL = re.compile(r"'[^']*'|\"[^\"]*\"|:.*", re.DOTALL)


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


class Grammars:
    """Compiles grammars for one model's vocabulary. Takes a third of a second to make."""

    def __init__(self, model: LoadedModel) -> None:
        self._vocabulary_size = model.vocabulary_size
        self._tokenizer = llguidance.llamacpp.lltokenizer_from_vocab(
            model.vocab, eos_token=sorted(model.end_tokens)
        )

    def matcher(self, grammar: JsonSchema | QuotedLines) -> Matcher:
        """A fresh matcher.

        Raises:
            GrammarError: it cannot be compiled, or nothing satisfies it. The message holds nothing
                of the schema's own words.
        """
        try:
            source = _source(grammar)
        except (TypeError, ValueError, RecursionError) as error:
            raise GrammarError("the schema is not plain JSON") from error
        is_bad, problems = LLMatcher.validate_grammar_with_warnings(source, self._tokenizer)
        if is_bad:
            raise GrammarError(f"the schema cannot be compiled: {_summary(problems)}")
        matcher = LLMatcher(self._tokenizer, source, log_level=0)
        if matcher.is_error():
            raise GrammarError(f"the schema cannot be compiled: {_summary([matcher.get_error()])}")
        return _LlguidanceMatcher(matcher, self._vocabulary_size)


class _LlguidanceMatcher:
    def __init__(self, matcher: LLMatcher, vocabulary_size: int) -> None:
        self._matcher = matcher
        self._vocabulary_size = vocabulary_size

    @property
    def is_complete(self) -> bool:
        return bool(self._matcher.is_stopped())

    def forced(self) -> Sequence[int]:
        if self.is_complete:
            return ()
        tokens: list[int] = self._matcher.compute_ff_tokens()
        if tokens:
            self._accept(tokens)
        return tokens

    def choose(self, logits: Logits) -> int:
        favourite = int(logits.argmax())
        if self._matcher.validate_tokens([favourite]) == 0:
            allowed = np.unpackbits(
                np.frombuffer(self._matcher.compute_bitmask(), np.uint8), bitorder="little"
            )[: self._vocabulary_size].astype(bool)
            if not allowed.any():
                raise GrammarError("the grammar allows no further token")
            # A token the caller has ruled out (-inf) is taken only if there is no other.
            favourite = int(np.where(allowed, logits, -np.inf).argmax())
            if not allowed[favourite]:
                favourite = int(allowed.argmax())
        self._accept([favourite])
        return favourite

    def _accept(self, tokens: list[int]) -> None:
        if not self._matcher.consume_tokens(tokens):
            raise GrammarError("the grammar refuses its own token")


def _source(grammar: JsonSchema | QuotedLines) -> str:
    if isinstance(grammar, JsonSchema):
        schema = json.dumps(grammar.schema, allow_nan=False)
        return str(LLMatcher.grammar_from_json_schema(schema, overrides=_JSON_LAYOUT))
    words = json.dumps({"substring_words": grammar.text})
    return str(
        LLMatcher.grammar_from_lark(
            f'start: (LINE "\\n"){{0,{grammar.max_lines}}}\n'
            "LINE: WORDS & /[^ \\n][^\\n]{0,78}[^ \\n]/\n"
            f"WORDS: %regex {words}\n"
        )
    )


def _summary(problems: Sequence[str]) -> str:
    """What is wrong, without the names and patterns that the sender wrote."""
    first = problems[0] if problems else "no reason given"
    return _QUOTED_OR_DETAIL.sub("", first).strip().lower()
