"""The file of documents: a draft is replaced, everything else stays."""

import multiprocessing
from collections.abc import Callable
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
from pricing.archive import Archive, Run
from pricing.billing import rate_month
from pricing.catalog import load_catalog
from pricing.invoice import Drafts, documents

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

    def make(quantity: int, *only: str) -> Drafts:
        catalog = load_catalog(book)
        usage = usage_frame([usage_row("acme", quantity)])
        drafts, unassigned = rate_month(catalog, OCTOBER, usage, lambda *_: pl.DataFrame())
        if only:
            drafts = drafts.of_accounts(only)
        now = datetime.now(UTC)
        run = Run(OCTOBER, catalog, "1", [1], only, unassigned, now, now)
        with Archive.open(book, "write") as archive:
            archive.replace_drafts(run, drafts)
        return drafts

    return make


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
    drafts = put(150)
    broken = Drafts(drafts.invoices, pl.concat([drafts.lines] * 2), drafts.details)
    now = datetime.now(UTC)
    run = Run(OCTOBER, load_catalog(book), "1", [1], [], Decimal(0), now, now)

    with pytest.raises(duckdb.ConstraintException), Archive.open(book, "write") as archive:
        archive.replace_drafts(run, broken)
    assert read(book).invoices["total_minor"].to_list() == [150, 0]


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
        with pytest.raises(LockedError, match="another job holds the store"), Archive.open(book):
            pass
    finally:
        may_end.set()
        holder.join(60)


def hold(path: str, is_held: Any, may_end: Any) -> None:
    with duckdb.connect(path):
        is_held.set()
        may_end.wait(60)
