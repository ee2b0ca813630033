"""The commands that show invoices."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from metering.errors import UsageError
from metering.output import (
    Format,
    book_option,
    errors_for_people,
    format_option,
    print_json,
    print_rows,
    print_table,
    say,
)
from metering.period import Month
from metering.settings import Book
from pricing.archive import Archive
from pricing.commands.invoice_table import columns_of, summaries, totals_note, totals_of
from pricing.document_writer import amounts_in_words
from pricing.explain import COLUMNS, explain
from pricing.invoice import Drafts
from pricing.life.issued import document_of
from pricing.money import amount_text
from pricing.receivables.balance import balances, status_of
from pricing.run import MESSAGES_MAX, has_changed, messages_of_line
from pricing.today import today_of
from pricing.tracing import MESSAGE_COLUMNS as MESSAGE_COST
from pricing.tracing import trace

LINE_COLUMNS = ("charge", "quantity", "amount", "currency", "line_id", "period", "is_correction")
MESSAGE_COLUMNS = (
    *("message", "delivered_at", "channel", "market", "country", "category"),
    *("pricing_model", "pricing_type"),
)


@click.group()
def invoice() -> None:
    """List, show and explain invoices."""


@invoice.command("list")
@click.argument("month", required=False)
@book_option
@format_option
def list_invoices(month: str | None, book_path: Path, output_format: Format) -> None:
    """List the invoices of MONTH, or all."""
    with errors_for_people():
        period = None if month is None else str(Month.parse(month))
        book = Book.at(book_path)
        settings = book.settings()
        with Archive.open(book) as archive:
            drafts = archive.drafts_of(period=period)
            found = balances(archive, settings.seller.time_zone)
        document = {
            "schema": "tollbook.invoices/1",
            "period": period,
            "rows": summaries(drafts, found, today_of(settings)),
            "totals": totals_of(drafts),
        }
        print_rows(
            document,
            columns=columns_of(drafts, output_format),
            output_format=output_format,
            title=f"Invoices of {period}" if period else "Invoices",
            note=totals_note(drafts),
        )


@invoice.command()
@click.argument("invoice_id")
@book_option
@format_option
def show(invoice_id: str, book_path: Path, output_format: Format) -> None:
    """Show one invoice with its lines; as JSON with every detail."""
    with errors_for_people():
        book = Book.at(book_path)
        with Archive.open(book) as archive:
            document = document_of(archive, archive.invoice_id_of(invoice_id))
            seen = balances(archive, book.settings().seller.time_zone).to_dicts()
        if output_format == "table":
            _print_invoice(document)
            _print_open(document, seen, today_of(book.settings()))
        else:
            print_rows(document, rows="lines", columns=LINE_COLUMNS, output_format=output_format)


@invoice.command("explain")
@click.argument("line_id", metavar="LINE_ID | INVOICE_ID")
@click.option("--messages", is_flag=True, help="List the messages in the line, too.")
@click.option("--message", metavar="ID", help="Say what one message cost on the invoice, and why.")
@book_option
@format_option
def explain_line(
    line_id: str, *, messages: bool, message: str | None, book_path: Path, output_format: Format
) -> None:
    """Unfold a line to its details and, with --messages, to the messages in it.

    With --message ID, the id that the network gave a message: what it cost on the invoice.
    """
    with errors_for_people():
        if message is not None:
            _trace_message(Book.at(book_path), line_id.partition("#")[0], message, output_format)
            return
        drafts = _read(book_path, line_id.partition("#")[0])
        if line_id not in drafts.lines["line_id"].to_list():
            raise UsageError(
                f"there is no line '{line_id}'",
                where="LINE_ID",
                hint=f"list them with: tollbook invoice show {line_id.partition('#')[0]}",
            )
        document = explain(drafts, line_id)
        if messages:
            book = Book.at(book_path)
            document["messages"] = messages_of_line(book, drafts, line_id).to_dicts()
            if has_changed(book, line_id.partition("#")[0]):
                say("the files of the book have changed since: these are its messages by now")
        match output_format:
            case "json":
                print_json(document)
            case "csv":
                rows, columns = ("messages", MESSAGE_COLUMNS) if messages else ("rows", COLUMNS)
                print_rows(document, rows=rows, columns=columns, output_format="csv")
            case "table":
                _print_explanation(document)


COMMANDS: list[click.Command] = [invoice]


def _trace_message(book: Book, invoice_id: str, message_id: str, output_format: Format) -> None:
    drafts = _read(book.root, invoice_id)
    document = trace(book, drafts.invoices.row(0, named=True), message_id)
    if has_changed(book, invoice_id):
        say("the files of the book have changed since: this is what the message costs by now")
    if output_format == "table":
        for sentence in document["words"]:
            click.echo(sentence)
        return
    print_rows(document, columns=MESSAGE_COST, output_format=output_format)


def _read(book_path: Path, invoice_id: str) -> Drafts:
    with Archive.open(Book.at(book_path)) as archive:
        return archive.drafts_of(invoice_id=archive.invoice_id_of(invoice_id))


def _print_invoice(document: dict[str, Any]) -> None:
    kind = document["kind"].replace("_", " ")
    named = f"{kind} {document['number']} of {document['issue_date']}, due {document['due_date']}"
    about = named if document["number"] else document["state"]
    click.echo(f"{document['invoice_id']}  {document['name']}  ({about})")
    for other in document["corrects"]:
        paid_by = f", which {other['account_id']} got" if other.get("account_id") else ""
        click.echo(f"Corrects {other['number']} of {other['issue_date']}{paid_by}")
    if document["reason"]:
        click.echo(f"Reason: {document['reason']}")
    numbers = ("quantity", "amount")  # aligned to the right as numbers, and only here
    lines = [
        {**line, **{name: Decimal(line[name]) for name in numbers}} for line in document["lines"]
    ]
    has_others = any(line["is_correction"] for line in lines)
    print_table(lines, columns=LINE_COLUMNS if has_others else LINE_COLUMNS[:-2])
    for sentence in amounts_in_words(document):
        click.echo(sentence)
    for reason in document["blocked"]:
        click.echo(f"Blocked: {reason['quantity']} {reason['what']}")


def _print_open(document: dict[str, Any], rows: Sequence[Mapping[str, Any]], today: date) -> None:
    """Say what is open of an issued document: its bytes do not, since they never change."""
    balance = next((r for r in rows if r["document_id"] == document["invoice_id"]), None)
    if balance is None:
        return
    parts = {name: balance[f"{name}_minor"] for name in ("paid", "credited", "written_off")}
    told = [
        f"{name.replace('_', ' ')} {amount_text(minor, balance['currency'])}"
        for name, minor in parts.items()
        if minor
    ]
    told.append(f"open {amount_text(balance['open_minor'], balance['currency'])}")
    click.echo(f"{', '.join(told).capitalize()} {balance['currency']}: {status_of(balance, today)}")


def _print_explanation(document: dict[str, Any]) -> None:
    click.echo(f"{document['line_id']}  {document['charge']}, plan {document['plan']}")
    for sentence in document["words"]:
        click.echo(f"  {sentence}")
    if "messages" in document:
        print_table(
            document["messages"],
            columns=MESSAGE_COLUMNS,
            title="Messages",
            note=f"the first {MESSAGES_MAX}" if len(document["messages"]) == MESSAGES_MAX else "",
        )
