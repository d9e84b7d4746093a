"""Grounding: strings of a schema that are marked `"x-copied": true` can only be found, not made up.

For one document, each marked string is narrowed to what stands in it: by a `pattern` or `format`,
to the words, numbers, dates and currencies that match it, rewritten as it asks; without one, to any
run of whole words. So a small model chooses where it would invent, and what is forced costs
nothing. Whatever the narrower schema admits, the given one does. A marked string that is a choice
already, or that the document has no match for, keeps the schema's own rules; where rules that
must hold together leave nothing once they are narrowed, the whole schema does.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from zeroidle_inference.tasks.string_rules import StringRules, has_an_answer, keywords

MARK = "x-copied"
MAX_RUN_WORDS = 10
DEFAULT_RUN_CHARACTERS = 80
MAX_CHARACTERS = 4_000_000
"""That may be compared with a schema's rules or written into it, in all: seconds, whatever the job.
Marked strings beyond it keep the schema's own rules."""

_SCHEMAS_BY_NAME = frozenset({"properties", "patternProperties", "$defs", "definitions"})
_LISTS_OF_SCHEMAS = frozenset({"anyOf", "prefixItems"})
_SCHEMAS = frozenset({"items", "additionalProperties"})
"""What is narrower under one of these makes the whole narrower. Under others it may not, or it is
no schema at all, as in `const`. Under `allOf` two that are narrowed apart may leave nothing."""

_TURNED_AROUND = frozenset({"not", "oneOf", "if", "contains"})
"""A narrower schema under one of these, or referred to from there, may admit more."""

_TWO_RULES_FOR_ONE_VALUE = frozenset(
    {"allOf", "anyOf", "oneOf", "not", "if", "$ref", "patternProperties", "contains", "uniqueItems"}
)
"""With these beside it, what is narrowed may leave nothing, though the given schema did."""

_MET_BY_ANY_RUN = frozenset({"type", "maxLength", "title", "description", MARK})

_NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:[.,'’]\d+)*(?![\w])|(?<=[€£$¥])\d+(?:[.,'’]\d+)*(?!\w)")
_GROUPED = re.compile(r"-?\d{1,3}(?:[.,'’]\d{3})+")
_DECIMALS = re.compile(r"(-?[\d.,'’]*\d)[.,](\d{1,3})")
_ISO_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_DAY_FIRST_DATE = re.compile(r"(?<!\d)(\d{1,2})[./](\d{1,2})[./](\d{4})(?!\d)")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*\.?"
_DAY_MONTH = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?[ -]{_MONTH}[ ,-]+(\d{{4}})", re.IGNORECASE
)
_MONTH_DAY = re.compile(rf"\b{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})", re.IGNORECASE)
_SYMBOLS = {"€": "EUR", "£": "GBP", "¥": "JPY", "$": "USD"}
_AROUND = ",;:!?()[]{}<>\"'*#|. "
_TRAILING = re.compile(r"(.*?)([,.;:!?)\]]*)", re.DOTALL)
_CELL_END = re.compile(r"\n|\t|\||\s{4,}")
_SPACE_BEFORE_COMMA = re.compile(r"[ \t]+(?=[,;:.](?:\s|$))")


def ground(schema: Mapping[str, Any], document: str) -> Mapping[str, Any]:
    """The schema for one document; the schema itself where nothing in it can be narrowed."""
    used = keywords(schema)
    if MARK not in used or ("$ref" in used and not _TURNED_AROUND.isdisjoint(used)):
        return schema
    grounded = _Grounding(document).of(schema)
    assert isinstance(grounded, dict)  # noqa: S101 - of a mapping comes a mapping
    # To compile it takes as long as all the rest, so only where it may be needed.
    may_leave_nothing = grounded != schema and not _TWO_RULES_FOR_ONE_VALUE.isdisjoint(used)
    return schema if may_leave_nothing and not has_an_answer(grounded) else grounded


class _Grounding:
    def __init__(self, document: str) -> None:
        self._document = document
        self._values = tuple(dict.fromkeys(filter(None, values(document))))
        self._runs: dict[int, str] = {}
        self._narrowed: dict[str, Mapping[str, Any]] = {}
        self._left_characters = MAX_CHARACTERS

    def of(self, node: Any) -> Any:  # noqa: ANN401 - any part of a schema
        if not isinstance(node, Mapping):
            return node
        if node.get(MARK) is True and node.get("type") == "string":
            return self._string(node)
        return {key: _within(key, inner, self.of) for key, inner in node.items()}

    def _string(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        key = json.dumps(node, sort_keys=True)
        if key not in self._narrowed:
            self._narrowed[key] = self._narrow(node)
        return self._narrowed[key]

    def _narrow(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        rules = StringRules(node)
        if not rules.can_be_met or "enum" in node or "const" in node:
            return node
        if "pattern" in node or "format" in node:
            may_look = self._spend(sum(map(len, self._values)))
            found = rules.allowed(self._values) if may_look else []
            return {"type": "string", "enum": found} if found else node
        runs = self._run_pattern(node.get("maxLength", DEFAULT_RUN_CHARACTERS))
        narrower = {**node, "pattern": runs}
        # Runs are within the length already: to count it once more makes the grammar large.
        narrower.pop("maxLength", None)
        is_met = _MET_BY_ANY_RUN.issuperset(node) or StringRules(narrower).can_be_met
        return narrower if runs and is_met else node

    def _run_pattern(self, longest: int) -> str:
        if longest not in self._runs and self._spend(len(self._document) * MAX_RUN_WORDS):
            self._runs[longest] = run_pattern(self._document, longest)
        runs = self._runs.get(longest, "")
        return runs if self._spend(len(runs)) else ""

    def _spend(self, characters: int) -> bool:
        self._left_characters -= characters
        return self._left_characters >= 0


def _within(keyword: str, inner: Any, change: Callable[[Any], Any]) -> Any:  # noqa: ANN401
    """What stands under a keyword, with the schemas in it changed."""
    if keyword in _SCHEMAS_BY_NAME and isinstance(inner, Mapping):
        return {name: change(schema) for name, schema in inner.items()}
    if keyword in _LISTS_OF_SCHEMAS and isinstance(inner, list):
        return [change(schema) for schema in inner]
    return change(inner) if keyword in _SCHEMAS else inner


def values(document: str) -> Iterator[str]:
    """What a pattern may ask for: dates in ISO, currency codes, numbers with a decimal point, words.

    In the order of their kind; a date's digits are offered as numbers as well.
    """
    yield from _dates(document)
    yield from re.findall(r"\b[A-Z]{3}\b", document)
    yield from (code for symbol, code in _SYMBOLS.items() if symbol in document)
    for match in _NUMBER.finditer(document):
        yield from _decimal(match.group())
    yield from (word.strip(_AROUND) for word in document.split())


def _dates(document: str) -> Iterator[str]:
    for year, month, day in _ISO_DATE.findall(document):
        yield f"{year}-{int(month):02}-{int(day):02}"
    for day, month, year in _DAY_FIRST_DATE.findall(document):
        yield f"{year}-{int(month):02}-{int(day):02}"
    for day, name, year in _DAY_MONTH.findall(document):
        yield f"{year}-{_month(name):02}-{int(day):02}"
    for name, day, year in _MONTH_DAY.findall(document):
        yield f"{year}-{_month(name):02}-{int(day):02}"


def _month(name: str) -> int:
    return _MONTHS.index(name.lower()) + 1


def _decimal(number: str) -> Iterator[str]:
    """A number with a decimal point and no other mark; `1.234` may be a thousand or a fraction."""
    if _GROUPED.fullmatch(number):
        yield re.sub(r"[.,'’]", "", number)
    decimals = _DECIMALS.fullmatch(number)
    if decimals is not None:
        yield re.sub(r"[.,'’]", "", decimals[1]) + "." + decimals[2]
    elif number.lstrip("-").isdigit():
        yield number


def run_pattern(document: str, max_characters: int) -> str:
    """A regular expression that matches each run of whole words, single-spaced, within a cell.

    A cell ends with its line, at a tab, a bar or a wide space. Empty if there is no word. Runs are
    at most `MAX_RUN_WORDS` long, and at most `max_characters`.
    """
    starts = (
        start
        for cell in _CELL_END.split(document)
        for start in _runs(_SPACE_BEFORE_COMMA.sub("", cell).split(), max_characters)
    )
    alternatives = "|".join(dict.fromkeys(filter(None, starts)))
    return f"^(?:{alternatives})$" if alternatives else ""


def _runs(words: list[str], max_characters: int) -> Iterator[str]:
    for start, first in enumerate(words):
        stem = first.lstrip("([{<\"'*#|")
        if stem and stem[0].isalnum():
            yield _nested(
                _fitting([stem, *words[start + 1 : start + MAX_RUN_WORDS]], max_characters)
            )


def _fitting(words: list[str], max_characters: int) -> list[str]:
    length = -1
    for count, word in enumerate(words):
        length += 1 + len(word)
        if length > max_characters:
            return words[:count]
    return words


def _nested(words: Iterable[str]) -> str:
    """`a(?: b(?: c)?)?`, where punctuation behind a word stands only if another follows, or not."""
    pattern = ""
    for word in reversed(list(words)):
        parts = _TRAILING.fullmatch(word)
        assert parts is not None  # noqa: S101 - it matches any word
        body, mark = re.escape(parts[1]), re.escape(parts[2])
        rest = f"(?: {pattern})?" if pattern else ""
        pattern = f"{body}(?:{mark}{rest})?" if mark else f"{body}{rest}"
    return pattern
