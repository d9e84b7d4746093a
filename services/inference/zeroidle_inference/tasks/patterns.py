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
from stdnum.us import ssn

from zeroidle_contract import Entity, Span


@dataclass(frozen=True, slots=True)
class Pattern:
    """A shape, and the check that a match must pass."""

    entity: Entity
    shape: re.Pattern[str]
    is_valid: Callable[[str], bool]


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


_MIN_PHONE_DIGITS = 8
_MAX_PHONE_DIGITS = 15
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4}")


def _is_phone(text: str) -> bool:
    digits = sum(character.isdigit() for character in text)
    return _MIN_PHONE_DIGITS <= digits <= _MAX_PHONE_DIGITS and not _DATE.fullmatch(text)


PATTERNS = (
    Pattern(
        Entity.EMAIL,
        re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}", re.UNICODE),
        _any,
    ),
    Pattern(
        Entity.IBAN,
        re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){3,8}\b"),
        lambda text: bool(iban.is_valid(text)),
    ),
    Pattern(Entity.CARD, re.compile(r"\b\d(?:[ -]?\d){12,18}\b"), _is_card),
    Pattern(Entity.IP, re.compile(r"(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)"), _is_ip),
    Pattern(
        Entity.IP,
        re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"),
        lambda text: len(text) > len("::") and _is_ip(text),
    ),
    Pattern(
        Entity.NATIONAL_ID,
        re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"),
        lambda text: bool(ssn.is_valid(text)),
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
        re.compile(r"(?<![\w+])(?:\+\d{1,3}|\(?0\d{1,5}\)?)(?:[ ./-]?\(?\d{1,5}\)?){1,6}(?!\w)"),
        _is_phone,
    ),
    Pattern(
        Entity.PHONE,
        re.compile(
            r"(?<![\w+])\(\d{3}\) ?\d{3}[ .-]\d{4}(?!\w)|(?<![\w-])\d{3}-\d{3}-\d{4}(?![\w-])"
        ),
        _is_phone,
    ),
)


def find(text: str, entities: frozenset[Entity]) -> Iterator[Span]:
    """Spans of the given kinds, disjoint, in no particular order."""
    taken: list[tuple[int, int]] = []
    for pattern in PATTERNS:
        for match in pattern.shape.finditer(text):
            start, end = match.span()
            if any(start < other_end and other_start < end for other_start, other_end in taken):
                continue
            if pattern.is_valid(match.group()):
                # Taken even if not asked for: a card is no phone number.
                taken.append((start, end))
                if pattern.entity in entities:
                    yield Span(start=start, end=end, entity=pattern.entity)
