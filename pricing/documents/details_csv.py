"""The exact details of a document as a CSV file: what travels inside its PDF and its XML."""

import csv
import io
import re
from decimal import Decimal, localcontext

from pricing.document import Detail, Document
from pricing.documents.shown_line import DIGITS

_RUNS = re.compile(r"[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")  # also behind quotes
_OF_LINE = ("line_id", "charge", "account_id", "period")
_OF_DETAIL = (
    *("meter", "market", "category", "pricing_type", "tier", "quantity", "priced_quantity"),
    *("unit_price", "amount", "rate_date", "evidence", "status", "sender_id"),
)
COLUMNS = (*_OF_LINE, *_OF_DETAIL, "note", "currency")


def details_csv(document: Document) -> bytes:
    """Write a row for each detail, exact, in the order of the document.

    A text that a spreadsheet would run as a formula has an apostrophe before it.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in document.lines:
        of_line = [_cell(getattr(line, name)) for name in _OF_LINE]
        for detail in line.details:
            of_detail = [_cell(getattr(detail, name)) for name in _OF_DETAIL]
            note = _cell(note_for_buyer(detail))
            writer.writerow([*of_line, *of_detail, note, document.currency])
    return written.getvalue().encode()


def file_name(document: Document) -> str:
    """Name the file after the document."""
    return f"{(document.number or 'draft').replace('/', '-')}-details.csv"


def note_for_buyer(detail: Detail) -> str:
    """Say why an amount is no product of quantity and unit price; empty where it is one.

    No other note leaves the house: it may say what the seller pays, and the markup on it.
    """
    if detail.unit_price is None or detail.amount is None:
        return ""
    with localcontext(prec=DIGITS):
        is_product = detail.priced_quantity * detail.unit_price == detail.amount
    return "" if is_product else (detail.note or "")


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case Decimal():
            with localcontext(prec=DIGITS):
                return f"{value.normalize():f}"
        case str():
            return f"'{value}" if _RUNS.match(value) else value
        case _:
            return str(value)
