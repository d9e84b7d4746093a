"""National identity numbers: their shapes, and the checks of python-stdnum.

Numbers without a check, or whose check half of all numbers pass, need a shape that nothing else
has, or the word for them before it. Texts come with plain spaces and dashes.
"""

import re
from collections.abc import Callable, Iterator

from stdnum.be import nn
from stdnum.br import cpf
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.pl import pesel
from stdnum.se import personnummer

Check = Callable[[str], bool]
_NI_PREFIX = r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
_MARKS = re.compile(r"[ .-]")


def _is_ssn(text: str) -> bool:
    """By form alone: a number that is no longer given out, or is famous, is personal as well."""
    digits = _MARKS.sub("", text)
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def _checked(is_valid: Check) -> Check:
    return lambda text: bool(is_valid(_MARKS.sub("", text).upper()))


def _any(_: str) -> bool:
    return True


def shapes() -> Iterator[tuple[str, Check]]:
    """Each shape with its check. A group `it`, where there is one, is the number itself."""
    # With spaces `030 12 3456` could be a telephone, so only dashes may begin with a nought.
    yield r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])", _is_ssn
    yield r"(?<![\w.,-])(?<!\d )[1-8]\d{2} \d{2} \d{4}(?![\w-]| \d|[.,]\d)", _is_ssn
    yield r"(?i:\bSSN|social security)[^\d\n]{1,12}(?P<it>\d{3}[ -]?\d{2}[ -]?\d{4})(?!\d)", _is_ssn
    # UK National Insurance number: prefixes that were never allocated are left out.
    yield rf"\b{_NI_PREFIX}(?:[ -]?\d\d){{3}}[ -]?[A-D]\b", _any
    yield (
        r"\b(?:[XYZ][ -]?\d{7}|\d{2}\.?\d{3}\.?\d{3}|\d{7,8})[ -]?[A-Za-z]\b",
        _checked(lambda text: bool(dni.is_valid(text) or nie.is_valid(text))),
    )
    yield r"(?<!\d)\d{2}[ /-]?\d{3}[ /-]?\d{3}[ /-]?\d{3}(?!\d)", idnr.is_valid
    yield (
        r"(?<![\w.])[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?!\w)",
        _checked(nir.is_valid),
    )
    yield (
        r"(?i)\b[A-Z]{3} ?[A-Z]{3} ?[\dL-V]{2}[A-EHLMPRST][\dL-V]{2} ?[A-Z][\dL-V]{3}[A-Z]\b",
        _checked(codicefiscale.is_valid),
    )
    yield r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])", cpf.is_valid
    yield r"(?<![\w.+-])\d{11}(?![\w-])", pesel.is_valid
    yield r"(?<![\w.-])\d{2}\.\d{2}\.\d{2}[ -]\d{3}[.-]\d{2}(?![\w-])", _checked(nn.is_valid)
    yield r"(?<![\w.-])(?:19|20)?\d{6}[-+]\d{4}(?![\w-])", personnummer.is_valid
