"""The file of documents: a draft is replaced, everything else stays."""

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from metering.errors import LockedError, TollbookError
from metering.output import to_json
from metering.period import Month
from metering.settings import Book
from pricing.archive import SQL, Archive, Run
from pricing.billing import Rated, rate_month
from pricing.catalog import Catalog, load_catalog
from pricing.document_writer import documents
from pricing.invoice import Drafts
from pricing.ledger import CREDIT_LEDGER
from pricing.state import STATE, no_state

OCTOBER = Month(2026, 10)
PLAN = {
    "plans/growth.toml": """\
plan = "growth"
currency = "USD"
[[version]]
[[version.charge]]
name = "messages"
meter = "deliveries"
price = { kind = "per_unit", unit_price = 0.01 }
"""
}


@pytest.fixture
def book(tmp_path: Path, make_book: Callable[..., Book]) -> Book:
    return make_book(tmp_path, PLAN)


@pytest.fixture
def put(
    book: Book, usage_row: Callable[..., Any], usage_frame: Callable[..., pl.DataFrame]
) -> Callable[..., Drafts]:
    """Bill some quantity of `acme` and keep the drafts."""

    def make(
        quantity: int, *only: str, month: Month = OCTOBER, closing: pl.DataFrame | None = None
    ) -> Drafts:
        catalog = load_catalog(book)
        usage = usage_frame([usage_row("acme", quantity, rate_date=month.first_day)])
        rated = rate_month(catalog, month, usage, lambda *_: pl.DataFrame(), no_state())
        if closing is not None:
            rated = replace(rated, closing=closing)
        if only:
            rated = rated.of_accounts(only)
        with Archive.open(book, "write") as archive:
            archive.replace_drafts(a_run(catalog, month, *only), rated)
        return rated.drafts

    return make


def a_run(catalog: Catalog, month: Month, *only: str) -> Run:
    now = datetime.now(UTC)
    return Run(month, catalog, "1", [1], only, now, now)


def balances(**values: int) -> pl.DataFrame:
    """A closing state of one value for each account."""
    rows = [(account_id, "credit", "c", Decimal(value)) for account_id, value in values.items()]
    return pl.DataFrame(rows, STATE, orient="row")


def closing(book: Book, month: Month = OCTOBER) -> dict[str, object] | None:
    with Archive.open(book) as archive:
        state = archive.closing_of(month)
    return None if state is None else dict(state.select("account_id", "value").iter_rows())


def read(book: Book) -> Drafts:
    with Archive.open(book) as archive:
        return archive.drafts_of(period="2026-10")


def test_what_is_kept_is_what_was_drafted(book: Book, put: Callable[..., Drafts]) -> None:
    drafts = put(150)

    assert to_json({"all": [*documents(read(book))]}) == to_json({"all": [*documents(drafts)]})


def test_a_second_run_replaces_the_drafts_of_the_first(
    book: Book, put: Callable[..., Drafts]
) -> None:
    put(150)
    put(250)

    assert read(book).invoices["total_minor"].to_list() == [250, 0]
    assert read(book).details.height == 1


def test_a_run_for_one_account_leaves_the_drafts_of_the_others(
    book: Book, put: Callable[..., Drafts]
) -> None:
    put(150)
    put(250, "bistro")

    assert read(book).invoices["total_minor"].to_list() == [150, 0]


def test_what_is_no_draft_is_never_touched(book: Book, put: Callable[..., Drafts]) -> None:
    put(150)
    with duckdb.connect(str(book.invoices_path)) as connection:
        connection.execute("update invoices set state = 'issued' where account_id = 'acme'")
    put(250)

    assert read(book).invoices["total_minor"].to_list() == [150, 0]


def test_a_run_keeps_the_content_of_its_catalog(book: Book, put: Callable[..., Drafts]) -> None:
    put(150)
    catalog = load_catalog(book)

    with duckdb.connect(str(book.invoices_path), read_only=True) as connection:
        row = connection.execute(
            "select content from catalogs join contents using (sha256)"
            " where name = 'plans/growth.toml' and catalog_hash = ?",
            [catalog.hash],
        ).fetchone()
    assert row == (PLAN["plans/growth.toml"].encode(),)


def test_a_book_without_documents_has_none(book: Book) -> None:
    assert read(book).invoices.is_empty()


def test_a_failure_leaves_the_drafts_of_the_run_before(
    book: Book, put: Callable[..., Drafts]
) -> None:
    drafts = put(150, closing=balances(acme=7))
    twice = replace(drafts, lines=pl.concat([drafts.lines] * 2))
    broken = Rated(
        twice,
        Decimal(0),
        balances(acme=8),
        CREDIT_LEDGER.to_frame(),
        pl.DataFrame({"account_id": []}),
    )
    run = a_run(load_catalog(book), OCTOBER)

    with pytest.raises(duckdb.ConstraintException), Archive.open(book, "write") as archive:
        archive.replace_drafts(run, broken)
    assert closing(book) == {"acme": 7}
    assert read(book).invoices["total_minor"].to_list() == [150, 0]


def test_a_month_that_was_never_billed_has_no_closing_state(
    book: Book, put: Callable[..., Drafts]
) -> None:
    put(150, closing=balances(acme=7))

    assert closing(book) == {"acme": 7}
    assert closing(book, OCTOBER.next()) is None


def test_a_month_that_was_billed_for_one_account_alone_is_not_closed(
    book: Book, put: Callable[..., Drafts]
) -> None:
    put(150, "acme", closing=balances(acme=7))

    assert closing(book) is None


def test_the_closing_state_is_replaced_with_the_drafts_of_its_accounts(
    book: Book, put: Callable[..., Drafts]
) -> None:
    put(150, closing=balances(acme=7, bistro=8, gone=9))
    put(150, "bistro", closing=balances(acme=1, bistro=2, gone=3))
    after_one = closing(book)
    put(150, closing=balances(acme=4))

    assert after_one == {"acme": 7, "bistro": 2, "gone": 9}
    assert closing(book) == {"acme": 4}


def test_the_state_of_what_is_no_draft_stays(book: Book, put: Callable[..., Drafts]) -> None:
    put(150, closing=balances(acme=7, bistro=8))
    with duckdb.connect(str(book.invoices_path)) as connection:
        connection.execute("update invoices set state = 'issued' where account_id = 'acme'")
    put(250, closing=balances(acme=1, bistro=2))

    assert closing(book) == {"acme": 7, "bistro": 2}


def test_documents_of_the_first_version_are_migrated_and_have_no_closing_state(
    book: Book,
) -> None:
    with duckdb.connect(str(book.invoices_path)) as connection:
        connection.execute((SQL / "schema_1.sql").read_text(encoding="utf-8"))
        connection.execute("insert into archive_facts values (1)")
        connection.execute(
            "insert into runs values (1, '2026-10', 'h', '1', [], [], 1, 0, 0, $at, $at)",
            {"at": datetime(2026, 11, 1, tzinfo=UTC)},
        )
        connection.execute(
            "insert into invoices values ('acme/2026-10/1', 'acme', 'Acme', 'customer', '2026-10',"
            " $at, $at, 'draft', 'USD', 150, 0, false, '{}', '[]', 1)",
            {"at": datetime(2026, 11, 1, tzinfo=UTC)},
        )

    assert read(book).invoices["total_minor"].to_list() == [150]
    assert closing(book) is None


def test_documents_of_a_newer_version_are_refused(book: Book) -> None:
    read(book)
    with duckdb.connect(str(book.invoices_path)) as connection:
        connection.execute("update archive_facts set schema_version = 99")

    with pytest.raises(TollbookError, match="have schema 99"), Archive.open(book):
        pass


def test_a_second_job_is_told_that_another_holds_the_store(book: Book) -> None:
    read(book)
    context = multiprocessing.get_context("spawn")
    is_held, may_end = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(str(book.invoices_path), is_held, may_end))
    holder.start()
    try:
        assert is_held.wait(60)
        with pytest.raises(LockedError, match="another job holds the doc"), Archive.open(book):
            pass
    finally:
        may_end.set()
        holder.join(60)


def hold(path: str, is_held: Any, may_end: Any) -> None:
    with duckdb.connect(path):
        is_held.set()
        may_end.wait(60)
