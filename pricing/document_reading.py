"""Reading the documents of a book: issued ones as they were issued, but for what became of them."""

from metering.errors import UsageError
from metering.period import Month
from metering.settings import Book
from pricing.archive import Archive
from pricing.document import Document
from pricing.life.issued import read_documents


def documents_in(book: Book, month: Month) -> list[Document]:
    """Read the documents of a month; raises `UsageError` if there is none."""
    found = documents_of(book, period=str(month))
    if not found:
        raise UsageError(
            f"{month} has no documents", where="MONTH", hint=f"bill it: tollbook bill {month}"
        )
    return found


def documents_of(book: Book, *, period: str | None = None) -> list[Document]:
    """Read the documents of a period, or all, in a stable order, each in the state it is in now."""
    with Archive.open(book) as archive:
        states = dict(archive.frame("select invoice_id, state from invoices").iter_rows())
        listed = list(read_documents(archive, period=period))
    return [one.model_copy(update={"state": states[one.invoice_id]}) for one in listed]
