"""Lines and details of documents as CSV and Excel."""

import csv
import io
import zipfile
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from metering.spreadsheet import defused
from pricing.document import Document
from pricing.documents.tabular import COLUMNS, Table, csv_of, rows_of, xlsx_of
from pricing.money import MINOR_DECIMALS
from tests.documents.made import MADE, detail, document, line

Read = list[dict[str, str]]
ALL = list(MADE.values())


def read_csv(documents: list[Document], table: Table = "lines") -> Read:
    return list(csv.DictReader(io.StringIO("".join(csv_of(documents, table)), newline="")))


def test_the_lines_of_a_document_add_up_to_its_net_amount() -> None:
    for made in ALL:
        sign = -1 if made.kind == "credit_note" else 1
        net = sum((Decimal(row["amount"]) for row in read_csv([made])), Decimal(0))

        assert net == sign * made.net


def test_every_price_cell_is_there_exactly() -> None:
    made = MADE["many kinds"]
    rows = read_csv([made], "details")

    cells = [cell for one in made.lines for cell in one.details]
    assert [Decimal(row["amount"]) for row in rows] == [cell.amount for cell in cells]
    assert [Decimal(row["unit_price"]) for row in rows] == [cell.unit_price for cell in cells]


def test_a_credit_note_is_negative_but_for_its_prices() -> None:
    (row,) = read_csv([MADE["credit note"]], "details")

    assert (row["quantity"], row["unit_price"], row["amount"]) == ("-100", "0.1131", "-11.31")


def test_an_unknown_price_is_empty_and_no_zero() -> None:
    known, unknown = read_csv([MADE["draft"]], "details")

    assert known["amount"] == "136.1724"
    assert (unknown["unit_price"], unknown["amount"], unknown["status"]) == ("", "", "unknown")


def test_a_number_of_thirty_digits_is_exact_in_csv() -> None:
    amount = Decimal("15241578751.714678875019052092")
    cell = detail("123456789012.000001", "0.123456789012", amount=amount)
    (row,) = read_csv([document([line("x", [cell])])], "details")

    assert row["amount"] == str(amount)


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '"=1"', "  =1", "' =1"),
        *("=1", "\uff0b1", "\u00a0=1", "“=1”"),
    ],
)
def test_what_a_spreadsheet_would_run_is_defused(text: str) -> None:
    assert defused(text) == f"'{text}"
    (row,) = read_csv([document([line(text)])])

    assert row["charge"] == f"'{text}"


@given(text=st.text(max_size=20))
def test_a_text_that_is_not_run_stays_as_it_is(text: str) -> None:
    bare = text.lstrip(" \"'")

    assert defused(text).removeprefix("'") == text.removeprefix("'") or defused(text) == f"'{text}"
    if bare.startswith(("=", "+", "-", "@", "\t", "\r")):
        assert defused(text) == f"'{text}"
    elif bare[:1].isalnum():
        assert defused(text) == text


def test_a_negative_number_stays_a_number() -> None:
    made = MADE["many kinds"]
    amounts = [row["amount"] for row in read_csv([made]) if row["line_kind"] == "discount"]

    assert amounts == ["-25.00"]


def sheets(content: bytes) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_a_workbook_holds_both_tables_and_says_what_it_is() -> None:
    found = sheets(xlsx_of(ALL))

    assert [*found] == ["About", "Lines", "Details"]
    for name, table in (("Lines", "lines"), ("Details", "details")):
        heading, *rows = found[name]
        assert heading == [column.replace("_", " ") for column in COLUMNS[table]]  # type: ignore[index]
        assert len(rows) == len([*rows_of(ALL, table)])  # type: ignore[arg-type]


def test_the_same_documents_give_the_same_workbook() -> None:
    assert xlsx_of(ALL) == xlsx_of(ALL)


def test_numbers_of_a_workbook_are_numbers_as_far_as_a_spreadsheet_keeps_them() -> None:
    short, long = detail("3", "0.5"), detail("1234567890", "0.123456789012")
    _, first, second = sheets(xlsx_of([document([line("x", [short, long])])]))["Details"]
    at = COLUMNS["details"].index("amount")

    assert first[at] == 1.5
    assert second[at] == "152415787.51672002468"


def test_a_formula_in_a_workbook_is_a_text() -> None:
    content = xlsx_of([document([line("=1+1")])])
    _, row = sheets(content)["Lines"]

    assert row[COLUMNS["lines"].index("charge")] == "=1+1"
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert not [name for name in parts.namelist() if b"<f>" in parts.read(name)]


@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD", "CLF"])
def test_an_amount_has_all_decimals_of_its_currency(currency: str) -> None:
    made = document([line("x", [detail("3", "5")], currency=currency)], currency=currency)
    (row,) = read_csv([made])

    assert len(row["amount"].partition(".")[2]) == MINOR_DECIMALS[currency]


def test_no_documents_give_a_heading_and_nothing_else() -> None:
    assert read_csv([]) == []
    assert len(sheets(xlsx_of([]))["Lines"]) == 1
