"""A month of deliveries to invoices, drafted and issued, beside a bare count of the same rows."""

from datetime import date
from pathlib import Path
from statistics import median

from metering.account import load_accounts
from metering.period import Month
from metering.settings import Book
from metering.store import Store
from pricing.archive import Archive
from pricing.life.lifecycle import approve, issue
from pricing.run import bill
from tests.benchmarks.books import (
    Figures,
    generated_log,
    gigabytes,
    load,
    new_book,
    run_command,
    seconds,
)
from tests.benchmarks.growth import grow_deliveries
from tests.benchmarks.usage import BARE

BASE_LINES_MAX = 1_000_000
ACCOUNTS = 20_000
OCTOBER = Month(2026, 10)
# Rate cards of all markets, volume tiers shared by portfolios, allowances in order of time, tiers
# of the seller's own, a minimum: what the accounts of the sample are on, and more.
PLAN = """\
plan = "bench"
currency = "USD"

[[version]]
minimum = { amount = 20.00 }

[[version.charge]]
name = "marketing"
meter = "deliveries"
where = { category = ["marketing", "marketing_lite", "group_marketing"] }
allowance = { quantity = 100, each = "account" }
price = { kind = "rate_card", card = "whatsapp", markup_ratio = 0.15 }

[[version.charge]]
name = "utility and authentication"
meter = "deliveries"
where = { category = [
    "utility", "group_utility", "authentication", "authentication_international",
] }
price = { kind = "rate_card", card = "whatsapp", rates = "tiered" }

[[version.charge]]
name = "service"
meter = "deliveries"
where = { category = ["service", "group_service", "referral_conversion"] }
allowance = { quantity = 1000 }
price = { kind = "graduated", tiers = [
    { up_to = 10000, unit_price = 0.012 }, { unit_price = 0.009 },
] }

[[version.charge]]
name = "platform fee"
component = "platform"
meter = "deliveries"
price = { kind = "volume", tiers = [{ up_to = 1000, unit_price = 0.003 }, { unit_price = 0.002 }] }

[[version.fixed_fee]]
name = "licence"
amount = 49.00
proration = "by_day"
"""


def bench_bill(folder: Path, *, deliveries: int, rounds: int) -> Figures:
    """Time a bill inside a process, from stored deliveries to drafts that are written."""
    log = generated_log(folder, min(BASE_LINES_MAX, deliveries), accounts=ACCOUNTS)
    book = new_book(folder / "book")
    _on_one_plan(folder / "sample", book)
    built_s = seconds(lambda: load(book, log))
    log.unlink()
    counts: list[int] = []
    built_s += seconds(lambda: counts.append(grow_deliveries(book, deliveries=deliveries)))
    bill_s, bare_s = _times(book, rounds)
    peak = run_command(book, "bill", str(OCTOBER), "--format", "json")
    accounts = load_accounts(book, book.settings())
    issue_s = _issue_all(book)
    return {
        "deliveries": counts[0],
        "accounts": len(accounts.ids()),
        "store_gigabytes": gigabytes(book.store_path),
        "store_built_in_seconds": round(built_s),
        "bare_count_seconds": round(bare_s, 2),
        "bill_seconds": round(bill_s, 2),
        "times_the_bare_count": round(bill_s / bare_s, 2),
        "peak_memory_gib": round(peak, 2),
        "approve_and_issue_seconds": round(issue_s, 2),
        "deliveries_to_issued_documents_seconds": round(bill_s + issue_s, 2),
    }


def _issue_all(book: Book) -> float:
    """Time approving and issuing every draft; none of them is blocked."""
    invoicing = book.settings().invoicing

    def issue_all() -> None:
        with Archive.open(book, "write") as archive:
            drafts = archive.drafts_of(period=str(OCTOBER))
            approve(archive, drafts, invoicing, actor="bench")
            approved = archive.drafts_of(period=str(OCTOBER), state="approved")
            issue(archive, approved, invoicing, issue_date=date(2026, 12, 1), actor="bench")

    return seconds(issue_all)


def _on_one_plan(sample: Path, book: Book) -> None:
    for name in ("accounts.csv", "senders.csv"):
        (sample / name).rename(book.root / name)
    plans = book.root / "plans"
    plans.mkdir()
    (plans / "bench.toml").write_text(PLAN)
    accounts = (book.root / "accounts.csv").read_text(encoding="utf-8")
    (book.root / "accounts.csv").write_text(accounts.replace(",EUR,", ",USD,"), encoding="utf-8")
    ids = sorted(load_accounts(book, book.settings()).ids())
    rows = "".join(f"{name},bench\n" for name in ids)
    (book.root / "subscriptions.csv").write_text(f"account_id,plan\n{rows}")


def _times(book: Book, rounds: int) -> tuple[float, float]:
    """Time bills, each between two bare counts of the rows that it is made of."""
    billed, bare = [], []

    def count() -> float:
        with Store.open(book, book.settings()) as store:
            return seconds(lambda: store.frame(BARE))

    for _ in range(rounds):
        bare.append(count())
        billed.append(seconds(lambda: bill(book, OCTOBER)))
        bare.append(count())
    return median(billed), median(bare)
