"""The words of every language are complete, and numbers are written as they are."""

import string
import tomllib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.document import SCHEMA
from pricing.documents.pdf_words import FOLDER, aligned, words_of
from pricing.money import MINOR_DECIMALS

FILES = {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}
ENGLISH: dict[str, Any] = tomllib.loads(FILES["en"].read_text(encoding="utf-8"))
WHOLE = [name for name in FILES if "-" not in name]
SHARED = {"iban", "bic"}  # the same in every language


def flat(words: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in words.items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": text for inner, text in value.items()}
        else:
            found[name] = value
    return found


def names_in(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)


def read(language: str) -> dict[str, str]:
    return flat(tomllib.loads(FILES[language].read_text(encoding="utf-8")))


@pytest.mark.parametrize("language", WHOLE)
def test_every_language_has_every_word_with_the_same_names_in_it(language: str) -> None:
    words, english = read(language), flat(ENGLISH)

    assert list(words) == list(english)
    assert {name: names_in(text) for name, text in words.items()} == {
        name: names_in(text) for name, text in english.items()
    }
    assert all(words.values())


@pytest.mark.parametrize("language", [name for name in WHOLE if name != "en"])
def test_no_sentence_is_left_in_english(language: str) -> None:
    words, english = read(language), flat(ENGLISH)
    same = {name for name, text in words.items() if text == english[name]} - SHARED

    assert all(" " not in english[name] or english[name] == "Marketing Lite" for name in same)


@pytest.mark.parametrize("region", [name for name in FILES if "-" in name])
def test_the_words_of_a_region_say_only_what_differs(region: str) -> None:
    base = read(region.partition("-")[0])

    assert all(base[name] != text for name, text in read(region).items())


@pytest.mark.parametrize(
    ("language", "words", "amount"),
    [
        ("pt-BR", "Fatura", "€\u00a01.234,50"),
        ("de_CH", "Rechnung", "EUR\u00a01\u2019234.50"),
        ("es-ES", "Factura", "1.234,50\u00a0€"),
        ("fr-XX", "Facture", "1\u202f234,50\u00a0€"),
        ("ja", "Invoice", "€1,234.50"),
        ("x", "Invoice", "€1,234.50"),
    ],
)
def test_a_language_is_found_by_its_code_then_in_english(
    language: str, words: str, amount: str
) -> None:
    found = words_of(language)

    assert found["invoice"] == words
    assert found.money(Decimal("1234.50"), "EUR") == amount


def test_the_schema_of_documents_is_the_one_that_these_words_are_for() -> None:
    assert SCHEMA == "tollbook.invoice/1"


@given(
    st.integers(-(10**20), 10**20),
    st.sampled_from(sorted(MINOR_DECIMALS)),
    st.sampled_from(WHOLE),
)
def test_an_amount_is_written_with_every_digit_of_its_minor_units(
    minor: int, currency: str, language: str
) -> None:
    decimals = MINOR_DECIMALS[currency]
    amount = Decimal(minor).scaleb(-decimals)
    words = words_of(language)
    for written in (words.amount(amount, currency), words.money(amount, currency)):
        digits = "".join(sign for sign in written if sign in string.digits)
        assert digits == f"{abs(minor):0{decimals + 1}}"
        assert any(sign in written for sign in "-\u2212") == (minor < 0)


@given(st.lists(st.decimals("-1e6", "1e6", places=9), min_size=1))
def test_decimal_marks_stand_below_each_other(numbers: list[Decimal]) -> None:
    words = words_of("de")
    written = aligned([words.exact(number, "EUR") for number in numbers], words)
    tails = {len(shown) + len(hidden) - shown.index(",") for shown, hidden in written}

    assert len(tails) == 1
