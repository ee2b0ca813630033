"""A book whose invoices are issued, for tests of what is owed, and what it says is owed."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from metering.account import load_accounts
from metering.period import Month
from metering.settings import Book
from pricing.archive import Archive, Run
from pricing.billing import rate_month
from pricing.catalog import load_catalog
from pricing.commands.payments import currencies_of
from pricing.life.credit_note import Wish, draft_credit_note
from pricing.life.lifecycle import approve, issue
from pricing.receivables.balance import balances, movements
from pricing.receivables.payment_file import PaymentRow, Recorded, record_payments
from pricing.state import no_state

ZONE = "Europe/Berlin"
ACTOR = "ada"
ISSUED_ON = date(2026, 11, 3)  # October's; September's a month before, each due after 30 days
FILES = {
    "accounts.csv": "account_id,name,currency,payment_terms_days\n"
    "acme,Acme,USD,30\nbistro,Bistro,USD,14\ncorner,Corner,EUR,30\n",
    "subscriptions.csv": "account_id,plan\nacme,growth\nbistro,growth\n",
    "plans/growth.toml": """\
plan = "growth"
currency = "USD"
[[version]]
[[version.charge]]
name = "messages"
meter = "deliveries"
price = { kind = "per_unit", unit_price = 0.01 }
""",
}
# INV-2026-00001 is of acme for September and 100.00, then come acme 50.00 and bistro 7.00.
USAGE = {
    Month(2026, 9): {"acme": 10_000},
    Month(2026, 10): {"acme": 5_000, "bistro": 700},
}


def issued_book(
    root: Path,
    make_book: Callable[..., Book],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
) -> Book:
    """Bill and issue September and October of a small book."""
    book = make_book(root, FILES)
    catalog, settings = load_catalog(book), book.settings()
    now = datetime.now(UTC)
    for month, quantities in USAGE.items():
        rows = [
            usage_row(name, quantity, rate_date=month.first_day)
            for name, quantity in quantities.items()
        ]
        rated = rate_month(catalog, month, usage_frame(rows), _no_order, no_state())
        with Archive.open(book, "write") as archive:
            run = Run(month, catalog, "1", [1], (), now, now)
            archive.replace_drafts(run, rated.of_accounts(quantities))
            drafts = archive.drafts_of(period=str(month))
            approve(archive, drafts, settings.invoicing, actor=ACTOR)
            approved = archive.drafts_of(period=str(month), state="approved")
            day = month.next().first_day + timedelta(days=2)
            issue(archive, approved, settings.invoicing, issue_date=day, actor=ACTOR)
    return book


@contextmanager
def copy_of(book: Book) -> Iterator[Archive]:
    """Open a copy of the documents of a book for writing."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "book"
        shutil.copytree(book.root, root)
        with Archive.open(Book(root), "write") as archive:
            yield archive


@contextmanager
def undone(archive: Archive) -> Iterator[Archive]:
    """Let a test do what it likes, and undo it."""

    class UndoError(Exception):
        pass

    with suppress(UndoError), archive.transaction():
        yield archive
        raise UndoError


def row(payment_id: str, amount: object, **given: object) -> PaymentRow:
    """A payment for INV-2026-00001 on 2026-11-10, unless said otherwise."""
    usual: dict[str, object] = {"currency": "USD", "paid_on": date(2026, 11, 10), "line": 2}
    if "account_id" not in given:
        usual["number"] = "INV-2026-00001"
    cells = {**usual, "payment_id": payment_id, "amount": Decimal(str(amount)), **given}
    return PaymentRow.model_validate(cells)


def record(archive: Archive, book: Book, *rows: PaymentRow) -> Recorded:
    """Record payments as a file says them, one after the other."""
    return record_payments(
        archive,
        {f"payments.csv:{number}": one for number, one in enumerate(rows, start=2)},
        zone=ZONE,
        currencies=currencies_of(archive, load_accounts(book, book.settings())),
        actor=ACTOR,
    )


def credit(
    archive: Archive, book: Book, number: str, amount: str | None = None, on: date = ISSUED_ON
) -> str:
    """Issue a credit note for an invoice; answers its id."""
    wish = Wish("agreed", amount=None if amount is None else Decimal(amount))
    note_id = draft_credit_note(archive, archive.invoice_id_of(number), wish, actor=ACTOR)
    invoicing = book.settings().invoicing
    approve(archive, archive.drafts_of(invoice_id=note_id), invoicing, actor=ACTOR)
    drafts = archive.drafts_of(invoice_id=note_id)
    issue(archive, drafts, invoicing, issue_date=on, actor=ACTOR)
    return note_id


def open_of(archive: Archive, as_of: date | None = None) -> dict[str | None, int]:
    """What is open by the number of the document; on account by the account."""
    rows = balances(archive, ZONE, as_of).to_dicts()
    return {row["number"] or row["account_id"]: row["open_minor"] for row in rows}


def owed_by(archive: Archive, as_of: date | None = None) -> dict[str, int]:
    """What each account owes: the sum of its movements."""
    sums = movements(archive, ZONE, as_of).group_by("account_id").agg(pl.sum("amount_minor"))
    return dict(sums.sort("account_id").rows())


def balance_of(archive: Archive, number: str) -> Mapping[str, Any]:
    """The balance of a document."""
    found: dict[str, Any] = balances(archive, ZONE).row(
        by_predicate=pl.col("number") == number, named=True
    )
    return found


def _no_order(*_: object) -> pl.DataFrame:
    raise AssertionError("a price of a plan asks for no order of time")
