"""A new book: files that work at once and say how to go on."""

from pathlib import Path

from metering.errors import UsageError
from metering.secret import ensure_secret
from metering.settings import SETTINGS, Book

FILES = {
    SETTINGS: """\
# The seller: who issues the invoices.
[seller]
name = "Example Seller"
country = "DE"                 # ISO 3166-1
time_zone = "Europe/Berlin"    # of accounts that name none
currency = "USD"               # ISO 4217, of accounts that name none

# What the network charges you, to see margins: tollbook bill MONTH --side cost
# [cost]
# plan = "whatsapp"            # ships with Tollbook, and is meant where this line is left out
# currency = "USD"             # of the network's bill

# Taxes may stand in taxes.csv, prepaid credits in credits.csv. See: tollbook docs formats
""",
    "accounts.csv": """\
account_id,effective_from,name,legal_name,country,currency,time_zone,employee_count,segment,\
portfolio_id,purpose
example,,Example Account,Example Account GmbH,DE,,,12,,,customer
""",
    "senders.csv": """\
sender_id,waba_id,account_id,time_zone,valid_from,valid_to
106540352242922,,example,,,
""",
    "subscriptions.csv": """\
account_id,plan,effective_from,effective_to
example,starter,,
""",
    "add_ons.csv": """\
account_id,add_on,quantity,effective_from,effective_to
example,linked devices,5,,
""",
    "plans/starter.toml": """\
# A plan: what it offers, in dated versions. To change a price, add a version; do not edit one that
# was billed. See: tollbook docs plans
plan = "starter"
currency = "USD"

[[version]]
effective_from = 2022-01-01

# Messages at the network's rate for their market and category, and 15 percent on top.
[[version.charge]]
name = "messages"
meter = "deliveries"
price = { kind = "rate_card", card = "whatsapp", markup_ratio = 0.15 }

# A fee of our own on the same messages: another component, so that both apply.
[[version.charge]]
name = "platform fee"
component = "platform"
meter = "deliveries"
allowance = { quantity = 1000 }                 # included each month
free_for = { employee_count_max = 9 }           # the smallest firms pay nothing
price = { kind = "graduated", tiers = [
    { up_to = 10000, unit_price = 0.005 },      # inclusive
    { unit_price = 0.003 },                     # the last tier is open
] }

[[version.fixed_fee]]
name = "subscription"
amount = 49.00
proration = "by_day"

# How many an account has is in add_ons.csv.
[[version.add_on]]
name = "linked devices"
included = 4
max_quantity = 10
price = { kind = "per_unit", unit_price = 5.00 }
""",
}
FOLDERS = ("plans", "rate_cards")


def init_book(root: Path) -> Book:
    """Write a new book into `root`; raises `UsageError` where one or any of its files is."""
    book = Book(root)
    present = [name for name in FILES if (root / name).exists()]
    if present or (root.exists() and not root.is_dir()):
        raise UsageError(
            f"'{root}' already has {', '.join(present)}" if present else f"'{root}' is a file",
            where="DIR",
            hint="give a new folder; an existing book is never overwritten",
        )
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (root / name).write_text(content, encoding="utf-8")
    ensure_secret(book)
    return book
