"""The commands that make, check and bill a book, and show its invoices."""

import json
import sys
from collections import Counter
from pathlib import Path

import click

from metering.account import load_accounts
from metering.errors import Problem, SumsDisagreeError
from metering.invariants import broken_invariants
from metering.output import (
    BLOCKED,
    Format,
    actor_option,
    book_option,
    errors_for_people,
    format_option,
    print_rows,
    quantity_text,
    say,
)
from metering.period import Month
from metering.settings import Book
from metering.store import Store
from pricing.catalog import check_book
from pricing.commands.cost_output import show_costs
from pricing.commands.invoice_table import columns_of, summaries, totals_note, totals_of
from pricing.commands.run_output import differences_of, say_differences
from pricing.demo import Sample, run_demo
from pricing.documents.ledger_accounts import read_ledger_accounts
from pricing.documents.pdf_letters import unprintable_names
from pricing.job import JobOptions, job_options, run_job
from pricing.life.staleness import to_bill_again
from pricing.life.trail import actor_of
from pricing.run import Bill
from pricing.run import bill as run_bill
from pricing.starter import init_book

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
        problems += read_ledger_accounts(book)[1]
        if not problems:
            warnings += unprintable_names(book)
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
@click.option("--dry-run", is_flag=True, help="Show what would change and write nothing.")
@click.option(
    "--side",
    type=click.Choice(["price", "cost"]),
    default="price",
    help="cost: show what the network charges for each line, and the margin; writes nothing.",
)
@click.option(
    "--as-of", type=int, metavar="LOAD", help="As it was known after this load; writes nothing."
)
@job_options
@actor_option
@book_option
@format_option
def bill(
    month: str,
    accounts: tuple[str, ...],
    *,
    dry_run: bool,
    side: str,
    as_of: int | None,
    job_options: JobOptions,
    actor: str | None,
    book_path: Path,
    output_format: Format,
) -> None:
    """Write the drafts of MONTH for all accounts, in the place of earlier drafts."""
    with errors_for_people():
        book, period = Book.at(book_path), Month.parse(month)
        if side == "cost":
            show_costs(book, period, accounts, output_format)
            return
        with run_job(book, "bill", month, job_options) as job:
            made = run_bill(
                book,
                period,
                only_accounts=accounts,
                dry_run=dry_run,
                as_of=as_of,
                actor=actor_of(actor),
                tell=job.stage,
            )
            job.outcome |= made.outcome
            _print_bill(made, output_format)
            _say_outcome(made, output_format)
            if made.drafts.invoices["is_blocked"].any():
                sys.exit(BLOCKED)


COMMANDS: list[click.Command] = [init, check, bill, demo]


def _print_bill(made: Bill, output_format: Format, *, row_count: int | None = None) -> None:
    """Print the drafts of a bill; a table of the first `row_count` still totals them all."""
    rows = summaries(made.drafts)
    document: dict[str, object] = {
        "schema": "tollbook.bill/1",
        "period": str(made.month),
        "rows": rows if output_format != "table" else rows[:row_count],
        "totals": totals_of(made.drafts),
        "unassigned": quantity_text(made.unassigned),
        "quarantined": dict(made.refused),
        "differences": differences_of(made.differences),
    }
    note = totals_note(made.drafts)
    if row_count is not None and len(rows) > row_count:
        note = f"... and {len(rows) - row_count:,} more\n{note}"
    print_rows(
        document,
        columns=columns_of(made.drafts, output_format),
        output_format=output_format,
        title=f"Invoices of {made.month}",
        note=note,
    )


def _count(listed: list[Problem], word: str) -> str:
    return f"1 {word}" if len(listed) == 1 else f"{len(listed)} {word}s"


def _say_outcome(made: Bill, output_format: Format) -> None:
    invoices = made.drafts.invoices
    blocked = int(invoices["is_blocked"].sum())
    done = "would be written" if made.run_id is None else f"written in run {made.run_id}"
    drafts = "1 draft" if invoices.height == 1 else f"{invoices.height:,} drafts"
    say(f"{drafts} {done}, {blocked} blocked")
    say_differences(made, output_format)
    if made.unassigned:
        say(f"{quantity_text(made.unassigned)} deliveries belong to no account: see senders.csv")
    if made.refused:
        first, count = next(iter(made.refused.items()))
        several = len(made.refused) > 1
        having = f"{len(made.refused):,} accounts have" if several else "1 account has"
        say(f"{having} rows in quarantine, like {first} with {count}: see tollbook quarantine list")
    for month, accounts in made.outcome.get("undocumented", {}).items():
        owing = "1 account has" if len(accounts) == 1 else f"{len(accounts):,} accounts have"
        say(
            f"{owing} something to pay for {month} and no document of it, or one that is void,"
            f" like {accounts[0]}:"
            f" tollbook bill {month}"
        )
    for month, accounts in made.outcome.get("untaxed", {}).items():
        named = "1 account was" if len(accounts) == 1 else f"{len(accounts):,} accounts were"
        say(
            f"{named} invoiced for {month} by other rules of tax than taxes.csv has now, like"
            f" {accounts[0]}, and it is not corrected: tollbook invoice credit NUMBER --bill-again"
            " takes the whole back and bills it with the tax"
        )
    if made.outdated:
        months = ", ".join(map(str, made.outdated))
        say(
            f"what {made.month} hands on or corrects has changed:"
            f" bill {months} again, in this order"
        )
    if made.stale:
        say(to_bill_again(made.stale))
    if blocked:
        kinds = Counter(reason for document in _blocked(made) for reason in document)
        listed = ", ".join(f"{kind.replace('_', ' ')} ({n})" for kind, n in sorted(kinds.items()))
        first = invoices.filter("is_blocked")["invoice_id"].item(0)
        say(f"blocked by {listed}; see: tollbook invoice show {first}")


def _blocked(made: Bill) -> list[set[str]]:
    blocked = made.drafts.invoices.filter("is_blocked")["blocked"]
    return [{reason["reason"] for reason in json.loads(reasons)} for reasons in blocked]
