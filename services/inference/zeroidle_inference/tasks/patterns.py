"""Personal data that has a shape: found by code, verified by its check digits. No model needed.

Numbers are checked by python-stdnum. A kind that is listed earlier wins where two would overlap.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stdnum import iban, luhn
from stdnum.de import idnr
from stdnum.es import dni, nie

from zeroidle_contract import Entity, Span


@dataclass(frozen=True, slots=True)
class Pattern:
    """A shape, and the check that a match must pass."""

    entity: Entity
    shape: re.Pattern[str]
    is_valid: Callable[[str], bool]
    may_run_on: bool = False
    """The shape may take in words or numbers that follow; the check tells where it ends."""


def _any(_: str) -> bool:
    return True


def _is_card(text: str) -> bool:
    return bool(luhn.is_valid(re.sub(r"[ -]", "", text)))


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_MIN_IPV6_GROUPS = 3
_MIN_IPV6_GROUP_DIGITS = 3


def _is_ipv6(text: str) -> bool:
    """`a::b` and `12::34` are addresses too, but stand in no text as such."""
    groups = [group for group in text.split(":") if group]
    is_plain = text == "::1" or any(len(group) >= _MIN_IPV6_GROUP_DIGITS for group in groups)
    return (is_plain or len(groups) >= _MIN_IPV6_GROUPS) and _is_ip(text)


def _is_ssn(text: str) -> bool:
    """By form alone: a number that is no longer given out, or is famous, is personal all the same."""
    area, group, serial = text.split("-")
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


_MIN_PHONE_DIGITS = 8
_MIN_BARE_PHONE_DIGITS = 10
"""Of a number without any separator: shorter ones are a customer's or an order's."""

_MAX_PHONE_DIGITS = 15
_DATE = re.compile(
    r"\d{4}[-./](0?[1-9]|1[0-2])[-./]\d{1,2}(?!\d)|\d{1,2}[-./]\d{1,2}[-./](19|20)\d\d(?!\d)"
)


def _is_phone(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    least = _MIN_BARE_PHONE_DIGITS if text == digits else _MIN_PHONE_DIGITS
    is_number = least <= len(digits) <= _MAX_PHONE_DIGITS and not digits.startswith("000")
    return is_number and not _DATE.match(text)


PATTERNS = (
    Pattern(
        Entity.EMAIL,
        # Begun at words only and bounded, or a long text without any would take for ever.
        re.compile(r"(?<!\w)\w[\w.+'-]{0,63}@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}", re.UNICODE),
        _any,
    ),
    Pattern(
        Entity.IBAN,
        re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){3,8}\b", re.IGNORECASE),
        lambda text: bool(iban.is_valid(text, check_country=False)),
        may_run_on=True,
    ),
    Pattern(
        Entity.CARD,
        # Not behind a plus: one phone number in ten satisfies Luhn as well.
        re.compile(r"(?<![\w+])[1-9](?:[ -]?\d){12,18}\b"),
        _is_card,
        may_run_on=True,
    ),
    Pattern(Entity.IP, re.compile(r"(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)"), _is_ip),
    Pattern(
        Entity.IP,
        re.compile(
            r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}"
            r"(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?![\w:])"
        ),
        _is_ipv6,
    ),
    Pattern(
        Entity.NATIONAL_ID,
        re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"),
        _is_ssn,
    ),
    Pattern(
        Entity.NATIONAL_ID,
        # UK National Insurance number: prefixes that were never allocated are left out.
        re.compile(
            r"\b(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
            r" ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"
        ),
        _any,
    ),
    Pattern(
        Entity.NATIONAL_ID,
        re.compile(r"\b[XYZ]?-?\d{7,8}-?[A-Z]\b"),
        lambda text: bool(dni.is_valid(text) or nie.is_valid(text)),
    ),
    Pattern(
        Entity.NATIONAL_ID,
        re.compile(r"(?<!\d)\d{2} ?\d{3} ?\d{3} ?\d{3}(?!\d)"),
        lambda text: bool(idnr.is_valid(text)),
    ),
    Pattern(
        Entity.PHONE,
        re.compile(
            r"(?<![\w+])(?:\+\d{1,3}+|\(0\d{1,5}+\)|0\d{1,5}+)"
            r"(?:[ ./-]?(?:\(\d{1,5}+\)|\d{1,5}+)){1,6}(?!\w)"
        ),
        _is_phone,
    ),
    Pattern(
        Entity.PHONE,
        re.compile(
            r"(?<![\w+])\(\d{3}\) ?\d{3}[ .-]\d{4}(?!\w)"
            r"|(?<![\w.-])\d{3}([.-])\d{3}\1\d{4}(?![\w-])"
        ),
        _is_phone,
    ),
)


def find(text: str, entities: frozenset[Entity]) -> Iterator[Span]:
    """Spans of the given kinds, disjoint, in no particular order."""
    is_taken = bytearray(len(text))
    for pattern in PATTERNS:
        for start, end in _matches(pattern, text):
            if any(is_taken[start:end]):
                continue
            # Taken even if not asked for: a card is no phone number.
            is_taken[start:end] = b"\x01" * (end - start)
            if pattern.entity in entities:
                yield Span(start=start, end=end, entity=pattern.entity)


def _matches(pattern: Pattern, text: str) -> Iterator[tuple[int, int]]:
    position = 0
    while match := pattern.shape.search(text, position):
        start = match.start()
        end = next(_ends(pattern, text, match), None)
        if end is not None:
            yield start, end
            position = end
        else:
            # What does not pass, such as a date, may have taken in one that follows it.
            position = start + len(match.group().split(maxsplit=1)[0])


def _ends(pattern: Pattern, text: str, match: re.Match[str]) -> Iterator[int]:
    """Where what begins here could end and be valid, the longest first."""
    start, longest = match.span()
    if pattern.is_valid(match.group()):
        yield longest
    if not pattern.may_run_on:
        return
    for end in range(longest - 1, start, -1):
        is_between_words = text[end - 1].isalnum() and not text[end].isalnum()
        if (
            is_between_words
            and pattern.shape.fullmatch(text, start, end)
            and pattern.is_valid(text[start:end])
        ):
            yield end
