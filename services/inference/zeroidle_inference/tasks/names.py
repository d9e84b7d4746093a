"""Where a person's name may stand: runs of capitalised words, and what around them says so.

A candidate is certain where form alone gives it away (a title, a salutation, a signature, a field
such as `Patient:`); the others are for the model to confirm. Tables are short and European: a run
that they do not know is only doubtful. Not seen at all, unless something gives them away: a lone
word that begins a sentence, names in lower case, and scripts without capitals (ADR 0014).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_CASED = (*range(0x41, 0x590), *range(0x1E00, 0x2000))
"""Latin, Greek, Cyrillic and Armenian; other scripts have no capitals to tell a name by."""
UPPER = "".join(chr(code) for code in _CASED if chr(code).isupper())
_WORD = rf"(?:[{UPPER}][\w'’]*(?:-[{UPPER}]?[\w'’]+)*|[{UPPER}]\.)"
_PARTICLE = "van|von|de|del|della|der|den|di|da|dos|das|du|la|le|ter|ten|bin|ibn|al|y|e"
RUN = re.compile(rf"(?<![\w@./-]){_WORD}(?: (?:(?:{_PARTICLE}) )*{_WORD}){{0,4}}(?![\w@])")
PARTICLES = re.compile(rf"(?<!\w)(?:(?:{_PARTICLE}) )+$")

TITLES = frozenset(
    """mr mrs ms miss mx dr prof professor sir dame lady lord rev reverend father sister brother
    captain councillor herr frau fräulein hr fr mme mlle madame monsieur señor señora srta sr sra
    employee neighbour neighbor nurse officer agent don doña signor signora sig dhr mevr mevrouw meneer pan pani senhor senhora""".split()
)
_GREETING = "dear|hello|hi|hey|hallo|liebe|lieber|bonjour|cher|chère|hola|estimada|estimado|ciao"
_FAREWELL = (
    "regards|wishes|sincerely|faithfully|truly|thanks|thank you|cheers|yours|warmly|love|best|"
    "grüße|grüßen|gruß|grüssen|cordialement|salutations|amicalement|saludos|saluti|groet|groeten"
)
_FIELD = (
    "name|names|full name|customer|client|patient|caller|insured|tenant|landlord|guest|passenger|"
    "employee|applicant|candidate|student|member|driver|contact|contact person|next of kin|holder|"
    "account holder|cardholder|attention|attn|signed|signed by|partner|spouse|witness|beneficiary|"
    "recipient|sender|kunde|patientin|versicherter|nombre|nom"
)
_SALUTATION = re.compile(rf"(?:^|\n)[ \t]*(?:{_GREETING})[ ,]+$", re.IGNORECASE)
_SIGNED = re.compile(rf"\b(?:{_FAREWELL})[,.!]*[ \t]*\n\s*$", re.IGNORECASE)
_FIELD_NAME = re.compile(rf"(?:^|[\n;(|])[ \t]*(?:{_FIELD})[ \t]*[:\-–][ \t]*$", re.IGNORECASE)
_CALLED = re.compile(r"\b(?:my name is|i am called|signed by|spoke (?:to|with)) $", re.IGNORECASE)
_ADDRESSED = re.compile(r", (?:could|can|would|will|please|thank|do|did|may)\b")
_ROLE_BEFORE = re.compile(
    r"\b(?:my|his|her|their|our|the)(?: [a-z-]+)? (?:wife|husband|partner|mother|father|sister|brother|"
    r"son|daughter|aunt|uncle|friend|neighbour|neighbor|colleague|boss|manager|caretaker|doctor|"
    r"lawyer|assistant|nephew|niece|cousin|landlady|landlord|nurse),? $",
    re.IGNORECASE,
)

# Capitalised words that are no names by themselves; a run loses them at its ends.
COMMON = frozenset(
    """der die das den dem des ein eine einen ihr ihre ihren ihrem wir sie er es und oder mit bei für von
    auf aus zum zur nach vor seit am im an ich mein meine unser unsere bitte danke fragen grüße grüßen
    le la les un une des du nous vous je il elle et ou avec pour dans chez mon ma mes notre votre
    merci el los las una uno yo mi mis su sus nuestro nuestra con para por gracias si no
    a about account after again all also although am an and any appointment april are as at
    attention august be because been before best bonjour both but by call caller can case cc cher
    ciao claim client contact could customer date dear december did do document email english error
    european fax february for french friday from german go good hallo has have he hello here hey hi
    his hola home how i if in invoice is it its january july june just kind last later let liebe
    lieber madam march may message mobile monday more most my new next no not note november now
    october of on once one only or order our patient payroll phone please policy re receipt
    reference regards reply sales saturday second see september she since sincerely sir so some
    still subject sunday team tel telephone thank thanks that the their them then there these they
    third this those three thursday ticket to tuesday two until visa was we wednesday were what when
    where which while who why will wishes with would yes yesterday you your yours""".split()
)
_ORGANISATION = re.compile(
    r"\b(?:ltd|limited|plc|llc|llp|inc|corp|co|company|gmbh|ag|kg|ohg|se|bv|b\.v|nv|sa|sarl|sas|srl|"
    r"spa|oy|ab|as|bank|society|insurance|versicherung|group|holdings|services?|solutions|systems|"
    r"surgery|clinic|hospital|school|university|college|department|office|council|police|court|"
    r"association|foundation|stichting|verein|hotel|store|shop|airlines?|airways|energy|telecom|"
    r"support|operations|resources|club|church|library|museum|studio|press|news|freight|dental|rentals?|gym|mutual|cargo|"
    r"logistics|transport|express|mobile|stadtwerke|werke?|reederei|foods|bakery|restaurant|café|"
    r"agency|partners|consulting|software|industries|trust|fund|ministry|institute|academy|"
    r"theatre|union|security|authority)\b\.?",
    re.IGNORECASE,
)
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s+|\n\s*|[\"“(]|\A)$")
_PLACE_BEFORE = re.compile(r"\b(?:in|near|via|nach|aus|dans) $")
_MIN_PART = 3
_SHORT_LINE = 60
_LOOK_BACK = 120
_LINE_START = re.compile(r"(?:\A|\n)[\s*_-]*\Z")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Characters `start` to `end`, and whether their surroundings leave no doubt."""

    start: int
    end: int
    is_certain: bool


def candidates(text: str) -> Iterator[Candidate]:
    """Runs that may be names, in order."""
    for match in RUN.finditer(text):
        yield from _candidate(text, match.start(), match.end())


def _candidate(text: str, start: int, end: int) -> Iterator[Candidate]:
    has_title = False
    words = list(re.finditer(r"\S+", text[start:end]))
    while words and _is_dropped(words[0].group()):
        has_title = words[0].group().rstrip(".").lower() in TITLES
        words = words[1:]
    while words and _is_dropped(words[-1].group()):
        words = words[:-1]
    if not words:
        return
    end = start + words[-1].end()
    start += words[0].start()
    particles = PARTICLES.search(text[max(start - 20, 0) : start])
    if particles:
        start -= len(particles.group())
    name = _without_organisation(text[start:end])
    end = start + len(name)
    is_certain = has_title or _is_given_away(text, start, end)
    if name.isupper() and len(words) == 1 and not is_certain:
        return
    if _ORGANISATION.search(name) and not has_title:
        return
    if " " not in name and not is_certain:
        before = text[max(start - _SHORT_LINE, 0) : start]
        if _SENTENCE_START.search(before) or _PLACE_BEFORE.search(before):
            return
    yield Candidate(start, end, is_certain)


def _without_organisation(name: str) -> str:
    """`Rahman` of `Rahman von Kessler Optik GmbH`: a particle may lead to a company as well."""
    joint = re.search(rf" (?:{_PARTICLE}) (?=[{UPPER}])", name)
    if joint and _ORGANISATION.search(name[joint.end() :]):
        return name[: joint.start()]
    return name


def _is_dropped(word: str) -> bool:
    plain = word.rstrip(".").lower()
    return plain in COMMON or plain in TITLES or plain in _GREETING.split("|")


def _is_given_away(text: str, start: int, end: int) -> bool:
    before = text[max(start - _LOOK_BACK, 0) : start]
    after = text[end : end + _LOOK_BACK]
    title = re.search(r"(\w+)\.? $", before)
    if title and title[1].lower() in TITLES:
        return True
    is_alone = _LINE_START.search(before) is not None
    return bool(
        (is_alone and (_SIGNED.search(before) or _is_signature(text, start, end)))
        or _SALUTATION.search(before)
        or _FIELD_NAME.search(before)
        or _CALLED.search(before)
        or _ROLE_BEFORE.search(before)
        or (_SENTENCE_START.search(before) and _ADDRESSED.match(after))
    )


def _is_signature(text: str, start: int, end: int) -> bool:
    """The last line alone, or a full name on a short line with two more such lines at most."""
    if len(text) - end > 4 * _SHORT_LINE:
        return False
    first, *others = text[end:].rstrip().split("\n")
    if not others and not first.strip(" ,."):
        return True
    lines = [line for line in others if line.strip()]
    is_short = all(len(line) < _SHORT_LINE for line in [first, *lines])
    return " " in text[start:end] and is_short and len(lines) <= 2  # noqa: PLR2004


def parts(name: str) -> Iterator[str]:
    """A name, and the words of it that may stand for it: once known, they are masked anywhere."""
    yield name
    words = name.split()
    if len(words) > 1:
        yield from (
            word
            for word in words
            if len(word) >= _MIN_PART and word[0].isupper() and "." not in word
        )
