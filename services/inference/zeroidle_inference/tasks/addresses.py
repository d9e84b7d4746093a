"""Where a postal address may stand: a street with its number, and a place with its postcode.

Both together are certain, and so is a street of a well-known kind (`Road`, `-straße`, `rue de`).
A number beside capitalised words alone is a candidate that the model must confirm. European and
North American forms; others are left to be confirmed, or not seen.
"""

import re
from collections.abc import Iterator

from zeroidle_inference.tasks.names import COMMON, UPPER, Candidate

_CAP = rf"(?:St\.|[{UPPER}][\w'’]*(?:-[\w'’]+)*)"
_LINK = r"(?:de|del|della|des|du|der|den|dem|di|da|do|dos|das|la|le|les|el|los|las|van|von|zum|zur|am|an|im|the|of|op|y|e|ter)"
_CAPS = rf"{_CAP}(?: (?:{_LINK} )*{_CAP}){{0,4}}"
_NUMBER = r"\d{1,5}(?: ?[a-zA-Z](?!\w))?(?:[-/]\d{1,4}[a-zA-Z]?)?"
_KIND_EN = (
    r"(?:Street|St|Road|Rd|Lane|Ln|Avenue|Ave|Drive|Dr|Close|Court|Ct|Crescent|Place|Square|Terrace|"
    r"Way|Walk|Row|Hill|Gardens?|Park|Mews|Grove|Boulevard|Blvd|Loop|Parkway|Highway|Circle|Quay|"
    r"Wharf|Yard|Green|Rise|View|Steps|Brae|Wynd|Alley|Parade|Trail|Plaza)\b\.?"
)
_KIND_BEFORE = (
    r"(?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Pp]lace|[Cc]hemin|[Aa]llée|[Ii]mpasse|[Qq]uai|[Cc]alle|"
    r"[Cc]arrer|[Pp]laza|[Pp]laça|[Aa]venida|[Pp]aseo|[Vv]ia|[Vv]iale|[Pp]iazza|[Cc]orso|[Rr]ua|"
    r"[Tt]ravessa|Am|An der|Im|In der|Auf der|Zum|Zur|ul\.)"
)
_KIND_END = (
    r"(?:stra(?:ß|ss)e|str\.|weg|platz|gasse|allee|ring|ufer|steig|stieg|kade|straat|laan|plein|"
    r"gracht|dijk|gata|gatan|vägen|vej|gade|vei|veien|damm|kamp|brink)"
)
_POSTCODE = (
    r"(?:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]\d{2} ?[A-Z\d]{4}|"
    r"\d{4} ?[A-Z]{2}|(?:[A-Z]{1,2}-)?\d{3} ?\d{2}|(?:[A-Z]{1,2}-)?\d{4,5}(?:-\d{3,4})?)"
)
_PLACE = rf"(?:{_POSTCODE}(?: {_CAPS})|{_CAPS},? (?:[A-Z]{{2,3}},? )?{_POSTCODE}(?![\d.,]*\d)|Dublin \d{{1,2}})"
_EXTRA = (
    rf"(?:(?:Apt|Apartment|Flat|Unit|Suite|Floor|Room|Top|Stiege|bajo|piso|Apto)\b\.?(?: ?[\w-]+)?|"
    rf"\d{{1,2}}(?:st|nd|rd|th) [Ff]loor|{_CAPS}|\d{{1,3}}[ºª]? ?\w?)"
)
_KNOWN_STREET = (
    rf"(?:{_NUMBER},? (?:{_CAP} ){{1,3}}{_KIND_EN}"
    rf"|{_NUMBER},? {_KIND_BEFORE} (?:{_LINK} |d['’])*{_CAPS}"
    rf"|{_KIND_BEFORE} (?:{_LINK} |d['’])*{_CAPS},? {_NUMBER}"
    rf"|(?:{_CAP} )?[{UPPER}][\w-]*{_KIND_END},? {_NUMBER})"
)
_FLAT = r"(?:Flat|Apartment|Apt\.?|Unit|Suite|Room) [\w-]+,? "
_BARE_STREET = rf"(?:{_NUMBER},? {_CAPS}|{_CAPS},? {_NUMBER})"
_JOIN = r"(?:, ?|,?[ \t]*\n[ \t]*| · )"
_COUNTRY = rf"(?:{_JOIN}{_CAPS}(?=[ \t]*(?:\n|$)))?"

# Compiled at their first use, which `re` remembers: they take a good part of the
# handler's import, and only redaction has a use for them.
_CERTAIN = (
    rf"(?<![\w.,-])(?:{_FLAT})?(?:{_KNOWN_STREET}|{_BARE_STREET})(?:{_JOIN}{_EXTRA}){{0,2}}{_JOIN}{_PLACE}"
    rf"|(?<![\w.,-])(?:{_FLAT})?{_KNOWN_STREET}(?:, {_EXTRA}){{0,1}}"
    rf"|(?<![\w.,-])P\.? ?O\.? Box \d[\d -]*(?:{_JOIN}{_PLACE})?"
)
_LABEL = re.compile(
    r"(?:home|address|adresse|anschrift|wohnhaft|dirección|domicilio|residence|at|from|to)\b[: ]*",
    re.IGNORECASE,
)
_DOUBTFUL = (
    rf"(?:(?<= at )|(?<= in )|(?<= to )|(?<= from )|(?<= is ))"
    rf"(?:{_NUMBER} {_CAPS}|{_CAPS} {_NUMBER})(?:, {_EXTRA})?(?![\w@])"
)


def candidates(text: str) -> Iterator[Candidate]:
    """Addresses, certain ones first."""
    is_taken = bytearray(len(text))
    for pattern, is_certain in ((_CERTAIN, True), (_DOUBTFUL, False)):
        for match in re.finditer(pattern, text):
            start, end = _without_label(text, *match.span())
            if not is_certain and not _is_plausible(text[start:end]):
                continue
            if not any(is_taken[start:end]):
                is_taken[start:end] = b"\x01" * (end - start)
                yield Candidate(start, end, is_certain)


def _without_label(text: str, start: int, end: int) -> tuple[int, int]:
    label = _LABEL.match(text, start, end)
    return (label.end() if label else start), end


def _is_plausible(candidate: str) -> bool:
    """Dates, account numbers and `Invoice 4471` have a street's shape, too."""
    words = re.findall(r"[^\W\d_]+", candidate)
    return all(word.lower() not in COMMON and not word.isupper() for word in words)
