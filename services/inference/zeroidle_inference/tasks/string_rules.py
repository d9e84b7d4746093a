"""Which strings a schema allows, asked of llguidance, of which the answer's grammar is made too.

It matches patterns by automata, in time linear in the text and within limits on their size. So no
pattern that a job brings along can hang the thread that all jobs share, as backtracking would.
Knows nothing of documents.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from llguidance import LLMatcher, LLTokenizer

_OTHER_MEANING_ALONE = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "x-guidance"})
"""References lead to where this schema is only a part; llguidance's options stand at the top."""


class StringRules:
    """All rules of a schema for a string, as one."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._matcher = _compiled(schema)

    @property
    def can_be_met(self) -> bool:
        """False where no string is allowed, or the rules cannot be told by themselves."""
        return self._matcher is not None

    def allowed(self, strings: Iterable[str]) -> list[str]:
        """Those of the strings that are allowed. One that takes a pattern to its limits is not."""
        matcher = self._matcher
        return [] if matcher is None else [each for each in strings if _allows(matcher, each)]


def has_an_answer(schema: Mapping[str, Any]) -> bool:
    """Whether a whole schema, of strings or not, leaves anything to say. Compiles its grammar."""
    return _matcher(schema) is not None


def _compiled(schema: Mapping[str, Any]) -> LLMatcher | None:
    return _matcher(schema) if _OTHER_MEANING_ALONE.isdisjoint(keywords(schema)) else None


def _matcher(schema: Mapping[str, Any]) -> LLMatcher | None:
    try:
        source = LLMatcher.grammar_from_json_schema(json.dumps(schema, allow_nan=False))
    except (TypeError, ValueError):
        return None
    matcher = LLMatcher(_bytes(), source, log_level=0)
    return None if matcher.is_error() else matcher


def _allows(matcher: LLMatcher, string: str) -> bool:
    # The quote at the end is taken only where the string may end.
    written = json.dumps(string, ensure_ascii=False).encode(errors="replace")
    return matcher.validate_tokens(list(written)) == len(written)


@functools.cache
def _bytes() -> LLTokenizer:
    """A vocabulary of single bytes."""
    return LLTokenizer("byte", slices=[])


def keywords(node: Any) -> frozenset[str]:  # noqa: ANN401 - any part of a schema
    """Every key in a schema, at any depth."""
    if isinstance(node, Mapping):
        below = (keywords(inner) for inner in node.values())
        return frozenset(str(key) for key in node).union(*below)
    if isinstance(node, list):
        return frozenset().union(*(keywords(inner) for inner in node))
    return frozenset()
