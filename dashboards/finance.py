"""What finance does with documents, and reads of them: actions, files, the trail, what is owed.

The other pages read reports; this is of now, and out of the archive itself. The engine lets a
process hold a file for reading or for writing, so that one thread of the app has it at a time, as
long as one call takes. What is done here is done by the functions of the commands.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

import polars as pl
import streamlit as st

from dashboards.access import Viewer
from dashboards.load import stamp_of_catalog
from dashboards.reports import publish
from dashboards.words import finance as words
from metering.errors import LockedError, UsageError
from metering.settings import Book
from pricing.archive import Archive
from pricing.document import Document
from pricing.document_reading import documents_of
from pricing.documents.en16931 import to_xml
from pricing.documents.en16931_check import check_xml
from pricing.documents.pdf_files import Shop
from pricing.job import JobOptions, run_job
from pricing.life.credit_note import Wish, draft_credit_note
from pricing.life.issued import document_of
from pricing.life.lifecycle import Step, approve, earliest_issue, issue
from pricing.life.trail import actor_of, rows_of
from pricing.month_end.accrual import Accrual, accrue
from pricing.receivables.ageing import aged, reminders, totals_of
from pricing.receivables.balance import balances, status_of
from pricing.receivables.payments import payments_of
from pricing.run import has_changed, messages_of_line
from pricing.today import today_of

Act = Literal["approve", "issue", "credit"]
CACHED_MAX = 16
MESSAGES_SHOWN = 300
PATIENCE_SECONDS = 20  # how long one thread waits for another
OPTIONS = JobOptions(wait_seconds=2)
STATES: dict[Act, str] = {"approve": "draft", "issue": "approved", "credit": "issued"}
_turn = threading.RLock()


@dataclass(frozen=True)
class Desk:
    """Who sits before the documents of a book, and whether they may move these on."""

    book: Book
    actor: str
    may_act: bool

    @classmethod
    def of(cls, book: Book, viewer: Viewer) -> "Desk":
        """Seat a person: known by the e-mail of the login, else as a command would know them."""
        return cls(book, viewer.email or actor_of(None), viewer.may("finance"))


@dataclass(frozen=True)
class Asked:
    """What is to be done: with one document, or with all of a month that it can be done with."""

    act: Act
    month: str
    invoice_id: str | None = None


@dataclass(frozen=True)
class Preview:
    """The documents that an action is about, as they are when somebody is asked to confirm it."""

    document_count: int
    totals: dict[str, int]  # in minor units, by currency
    left_out: dict[str, int]  # how many, by why
    digest: str  # of what they are: another one later on, and nothing is done


@dataclass(frozen=True)
class Standing:
    """What became of a document, and who did what with it."""

    trail: pl.DataFrame  # schema TRAIL
    payments: pl.DataFrame  # schema PAYMENT
    balance: dict[str, Any] | None  # a row of BALANCE; None where nothing is owed for it
    status: str


def preview(book: Book, asked: Asked) -> Preview:
    """Say what an action is about."""
    with documents(book) as archive:
        return _preview(archive, asked)


def perform(
    desk: Desk,
    asked: Asked,
    digest: str,
    *,
    issue_date: date | None = None,
    wish: Wish | None = None,
) -> list[Step]:
    """Do what was confirmed, as one job, and say what became of each document.

    Args:
        digest: Of the preview that was confirmed.
        issue_date: Of what is issued.
        wish: What is credited.

    Raises:
        TollbookError: what the command would raise; or the documents are not what was shown.
    """
    assert desk.may_act, "nobody else is offered it"
    settings = desk.book.settings()
    with (
        one_at_a_time(),
        run_job(desk.book, asked.act, asked.invoice_id or asked.month, OPTIONS),
        Archive.open(desk.book, "write") as archive,
    ):
        if _preview(archive, asked).digest != digest:
            raise UsageError(words.CHANGED, where="dashboard", hint=words.CHANGED_HINT)
        if asked.act == "credit":
            assert asked.invoice_id is not None, "one invoice is credited"
            assert wish is not None, "somebody said what"
            note_id = draft_credit_note(archive, asked.invoice_id, wish, actor=desk.actor)
            return [Step(note_id, "drafted", why=wish.reason)]
        period = asked.month if asked.invoice_id is None else None
        state = STATES[asked.act] if asked.invoice_id is None else None
        chosen = archive.drafts_of(period=period, invoice_id=asked.invoice_id, state=state)
        if asked.act == "approve":
            return approve(
                archive,
                chosen,
                settings.invoicing,
                actor=desk.actor,
                ended_by=today_of(settings),
            )
        assert issue_date is not None, "a day is always given"
        if issue_date > last_issue_day(desk.book):
            what = words.TOO_FAR.format(day=issue_date)
            raise UsageError(what, where=words.ISSUE_DATE, hint=words.TOO_FAR_HINT)
        invoicing = settings.invoicing
        return issue(archive, chosen, invoicing, issue_date=issue_date, actor=desk.actor)


def publish_now(book: Book) -> None:
    """Publish reports, so that the pages show what was done; raises what `publish` raises."""
    with one_at_a_time():
        publish(book)


def wish_of(line_id: str | None, amount: str, reason: str, *, bills_again: bool) -> Wish:
    """Read what a person wants credited; raises `UsageError` where it cannot be read."""
    if not reason.strip():
        raise UsageError(words.NO_REASON, where=words.REASON_FIELD, hint=words.NO_REASON_HINT)
    text = amount.strip().replace(",", "")
    try:
        asked = Decimal(text) if text else None
        if asked is not None and not asked.is_finite():
            raise InvalidOperation
    except InvalidOperation as error:
        what = words.NO_AMOUNT.format(amount=amount)
        raise UsageError(what, where=words.AMOUNT_FIELD, hint=words.NO_AMOUNT_HINT) from error
    return Wish(reason.strip(), line_id, asked, bills_again)


def today(book: Book) -> date:
    """Today, where the seller is."""
    return today_of(book.settings())


def first_issue_day(book: Book, month: Any) -> date:
    """The first day on which documents of a month may be issued."""
    return earliest_issue(month, book.settings().invoicing)


def last_issue_day(book: Book) -> date:
    """The last day by now on which a document may be dated."""
    return today(book)


def standing(book: Book, invoice_id: str) -> Standing:
    """Read what became of a document."""
    settings = book.settings()
    with documents(book) as archive:
        state = _state_of(archive, invoice_id)
        trail = rows_of(archive, invoice_id)
        paid = payments_of(archive, document_id=invoice_id)
    if state != "issued":
        return Standing(trail, paid, None, state)
    found = _read_balances(str(book.root), _stamp(book), settings.seller.time_zone, None)
    rows = found.filter(pl.col("document_id") == invoice_id).to_dicts()
    # A credit note that a person wrote is taken off its invoice, and owed by nobody.
    status = status_of(rows[0], today_of(settings)) if rows else words.SETTLED
    return Standing(trail, paid, rows[0] if rows else None, status)


def pdf_of(book: Book, invoice_id: str) -> bytes:
    """Print a document as `tollbook invoice pdf` does: what was printed before stays as it is."""
    with documents(book) as archive:
        _state_of(archive, invoice_id)
        document = Document.of(document_of(archive, invoice_id))
        printed = Shop(book).print(document)
        if printed.problem is not None:
            raise UsageError(
                printed.problem.what, where=printed.problem.where, hint=printed.problem.hint
            )
        return printed.file.read_bytes()


def xml_of(book: Book, invoice_id: str) -> bytes:
    """Write a document as Factur-X; raises `NotCarriedError` with what it cannot carry."""
    return _write_xml(str(book.root), _stamp(book), invoice_id)


@dataclass(frozen=True)
class Receivables:
    """What is owed at the end of a day; amounts in minor units."""

    by_account: pl.DataFrame  # account_id, currency, the columns of `AMOUNTS`
    totals: pl.DataFrame  # the same for each currency
    overdue: list[dict[str, Any]]  # rows of BALANCE with days and level, the longest first


def receivables(book: Book, day: date) -> Receivables:
    """Age what is owed, as `tollbook receivables --as-of` does."""
    zone = book.settings().seller.time_zone
    found = _read_balances(str(book.root), _stamp(book), zone, day)
    rows = aged(found, day, "account")
    return Receivables(rows, totals_of(rows), [*reminders(found, day)])


def unbilled(book: Book, day: date) -> Accrual:
    """Work out what is unbilled at the end of a day, as `tollbook accrual` does."""
    return _work_out(str(book.root), f"{_stamp(book)} {_store_stamp(book)}", day)


@dataclass(frozen=True)
class Messages:
    """Messages of a line of an invoice."""

    rows: pl.DataFrame  # message (a key of ours), delivered_at, the usage dimensions
    is_cut: bool  # there are more
    has_changed: bool  # the files of the book are not those that the invoice was made with


def messages_in(book: Book, invoice_id: str, line_id: str) -> Messages:
    """List messages of a line, as `tollbook invoice explain --messages` does, the earliest first.

    Raises:
        UsageError: the line is of no messages.
        LockedError: a job holds the store.
    """
    check_store(book)
    with one_at_a_time():
        with Archive.open(book) as archive:
            drafts = archive.drafts_of(invoice_id=invoice_id)
        found = messages_of_line(book, drafts, line_id)
        rows = found.head(MESSAGES_SHOWN)
        return Messages(rows, found.height > rows.height, has_changed(book, invoice_id))


@contextmanager
def documents(book: Book) -> Iterator[Archive]:
    """Open the archive for reading, in turn; raises `LockedError` while a job writes to it."""
    with one_at_a_time(), Archive.open(book) as archive:
        yield archive


def check_store(book: Book) -> None:
    """Refuse to read a store that is not there: to open it would make one that says of nothing."""
    if not book.store_path.exists():
        raise UsageError(words.NO_STORE, where=book.store_path.name, hint=words.NO_STORE_HINT)


def _store_stamp(book: Book) -> str:
    """Name the state of the store and of the files that people write."""
    path = book.store_path
    found = path.stat() if path.exists() else None
    written = "" if found is None else f"{found.st_mtime_ns} {found.st_size}"
    return f"{written} {stamp_of_catalog(book)}"


def _stamp(book: Book) -> str:
    """Name the state of the archive: whoever writes to it changes its file."""
    path = book.invoices_path
    if not path.exists():
        return ""
    found = path.stat()
    return f"{found.st_mtime_ns} {found.st_size}"


@st.cache_data(max_entries=CACHED_MAX, show_spinner=False)
def _read_balances(root: str, stamp: str, zone: str, day: date | None) -> pl.DataFrame:
    """Read what is open of each document on a day; `stamp` names what is cached."""
    with documents(Book(Path(root))) as archive:
        return balances(archive, zone, day)


@st.cache_data(max_entries=CACHED_MAX, show_spinner=False)
def _work_out(root: str, stamp: str, day: date) -> Accrual:
    book = Book(Path(root))
    check_store(book)
    with one_at_a_time():
        return accrue(book, day, documents_of(book))


@st.cache_data(max_entries=CACHED_MAX, show_spinner=False)
def _write_xml(root: str, stamp: str, invoice_id: str) -> bytes:
    with documents(Book(Path(root))) as archive:
        state = _state_of(archive, invoice_id)
        content = document_of(archive, invoice_id)
    document = Document.of(content).model_copy(update={"state": state})
    written = to_xml(document, "facturx")
    check_xml(written, document)
    return written


def _state_of(archive: Archive, invoice_id: str) -> str:
    """The state of a document now; raises `UsageError` where it is only in the figures by now."""
    query = "select state from invoices where invoice_id = $invoice_id"
    state = archive.value(query, {"invoice_id": invoice_id})
    if state is None:
        raise UsageError(words.GONE, where=invoice_id, hint=words.GONE_HINT)
    return str(state)


def _preview(archive: Archive, asked: Asked) -> Preview:
    """Look at the documents of an action; the credit notes of an invoice count as part of it."""
    columns = (
        "invoice_id, state, run_id, purpose, is_blocked, currency, total_minor, approved_sha256,"
        " line_count, reason"
    )
    query = (
        f"select {columns} from invoices where period = $month and (case"
        " when $invoice_id is null then state = $state"
        " else invoice_id = $invoice_id or credits_invoice_id = $invoice_id end)"
        " order by invoice_id"
    )
    given = {"month": asked.month, "invoice_id": asked.invoice_id, "state": STATES[asked.act]}
    found = archive.frame(query, given)
    told = json.dumps(found.rows(), default=str)
    own = found if asked.invoice_id is None else found.filter(invoice_id=asked.invoice_id)
    taken = own
    left_out = {}
    if asked.act == "approve" and asked.invoice_id is None:
        is_internal = pl.col("purpose") != "customer"
        is_ready = ~is_internal & ~pl.col("is_blocked")
        left_out = {
            words.IS_BLOCKED: own.filter(~is_internal & pl.col("is_blocked")).height,
            words.IS_INTERNAL: own.filter(is_internal).height,
            words.IS_EMPTY: own.filter(is_ready & (pl.col("line_count") == 0)).height,
        }
        taken = own.filter(is_ready & (pl.col("line_count") > 0))
    sums = taken.group_by("currency").agg(pl.col("total_minor").cast(pl.Int128).sum())
    return Preview(
        taken.height,
        dict(sums.sort("currency").rows()),
        {why: count for why, count in left_out.items() if count},
        hashlib.sha256(told.encode()).hexdigest(),
    )


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Take the turn at the files of books; raises `LockedError` if another thread keeps it."""
    if not _turn.acquire(timeout=PATIENCE_SECONDS):
        raise LockedError(words.BUSY, where="dashboard", hint=words.BUSY_HINT)
    try:
        yield
    finally:
        _turn.release()
