"""Grounding: strings of a schema that are marked `"x-copied": true` can only be found, not made up.

For one document, each marked string is narrowed to what stands in it: by a `pattern`, to the words,
numbers, dates and currencies that match it, rewritten as the pattern asks; without one, to any run
of whole words. So a small model chooses where it would invent, and what is forced costs nothing.
A marked string of which the document has no match keeps the schema's own rules.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MARK = "x-copied"
MAX_RUN_WORDS = 10
DEFAULT_RUN_CHARACTERS = 80

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
    """The schema for one document; the schema itself where nothing in it is marked."""
    grounded = _Grounding(document).of(schema)
    assert isinstance(grounded, dict)  # noqa: S101 - of a mapping comes a mapping
    return grounded


class _Grounding:
    def __init__(self, document: str) -> None:
        self._document = document
        self._values = tuple(dict.fromkeys(values(document)))

    def of(self, node: Any) -> Any:  # noqa: ANN401 - any part of a schema
        if isinstance(node, list):
            return [self.of(inner) for inner in node]
        if not isinstance(node, Mapping):
            return node
        if node.get(MARK) is True and node.get("type") == "string":
            return self._string(node)
        return {key: self.of(inner) for key, inner in node.items()}

    def _string(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        pattern = node.get("pattern")
        if isinstance(pattern, str):
            try:
                matches = re.compile(pattern).search
            except re.error:
                return node
            found = [value for value in self._values if matches(value)]
            return {"type": "string", "enum": found} if found else node
        longest = node.get("maxLength", DEFAULT_RUN_CHARACTERS)
        runs = run_pattern(self._document, longest)
        return {"type": "string", "pattern": runs} if runs else node


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
    alternatives = "|".join(dict.fromkeys(starts))
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
