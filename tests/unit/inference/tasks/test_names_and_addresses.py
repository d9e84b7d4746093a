"""What form alone says about names and addresses."""

import pytest

from zeroidle_inference.tasks import addresses, names


def found(text: str, *, is_certain: bool) -> list[str]:
    return [
        text[candidate.start : candidate.end]
        for candidate in names.candidates(text)
        if candidate.is_certain is is_certain
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("We spoke to Mr Farrow at the counter.", "Farrow"),
        ("Then Dr. Amara Nwosu came.", "Amara Nwosu"),
        ("Dear Mrs. van Oosterhout,\nthank you", "van Oosterhout"),
        ("Hello Priyanka,\nat night", "Priyanka"),
        ("Liebe Frau Lohse,\nanbei", "Lohse"),
        ("See you.\n\nKind regards,\nRosario\n", "Rosario"),
        ("See you.\n\nYours,\nBram Hoekstra, treasurer", "Bram Hoekstra"),
        ("Patient: Kiri Tamatea\nNext visit", "Kiri Tamatea"),
        ("My husband Étienne Garance-Morel will open.", "Étienne Garance-Morel"),
        ("The caretaker, Vicent, has them; ask the caretaker, Vicent.", "Vicent"),
        ("Done. Curtis, could you close this?", "Curtis"),
        ("Employee Harriet O'Neill-Boone reports", "Harriet O'Neill-Boone"),
        ("someone will have a nice time.\n\nDeclan", "Declan"),
    ],
)
def test_what_gives_a_name_away(text: str, name: str) -> None:
    assert name in found(text, is_certain=True)


@pytest.mark.parametrize(
    "text",
    [
        "Dear Sir or Madam,\nplease",
        "Thank you. Please write.",
        "It came on Monday, 3 March.",
        "The parcel lay in Lisbon.",
        "We wrote to Hillside Bank again.",
        "It cost 3 EUR.",
    ],
)
def test_what_is_no_name(text: str) -> None:
    assert found(text, is_certain=True) == []
    assert found(text, is_certain=False) == []


@pytest.mark.parametrize(
    "name",
    [
        "Ferenc Balogh",
        "\u041e\u043b\u044c\u0433\u0430 \u0411\u0435\u043b\u043e\u0432\u0430",
        "\u039d\u03af\u03ba\u03bf\u03c2 \u0393\u03b5\u03c9\u03c1\u03b3\u03af\u03bf\u03c5",
    ],
)
def test_two_capitalised_words_of_any_script_are_in_doubt(name: str) -> None:
    assert found(f"and then {name} took photographs", is_certain=False) == [name]


def test_a_lower_case_letter_of_another_language_begins_no_name() -> None:
    assert found("a pak \u010desk\u00e9 \u0159eky byly v zim\u011b", is_certain=False) == []


def test_a_title_ends_before_the_name_and_a_company_after_it() -> None:
    assert found("Herr Abernathy von Kessler Optik GmbH kommt", is_certain=True) == ["Abernathy"]


def test_the_words_of_a_name_stand_for_it() -> None:
    assert list(names.parts("Anna B. de Wit")) == ["Anna B. de Wit", "Anna", "Wit"]


@pytest.mark.parametrize(
    "address",
    [
        "14 Quarry Steps, Ludlow SY8 9ZZ",
        "14 Quarry Steps\nLudlow SY8 9ZZ",
        "Fliederstieg 22, 24103 Kiel",
        "Am Weinsteig 5, 3500 Krems an der Donau",
        "Carrer de la Figuera 8, bajo, 46003 València",
        "905 Cottonwood Loop, Apt 12, Bozeman, MT 59715",
        "27 rue des Tanneurs, 38000 Grenoble",
        "61 Tanner Street, Dublin 8",
        "Flat 3, 12 Mill Lane, Leeds",
        "Keizersgracht 77, 1015 CN Amsterdam",
        "P.O. Box 417",
    ],
)
def test_a_street_of_a_known_kind_or_with_its_postcode_is_an_address(address: str) -> None:
    text = f"Please write to {address}. It is new."

    spans = [text[each.start : each.end] for each in addresses.candidates(text) if each.is_certain]

    assert spans == [address]


@pytest.mark.parametrize(
    "text",
    [
        "It was on 7 April, 2025.",
        "Invoice 4471-0093 is open.",
        "IBAN GB82 WEST 1234 5698",
        "at 12 o'clock",
    ],
)
def test_dates_and_numbers_are_no_addresses(text: str) -> None:
    assert list(addresses.candidates(text)) == []


def test_a_number_beside_capitalised_words_is_in_doubt() -> None:
    text = "The keys are at 12 Elm Tops with the porter."

    assert [text[each.start : each.end] for each in addresses.candidates(text)] == ["12 Elm Tops"]
    assert not any(each.is_certain for each in addresses.candidates(text))
