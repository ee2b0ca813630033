"""The commands of what is owed: ageing, reminders, statements, and opening balances."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import click
import polars as pl

from metering.account import Accounts, load_accounts
from metering.errors import UsageError
from metering.output import (
    Format,
    actor_option,
    book_option,
    errors_for_people,
    format_option,
    print_rows,
    say,
)
from metering.settings import Book
from pricing.archive import Archive
from pricing.catalog import load_catalog
from pricing.commands.payments import day_of
from pricing.life.trail import actor_of
from pricing.money import amount_text
from pricing.receivables.ageing import AMOUNTS, BY, aged, reminders, totals_of
from pricing.receivables.balance import PARTS, balances, status_of
from pricing.receivables.opening_removal import NAME, remove_opening
from pricing.receivables.openings import import_openings
from pricing.receivables.statement import CLOSING, OPENING, Line, statement

ACCOUNT_COLUMNS = ("account_id", "name", "currency", *AMOUNTS)
OPEN_COLUMNS = (
    *("account_id", "name", "number", "kind", "issue_date", "due_date"),
    *(*PARTS, "open", "currency", "days", "status"),
)
REMINDER_COLUMNS = (
    *("account_id", "name", "email", "number", "due_date", "days", "level", "open", "currency"),
)
LINE_COLUMNS = ("date", "kind", "number", "reference", "amount", "balance", "currency")

as_of_option = click.option("--as-of", metavar="DATE", help="As of this day; today if absent.")


@click.group("receivables", invoke_without_command=True)
@as_of_option
@click.option("--by", type=click.Choice(BY), default="account", show_default=True)
@book_option
@format_option
@click.pass_context
def receivables(
    context: click.Context,
    *,
    as_of: str | None,
    by: Literal["account", "document"],
    book_path: Path,
    output_format: Format,
) -> None:
    """Show what is owed, and how long it is overdue."""
    if context.invoked_subcommand is not None:
        return
    with errors_for_people():
        found, day, accounts = _balances(book_path, as_of)
        rows = aged(found, day, by)
        told = _by_document(rows, day) if by == "document" else _in_major(rows, AMOUNTS)
        totals = _in_major(totals_of(aged(found, day, "account")), AMOUNTS)
        document = {
            "schema": "tollbook.receivables/1",
            "as_of": day,
            "by": by,
            "rows": _named(told, accounts, OPEN_COLUMNS if by == "document" else ACCOUNT_COLUMNS),
            "totals": [{name: row[name] for name in ("currency", *AMOUNTS)} for row in totals],
        }
        print_rows(
            document,
            columns=OPEN_COLUMNS if by == "document" else ACCOUNT_COLUMNS,
            output_format=output_format,
            title=f"Receivables as of {day}",
            note="\n".join(f"Total: {row['total']} {row['currency']}" for row in totals),
        )


@receivables.command("reminders")
@as_of_option
@book_option
@format_option
def list_reminders(as_of: str | None, book_path: Path, output_format: Format) -> None:
    """List what is overdue, by how many days, and the level of the reminder."""
    with errors_for_people():
        found, day, accounts = _balances(book_path, as_of)
        rows = [_in_words(row, ("open",)) for row in reminders(found, day)]
        document = {
            "schema": "tollbook.reminders/1",
            "as_of": day,
            "rows": _named(rows, accounts, REMINDER_COLUMNS),
        }
        print_rows(
            document,
            columns=REMINDER_COLUMNS,
            output_format=output_format,
            title=f"Overdue as of {day}",
        )


@click.command("statement")
@click.argument("account_id", metavar="ACCOUNT")
@click.option("--from", "first", metavar="DATE", help="The first day; the beginning if absent.")
@click.option("--to", "last", metavar="DATE", help="The last day; all that is known if absent.")
@book_option
@format_option
def show_statement(
    account_id: str,
    *,
    first: str | None,
    last: str | None,
    book_path: Path,
    output_format: Format,
) -> None:
    """Show the statement of an account: what it owed, each movement, what it owes."""
    with errors_for_people():
        book = Book.at(book_path)
        settings = book.settings()
        begin = None if first is None else day_of(first, "--from", settings)
        end = None if last is None else day_of(last, "--to", settings)
        names = _names(load_accounts(book, settings))
        with Archive.open(book) as archive:
            zone = settings.seller.time_zone
            lines = statement(archive, account_id, zone=zone, first=begin, last=end)
        if not lines and account_id not in names:
            raise UsageError(
                f"there is no account '{account_id}'",
                where="ACCOUNT",
                hint="give an account_id of accounts.csv, or of one that was invoiced before",
            )
        name = names.get(account_id, account_id)
        document = {
            "schema": "tollbook.statement/1",
            "account_id": account_id,
            "name": name,
            "from": begin,
            "to": end,
            "rows": [*map(_line, lines)],
            "balances": _first_and_last(lines),
        }
        print_rows(
            document,
            columns=LINE_COLUMNS,
            output_format=output_format,
            title=f"Statement of {name}",
        )


@click.group("openings")
def openings() -> None:
    """Take over what another system left."""


@openings.command("import")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH..."
)
@actor_option
@book_option
@format_option
def take_over(
    paths: Sequence[Path], *, actor: str | None, book_path: Path, output_format: Format
) -> None:
    """Take over unpaid documents, last numbers and state: a folder, or its files."""
    with errors_for_people():
        book = Book.at(book_path)
        catalog = load_catalog(book)
        with Archive.open(book, "write") as archive:
            taken = import_openings(archive, catalog, paths, actor=actor_of(actor))
            drafts = archive.value("select count(*) from invoices where state = 'draft'")
        columns = ("file", "new", "same")
        rows = [{name: getattr(one, name) for name in columns} for one in taken]
        document = {"schema": "tollbook.openings/1", "rows": rows}
        print_rows(document, columns=columns, output_format=output_format)
        if drafts and any(one.new for one in taken if one.file == "state.csv"):
            say("there are drafts that were made without this state: bill their months again")


@openings.command("remove")
@click.argument("name", metavar=NAME)
@click.option("--reason", required=True, help="Why, for the trail.")
@actor_option
@book_option
def remove(name: str, *, reason: str, actor: str | None, book_path: Path) -> None:
    """Remove what was taken over wrongly, so that it can be taken over anew."""
    with errors_for_people(), Archive.open(Book.at(book_path), "write") as archive:
        said = remove_opening(archive, name, actor=actor_of(actor), reason=reason)
        drafts = archive.value("select count(*) from invoices where state = 'draft'")
    say(f"{said} is gone")
    if drafts and said.startswith("the state"):
        say("there are drafts that were made with this state: bill their months again")


COMMANDS: list[click.Command] = [receivables, show_statement, openings]


def _balances(book_path: Path, as_of: str | None) -> tuple[pl.DataFrame, date, Accounts]:
    book = Book.at(book_path)
    settings = book.settings()
    day = day_of(as_of, "--as-of", settings)
    with Archive.open(book) as archive:
        found = balances(archive, settings.seller.time_zone, day)
    return found, day, load_accounts(book, settings)


def _by_document(rows: pl.DataFrame, day: date) -> list[dict[str, Any]]:
    told = []
    for row in rows.iter_rows(named=True):
        is_open = row["open_minor"] > 0 and row["due_date"] is not None
        days = max((day - row["due_date"]).days, 0) if is_open else 0
        told.append(
            {**_in_words(row, (*PARTS, "open")), "days": days, "status": status_of(row, day)}
        )
    return told


def _in_major(rows: pl.DataFrame, names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {**row, **{name: _major(row[name], row["currency"]) for name in names}}
        for row in rows.iter_rows(named=True)
    ]


def _in_words(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {**row, **{name: _major(row[f"{name}_minor"], row["currency"]) for name in names}}


def _major(minor: int, currency: str) -> Decimal:
    return Decimal(amount_text(minor, currency))


def _named(
    rows: Sequence[dict[str, Any]], accounts: Accounts, columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Add the name and address of the account as they are by now, and keep what is shown."""
    latest = {account.account_id: account for account in accounts.accounts}
    told = []
    for row in rows:
        account = latest.get(row["account_id"])
        words = {
            "name": account.name if account else row["account_id"],
            "email": account.email if account else "",
        }
        told.append({name: words.get(name, row.get(name)) for name in columns})
    return told


def _names(accounts: Accounts) -> dict[str, str]:
    return {account.account_id: account.name for account in accounts.accounts}


def _line(line: Line) -> dict[str, object]:
    amount = None if line.amount_minor is None else _major(line.amount_minor, line.currency)
    return {
        **{name: getattr(line, name) for name in ("date", "kind", "number", "reference")},
        "amount": amount,
        "balance": _major(line.balance_minor, line.currency),
        "currency": line.currency,
    }


def _first_and_last(lines: Sequence[Line]) -> list[dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    words = {OPENING: "opening", CLOSING: "closing"}
    for line in lines:
        if line.kind in words:
            row = found.setdefault(line.currency, {"currency": line.currency})
            row[words[line.kind]] = _major(line.balance_minor, line.currency)
    return [*found.values()]
