"""Personal data that has a shape: found by code, verified by its check digits. No model needed.

Texts are searched with every kind of space, dash and decimal digit made plain, one character for
one, so that a shape need not know them. Numbers are checked by python-stdnum. A kind that is
listed earlier wins where two would overlap.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from stdnum import iban, luhn

from zeroidle_contract import Entity, Span
from zeroidle_inference.tasks import national_ids, phones


@dataclass(frozen=True, slots=True)
class Pattern:
    """A shape, and the check that a match, or its group `it`, must pass."""

    entity: Entity
    shape: re.Pattern[str]
    is_valid: Callable[[str], bool]
    may_run_on: bool = False
    """The shape may take in words or numbers that follow; the check tells where it ends."""


def _any(_: str) -> bool:
    return True


_MIN_CARD_GROUP = 3


def _is_card(text: str) -> bool:
    """Luhn, and written as cards are: numbers that merely stand in a row begin with a short one."""
    *groups, _ = [len(group) for group in re.split(r"[ .-]+", text)]
    is_grouped = len(set(groups)) <= 1 or min(groups) >= _MIN_CARD_GROUP
    return is_grouped and bool(luhn.is_valid(re.sub(r"[ .-]", "", text)))


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


# A label such as `src:`, told from the group of an address by a letter that is no hexadecimal digit.
_LABEL_BEFORE = "|".join([rf"(?<=[G-Zg-z_]\w{{{more}}}:)" for more in range(4)])


@cache
def _patterns() -> tuple[Pattern, ...]:
    """Compiled at their first use: only redaction has a use for them."""
    return (
        Pattern(
            Entity.EMAIL,
            # Begun at words only and bounded, or a long text without any would take for ever.
            re.compile(
                r"(?<!\w)\w[\w.+'&-]{0,63}@[\w-]+(?:\.[\w-]+)*\.(?:xn--[\w-]+|[^\W\d_]{2,})"
            ),
            _any,
        ),
        Pattern(
            Entity.IBAN,
            re.compile(r"\b[A-Z]{2}[ -]?\d{2}(?:[ -]?[A-Z0-9]{1,4}){3,8}\b", re.IGNORECASE),
            lambda text: bool(iban.is_valid(text, check_country=False)),
            may_run_on=True,
        ),
        Pattern(
            Entity.CARD,
            # Not behind a plus: one phone number in ten satisfies Luhn as well.
            re.compile(r"(?<![\w+])[1-9](?: ?-? ?\d){12,18}\b"),
            _is_card,
            may_run_on=True,
        ),
        Pattern(
            Entity.CARD,
            re.compile(r"(?<![\w.])\d{4}\.(?:\d{4}\.\d{4}\.\d{4}|\d{6}\.\d{4,5})(?![\w.]*\d)"),
            _is_card,
        ),
        # Before IPv4: an address of the sixth version may end in one of the fourth.
        Pattern(
            Entity.IP,
            re.compile(
                rf"(?:(?<![\w:])|{_LABEL_BEFORE})(?:[0-9A-Fa-f]{{0,4}}:){{2,7}}"
                r"(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?![\w:])"
            ),
            _is_ipv6,
        ),
        Pattern(Entity.IP, re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)"), _is_ip),
        *(
            Pattern(Entity.NATIONAL_ID, re.compile(shape), is_valid)
            for shape, is_valid in national_ids.shapes()
        ),
        *(
            Pattern(Entity.PHONE, re.compile(shape), phones.is_phone, may_run_on=True)
            for shape in phones.shapes()
        ),
    )


@cache
def _plain_characters() -> dict[int, str]:
    """Every space, dash and decimal digit that is not ASCII, as the one that is."""
    plain: dict[int, str] = {}
    for code in range(128, 0x10000):
        category = unicodedata.category(chr(code))
        if category == "Zs":
            plain[code] = " "
        elif category == "Pd":
            plain[code] = "-"
        elif category == "Nd":
            plain[code] = str(unicodedata.decimal(chr(code)))
    return plain


def find(text: str, entities: frozenset[Entity]) -> Iterator[Span]:
    """Spans of the given kinds, disjoint, in no particular order."""
    plain = text if text.isascii() else text.translate(_plain_characters())
    is_taken = bytearray(len(plain))
    for pattern in _patterns():
        for start, end in _matches(pattern, plain):
            if any(is_taken[start:end]):
                continue
            # Taken even if not asked for: a card is no phone number.
            is_taken[start:end] = b"\x01" * (end - start)
            if pattern.entity in entities:
                yield Span(start=start, end=end, entity=pattern.entity)


def _matches(pattern: Pattern, text: str) -> Iterator[tuple[int, int]]:
    group = "it" if "it" in pattern.shape.groupindex else 0
    position = 0
    while match := pattern.shape.search(text, position):
        start = match.start(group)
        end = next(_ends(pattern, text, match.span(group)), None)
        if end is not None:
            yield start, end
            position = end
        else:
            # What does not pass, such as a date, may have taken in one that follows it.
            position = start + len(match[group].split(maxsplit=1)[0])


def _ends(pattern: Pattern, text: str, span: tuple[int, int]) -> Iterator[int]:
    """Where what begins here could end and be valid, the longest first."""
    start, longest = span
    if pattern.is_valid(text[start:longest]):
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
