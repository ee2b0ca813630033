"""The exact details of a document as the CSV file that travels inside its XML (BG-24)."""

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pricing.document import Detail, Document, Line
from pricing.documents.en16931_codes import CSV, plain

ROWS_MAX = 10_000  # a larger file is left out: receivers limit the size of a document
_RUNS = re.compile(r"[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")  # also behind quotes
_OF_LINE = ("line_id", "charge", "account_id", "period")
_OF_DETAIL = (
    *("meter", "market", "category", "pricing_type", "tier", "quantity", "priced_quantity"),
    *("unit_price", "amount", "rate_date", "evidence", "status", "note"),
)


def attachment_terms(document: Document) -> list[dict[str, Any]]:
    """Write BG-24: one attachment with all details, none where there are no or too many."""
    count = sum(len(line.details) for line in document.lines)
    if not 0 < count <= ROWS_MAX:
        return []
    name = (document.number or "").replace("/", "-")
    return [
        {
            "BT-122": "details",
            "BT-123": "The exact amounts that the lines add up",
            "BT-125": details_csv(document).encode(),
            "BT-125-1": CSV,
            "BT-125-2": f"{name}-details.csv",
        }
    ]


def details_csv(document: Document) -> str:
    """Write a row for each detail, exact, in the order of the document.

    A text that a spreadsheet would run as a formula has an apostrophe before it.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow((*_OF_LINE, *_OF_DETAIL, "currency"))
    writer.writerows(_rows(document))
    return written.getvalue()


def _rows(document: Document) -> Iterator[list[str]]:
    for line in document.lines:
        for detail in line.details:
            yield [*_cells(line, _OF_LINE), *_cells(detail, _OF_DETAIL), document.currency]


def _cells(part: Line | Detail, names: tuple[str, ...]) -> list[str]:
    return [_cell(getattr(part, name)) for name in names]


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case Decimal():
            return plain(value)
        case str():
            return f"'{value}" if _RUNS.match(value) else value
        case _:
            return str(value)
