"""The commands that say how far the usage of a month can be trusted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from metering.account import load_accounts
from metering.completeness import Completeness, completeness
from metering.consent import Consents, consents
from metering.notices import notices
from metering.output import (
    Command,
    Format,
    book_option,
    errors_for_people,
    format_option,
    print_rows,
)
from metering.period import Month
from metering.settings import Book
from metering.store import Store

SENDER_COLUMNS = (
    *("account", "sender", "waba", "reports", "last_report_at", "complete_up_to"),
    *("silent", "missing_days", "sudden_drops"),
)
CONSENT_COLUMNS = ("account", "sender", "category", "reason", "messages", "contacts", "examples")
DAYS_OF_MONTH = 31
ROWS_SHOWN = 30  # of a table, the worst first; --all shows all of them
NOTICE_COLUMNS = ("at", "waba", "account", "what", "details")


def all_option(command: Command) -> Command:
    return click.option(
        "--all", "show_all", is_flag=True, help=f"All rows of a table, not the first {ROWS_SHOWN}."
    )(command)


@click.command("completeness")
@click.argument("month")
@all_option
@book_option
@format_option
def completeness_command(
    month: str, *, show_all: bool, book_path: Path, output_format: Format
) -> None:
    """Say up to when the log is complete, and which senders and days are missing from it."""
    with errors_for_people():
        period = Month.parse(month)
        book = Book.at(book_path)
        settings = book.settings()
        accounts = load_accounts(book, settings)
        with Store.open(book, settings) as store:
            found = completeness(store, accounts, period)
        rows = found.senders.to_dicts()
        document = {
            "schema": "tollbook.completeness/1",
            "period": str(period),
            "last_report_at": found.last_report_at,
            "complete_up_to": found.complete_up_to,
            "rows": rows,
            "total": found.total(),
        }
        more = ""
        if output_format == "table" and not show_all:
            rows, more = _worst(rows, _gaps_in)
        if output_format != "json":
            document["rows"] = [{**_named(row), **_in_words(row)} for row in rows]
        print_rows(
            document,
            columns=SENDER_COLUMNS,
            output_format=output_format,
            title=f"Senders in {period}",
            note=more + _completeness_note(found),
        )


@click.command("consent")
@click.argument("month")
@all_option
@book_option
@format_option
def consent_command(month: str, *, show_all: bool, book_path: Path, output_format: Format) -> None:
    """List messages that a business began with people who had not opted in."""
    with errors_for_people():
        period = Month.parse(month)
        book = Book.at(book_path)
        settings = book.settings()
        accounts = load_accounts(book, settings)
        with Store.open(book, settings) as store:
            found = consents(store, accounts, period)
        rows, more = found.rows().to_dicts(), ""
        if output_format == "table" and not show_all:
            rows, more = _worst(rows, lambda row: row["messages"])
        document = {
            "schema": "tollbook.consent/1",
            "period": str(period),
            "consents": found.consent_count,
            "unusable_consents": found.unusable_count,
            "rows": rows if output_format == "json" else [_named(row) for row in rows],
            "total": found.total(),
        }
        print_rows(
            document,
            columns=CONSENT_COLUMNS,
            output_format=output_format,
            title=f"Messages without an opt-in in {period}",
            note=more + _consent_note(found),
        )


@click.command("notices")
@click.argument("month", required=False)
@book_option
@format_option
def notices_command(month: str | None, book_path: Path, output_format: Format) -> None:
    """List what the network said of the accounts in MONTH, or all it ever said."""
    with errors_for_people():
        period = None if month is None else Month.parse(month)
        book = Book.at(book_path)
        settings = book.settings()
        accounts = load_accounts(book, settings)
        with Store.open(book, settings) as store:
            rows = notices(store, accounts, period).to_dicts()
        document = {
            "schema": "tollbook.notices/1",
            "period": None if period is None else str(period),
            "rows": rows if output_format == "json" else [_named(row) for row in rows],
        }
        title = "Notices" if period is None else f"Notices of {period}"
        print_rows(document, columns=NOTICE_COLUMNS, output_format=output_format, title=title)


COMMANDS: list[click.Command] = [completeness_command, consent_command, notices_command]


def _worst(
    rows: list[dict[str, Any]], weight: Callable[[dict[str, Any]], int]
) -> tuple[list[dict[str, Any]], str]:
    """Take the first rows by weight, in a stable order, and say how many are left out."""
    left = len(rows) - ROWS_SHOWN
    ordered = sorted(rows, key=lambda row: -weight(row)) if left > 0 else rows
    more = f"... and {left:,} more: --all shows them\n" if left > 0 else ""
    return ordered[:ROWS_SHOWN], more


def _gaps_in(row: dict[str, Any]) -> int:
    """How many days of a sender are missing or odd; a silent one lacks all of them."""
    odd: int = len(row["missing_days"]) + len(row["sudden_drops"]) + DAYS_OF_MONTH * row["silent"]
    return odd


def _named(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "account": row["account"] or "(unassigned)"}


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    """A drop as `2026-10-20 (1 of 30.0)`: what was reported of what is usual."""
    drops = [
        f"{drop['day']} ({drop['reports']} of {drop['usual']})" for drop in row["sudden_drops"]
    ]
    return {
        "sudden_drops": ", ".join(drops),
        "missing_days": ", ".join(map(str, row["missing_days"])),
    }


def _completeness_note(found: Completeness) -> str:
    if found.last_report_at is None or found.complete_up_to is None:
        return "The store holds no report of any sender."
    total = found.total()
    return (
        f"Complete up to {found.complete_up_to:%Y-%m-%d %H:%M:%S} UTC; the last report is of"
        f" {found.last_report_at:%Y-%m-%d %H:%M:%S} UTC\n"
        f"{total['senders']:,} senders: {total['silent']:,} silent,"
        f" {total['missing_days']:,} missing days, {total['sudden_drops']:,} sudden drops"
    )


def _consent_note(found: Consents) -> str:
    if not found.consent_count:
        return (
            "The book holds no consent of anybody, so no message was judged: load opt-ins and"
            " opt-outs first."
        )
    total = found.total()
    note = (
        f"{total['messages']:,} messages that a business began:"
        f" {total['opted_in']:,} with an opt-in,"
        f" {total['never_opted_in']:,} to people who never opted in,"
        f" {total['opted_out']:,} after an opting out,"
        f" {total['contact_not_known']:,} to nobody known,"
        f" {total['category_not_known']:,} of an unknown category"
    )
    if found.unusable_count:
        note += (
            f"\n{found.unusable_count:,} of {found.consent_count:,} consents name no contact, or a"
            " sender or account that nobody knows: they count for nobody"
        )
    return note
