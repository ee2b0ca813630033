"""The sample, from generated logs to invoices, against what is known to be true of it."""

import subprocess
import sys
from decimal import Decimal

import polars as pl
import pytest

from metering.facts import data_path
from metering.files import find_files
from metering.ingest import ingest
from metering.period import Month
from metering.secret import ensure_secret
from metering.settings import Book
from metering.store import Store, scratch
from pricing.invoice import documents
from pricing.run import bill

OCTOBER = Month(2026, 10)
FACTS = ["sender_id", "delivered_at", "country", "category", "pricing_type"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Book, pl.DataFrame]:
    """A sample book whose logs are loaded, and the truth that it was made from."""
    root = tmp_path_factory.mktemp("sample")
    command = [
        *(sys.executable, str(data_path("generate.py")), str(root / "book")),
        *("--accounts", "120", "--messages", "6000", "--seed", "11"),
        *("--truth", str(root / "truth.parquet")),
    ]
    subprocess.run(command, check=True)
    book = Book(root / "book")
    ensure_secret(book)
    with Store.open(book, book.settings(), "write") as store, scratch(book) as folder:
        loads = list(ingest(store, find_files([str(book.root / "logs")]), scratch=folder))
    assert not [load for load in loads if load.quarantined or load.state == "refused"]
    return book, pl.read_parquet(root / "truth.parquet")


def test_the_store_holds_exactly_the_messages_that_were_delivered(
    sample: tuple[Book, pl.DataFrame],
) -> None:
    book, truth = sample
    with Store.open(book, book.settings()) as store:
        found = store.frame(
            """
            select
                sender_id, delivered_at, split_part(place, '|', 3) as country,
                pricing.category as category, pricing.pricing_type as pricing_type
            from deliveries where delivered_at is not null
            """
        )
    expected = truth.select(
        "sender_id",
        pl.col("delivered_at").dt.replace_time_zone(None).cast(pl.Datetime("us")),
        *FACTS[2:],
    ).with_columns(pl.col("category").str.replace_all("-", "_"))

    assert found.sort(FACTS).equals(expected.sort(FACTS))


def test_every_invoice_is_the_sum_of_its_lines_and_every_line_of_its_details(
    sample: tuple[Book, pl.DataFrame],
) -> None:
    book, truth = sample
    made = bill(book, OCTOBER)
    invoices = list(documents(made.drafts))

    assert len(invoices) == 120
    for invoice in invoices:
        assert Decimal(invoice["total"]) == sum(
            Decimal(line["amount"]) for line in invoice["lines"]
        )
        for line in invoice["lines"]:
            exact = sum(Decimal(detail["amount"]) for detail in line["details"])
            assert abs(exact - Decimal(line["amount"])) <= Decimal("0.005")
    assert made.drafts.invoices["is_blocked"].sum() == 0
    assert truth.height > 0
