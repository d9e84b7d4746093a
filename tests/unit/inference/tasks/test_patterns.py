"""Personal data that has a shape: what must be found in any text, and what must not be."""

import ipaddress
import itertools
import string
import time

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given
from stdnum import iban, luhn
from stdnum.us import ssn

from zeroidle_contract import Entity
from zeroidle_inference.tasks.patterns import find

ALL = frozenset(Entity)
digits = st.text(string.digits, min_size=1)
# What may stand around it in a letter.
before = st.sampled_from(
    ["", "Write to ", "no: ", "(", "Tel. ", "On 4 May 2026, ", "12 ", "„", "é "]
)
after = st.sampled_from(
    ["", ".", ", please", ") and", " BIC COBADEFF", " 12/27", "\nTom", "; 7", "?"]
)


def found(text: str, entities: frozenset[Entity] = ALL) -> list[tuple[Entity, str]]:
    spans = sorted(find(text, entities), key=lambda span: span.start)
    return [(span.entity, text[span.start : span.end]) for span in spans]


def grouped(text: str, size: int, mark: str) -> str:
    return mark.join(text[i : i + size] for i in range(0, len(text), size))


cards = st.builds(
    lambda first, rest, mark: grouped(
        first + rest + str(luhn.calc_check_digit(first + rest)), 4, mark
    ),
    st.sampled_from("23456"),
    st.text(string.digits, min_size=14, max_size=14),
    st.sampled_from(["", " ", "-"]),
)
bank_accounts = st.builds(
    lambda country, account, mark: grouped(
        country + iban.calc_check_digits(f"{country}00{account}") + account, 4, mark
    ),
    st.sampled_from(["DE", "AT"]),
    st.text(string.digits, min_size=18, max_size=18),
    st.sampled_from(["", " "]),
).filter(iban.is_valid)
emails = st.builds(
    lambda name, host, top: f"{name}@{host}.{top}",
    st.from_regex(r"\A[a-z][a-z0-9._+-]{0,12}[a-z0-9]\Z"),
    st.from_regex(r"\A[a-z]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,6})?\Z"),
    st.sampled_from(["com", "org", "de", "co.uk", "museum"]),
)
ipv4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address).map(str)
ipv6 = st.integers(0x2000 << 112, (0x4000 << 112) - 1).map(ipaddress.IPv6Address).map(str)
social_security = st.from_regex(r"\A[1-8]\d\d-\d\d-\d{4}\Z").filter(ssn.is_valid)
insurance = st.from_regex(r"\A[ABCE][ABCE] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\Z")
phones = st.sampled_from(
    [
        "+44 20 7946 0958",
        "020 7946 0958",
        "(020) 7946 0958",
        "+1 (212) 555-0123",
        "(212) 555-0123",
        "212-555-0123",
        "212.555.0123",
        "+49 (0)30 123456",
        "030/1234567",
        "0170-1234567",
        "+33 1 23 45 67 89",
        "01 23 45 67 89",
        "+4915112345678",
        "0049 151 12345678",
        "02079460958",
    ]
)
KINDS = {
    Entity.CARD: cards,
    Entity.IBAN: bank_accounts,
    Entity.EMAIL: emails,
    Entity.IP: ipv4 | ipv6,
    Entity.NATIONAL_ID: social_security | insurance,
}


@pytest.mark.parametrize("entity", KINDS)
@given(data=st.data(), before=before, after=after)
def test_what_has_a_shape_is_found_whatever_stands_around_it(
    entity: Entity, data: st.DataObject, before: str, after: str
) -> None:
    value = data.draw(KINDS[entity])
    # Digits that happen to continue the number make another one.
    assume(not (entity is Entity.CARD and (before == "12 " or after == " 12/27")))

    assert (entity, value) in found(before + value + after)


@pytest.mark.parametrize("around", [("12 ", ""), ("", " 12/27"), ("No. 7 ", " 123")])
def test_a_card_between_other_numbers_is_found(around: tuple[str, str]) -> None:
    card = "4111 1111 1111 1111"

    assert found(around[0] + card + around[1]) == [(Entity.CARD, card)]


@given(
    phones,
    st.sampled_from(["", "Tel. ", "(", "Call: ", "On 04.05.2026 "]),
    st.sampled_from(["", ".", ", or", ")"]),
)
def test_phone_numbers_of_several_countries_are_found(phone: str, before: str, after: str) -> None:
    assert (Entity.PHONE, phone) in found(before + phone + after)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DE89 3704 0044 0532 0130 00 BIC COBADEFF", "DE89 3704 0044 0532 0130 00"),
        ("gb82 west 1234 5698 7654 32 by May", "gb82 west 1234 5698 7654 32"),
        ("IBAN:GB82WEST12345698765432, thanks", "GB82WEST12345698765432"),
        ("::ffff:10.0.0.1 answered", "::ffff:10.0.0.1"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("http://10.0.0.1:8080/x", "10.0.0.1"),
        ("O'Brien@example.com", "O'Brien@example.com"),
        ("36 574 261 809 is a German tax number", "36 574 261 809"),
        ("DNI 12345678Z", "12345678Z"),
        ("NIE X-1234567-L", "X-1234567-L"),
        ("card 3782 822463 10005", "3782 822463 10005"),
        ("IP:10.0.0.1", "10.0.0.1"),
        ("src:192.168.1.20", "192.168.1.20"),
        ("IP:2001:db8::1", "2001:db8::1"),
        ("src:2001:db8::1 dst", "2001:db8::1"),
        ("dead:beef::1", "dead:beef::1"),
        ("card 4111\u00a01111\u00a01111\u00a01111", "4111\u00a01111\u00a01111\u00a01111"),
        ("card 4111.1111.1111.1111.", "4111.1111.1111.1111"),
        ("card 4111\u20111111\u20111111\u20111111", "4111\u20111111\u20111111\u20111111"),
        ("on +44 20 7946\u00a00958 today", "+44 20 7946\u00a00958"),
        ("1-800-555-0199", "1-800-555-0199"),
        ("1 415 555 2671", "1 415 555 2671"),
        ("1 (415) 555-2671", "1 (415) 555-2671"),
        ("415 555 2671", "415 555 2671"),
        ("móvil 612 345 678.", "612 345 678"),
        ("Tfno 612 34 56 78", "612 34 56 78"),
        ("móvil: 612345678", "612345678"),
        ("ring me on 555-0142", "555-0142"),
        ("DE89-3704-0044-0532-0130-00", "DE89-3704-0044-0532-0130-00"),
        ("SSN 219 09 9999", "219 09 9999"),
        ("ssn: 219099999", "219099999"),
        ("AB-12-34-56-C", "AB-12-34-56-C"),
        ("12.345.678-Z", "12.345.678-Z"),
        ("RCCMNL83S18D969H", "RCCMNL83S18D969H"),
        ("2 95 10 99 126 111 93", "2 95 10 99 126 111 93"),
        ("390.533.447-05", "390.533.447-05"),
        ("44051401359", "44051401359"),
        ("85.07.30-033.28", "85.07.30-033.28"),
        ("880320-0016", "880320-0016"),
        ("2026-01-05 0612345678", "0612345678"),
        ("15.01.2026 0612345678", "0612345678"),
        ("иван@пример.рф", "иван@пример.рф"),
        ("user=anna@example.org&x=1", "anna@example.org"),
        ("+44 20 \uff17\uff19\uff14\uff16 0958", "+44 20 \uff17\uff19\uff14\uff16 0958"),
    ],
)
def test_these_are_found_whole_and_alone(text: str, expected: str) -> None:
    assert [value for _, value in found(text)] == [expected]


def test_a_phone_number_that_satisfies_luhn_is_no_card() -> None:
    assert found("+4915112345678") == [(Entity.PHONE, "+4915112345678")]


def test_a_card_is_not_masked_as_a_phone_number_when_only_those_are_asked_for() -> None:
    assert found("4111 1111 1111 1111", frozenset({Entity.PHONE})) == []


@pytest.mark.parametrize(
    "text",
    [
        "on 2026-05-04 at 12:30:45",
        "2026-05-04T12:30:45Z",
        "on 04.05.2026.",
        "on 03.05.2026 14:00",
        "from 01.01.2026-31.12.2026",
        "dated 04-05-2026",
        "on 4/5/2026",
        "20260504",
        "from 08:00 to 17:00",
        "total 1,234.56",
        "EUR 12 500.00",
        "12.500,00 EUR",
        "1 234 567,89",
        "order ORD-20260417-000123",
        "invoice 2026-0417",
        "customer number 01234567",
        "order 012345678",
        "tracking 1Z999AA10123456784",
        "version 1.2.3",
        "v10.20.30.40",
        "ISBN 978-3-16-148410-0",
        "card 4111 1111 1111 1112",
        "GB00 WEST 1234 5698 7654 32",
        "DE89370400440532013001",
        "256.1.1.1",
        "std::vector",
        "a::b",
        "12::34",
        "MAC 00:1A:2B:3C:4D:5E",
        "@handle",
        "a@b",
        "000-00-0000",
        "666-12-3456",
        "12345678A",
        "AB 12 34 56 E",
        "0.12345678",
        "612 345 678 EUR",
        "€612 345 678",
        "12 612 345 678",
        "1 415 555 267",
        "serials 100 200 300 to 100 200 314",
        "rows 41 11 1111 1111 1111 11",
        "1.1.1.1.1",
        "call me on 12.05.2026",
        "phone 15, 128 GB",
        "390.533.447-06",
        "44051401358",
        "880320-0017",
    ],
)
def test_near_misses_stay(text: str) -> None:
    assert found(text) == []


@given(st.text(st.sampled_from("0123456789 .-/:+()ABab@"), max_size=60))
def test_spans_are_disjoint_and_within_any_text(text: str) -> None:
    spans = sorted(find(text, ALL), key=lambda span: span.start)

    assert all(span.end <= len(text) for span in spans)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize(
    "piece",
    [
        "0",
        " ",
        "1",
        ".",
        "-",
        ":",
        "A",
        "@",
        "a.",
        "0 ",
        "1-",
        "a@",
        "A1 ",
        "(0)",
        "x@y.io ",
        "tel ",
        "12 345 678 ",
        "0" * 40 + "x ",
    ],
)
def test_the_time_for_a_text_grows_with_its_length_and_no_faster(piece: str) -> None:
    text = (piece * 200_000)[:200_000]
    started_s = time.process_time()

    found(text)

    assert time.process_time() - started_s < 10
