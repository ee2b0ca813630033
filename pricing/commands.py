"""The commands that make, check and bill a book, and show its invoices."""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import polars as pl

from metering.account import load_accounts
from metering.errors import Problem, SumsDisagreeError, UsageError
from metering.invariants import broken_invariants
from metering.output import (
    BLOCKED,
    Format,
    book_option,
    errors_for_people,
    format_option,
    print_json,
    print_rows,
    print_table,
    quantity_text,
    say,
)
from metering.period import Month
from metering.settings import Book
from metering.store import Store
from pricing.archive import Archive
from pricing.catalog import check_book
from pricing.cost_output import show_costs
from pricing.demo import Sample, run_demo
from pricing.explain import COLUMNS, explain
from pricing.invoice import Drafts, amounts_in_words, documents
from pricing.money import amount_text
from pricing.run import MESSAGES_MAX, Bill, has_changed, messages_of_line
from pricing.run import bill as run_bill
from pricing.starter import init_book
from pricing.tracing import MESSAGE_COLUMNS as MESSAGE_COST
from pricing.tracing import trace

INVOICE_COLUMNS = (
    *("invoice_id", "name", "state", "lines"),
    *("net", "tax", "total", "due", "currency", "blocked"),
)
LINE_COLUMNS = ("charge", "quantity", "amount", "currency", "line_id")
MESSAGE_COLUMNS = (
    *("message", "delivered_at", "channel", "market", "country", "category"),
    *("pricing_model", "pricing_type"),
)
PROBLEMS = 2
DEMO_ROWS = 20


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def init(directory: Path) -> None:
    """Make a new book in DIR that works at once."""
    with errors_for_people():
        book = init_book(directory)
        say(f"a new book is in {book.root}; check it with: tollbook check --book {book.root}")


@click.command()
@click.option("--store", "with_store", is_flag=True, help="And what must hold of the store.")
@book_option
@format_option
def check(with_store: bool, book_path: Path, output_format: Format) -> None:
    """Check every file of the book and say all mistakes at once."""
    broken: list[Problem] = []
    with errors_for_people():
        book = Book.at(book_path)
        problems, warnings = check_book(book)
        if with_store and not problems:
            settings = book.settings()
            with Store.open(book, settings) as store:
                broken = list(broken_invariants(store, load_accounts(book, settings)))
    rows = [
        {"level": level, "where": found.where, "what": found.what, "hint": found.hint}
        for level, listed in (("problem", [*problems, *broken]), ("warning", warnings))
        for found in listed
    ]
    if output_format == "table":
        for row in rows:
            click.echo(f"{row['level']}: {row['where']}\n  {row['what']}\n  Hint: {row['hint']}\n")
        click.echo(f"{_count([*problems, *broken], 'problem')}, {_count(warnings, 'warning')}")
    else:
        document = {"schema": "tollbook.check/1", "rows": rows}
        columns = ("level", "where", "what", "hint")
        print_rows(document, columns=columns, output_format=output_format)
    if problems:
        sys.exit(PROBLEMS)
    if broken:
        sys.exit(SumsDisagreeError.exit_code)


@click.command()
@click.argument(
    "directory", metavar="[DIR]", type=click.Path(path_type=Path), default=Path("demo-book")
)
@click.option("--month", default="2026-10", show_default=True)
@click.option("--accounts", default=2000, show_default=True, help="How many accounts.")
@click.option("--messages", default=100_000, show_default=True, help="How many messages.")
@click.option("--seed", default=7, show_default=True, help="Same seed, same book.")
@format_option
def demo(
    directory: Path, month: str, accounts: int, messages: int, seed: int, output_format: Format
) -> None:
    """Make a sample book in DIR, load its webhook logs, bill its month, show the invoices."""
    with errors_for_people():
        sample = Sample(Month.parse(month), accounts, messages, seed)
        made = run_demo(directory, sample, say=say)
        read, accepted = (
            sum(getattr(load, n) for load in made.loads) for n in ("read", "accepted")
        )
        if read:
            say(f"{read:,} items read, {accepted:,} events accepted")
        _print_bill(made.bill, output_format, row_count=DEMO_ROWS)
        say(f"the book is in {directory}; try: tollbook invoice list --book {directory}")


@click.command()
@click.argument("month")
@click.option("--account", "accounts", multiple=True, help="Write only this account's draft.")
@click.option("--dry-run", is_flag=True, help="Show the drafts and write nothing.")
@click.option(
    "--side",
    type=click.Choice(["price", "cost"]),
    default="price",
    help="cost: show what the network charges for each line, and the margin; writes nothing.",
)
@book_option
@format_option
def bill(
    month: str,
    accounts: tuple[str, ...],
    *,
    dry_run: bool,
    side: str,
    book_path: Path,
    output_format: Format,
) -> None:
    """Write the drafts of MONTH for all accounts, in the place of earlier drafts."""
    with errors_for_people():
        if side == "cost":
            show_costs(Book.at(book_path), Month.parse(month), accounts, output_format)
            return
        made = run_bill(
            Book.at(book_path), Month.parse(month), only_accounts=accounts, dry_run=dry_run
        )
        _print_bill(made, output_format)
        _say_outcome(made)
    if made.drafts.invoices["is_blocked"].any():
        sys.exit(BLOCKED)


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
        with Archive.open(Book.at(book_path)) as archive:
            drafts = archive.drafts_of(period=period)
        document = {
            "schema": "tollbook.invoices/1",
            "period": period,
            "rows": _summaries(drafts),
            "totals": _totals(drafts),
        }
        print_rows(
            document,
            columns=_columns(drafts, output_format),
            output_format=output_format,
            title=f"Invoices of {period}" if period else "Invoices",
            note=_totals_note(drafts),
        )


@invoice.command()
@click.argument("invoice_id")
@book_option
@format_option
def show(invoice_id: str, book_path: Path, output_format: Format) -> None:
    """Show one invoice with its lines; as JSON with every detail."""
    with errors_for_people():
        drafts = _read(book_path, invoice_id)
        (document,) = documents(drafts)
        if output_format == "table":
            _print_invoice(document)
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


COMMANDS: list[click.Command] = [init, check, bill, invoice, demo]


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
        drafts = archive.drafts_of(invoice_id=invoice_id)
    if drafts.invoices.is_empty():
        raise UsageError(
            f"there is no invoice '{invoice_id}'",
            where="INVOICE_ID",
            hint="list them with: tollbook invoice list",
        )
    return drafts


def _print_bill(made: Bill, output_format: Format, *, row_count: int | None = None) -> None:
    """Print the drafts of a bill; a table of the first `row_count` still totals them all."""
    rows = _summaries(made.drafts)
    document: dict[str, object] = {
        "schema": "tollbook.bill/1",
        "period": str(made.month),
        "rows": rows if output_format != "table" else rows[:row_count],
        "totals": _totals(made.drafts),
        "unassigned": quantity_text(made.unassigned),
        "quarantined": dict(made.refused),
    }
    note = _totals_note(made.drafts)
    if row_count is not None and len(rows) > row_count:
        note = f"... and {len(rows) - row_count:,} more\n{note}"
    print_rows(
        document,
        columns=_columns(made.drafts, output_format),
        output_format=output_format,
        title=f"Invoices of {made.month}",
        note=note,
    )


def _count(listed: list[Problem], word: str) -> str:
    return f"1 {word}" if len(listed) == 1 else f"{len(listed)} {word}s"


def _columns(drafts: Drafts, output_format: Format) -> list[str]:
    """Leave out of a table what says nothing: taxes and credits where there are none."""
    invoices = drafts.invoices
    silent = set() if invoices["tax_minor"].is_not_null().any() else {"net", "tax"}
    silent |= set() if (invoices["credit_minor"] != 0).any() else {"due"}
    return [name for name in INVOICE_COLUMNS if output_format != "table" or name not in silent]


def _summaries(drafts: Drafts) -> list[dict[str, object]]:
    return [
        {
            "invoice_id": row["invoice_id"],
            "account_id": row["account_id"],
            "name": row["name"],
            "purpose": row["purpose"],
            "state": row["state"],
            "lines": row["line_count"],
            **{name: _amount(row, f"{name}_minor") for name in ("net", "tax", "total", "due")},
            "currency": row["currency"],
            "blocked": row["is_blocked"],
        }
        for row in drafts.invoices.iter_rows(named=True)
    ]


def _amount(row: Mapping[str, Any], name: str) -> Decimal | None:
    minor = row[name]
    return None if minor is None else Decimal(amount_text(minor, row["currency"]))


def _totals(drafts: Drafts) -> list[dict[str, object]]:
    sums = drafts.invoices.group_by("currency").agg(pl.col("total_minor").sum()).sort("currency")
    return [
        {"currency": currency, "total": amount_text(minor, currency)}
        for currency, minor in sums.iter_rows()
    ]


def _totals_note(drafts: Drafts) -> str:
    totals = [f"{total['total']} {total['currency']}" for total in _totals(drafts)]
    return f"Total: {', '.join(totals)}" if totals else ""


def _say_outcome(made: Bill) -> None:
    invoices = made.drafts.invoices
    blocked = int(invoices["is_blocked"].sum())
    done = "would be written" if made.run_id is None else f"written in run {made.run_id}"
    drafts = "1 draft" if invoices.height == 1 else f"{invoices.height:,} drafts"
    say(f"{drafts} {done}, {blocked} blocked")
    if made.unassigned:
        say(f"{quantity_text(made.unassigned)} deliveries belong to no account: see senders.csv")
    if made.refused:
        first, count = next(iter(made.refused.items()))
        say(
            f"{len(made.refused)} accounts have rows in quarantine, like {first} with {count}:"
            " see tollbook quarantine list"
        )
    if made.outdated:
        months = ", ".join(map(str, made.outdated))
        say(f"what {made.month} hands on has changed: bill {months} again, in this order")
    if blocked:
        kinds = Counter(reason for document in _blocked(made) for reason in document)
        listed = ", ".join(f"{kind.replace('_', ' ')} ({n})" for kind, n in sorted(kinds.items()))
        first = invoices.filter("is_blocked")["invoice_id"].item(0)
        say(f"blocked by {listed}; see: tollbook invoice show {first}")


def _blocked(made: Bill) -> list[set[str]]:
    blocked = made.drafts.invoices.filter("is_blocked")["blocked"]
    return [{reason["reason"] for reason in json.loads(reasons)} for reasons in blocked]


def _print_invoice(document: dict[str, Any]) -> None:
    click.echo(f"{document['invoice_id']}  {document['name']}  ({document['state']})")
    numbers = ("quantity", "amount")  # aligned to the right as numbers, and only here
    lines = [
        {**line, **{name: Decimal(line[name]) for name in numbers}} for line in document["lines"]
    ]
    print_table(lines, columns=LINE_COLUMNS)
    for sentence in amounts_in_words(document):
        click.echo(sentence)
    for reason in document["blocked"]:
        click.echo(f"Blocked: {reason['quantity']} {reason['what']}")


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
