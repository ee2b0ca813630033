"""Numbers have the marks of the reader on pages, and none in files."""

from decimal import Decimal

import pyarrow
import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some

from dashboards.marks import marks_of
from dashboards.words import operations, text
from metering.settings import Book
from tests.dashboards.conftest import Open
from tests.dashboards.test_app import INVOICES, archived, rows, shown_totals, totals_of, words

LANGUAGES = ("en-US", "de-DE", "fr", "hi-IN", "pt-PT", "de-CH", "sv-SE", "ar")
GERMAN = str.maketrans(",.", ".,")


@given(some.decimals(places=4, allow_nan=False, allow_infinity=False), some.sampled_from(LANGUAGES))
def test_a_number_loses_no_digit_with_the_marks_of_a_language(
    number: Decimal, language: str
) -> None:
    marks = marks_of(language)
    on_page = marks.written(f"{number:,f} %")

    assert marks.neutral(on_page) == f"{number:f} %"


@pytest.mark.parametrize("language", [None, "xx-YY", "../../etc", "de_DE.UTF-8", "☃"])
def test_an_unknown_language_is_written_like_english(language: str | None) -> None:
    assert marks_of(language).is_plain


def test_a_german_reader_sees_the_same_totals_with_other_marks(
    sample: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(st.context), "locale", property(lambda _: "de-DE"))
    drafts = archived(sample)
    app = open_app(sample, **INVOICES, invoice=drafts.invoices["invoice_id"][0])

    totals = totals_of(drafts.invoices)
    assert shown_totals(app) == {code: sum_.translate(GERMAN) for code, sum_ in totals.items()}
    assert "," in rows(app)[0][text.TOTAL]
    assert not app.exception
    assert "The details add up to" in words(app)


def test_whole_numbers_of_a_table_are_written_as_in_the_text_and_stay_numbers(
    sample: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(st.context), "locale", property(lambda _: "es-ES"))
    app = open_app(sample, view=text.LOADS)
    table = app.dataframe[1].proto.arrow_data.styler.display_values
    shown = pyarrow.ipc.open_stream(table).read_pandas()[operations.ROWS_ABOUT]
    numbers = [row[operations.ROWS_ABOUT] for row in rows(app, 1)]

    assert not app.exception
    assert [*shown] == [f"{number:,}".translate(GERMAN) for number in numbers]
    # A browser would write four digits without a mark in this language.
    assert any(1000 <= number < 10_000 for number in numbers)
