"""The commands of payments: record, import, list, apply, and write off what will not come."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
import polars as pl
from pydantic import ValidationError

from metering.account import Accounts, load_accounts
from metering.door import problems_of
from metering.errors import BookError, UsageError
from metering.output import (
    Format,
    actor_option,
    book_option,
    errors_for_people,
    format_option,
    print_rows,
    say,
)
from metering.settings import Book, Settings
from pricing.archive import Archive
from pricing.commands.lifecycle import reason_option
from pricing.life.trail import actor_of
from pricing.money import amount_text
from pricing.receivables.payment_file import PaymentRow, import_payments, record_payments
from pricing.receivables.payments import (
    Purses,
    apply_credit,
    document_named,
    payments_of,
    undo_write_off,
    write_off,
)
from pricing.today import today_of

PAYMENT_COLUMNS = (
    *("payment_id", "paid_on", "account_id", "number", "kind"),
    *("amount", "currency", "reference"),
)
on_option = click.option("--on", "day", metavar="DATE", help="The day; today if absent.")


@click.group("payment")
def payment() -> None:
    """Record payments and refunds, by hand or from a file."""


# What begins with a minus is no option that nobody knows: the amount says what is wrong with it.
_TAKES_MINUS = {"ignore_unknown_options": True}


@payment.command("add", context_settings=_TAKES_MINUS)
@click.argument("target", metavar="NUMBER | ACCOUNT_ID")
@click.argument("amount")
@on_option
@click.option("--kind", type=click.Choice(["payment", "refund"]), default="payment")
@click.option("--currency", help="That of the document or the account if absent.")
@click.option("--reference", default="", help="What the bank says of it.")
@click.option("--id", "payment_id", help="Its id; made of the target, day and amount if absent.")
@actor_option
@book_option
@format_option
def add(target: str, amount: str, *, output_format: Format, **given: Any) -> None:
    """Record a payment of AMOUNT for a document, or on account."""
    with errors_for_people():
        book = Book.at(given["book_path"])
        settings = book.settings()
        zone = settings.seller.time_zone
        accounts = load_accounts(book, settings)
        on = day_of(given["day"], "--on", settings)
        with Archive.open(book, "write") as archive:
            purses = Purses.of(archive, zone, {})
            usual = settings.seller.currency
            row = _row(target, amount, on, given, purses.documents, accounts, usual)
            done = record_payments(
                archive,
                {"payment": row},
                zone=zone,
                currencies=currencies_of(archive, accounts),
                actor=actor_of(given["actor"]),
            )
            rows = _payment_rows(archive, "payment_id", row.payment_id)
        _print_payments(rows, output_format)
        say("recorded" if done.new else "is there already: a second one needs an --id of its own")


@payment.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@actor_option
@book_option
def import_file(file: Path, *, actor: str | None, book_path: Path) -> None:
    """Record the payments of a CSV file, all or none; importing it again changes nothing."""
    with errors_for_people():
        book = Book.at(book_path)
        settings = book.settings()
        accounts = load_accounts(book, settings)
        with Archive.open(book, "write") as archive:
            done = import_payments(
                archive,
                file,
                zone=settings.seller.time_zone,
                currencies=currencies_of(archive, accounts),
                actor=actor_of(actor),
            )
        say(f"{done.new:,} recorded, {done.same:,} were there already")


@payment.command("list")
@click.argument("target", required=False, metavar="[NUMBER | ACCOUNT_ID]")
@book_option
@format_option
def list_payments(target: str | None, book_path: Path, output_format: Format) -> None:
    """List payments: of a document, of an account, or all; signed as what they take off."""
    with errors_for_people():
        book = Book.at(book_path)
        settings = book.settings()
        with Archive.open(book) as archive:
            is_account = target in currencies_of(archive, load_accounts(book, settings))
            if target is None or is_account:
                rows = _payment_rows(archive, "account_id", target)
            else:
                found = document_named(archive, target, settings.seller.time_zone)
                rows = _payment_rows(archive, "document_id", found["document_id"])
        _print_payments(rows, output_format)


@payment.command("apply", context_settings=_TAKES_MINUS)
@click.argument("number")
@click.argument("amount", required=False)
@click.option(
    "--from", "source", metavar="NUMBER", help="The document it comes from; if absent, the account."
)
@on_option
@actor_option
@book_option
def apply(number: str, amount: str | None, *, source: str | None, **given: Any) -> None:
    """Set money on account, or what a credit note leaves, against a document."""
    with errors_for_people():
        book = Book.at(given["book_path"])
        settings = book.settings()
        zone = settings.seller.time_zone
        on = day_of(given["day"], "--on", settings)
        part = None if amount is None else _decimal(amount)
        _check_above_zero(amount)
        with Archive.open(book, "write") as archive:
            minor = apply_credit(
                archive, number, source, part, zone=zone, on=on, actor=actor_of(given["actor"])
            )
            _say_open(document_named(archive, number, zone), minor, "applied to")


@click.command("write-off")
@click.argument("number")
@click.option("--undo", is_flag=True, help="Take the write-offs of the document back.")
@on_option
@reason_option
@actor_option
@book_option
def write_off_document(
    number: str, *, undo: bool, day: str | None, reason: str, actor: str | None, book_path: Path
) -> None:
    """Give up what is open of a document."""
    with errors_for_people():
        book = Book.at(book_path)
        settings = book.settings()
        zone, on = settings.seller.time_zone, day_of(day, "--on", settings)
        step, words = (undo_write_off, "open again") if undo else (write_off, "written off")
        with Archive.open(book, "write") as archive:
            minor = step(archive, number, zone=zone, on=on, reason=reason, actor=actor_of(actor))
            _say_open(document_named(archive, number, zone), minor, f"{words} of")


COMMANDS: list[click.Command] = [payment]
INVOICE_COMMANDS: list[click.Command] = [write_off_document]


def currencies_of(archive: Archive, accounts: Accounts) -> dict[str, set[str]]:
    """Say in which currencies each account is or was invoiced."""
    found: dict[str, set[str]] = {}
    for account in accounts.accounts:
        found.setdefault(account.account_id, set()).add(account.currency or "")
    query = (
        "select account_id, currency from invoices where state = 'issued'"
        " union select account_id, currency from opening_documents"
    )
    for account_id, currency in archive.frame(query).rows():
        found.setdefault(account_id, set()).add(currency)
    return found


def day_of(text: str | None, where: str, settings: Settings) -> date:
    """Read a day that an option gives; today if absent."""
    if text is None:
        return today_of(settings)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"'{text}' is no day", where=where, hint="write 2026-11-03") from error


def _row(
    target: str,
    amount: str,
    on: date,
    given: Mapping[str, Any],
    documents: Mapping[str, Mapping[str, Any]],
    accounts: Accounts,
    usual: str,
) -> PaymentRow:
    _check_above_zero(amount)
    document = documents.get(target)
    is_account = document is None and target in accounts.ids()
    if document is not None:
        usual = document["currency"]
    elif is_account:
        usual = accounts.facts_on(target, on).currency or usual
    cells = {
        "line": 0,
        "payment_id": given["payment_id"] or "?",
        "account_id" if is_account else "number": target,
        "amount": amount,
        "currency": given["currency"] or usual,
        "paid_on": on,
        **{name: given[name] for name in ("kind", "reference")},
    }
    try:
        row = PaymentRow.model_validate(cells)
    except ValidationError as error:
        raise BookError(problems_of(error, "payment", PaymentRow)) from error
    if given["payment_id"]:
        return row
    stem = "refund/" if row.kind == "refund" else ""
    known = document["number"] if document else target
    name = f"{stem}{known}/{on}/{row.amount.normalize():f}"
    return row.model_copy(update={"payment_id": name})


def _check_above_zero(amount: str | None) -> None:
    if amount is not None and amount.startswith("-"):
        raise UsageError(
            f"{amount} is not above zero",
            where="AMOUNT",
            hint="an amount is above zero; money that went back is recorded with: tollbook payment"
            " add NUMBER AMOUNT --kind refund",
        )


def _payment_rows(archive: Archive, name: str, value: str | None) -> list[dict[str, Any]]:
    found = payments_of(archive)
    of_documents = (
        "select invoice_id as document_id, number from invoices where number is not null"
        " union all select document_id, number from opening_documents"
    )
    if value is not None:
        found = found.filter(pl.col(name) == value)
    named = found.join(
        archive.frame(of_documents), on="document_id", how="left", maintain_order="left"
    )
    return [
        {**row, "amount": Decimal(amount_text(row["amount_minor"], row["currency"]))}
        for row in named.iter_rows(named=True)
    ]


def _print_payments(rows: list[dict[str, Any]], output_format: Format) -> None:
    names = (*PAYMENT_COLUMNS, "recorded_at", "actor")
    document = {
        "schema": "tollbook.payments/1",
        "rows": [{name: row[name] for name in names} for row in rows],
    }
    columns = PAYMENT_COLUMNS if output_format == "table" else names
    print_rows(document, columns=columns, output_format=output_format, title="Payments")


def _say_open(document: Mapping[str, Any], minor: int, done: str) -> None:
    currency = document["currency"]
    left = amount_text(document["open_minor"], currency)
    say(f"{amount_text(minor, currency)} {currency} {done} {document['number']}; {left} is open")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise UsageError(f"'{text}' is no amount", where="AMOUNT", hint="write 12.50") from error
