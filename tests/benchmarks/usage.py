"""Usage of a month by account, market and category, beside DuckDB's bare count of the same rows."""

from pathlib import Path
from statistics import median

from metering.account import load_accounts
from metering.period import Month
from metering.settings import Book
from metering.store import Store
from metering.usage import Dimension, usage_by
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

BASE_LINES_MAX = 1_000_000
OCTOBER = Month(2026, 10)
BY: tuple[Dimension, ...] = ("account", "market", "category")
# The same rows, by the columns that the dimensions are made of.
BARE = """
    select sender_id, place, pricing.category, count(*) as quantity
    from deliveries
    where delivered_at >= '2026-10-01' and delivered_at < '2026-11-01'
    group by all
"""


def bench_usage(folder: Path, *, deliveries: int, rounds: int) -> Figures:
    """Time the count inside a process that has read the book; and the whole command, once."""
    log = generated_log(folder, min(BASE_LINES_MAX, deliveries))
    book = new_book(folder / "book")
    for name in ("accounts.csv", "senders.csv"):
        (folder / "sample" / name).rename(book.root / name)
    built_s = seconds(lambda: load(book, log))
    counts: list[int] = []
    built_s += seconds(lambda: counts.append(grow_deliveries(book, deliveries=deliveries)))
    usage_s, bare_s = _times(book, rounds)
    command = ("usage", str(OCTOBER), "--by", ",".join(BY), "--format", "json")
    command_s = seconds(lambda: run_command(book, *command))
    return {
        "deliveries": counts[0],
        "store_gigabytes": gigabytes(book.store_path),
        "store_built_in_seconds": round(built_s),
        "bare_count_seconds": round(bare_s, 2),
        "usage_seconds": round(usage_s, 2),
        "times_the_bare_count": round(usage_s / bare_s, 2),
        "whole_command_seconds": round(command_s, 2),
    }


def _times(book: Book, rounds: int) -> tuple[float, float]:
    settings = book.settings()
    accounts = load_accounts(book, settings)
    usage, bare = [], []
    with Store.open(book, settings) as store:
        for _ in range(rounds):
            bare.append(seconds(lambda: store.frame(BARE)))
            usage.append(seconds(lambda: usage_by(store, accounts, OCTOBER, "deliveries", BY)))
            bare.append(seconds(lambda: store.frame(BARE)))
    return median(usage), median(bare)
