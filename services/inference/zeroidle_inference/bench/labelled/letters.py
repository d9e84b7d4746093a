"""Letters with personal data whose places are known: templates filled from pools, a fixed seed.

`data/letters.txt` holds the templates. `{name}` brings in a new person, `{other}` one more;
`{name=2}`, `{first=2}` and `{last=2}` name the second person again, `{other=1}` the first
`{other}`.
Development and test share neither templates nor pools. Company, town, amount, date and reference
are there to be left alone.
"""

import calendar
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Literal

from stdnum import luhn
from stdnum.iso7064 import mod_97_10

from zeroidle_contract import Entity, Span

Split = Literal["dev", "test"]
Pools = Mapping[str, Sequence[str]]

_SLOT = re.compile(r"\{(\w+)(?:=(\d+))?\}")
_TITLES = ("Mr", "Mrs", "Ms", "Dr")
_MONTHS = tuple(calendar.month_name)[1:]
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


@dataclass(frozen=True)
class Letter:
    """A text, and every span that must be masked in it."""

    text: str
    spans: tuple[Span, ...]


def letters(split: Split, count: int, *, seed: int = 20) -> list[Letter]:
    """Letters of one split, template after template."""
    data = resources.files(__package__) / "data"
    pools: Pools = json.loads((data / "pools.json").read_text())[split]
    sections = re.split(r"^=== (\w+)\n", (data / "letters.txt").read_text(), flags=re.MULTILINE)[1:]
    templates = [
        body.strip()
        for name, body in zip(sections[::2], sections[1::2], strict=True)
        if name == split
    ]
    dice = random.Random(f"{split} {seed}")  # noqa: S311 - test data
    return [_Filling(pools, dice).fill(templates[i % len(templates)]) for i in range(count)]


@dataclass
class _Filling:
    pools: Pools
    dice: random.Random
    people: list[tuple[str, str]] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)

    def fill(self, template: str) -> Letter:
        text, position = "", 0
        spans: list[Span] = []
        for slot in _SLOT.finditer(template):
            text += template[position : slot.start()]
            position = slot.end()
            value, entity = self._value(slot[1], int(slot[2]) if slot[2] else None)
            if entity is not None:
                spans.append(Span(start=len(text), end=len(text) + len(value), entity=entity))
            text += value
        return Letter(text + template[position:], tuple(spans))

    def _value(self, kind: str, index: int | None) -> tuple[str, Entity | None]:
        if kind in {"name", "first", "last", "other"}:
            first, last = self._person(kind, index)
            shown = {"first": first, "last": last}.get(kind, f"{first} {last}")
            return shown, Entity.NAME
        makers: Mapping[str, tuple[Callable[[], str], Entity | None]] = {
            "address": (self._address, Entity.ADDRESS),
            "email": (self._email, Entity.EMAIL),
            "phone": (self._phone, Entity.PHONE),
            "iban": (self._iban, Entity.IBAN),
            "card": (self._card, Entity.CARD),
            "ip": (self._ip, Entity.IP),
            "national_id": (self._national_id, Entity.NATIONAL_ID),
            "title": (lambda: self.dice.choice(_TITLES), None),
            "company": (lambda: self._pick("company"), None),
            "town": (lambda: self._pick("town"), None),
            "date": (self._date, None),
            "amount": (self._amount, None),
            "reference": (self._reference, None),
        }
        make, entity = makers[kind]
        return make(), entity

    def _pick(self, pool: str) -> str:
        return self.dice.choice(self.pools[pool])

    def _digits(self, count: int) -> str:
        return "".join(str(self.dice.randrange(10)) for _ in range(count))

    def _person(self, kind: str, index: int | None) -> tuple[str, str]:
        if index is not None:
            return (self.others if kind == "other" else self.people)[index - 1]
        person = (self._pick("first"), self._pick("last"))
        self.people.append(person)
        if kind == "other":
            self.others.append(person)
        return person

    def _address(self) -> str:
        number = self.dice.randrange(1, 190)
        town = self._pick("town")
        kind = self.dice.choice(["Road", "Street", "Lane", "Close", "Avenue", "Terrace"])
        return self.dice.choice(
            [
                (
                    f"{number} {self._pick('street')} {kind}, {town} LS{self._digits(1)} "
                    f"{self._digits(1)}{self.dice.choice('ABDEF')}{self.dice.choice('GHJL')}"
                ),
                f"Flat {number % 9 + 1}, {number} {self._pick('street')} {kind}, {town}",
                (
                    f"{number * 10} {self._pick('street')} {kind}, Apt {number % 30 + 1}, {town}, "
                    f"CO 80{self._digits(3)}"
                ),
                (
                    f"{self._pick('german_street')}{self.dice.choice(['weg', 'straße', 'gasse'])} "
                    f"{number}, {self.dice.randrange(1, 9)}{self._digits(4)} {town}"
                ),
                (
                    f"{number} {self._pick('french_street')}, {self.dice.randrange(1, 9)}"
                    f"{self._digits(4)} {town}"
                ),
                f"{self._pick('spanish_street')} {number}, 4{self._digits(4)} {town}",
            ]
        )

    def _email(self) -> str:
        name = re.sub(r"[^a-z]", "", self._pick("last").lower()) or "office"
        domain = self.dice.choice(["example.org", "example.com", "mail.example.net"])
        return f"{self.dice.choice('abcdefghkm')}{self.dice.choice(['.', '_', ''])}{name}@{domain}"

    def _phone(self) -> str:
        return self.dice.choice(
            [
                f"07700 900 {self._digits(3)}",
                f"(0{self.dice.randrange(30, 90)}) 55{self._digits(2)} {self._digits(4)}",
                f"+49 171 39{self._digits(5)}",
                f"+1 312-555-01{self._digits(2)}",
                f"(303) 555-01{self._digits(2)}",
                f"06 39 98 {self._digits(2)} {self._digits(2)}",
                f"+34 600 {self._digits(3)} {self._digits(3)}",
            ]
        )

    def _iban(self) -> str:
        country, bank = self.dice.choice(
            [
                ("DE", self._digits(18)),
                ("GB", "WEST" + self._digits(14)),
                ("NL", "ABNA" + self._digits(10)),
                ("AT", self._digits(16)),
            ]
        )
        check = mod_97_10.calc_check_digits(bank + country)
        iban = f"{country}{check}{bank}"
        if self.dice.random() < 1 / 4:
            return iban
        return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))

    def _card(self) -> str:
        stem = self.dice.choice(["4", "51", "2221"]) + self._digits(14)
        number = stem[:15] + luhn.calc_check_digit(stem[:15])
        mark = self.dice.choice([" ", "-", ""])
        return mark.join(number[i : i + 4] for i in range(0, 16, 4))

    def _ip(self) -> str:
        if self.dice.random() < 1 / 4:
            return f"2001:db8:{self.dice.randrange(256, 65536):x}::{self.dice.randrange(1, 99):x}"
        return f"{self.dice.choice(['203.0.113', '198.51.100'])}.{self.dice.randrange(1, 255)}"

    def _national_id(self) -> str:
        number = self.dice.randrange(10**7, 10**8)
        return self.dice.choice(
            [
                f"{number}{_DNI_LETTERS[number % 23]}",
                (
                    f"{self.dice.randrange(100, 660)}-{self.dice.randrange(10, 99)}-"
                    f"{self.dice.randrange(1000, 9999)}"
                ),
                (
                    f"{self.dice.choice(['AB', 'JK', 'PR'])} {self._digits(2)} {self._digits(2)} "
                    f"{self._digits(2)} {self.dice.choice('ABCD')}"
                ),
            ]
        )

    def _date(self) -> str:
        day, month = self.dice.randrange(1, 29), self.dice.choice(_MONTHS)
        return self.dice.choice([f"{day} {month} 2025", f"{month} {day}", f"{day:02}.03.2025"])

    def _amount(self) -> str:
        value = f"{self.dice.randrange(12, 2400)}.{self._digits(2)}"
        return self.dice.choice([f"£{value}", f"{value} euros", f"${value}"])

    def _reference(self) -> str:
        return self.dice.choice(
            [
                f"R-{self._digits(6)}",
                f"2025/{self._digits(4)}",
                f"KX{self._digits(5)}-{self._digits(2)}",
            ]
        )
