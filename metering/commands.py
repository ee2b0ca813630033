"""The commands that read logs, count usage and keep the store."""

import sys
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import IO, cast

import click

from metering import quarantine as refused
from metering.account import load_accounts
from metering.backup import back_up, restore_backup
from metering.dimension import DIMENSIONS, Dimension
from metering.door import nearest
from metering.erasure import erase
from metering.errors import UsageError
from metering.files import find_files
from metering.ingest import ingest, retry_rows
from metering.load import Load
from metering.meter import find_meter, load_meters
from metering.output import (
    BLOCKED,
    Format,
    book_option,
    errors_for_people,
    format_option,
    print_rows,
    progress,
    quantity_text,
    say,
)
from metering.period import Month
from metering.settings import Book
from metering.sources.tabular import read_mapping
from metering.store import Store, rewrite, scratch
from metering.usage import unread_units, usage_by


@click.command("ingest")
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path, exists=True),
    help="What the columns of CSV and Parquet files mean.",
)
@click.option("--sender", help="The sender of payloads that name none.")
@click.option("--strict", is_flag=True, help="End with 3 if a row went to quarantine.")
@book_option
@format_option
def ingest_command(
    paths: tuple[str, ...],
    mapping_path: Path | None,
    sender: str | None,
    strict: bool,
    book_path: Path,
    output_format: Format,
) -> None:
    """Load message logs: files, folders, globs, or - for standard input."""
    with errors_for_people():
        book = Book.at(book_path)
        settings = book.settings()
        mapping = read_mapping(mapping_path) if mapping_path else None
        names = find_files(paths)
        with (
            Store.open(book, settings, "write") as store,
            scratch(book) as folder,
            progress("loading", len(names)) as step,
        ):
            refused.clear_old(store, settings.quarantine.keep_days)
            loads = list(
                ingest(store, names, scratch=folder, sender=sender, mapping=mapping, step=step)
            )
        _print_loads(loads, output_format)
        sys.exit(_exit_code(loads, is_strict=strict))


def _print_loads(loads: list[Load], output_format: Format) -> None:
    rows = [asdict(load) for load in loads]
    document = {"schema": "tollbook.load/1", "loads": rows, "total": _total(loads)}
    counts = ("read", "accepted", "duplicates", "reported_again")
    if output_format != "json":
        for row in rows:
            for name in ("ignored", "quarantined"):
                row[name] = sum(row[name].values())
        if len(rows) > 1 and output_format == "table":
            rows.append({"name": "total", "state": "", **_total(loads)})
            for name in ("ignored", "quarantined"):
                rows[-1][name] = sum(rows[-1][name].values())
    columns = ("name", "state", *counts, "ignored", "quarantined")
    print_rows(document, rows="loads", columns=columns, output_format=output_format)
    if output_format == "table":
        _explain_loads(loads)


def _explain_loads(loads: list[Load]) -> None:
    total = _total(loads)
    for name in ("ignored", "quarantined", "unknown_fields"):
        counts = cast(dict[str, int], total[name])
        if counts:
            listed = ", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items()))
            click.echo(f"{name.replace('_', ' ')}: {listed}")
    for load in loads:
        if load.state == "refused":
            say(f"{load.name}\n  {load.why}\n  Hint: {load.hint}")


def _total(loads: list[Load]) -> dict[str, object]:
    total: dict[str, object] = {
        name: sum(getattr(load, name) for load in loads)
        for name in ("read", "accepted", "duplicates", "reported_again")
    }
    for name in ("ignored", "quarantined", "unknown_fields"):
        counts: dict[str, int] = {}
        for load in loads:
            for kind, count in getattr(load, name).items():
                counts[kind] = counts.get(kind, 0) + count
        total[name] = dict(sorted(counts.items()))
    return total


def _exit_code(loads: list[Load], *, is_strict: bool) -> int:
    has_refused = any(load.state == "refused" for load in loads)
    has_quarantined = is_strict and any(load.quarantined for load in loads)
    return BLOCKED if has_refused or has_quarantined else 0


class MonthGroup(click.Group):
    """A group whose first word may be a month: then it means its command `count`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = ["count", *args]
        return super().parse_args(ctx, args)


@click.group("usage", cls=MonthGroup)
def usage_group() -> None:
    """Quantities of a month, and how far they can be trusted.

    `tollbook usage 2026-10 --by market` counts: it is short for `tollbook usage count 2026-10`.
    """


@usage_group.command("count")
@click.argument("month")
@click.option(
    "--by", default="account,category", show_default=True, help=f"Any of: {', '.join(DIMENSIONS)}."
)
@click.option(
    "--meter",
    "meter_name",
    default="deliveries",
    show_default=True,
    help="A meter of the book or a shipped one.",
)
@book_option
@format_option
def usage_command(
    month: str, by: str, meter_name: str, book_path: Path, output_format: Format
) -> None:
    """Count a month, in the time zone of each account."""
    with errors_for_people():
        period = Month.parse(month)
        dimensions = _dimensions(by)
        book = Book.at(book_path)
        settings = book.settings()
        accounts = load_accounts(book, settings)
        meter = find_meter(load_meters(book), meter_name)
        with Store.open(book, settings) as store:
            frame = usage_by(store, accounts, period, meter, dimensions)
            unread = unread_units(store, meter)
        rows = frame.to_dicts()
        document = {
            "schema": "tollbook.usage/1",
            "period": str(period),
            "meter": meter.meter,
            "unit": meter.unit,
            "by": dimensions,
            "unread": unread,
            "rows": [{**row, "quantity": quantity_text(Decimal(row["quantity"]))} for row in rows],
        }
        if output_format != "json":
            document["rows"] = [{**row, **_named(row)} for row in rows]
        total = "" if meter.is_whole else f"{sum(row['quantity'] for row in rows):,} "
        print_rows(
            document,
            columns=(*dimensions, "quantity"),
            output_format=output_format,
            note=f"{total}{meter.unit}",
        )
        if unread:
            say(
                f"{unread:,} units of '{meter.meter}' have no value that it can use, and are in no"
                " quantity"
            )


def _named(row: dict[str, object]) -> dict[str, str]:
    """Words for what is missing, which a blank cell would not say."""
    unassigned = {"account": "(unassigned)"} if "account" in row and row["account"] is None else {}
    blank = {k: "(unknown)" for k in ("market", "category") if k in row and row[k] is None}
    return unassigned | blank


def _dimensions(by: str) -> list[Dimension]:
    names = [name.strip() for name in by.split(",") if name.strip()]
    for name in names:
        if name not in DIMENSIONS:
            raise UsageError(
                f"'{name}' is no dimension", where="--by", hint=nearest(name, DIMENSIONS)
            )
    if len(set(names)) < len(names):
        raise UsageError("a dimension stands twice", where="--by", hint="name each once")
    return cast(list[Dimension], names)


@click.group("quarantine")
def quarantine_group() -> None:
    """Rows that were refused: listed, shown and tried again."""


@quarantine_group.command("list")
@click.option("--reason", help="Only rows refused for this reason.")
@book_option
@format_option
def list_command(reason: str | None, book_path: Path, output_format: Format) -> None:
    """List refused rows with their place and reason."""
    with errors_for_people():
        book = Book.at(book_path)
        with Store.open(book, book.settings()) as store:
            frame = refused.list_rows(store, reason=reason)
        columns = ("quarantine_id", "file", "line", "position", "reason", "sender_id", "has_text")
        document = {"schema": "tollbook.quarantine/1", "rows": frame.to_dicts()}
        print_rows(document, columns=columns, output_format=output_format, title="quarantine")


@quarantine_group.command("show")
@click.argument("quarantine_id", type=int)
@click.option("--raw", "is_raw", is_flag=True, help="Unmasked, to repair it: holds personal data.")
@book_option
def show_command(quarantine_id: int, is_raw: bool, book_path: Path) -> None:
    """Show the text of a refused row, masked unless --raw is given."""
    with errors_for_people():
        book = Book.at(book_path)
        with Store.open(book, book.settings()) as store:
            text = refused.text_of(store, quarantine_id)
        click.echo(text if is_raw else refused.masked(text))


@quarantine_group.command("retry")
@click.argument("quarantine_ids", nargs=-1, type=int)
@click.option(
    "--with",
    "repaired",
    type=click.File(encoding="utf-8"),
    help="A file with the repaired text of the one row that is named.",
)
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path, exists=True),
    help="A repaired mapping.",
)
@click.option("--sender", help="The sender of payloads that name none.")
@book_option
@format_option
def retry_command(
    quarantine_ids: tuple[int, ...],
    repaired: IO[str] | None,
    mapping_path: Path | None,
    sender: str | None,
    book_path: Path,
    output_format: Format,
) -> None:
    """Try refused rows again: those named, or all."""
    with errors_for_people():
        if repaired and len(quarantine_ids) != 1:
            raise UsageError(
                "a repaired text is for one row", where="--with", hint="name the id of that row"
            )
        book = Book.at(book_path)
        mapping = read_mapping(mapping_path) if mapping_path else None
        with Store.open(book, book.settings(), "write") as store, scratch(book) as folder:
            if repaired:
                refused.replace_text(store, quarantine_ids[0], repaired.read())
            ids = list(quarantine_ids) or None
            loads = retry_rows(store, ids, scratch=folder, sender=sender, mapping=mapping)
        _print_loads(loads, output_format)
        sys.exit(_exit_code(loads, is_strict=False))


@click.command("erase")
@click.argument("contact")
@book_option
def erase_command(contact: str, book_path: Path) -> None:
    """Remove what links a contact, by number or user id; amounts stay as they were."""
    with errors_for_people():
        book = Book.at(book_path)
        settings = book.settings()
        with Store.open(book, settings, "write") as store:
            count = erase(store, contact)
        rewrite(book, settings)
        rows = "1 row no longer names" if count == 1 else f"{count:,} rows no longer name"
        click.echo(f"{rows} this contact")


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@book_option
def backup_command(target: Path, book_path: Path) -> None:
    """Copy the book, its store and its key into a new file."""
    with errors_for_people():
        back_up(Book.at(book_path), target)
        click.echo(f"{target}: a complete copy of the book, its key included; keep it safe")


@click.command("restore")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("target", type=click.Path(path_type=Path))
def restore_command(source: Path, target: Path) -> None:
    """Unpack a backup into a new folder."""
    with errors_for_people():
        restore_backup(source, target)
        click.echo(f"{target}: restored")


COMMANDS: list[click.Command] = [
    ingest_command,
    usage_group,
    quarantine_group,
    erase_command,
    backup_command,
    restore_command,
]
