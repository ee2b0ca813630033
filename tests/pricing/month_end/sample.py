"""A small book with two months of messages, for the commands: acme and bistro on one plan."""

from pathlib import Path

from metering.settings import Book
from tests.metering.builders import MARKETING, status, webhook
from tests.scenarios.office import FILES, invoices, load, write_book

PLAN = """\
plan = "growth"
currency = "USD"

[[version]]
uncovered = "free"

[[version.charge]]
name = "messages"
meter = "deliveries"
price = { kind = "graduated", tiers = [{ up_to = 2, unit_price = 0.10 }, { unit_price = 0.053 }] }

[[version.fixed_fee]]
name = "platform"
amount = 31.00
proration = "by_day"
"""
BOOK = {
    **FILES,
    "accounts.csv": "account_id,name\nacme,Acme\nbistro,=Bistro\n",
    "senders.csv": "sender_id,account_id\n1,acme\n2,bistro\n",
    "subscriptions.csv": (
        "account_id,plan,effective_from\nacme,growth,2025-01-01\nbistro,growth,2026-10-11\n"
    ),
    "plans/growth.toml": PLAN,
}
DAY = 86_400
SEPTEMBER, OCTOBER = 1_788_264_000, 1_790_856_000  # noon of the first day, UTC


def sent(number: int, at: int, sender: str = "1") -> object:
    report = status(f"m{number}", timestamp=str(at), pricing=MARKETING)
    return webhook(report, sender=sender)


LOG = (
    *(sent(number, SEPTEMBER + number * DAY) for number in range(4)),
    *(sent(10 + number, OCTOBER + number * DAY) for number in range(7)),
    *(sent(20 + number, OCTOBER + (10 + number) * DAY, sender="2") for number in range(3)),
    sent(30, OCTOBER, sender="9"),  # which nobody owns
)


def two_months(root: Path) -> Book:
    """Write the book, load its log, and bill September and October."""
    book = write_book(root, BOOK)
    load(book, *LOG)
    for month in ("2026-09", "2026-10"):
        invoices(book, month)
    return book
