"""An office for scenarios: a month billed from a log, or from usage that is written by hand.

The seller is in UTC and bills in dollars; the account `acme` has the number 1 of the waba w1.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from metering.event import USAGE_DIMENSIONS
from metering.ingest import ingest
from metering.period import Month
from metering.secret import ensure_secret
from metering.settings import Book
from metering.store import Store, scratch
from pricing.document_writer import documents
from pricing.run import bill
from tests.metering.builders import line

Invoice = dict[str, Any]
Row = tuple[object, dict[str, object]]  # a quantity of usage, and what is told apart
Rate = Callable[..., Invoice]  # (month, plan, *rows of usage, files=...) -> the invoice of acme

FILES = {
    "tollbook.toml": """\
[seller]
name = "Seller"
country = "DE"
time_zone = "UTC"
currency = "USD"
""",
    "accounts.csv": "account_id,name\nacme,Acme\n",
    "senders.csv": "sender_id,account_id\n1,acme\n",
    "add_ons.csv": "account_id,add_on,quantity\n",
}
# The network charges the seller by its own plan, in dollars.
COST = {"tollbook.toml": FILES["tollbook.toml"] + '\n[cost]\ncurrency = "USD"\n'}


def on_plan(plan: str, **files: str) -> dict[str, str]:
    """The files of a book whose account acme is on a plan; those that are given replace them."""
    subscriptions = f"account_id,plan\nacme,{plan}\n"
    return {**FILES, "subscriptions.csv": subscriptions, **files}


def in_currency(currency: str) -> dict[str, str]:
    """The files of accounts that are invoiced in a currency."""
    return {"accounts.csv": f"account_id,name,currency\nacme,Acme,{currency}\n"}


def counted(count: object, meter: str) -> Row:
    """A quantity of a meter that tells nothing apart."""
    return count, {"meter": meter, **dict.fromkeys(USAGE_DIMENSIONS)}


def figure(count: object, meter: str) -> Row:
    """One figure of a whole month."""
    return count, {"meter": meter, **dict.fromkeys(USAGE_DIMENSIONS), "rate_date": None}


def load(book: Book, *log: object) -> None:
    """Load a log; everything in it must be usable."""
    ensure_secret(book)
    path = book.root / "log.ndjson"
    path.write_text("".join(f"{line(item)}\n" for item in log), encoding="utf-8")
    with Store.open(book, book.settings(), "write") as store, scratch(book) as folder:
        (loaded,) = ingest(store, [str(path)], scratch=folder)
    assert loaded.state == "loaded", loaded.why
    assert not loaded.quarantined, loaded.quarantined


def invoices(book: Book, month: str) -> dict[str, Invoice]:
    """Bill a month; the invoice of each account."""
    drafts = bill(book, Month.parse(month)).drafts
    return {document["account_id"]: document for document in documents(drafts)}


def lines_of(invoice: Invoice) -> dict[str, tuple[str, str]]:
    """The quantity and the amount of each line by its name, and the total."""
    found = {one["charge"]: (one["quantity"], one["amount"]) for one in invoice["lines"]}
    return {**found, "total": ("", invoice["total"])}


def details_of(invoice: Invoice, charge: str) -> list[dict[str, Any]]:
    """The details of a line."""
    (found,) = (one for one in invoice["lines"] if one["charge"] == charge)
    details: list[dict[str, Any]] = found["details"]
    return details


def reasons_of(invoice: Invoice) -> list[tuple[str, str]]:
    """Why an invoice is blocked."""
    return [(why["reason"], why["what"]) for why in invoice["blocked"]]


def write_book(root: Path, files: Mapping[str, str]) -> Book:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    return Book.at(root)
