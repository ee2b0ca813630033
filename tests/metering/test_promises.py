"""The promises of a load: order, repeats and batches do not matter, and a kill loses nothing."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.account import load_accounts
from metering.ingest import ingest
from metering.learn import LEARNED, relearn
from metering.load import Load
from metering.output import to_json
from metering.period import Month
from metering.secret import VARIABLE
from metering.settings import Book
from metering.store import Store, scratch
from metering.usage import usage_by
from pricing.demo import Sample, run_demo
from pricing.document_writer import documents
from pricing.run import bill
from tests.strategies import logs, rearranged

OCTOBER = Month(2026, 10)
IS_DEEP = os.environ.get("TOLLBOOK_PROFILE") == "deep"
KILLS = 32 if IS_DEEP else 3
FILES = {
    "tollbook.toml": """
        [seller]
        name = "Seller"
        country = "DE"
        time_zone = "Europe/Berlin"
        currency = "USD"
    """,
    "accounts.csv": (
        "account_id,name,currency,time_zone\n"
        "acme,Acme,USD,America/New_York\n"
        "bombay,Bombay Foods,USD,Asia/Kolkata\n"
    ),
    "senders.csv": (
        "sender_id,waba_id,account_id,valid_from,valid_to\n"
        ",501,acme,,\n"
        "1002,,bombay,2026-10-15,\n"
        ",502,bombay,,\n"
    ),
    "subscriptions.csv": "account_id,plan\nacme,plan\nbombay,plan\n",
    "plans/plan.toml": """
        plan = "plan"
        currency = "USD"

        [[version]]
        effective_from = 2026-01-01

        [[version.charge]]
        name = "messages"
        meter = "deliveries"
        allowance = { quantity = 2, each = "account" }
        price = { kind = "rate_card", card = "whatsapp", markup_ratio = 0.1 }

        [[version.charge]]
        name = "platform"
        component = "platform"
        meter = "deliveries"
        price = { kind = "graduated", tiers = [
            { up_to = 3, unit_price = 0.013 }, { unit_price = 0.007 },
        ] }
    """,
}


@pytest.fixture(autouse=True)
def same_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ties are broken by keyed hashes: books are compared under one key."""
    monkeypatch.setenv(VARIABLE, "0123456789abcdef" * 4)


def new_book(root: Path) -> Book:
    shutil.rmtree(root, ignore_errors=True)
    (root / "plans").mkdir(parents=True)
    for name, content in FILES.items():
        (root / name).write_text(content)
    return Book(root)


def load(book: Book, files: Sequence[Sequence[str]]) -> list[Load]:
    """Load each list of lines as a file of its own."""
    names = []
    for number, lines in enumerate(files):
        path = book.root / f"log-{number}.ndjson"
        path.write_text("\n".join(lines) + "\n")
        names.append(str(path))
    with Store.open(book, book.settings(), "write") as store, scratch(book) as folder:
        return list(ingest(store, names, scratch=folder))


def deliveries(book: Book) -> pl.DataFrame:
    with Store.open(book, book.settings()) as store:
        return store.frame("select * from deliveries order by message_key")


def learned(store: Store) -> dict[str, list[tuple[object, ...]]]:
    return {table: store.frame(f"select * from {table} order by all").rows() for table in LEARNED}


def invoices(book: Book) -> str:
    return "\n".join(to_json(document) for document in documents(bill(book, OCTOBER).drafts))


@given(st.data())
@settings(max_examples=150 if IS_DEEP else 3)
def test_order_repeats_and_files_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = data.draw(logs())
    files = data.draw(rearranged(lines))
    root = tmp_path_factory.mktemp("books")
    straight, shuffled = new_book(root / "straight"), new_book(root / "shuffled")

    (one,) = load(straight, [lines])
    others = load(shuffled, files)

    assert deliveries(straight).equals(deliveries(shuffled))
    assert invoices(straight) == invoices(shuffled)
    kept = sum(other.accepted + other.reported_again for other in others)
    assert kept == one.accepted + one.reported_again


@given(st.data())
@settings(max_examples=60 if IS_DEEP else 4)
def test_merging_load_by_load_equals_computing_afresh(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = data.draw(logs())
    book = new_book(tmp_path_factory.mktemp("books") / "merged")
    load(book, data.draw(rearranged(lines)))
    with Store.open(book, book.settings(), "write") as store:
        merged = learned(store)
        relearn(store)

        assert learned(store) == merged


def test_billing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    demo = run_demo(tmp_path / "book", Sample(OCTOBER, 20, 400, 1), say=lambda _: None)

    assert invoices(demo.book) == invoices(demo.book)


def test_a_load_that_is_killed_and_run_again_ends_like_an_unbroken_one(tmp_path: Path) -> None:
    """Each round starts a load of all files and kills it at a random moment, or finds it done."""
    sample = Sample(OCTOBER, 30, 4000 if IS_DEEP else 2000, 5)
    unbroken = run_demo(tmp_path / "unbroken", sample, say=lambda _: None).book
    broken = new_book_with_logs_of(unbroken, tmp_path / "broken")
    random_moment = random.Random(20261001)
    kills = 0

    for _ in range(10 * KILLS):
        kills += load_and_kill(broken, after_seconds=random_moment.uniform(0.3, 2.5))
        if kills >= KILLS:
            break
        if is_complete(broken, unbroken):
            assert facts(broken) == facts(unbroken)
            broken = new_book_with_logs_of(unbroken, tmp_path / "broken")

    assert kills >= KILLS
    assert load_and_kill(broken, after_seconds=None) == 0
    assert invoices(broken) == invoices(unbroken)
    assert facts(broken) == facts(unbroken)


def new_book_with_logs_of(book: Book, root: Path) -> Book:
    shutil.rmtree(root, ignore_errors=True)
    without_stores = shutil.ignore_patterns("*.duckdb*", ".scratch")
    shutil.copytree(book.root, root, ignore=without_stores)
    return Book(root)


def load_and_kill(book: Book, *, after_seconds: float | None) -> int:
    """Load all logs in another process; answer whether it was killed before it had finished."""
    command = [sys.executable, "-m", "tollbook", "ingest", str(book.root / "logs")]
    environment = {**os.environ, "TOLLBOOK": str(book.root)}
    job = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    if after_seconds is None:
        assert job.wait() == 0
        return 0
    time.sleep(after_seconds)
    job.send_signal(signal.SIGKILL)
    return int(job.wait() == -signal.SIGKILL)


def is_complete(book: Book, other: Book) -> bool:
    return book.store_path.exists() and facts(book)["loads"] == facts(other)["loads"]


def facts(book: Book) -> dict[str, object]:
    """What must be equal however a load went: counts of loads, events and usage."""
    settings = book.settings()
    with Store.open(book, settings) as store:
        usage = usage_by(
            store,
            load_accounts(book, settings),
            OCTOBER,
            "deliveries",
            ["account", "day", "market"],
        )
        loads = store.frame("select content_sha256, read_count from loads order by all")
        return {
            "usage": usage.rows(),
            "loads": loads.rows(),
            "events": store.value("select count(*) from events"),
            "cloud_events": store.value("select count(*) from cloud_events"),
        }
