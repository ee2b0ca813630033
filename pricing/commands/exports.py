"""The commands that write the documents of a month for other programs: `tollbook export`."""

import sys
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Literal

import click
import polars as pl

from metering.errors import UsageError
from metering.output import book_option, errors_for_people, say
from metering.period import Month
from metering.settings import Book
from pricing.archive import Archive
from pricing.catalog import load_catalog
from pricing.document_reading import booked_in, documents_in, documents_of
from pricing.documents import journal
from pricing.documents.focus import focus_of, unpriced_cells
from pricing.documents.journal import Drafts, Payment, entries_of
from pricing.documents.ledger_accounts import ledger_accounts
from pricing.documents.tabular import Table, csv_of, xlsx_of
from pricing.money import exact_of
from pricing.receivables.payments import payments_of

out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; standard output where it is left out.",
)


@click.group("export")
def export_group() -> None:
    """Write the documents of a month as tables, for ledgers and for cost tools."""


@export_group.command("lines")
@click.argument("month")
@click.option("--as", "kind", type=click.Choice(["csv", "xlsx"]), default="csv", show_default=True)
@click.option(
    "--table",
    type=click.Choice(["lines", "details"]),
    default="lines",
    show_default=True,
    help="What a row of the CSV is; a workbook has both.",
)
@out_option
@book_option
def export_lines(
    month: str, *, kind: Literal["csv", "xlsx"], table: Table, out: Path | None, book_path: Path
) -> None:
    """Write the lines of the documents of MONTH, or their price cells."""
    with errors_for_people():
        listed = documents_in(Book.at(book_path), Month.parse(month))
        if kind == "csv":
            _write_text(csv_of(listed, table), out)
            return
        if out is None:
            raise UsageError(
                "a workbook is no text", where="--out", hint="name a file, like lines.xlsx"
            )
        write_file(out, xlsx_of(listed))


def write_file(path: Path, content: bytes) -> None:
    """Write a file aside and move it into its place, so that a half-written one is never taken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    say(f"{path} is written")


def _write_text(parts: Iterable[str], out: Path | None) -> None:
    if out is None:
        sys.stdout.writelines(parts)
    else:
        write_file(out, "".join(parts).encode())


@export_group.command("focus")
@click.argument("month")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The Parquet file to write.",
)
@book_option
def export_focus(month: str, *, out: Path, book_path: Path) -> None:
    """Write cost and usage of MONTH in the FOCUS format."""
    with errors_for_people():
        book = Book.at(book_path)
        listed = documents_in(book, Month.parse(month))
        catalog = load_catalog(book)
        units = {meter.meter: meter.unit for meter in catalog.meters.values()}
        content = BytesIO()
        focus_of(listed, catalog.accounts, units).write_parquet(content)
        write_file(out, content.getvalue())
        if unpriced := unpriced_cells(listed):
            say(f"{unpriced} price cells of drafts have no known price, and are left out")


@export_group.command("journal")
@click.argument("month")
@click.option(
    "--as", "kind", type=click.Choice(["beancount", "csv"]), default="beancount", show_default=True
)
@click.option(
    "--drafts",
    type=click.Choice(["left_out", "pending"]),
    default="left_out",
    show_default=True,
    help="Whether documents without a number are there, as pending.",
)
@click.option(
    "--open-accounts",
    type=click.Choice(["yes", "no"]),
    default="yes",
    show_default=True,
    help="Whether the beancount text opens the accounts that it uses.",
)
@out_option
@book_option
def export_journal(
    month: str,
    *,
    kind: Literal["beancount", "csv"],
    drafts: Drafts,
    open_accounts: Literal["yes", "no"],
    out: Path | None,
    book_path: Path,
) -> None:
    """Write what was booked in MONTH as double-entry bookkeeping.

    Documents by their date of issue, whatever month they are for; those that became void; what was
    paid, paid back and written off.
    """
    with errors_for_people():
        book, period = Book.at(book_path), Month.parse(month)
        booked = booked_in(book, period, book.settings().seller.time_zone)
        waiting = [one for one in documents_of(book, period=str(period)) if one.number is None]
        entries = entries_of(
            [*booked.issued, *waiting],
            _paid_in(book, period),
            voided=booked.voided,
            accounts=ledger_accounts(book),
            drafts=drafts,
        )
        if kind == "csv":
            _write_text(journal.csv_of(entries), out)
        else:
            opened = journal.opened_accounts(entries) if open_accounts == "yes" else ""
            _write_text([opened, journal.beancount_of(entries)], out)
        if not entries:
            say(f"nothing was booked in {period}: documents are booked on the day of their issue")
        left_out = sum(1 for one in waiting if one.state in ("draft", "approved"))
        if left_out and drafts == "left_out":
            say(f"{left_out} drafts are left out; --drafts pending adds them")


COMMANDS: list[click.Command] = [export_group]
INVOICE_COMMANDS: list[click.Command] = []


def _paid_in(book: Book, month: Month) -> list[Payment]:
    """Read the payments, refunds and write-offs of the days of a month."""
    with Archive.open(book) as archive:
        rows = payments_of(archive).filter(
            pl.col("paid_on").is_between(month.first_day, month.last_day),
            pl.col("kind") != "applied",  # moves money that is entered already
        )
        numbers = dict(archive.frame("select invoice_id, number from invoices").rows())
    return [
        Payment(
            date=row["paid_on"],
            account_id=row["account_id"],
            amount=abs(exact_of(row["amount_minor"], row["currency"])),
            currency=row["currency"],
            kind=row["kind"],
            reference=row["reference"],
            number=numbers.get(row["document_id"]) or row["document_id"],
        )
        for row in rows.iter_rows(named=True)
    ]
