"""Figures: what documents say, as frames that add up. Amounts of credit notes are negative."""

from collections.abc import Iterable, Sequence

import polars as pl

from metering.event import QUANTITY
from pricing.document import Document, Line
from pricing.documents.signed import NOT_OWED, signed
from pricing.money import EXACT

# One row for each line of a document that is owed, or will be.
FIGURE = pl.Schema(
    {
        "invoice_id": pl.String(),
        "is_issued": pl.Boolean(),
        "issue_date": pl.Date(),
        "period": pl.String(),  # in which it counts: of its document, or of a credit note's issue
        "line_period": pl.String(),  # the month that it is for
        "account_id": pl.String(),  # whose usage it is
        "plan": pl.String(),
        "kind": pl.String(),
        "charge": pl.String(),
        "is_correction": pl.Boolean(),
        "is_by_hand": pl.Boolean(),  # of a credit note that a person made
        "currency": pl.String(),
        "amount": EXACT,  # whole minor units
    }
)
# One row for each price cell of a line of usage that has a known price; exact.
CELL_FIGURE = pl.Schema(
    {
        "account_id": pl.String(),
        "currency": pl.String(),
        "charge": pl.String(),
        "meter": pl.String(),
        "market": pl.String(),
        "category": pl.String(),
        "pricing_type": pl.String(),
        "tier": pl.Int64(),
        "is_free": pl.Boolean(),
        "quantity": QUANTITY,
        "amount": EXACT,
    }
)


def owed(documents: Iterable[Document]) -> list[Document]:
    """Keep the documents of accounts that are invoiced, with signs to add up.

    Void ones are left out, and so are those whose total was carried: the next invoice has it.
    """
    return [
        signed(document)
        for document in documents
        if document.state not in NOT_OWED and document.purpose == "customer"
    ]


def waiting(documents: Sequence[Document]) -> list[Document]:
    """Keep of totals that were carried the lines that no later document has taken along.

    A small total may be carried again and again: the last document that has its lines says what
    they come to by now.
    """
    last: dict[tuple[str, str, str], str] = {}
    for document in documents:
        if document.state == "void" or document.reason is not None:
            continue
        for line in document.lines:
            key = (document.account_id, line.account_id, line.period)
            last[key] = max(document.period, last.get(key, ""))
    return [
        document.model_copy(
            update={
                "state": "approved",  # it has no number, and will get one with another document
                "lines": tuple(
                    line
                    for line in document.lines
                    if last[(document.account_id, line.account_id, line.period)] == document.period
                ),
            }
        )
        for document in documents
        if document.state == "carried"
    ]


def figures_of(documents: Iterable[Document]) -> pl.DataFrame:
    """List the lines of documents: schema `FIGURE`."""
    rows = [
        (
            *(document.invoice_id, document.number is not None, document.issue_date),
            *(document.counts_in, line.period, line.account_id, line.plan or None, line.kind),
            *(line.charge, is_correction(line), document.reason is not None),
            *(line.currency, line.amount),
        )
        for document in owed(documents)
        for line in document.lines
    ]
    return pl.DataFrame(rows, FIGURE, orient="row")


def cells_of(documents: Iterable[Document]) -> pl.DataFrame:
    """List the price cells of lines of usage, without corrections: schema `CELL_FIGURE`."""
    rows = [
        (
            *(line.account_id, line.currency, line.charge, cell.meter, cell.market),
            *(cell.category, cell.pricing_type, cell.tier, cell.status == "free"),
            *(cell.quantity, cell.amount),
        )
        for document in owed(documents)
        for line in document.lines
        if line.kind == "usage" and not is_correction(line)
        for cell in line.details
        if cell.amount is not None
    ]
    return pl.DataFrame(rows, CELL_FIGURE, orient="row")


def is_correction(line: Line) -> bool:
    """Say whether a line changes what an issued document says."""
    return line.is_correction or line.kind == "credit"
