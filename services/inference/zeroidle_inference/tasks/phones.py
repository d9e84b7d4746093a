"""Telephone numbers: international, national with a trunk nought, and those without either.

A number that begins with neither `+` nor `0` looks like any other. It is taken for a telephone
where a word before it says so, or where it is grouped as telephones of its country are, and as
neither amounts nor dates are. Texts come with plain spaces and dashes.
"""

import re
from collections.abc import Iterator

_MIN_DIGITS = 8
_MIN_BARE_DIGITS = 10
"""Of a number without any separator: shorter ones are a customer's or an order's."""

_MIN_ANNOUNCED_DIGITS = 7
_MAX_DIGITS = 15
_DATE = re.compile(
    r"\d{4}[-./](0?[1-9]|1[0-2])[-./]\d{1,2}(?!\d)|\d{1,2}[-./]\d{1,2}[-./](19|20)\d\d(?!\d)"
)
_GAP = r" ?[./-]? ?"
_GROUPS = rf"(?:{_GAP}(?:\(\d{{1,5}}+\)|\d{{1,5}}+)){{1,6}}(?!\w)"
_ANNOUNCED = (
    r"\b(?:tel|telephone|téléphone|tél|teléfono|telefono|telefon|telefone|telefoon|telefonnummer|"
    r"phone|mobile|mob|mobil|móvil|movil|cell|cellphone|cellulare|celular|handy|portable|gsm|fax|"
    r"landline|hotline|whatsapp|home|work|fixe|fijo|τηλέφωνο|τηλ|κινητό|тел|телефон|моб|"
    r"(?:call|ring|phone|text|reach|dial)(?:ed|ing)?(?: (?:me|us|him|her|them|back))?"
    r"(?: (?:on|at|under))?)\b\.?"
    r"(?: (?:number|no\.?|nr\.?|n°|is|es|ist|est))*[ :=#(]{1,3}"
)
_NO_GROUP_BEFORE = r"(?<!\b\d )(?<!\b\d\d )(?<!\b\d\d\d )"
"""Three digits behind it would make these the rest of a larger number."""

_NOT_AMOUNT = r"(?!\w|[.,]\d|[ -]?\d| ?(?:€|\$|£|%|EUR|USD|GBP|CHF|PLN|SEK|kr|zł|рубл|Wh|kg|km))"


def shapes() -> Iterator[str]:
    """Each shape; a group `it`, where there is one, is the number itself."""
    yield (r"(?<![\w+])(?<!\d[./-])(?:\+\d{1,3}+|\(\+\d{1,3}+\)|\(0\d{1,5}+\)|0\d{1,5}+)" + _GROUPS)
    # North America, with and without the long-distance 1.
    yield (
        r"(?<![\w+])(?<!\d[.-])"
        r"(?:(?:1[ .-]?)?(?:\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}([.-])\d{3}\1\d{4})"
        rf"|(?:1[ .-]|{_NO_GROUP_BEFORE})[2-9]\d\d \d{{3}}[ -]\d{{4}})" + _NOT_AMOUNT
    )
    # Nine digits as in Spain, Portugal and Poland; the first tells them from most amounts.
    yield (
        rf"(?<![\w+.,€$£-])(?<![€$£] ){_NO_GROUP_BEFORE}"
        r"[5-9](?:\d\d \d{3} \d{3}|\d\d \d\d \d\d \d\d|\d \d{3} \d\d \d\d)" + _NOT_AMOUNT
    )
    yield rf"(?i:{_ANNOUNCED})(?P<it>\(?[1-9]\d{{0,5}}+\)?{_GROUPS}|[1-9]\d{{6,14}}(?!\w))"


def is_phone(text: str) -> bool:
    """Whether it has as many digits as a telephone number, and is no date."""
    digits = re.sub(r"\D", "", text)
    if text == digits:
        least = _MIN_BARE_DIGITS if text.startswith("0") else _MIN_ANNOUNCED_DIGITS
    else:
        least = _MIN_DIGITS if text.startswith(("0", "+", "(")) else _MIN_ANNOUNCED_DIGITS
    is_number = least <= len(digits) <= _MAX_DIGITS and not digits.startswith("000")
    return is_number and not _DATE.match(text)
