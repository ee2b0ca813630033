"""Reading the documents of a book: issued ones as they were issued, but for what became of them."""

import json
from dataclasses import dataclass
from datetime import date

import zstandard

from metering.errors import UsageError
from metering.period import Month
from metering.settings import Book
from pricing.archive import Archive
from pricing.document import Document
from pricing.life.issued import read_documents


def documents_in(book: Book, month: Month) -> list[Document]:
    """Read the documents of a month; raises `UsageError` if there is none."""
    found = documents_of(book, period=str(month))
    _check_billed(found, month)
    return found


def documents_counted_in(book: Book, *months: Month) -> list[list[Document]]:
    """Read the documents that count in each of some months; raises `UsageError` if one has none.

    All are looked at: a credit note counts in the month of its issue, whatever it is of.
    """
    found = documents_of(book)
    for month in months:
        _check_billed([one for one in found if one.period == str(month)], month)
    return [[one for one in found if one.counts_in == str(month)] for month in months]


def documents_of(book: Book, *, period: str | None = None) -> list[Document]:
    """Read the documents of a period, or all, in a stable order, each in the state it is in now."""
    with Archive.open(book) as archive:
        states = dict(archive.frame("select invoice_id, state from invoices").iter_rows())
        listed = list(read_documents(archive, period=period))
    return [one.model_copy(update={"state": states[one.invoice_id]}) for one in listed]


def _check_billed(found: list[Document], month: Month) -> None:
    if not found:
        raise UsageError(
            f"{month} has no documents", where="MONTH", hint=f"bill it: tollbook bill {month}"
        )


@dataclass(frozen=True)
class Booked:
    """What was done with documents in a month, each as it was issued."""

    issued: list[Document]
    voided: list[tuple[Document, date]]  # and the day on which it became void


def booked_in(book: Book, month: Month, zone: str) -> Booked:
    """Read the documents that were issued in a month, or became void in it, whatever they are of.

    Args:
        book: The book.
        month: By the days of issue, and by the days in `zone` on which documents became void.
        zone: The seller's.
    """
    query = (
        "with voided as (select object as invoice_id,"
        " max(timezone($zone, happened_at))::date as said_on"
        " from trail where action = 'invoice.voided' group by object)"
        " select content, issue_date between $first and $last as is_issued,"
        " if(said_on is null, null, greatest(issue_date, said_on)) as voided_on from issued"
        " join invoices using (invoice_id) left join voided using (invoice_id)"
        " where is_issued or voided_on between $first and $last order by issued.number"
    )
    given = {"zone": zone, "first": month.first_day, "last": month.last_day}
    with Archive.open(book) as archive:
        rows = archive.frame(query, given).rows()
    booked = Booked([], [])
    for content, is_issued, voided_on in rows:
        document = Document.of(json.loads(zstandard.decompress(content)))
        if is_issued:
            booked.issued.append(document)
        if voided_on is not None and month.first_day <= voided_on <= month.last_day:
            booked.voided.append((document, voided_on))
    return booked
