"""Documents as tables: their lines, and the price cells of these, as CSV and as an Excel workbook.

CSV is for programs: amounts are exact. A workbook is for people: a spreadsheet keeps 15 digits of a
number, so a longer one stands there as text. Amounts of a credit note are negative in both, so that
a column can be added up.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Literal

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from metering.errors import TollbookError
from metering.spreadsheet import RUNS, csv_line, defused
from pricing.document import Document, Line
from pricing.documents.signed import signed
from pricing.money import MINOR_DECIMALS

Table = Literal["lines", "details"]
Cell = str | int | Decimal | date | bool | None
Row = tuple[Cell, ...]

OF_DOCUMENT = (
    *("invoice_id", "number", "kind", "state", "issue_date", "period", "payer_id", "payer"),
    "purpose",
)
OF_LINE = (
    *(
        "line_id",
        "account_id",
        "account_name",
        "cost_centre",
        "charge",
        "plan",
        "line_kind",
        "line_period",
    ),
    "is_correction",
)
LINES = (
    *OF_DOCUMENT,
    *OF_LINE,
    *("quantity", "amount", "currency", "tax_treatment", "tax_name", "tax_rate_ratio"),
)
DETAILS = (
    *("invoice_id", "number", *OF_LINE, "meter", "market", "category", "pricing_type", "tier"),
    *("status", "quantity", "priced_quantity", "unit_price", "amount", "currency", "rate_date"),
    *("evidence", "note", "sender_id"),
)
COLUMNS: dict[Table, tuple[str, ...]] = {"lines": LINES, "details": DETAILS}

DIGITS_MAX = 15  # of a number in a spreadsheet
SHEET_ROWS_MAX = 1_048_576
ABOUT = (
    "Amounts of credit notes are negative, so that a column can be added up.",
    "The details of a line are exact; their sum is rounded once, to the amount of the line.",
    f"A spreadsheet keeps {DIGITS_MAX} digits of a number: a longer one stands here as text.",
    "For programs, take the CSV of the same command: there every number is exact.",
)


def rows_of(documents: Iterable[Document], table: Table) -> Iterator[Row]:
    """Yield the rows of a table, with the columns that `COLUMNS` names."""
    for document in map(signed, documents):
        for line in document.lines:
            if table == "lines":
                yield _line_row(document, line)
            else:
                yield from _detail_rows(document, line)


def csv_of(documents: Iterable[Document], table: Table) -> Iterator[str]:
    """Write a table as CSV, a row at a time; texts that a spreadsheet would run are defused."""
    yield csv_row(COLUMNS[table])
    for row in rows_of(documents, table):
        yield csv_row(row)


def xlsx_of(documents: Sequence[Document]) -> bytes:
    """Write lines and details as the sheets of a workbook: the same documents give the same bytes.

    Raises:
        TollbookError: there are more rows than a sheet can hold.
    """
    target = BytesIO()
    book = xlsxwriter.Workbook(target, {"constant_memory": True})
    instants = [document.period_end_at for document in documents]
    book.set_properties({"created": max(instants).replace(tzinfo=None)} if instants else {})
    about = book.add_worksheet("About")
    for number, sentence in enumerate(ABOUT):
        about.write_string(number, 0, sentence)
    sheet = _Sheet(book)
    for table in COLUMNS:
        sheet.write(table, rows_of(documents, table))
    book.close()
    return target.getvalue()


def csv_row(cells: Iterable[Cell]) -> str:
    """Write a row of CSV with its line ending; numbers exact, texts defused."""
    return csv_line(_csv_cell(cell) for cell in cells)


class _Sheet:
    """Writes tables into a workbook, in the formats that they share."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._heading = book.add_format({"bold": True})
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._text = book.add_format({"quote_prefix": True})  # it stays text when it is edited
        self._money = {
            places: book.add_format({"num_format": f"#,##0.{'0' * places}".rstrip(".")})
            for places in {*MINOR_DECIMALS.values()}
        }

    def write(self, table: Table, rows: Iterable[Row]) -> None:
        columns = COLUMNS[table]
        sheet = self._book.add_worksheet(table.capitalize())
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(columns):
            sheet.write_string(0, place, name.replace("_", " "), self._heading)
        currency_at, amount_at = columns.index("currency"), columns.index("amount")
        for number, row in enumerate(rows, start=1):
            if number >= SHEET_ROWS_MAX:
                raise TollbookError(
                    f"a sheet holds {SHEET_ROWS_MAX:,} rows, and there are more {table}",
                    where="--as xlsx",
                    hint="take --as csv, which has no limit",
                )
            money = self._money[MINOR_DECIMALS[str(row[currency_at])]]
            for place, cell in enumerate(row):
                is_money = table == "lines" and place == amount_at
                self._write_cell(sheet, (number, place), cell, money if is_money else None)

    def _write_cell(
        self, sheet: Worksheet, at: tuple[int, int], cell: Cell, number_format: Format | None
    ) -> None:
        match cell:
            case None | "":
                pass
            case bool():
                sheet.write_boolean(*at, cell)
            case date():
                sheet.write_datetime(*at, cell, self._day)
            case int() | Decimal() if _fits(cell):
                sheet.write_number(*at, cell, number_format)
            case int() | Decimal():
                sheet.write_string(*at, f"{cell:f}")
            case str():
                sheet.write_string(*at, cell, self._text if RUNS.match(cell) else None)


def _line_row(document: Document, line: Line) -> Row:
    tax = line.tax
    return (
        *(document.invoice_id, document.number, document.kind, document.state),
        *(document.issue_date, document.period, document.account_id, document.name),
        document.purpose,
        *_of_line(document, line),
        *(_plain(line.quantity), line.amount, line.currency),
        *((None, None, None) if tax is None else (tax.treatment, tax.name, _plain(tax.rate_ratio))),
    )


def _detail_rows(document: Document, line: Line) -> Iterator[Row]:
    for detail in line.details:
        yield (
            *(document.invoice_id, document.number, *_of_line(document, line)),
            *(detail.meter, detail.market, detail.category, detail.pricing_type, detail.tier),
            *(detail.status, _plain(detail.quantity), _plain(detail.priced_quantity)),
            *(_plain(detail.unit_price), _plain(detail.amount), line.currency, detail.rate_date),
            *(detail.evidence, detail.note, detail.sender_id),
        )


def _of_line(document: Document, line: Line) -> Row:
    is_own = line.account_id == document.account_id
    name = document.name if is_own and not line.account_name else line.account_name
    return (
        *(line.line_id, line.account_id, name, line.cost_centre, line.charge, line.plan),
        *(line.kind, line.period, line.is_correction),
    )


def _plain(number: Decimal | None) -> Decimal | None:
    """Leave out the zeros of the scale of a number, and nothing else."""
    if number is None:
        return None
    text = f"{number:f}"
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def _fits(number: int | Decimal) -> bool:
    return len(f"{number:f}".replace(".", "").strip("-0")) <= DIGITS_MAX


def _csv_cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case str():
            return defused(cell)
        case date():
            return cell.isoformat()
        case _:
            return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
