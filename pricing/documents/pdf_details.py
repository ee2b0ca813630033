"""The exact details of a document for people: the annex of its PDF."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

from pricing.document import Detail, Document, Line
from pricing.documents.details_csv import file_name, note_for_buyer
from pricing.documents.pdf_words import Words, aligned, capital
from pricing.documents.shown_line import DIGITS, ShownLine, shown_name


def details_of(
    document: Document, shown: Sequence[ShownLine], words: Words
) -> dict[str, Any] | None:
    """Unfold the lines for the annex; None where the details say no more than the lines."""
    listed = [line for line in document.lines if line.details]
    if not any(_says_more(line) for line in shown):
        return None
    return {
        "note": words.say("details_note", file=words.given(file_name(document))),
        "groups": [_group(document, line, words) for line in listed],
    }


def _says_more(shown: ShownLine) -> bool:
    """Say whether the details of a line hold more than the line that is shown."""
    details = shown.line.details
    if shown.unit_price is not None or not details:
        return False
    return len(details) > 1 or any(d.market or d.category or _evidence(d) for d in details)


def _group(document: Document, line: Line, words: Words) -> dict[str, Any]:
    amounts = [*(detail.amount for detail in line.details), _sum(line), line.amount]
    columns = (
        [words.quantity(_quantity(detail)) for detail in line.details],
        [_exact(detail.unit_price, document.currency, words) for detail in line.details],
        [_exact(amount, document.currency, words) for amount in amounts],
    )
    quantities, prices, written = (aligned(column, words) for column in columns)
    return {
        "name": words.given(capital(shown_name(line))),
        "note": "" if line.period == document.period else words.month(line.period),
        "amount": written.pop(),
        "sum": written.pop(),
        "rows": [
            [
                words.given(detail.market or ""),
                words.category(detail.category) if detail.category else "",
                "" if detail.tier is None else str(detail.tier),
                *given,
                words.short_day(detail.rate_date),
                words.given(_evidence(detail)),
            ]
            for detail, *given in zip(line.details, quantities, prices, written, strict=True)
        ],
    }


def _quantity(detail: Detail) -> Decimal:
    """What is multiplied; of what is free, all of it."""
    return detail.priced_quantity if detail.unit_price else detail.quantity


def _sum(line: Line) -> Decimal:
    with localcontext(prec=DIGITS):
        return sum((detail.amount or Decimal(0) for detail in line.details), Decimal(0))


def _evidence(detail: Detail) -> str:
    """What vouches for a price; of an amount that is no product, why it is none."""
    return note_for_buyer(detail) or detail.evidence or ""


def _exact(amount: Decimal | None, currency: str, words: Words) -> str:
    return "" if amount is None else words.exact(amount, currency)
