"""The command that shows the ledger of prepaid credits."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import polars as pl

from metering.account import load_accounts
from metering.errors import UsageError
from metering.output import Format, book_option, errors_for_people, format_option, print_rows
from metering.period import Month
from metering.settings import Book
from pricing.archive import Archive
from pricing.ledger import MOVES, RESTORED
from pricing.life.given_back import given_back
from pricing.money import amount_text, minor_of
from pricing.state import of_kind

COLUMNS = ("account_id", "credit_id", "period", *MOVES, "currency")


@click.command("credits")
@click.argument("month", required=False)
@click.option("--account", "account_id", help="Only the credits of this account.")
@book_option
@format_option
def show_credits(
    month: str | None, account_id: str | None, *, book_path: Path, output_format: Format
) -> None:
    """Show how the balance of each credit came about in MONTH, or in all billed months."""
    with errors_for_people():
        book = Book.at(book_path)
        period = None if month is None else str(Month.parse(month))
        _check_known(book, account_id)
        with Archive.open(book) as archive:
            ledger = archive.ledger_of(period=period, account_id=account_id)
            coming = _coming_back(archive, ledger)
        rows = [
            {
                **{name: row[name] for name in ("account_id", "credit_id", "period")},
                **{
                    move: Decimal(amount_text(row[f"{move}_minor"], row["currency"]))
                    for move in MOVES
                },
                "currency": row["currency"],
            }
            for row in ledger.iter_rows(named=True)
        ]
        print_rows(
            {
                "schema": "tollbook.credits/1",
                "period": period,
                "rows": rows,
                "coming_back": coming,
            },
            columns=COLUMNS,
            output_format=output_format,
            title=f"Credits of {period}" if period else "Credits",
            note="\n".join(
                f"{one['credit_id']} of {one['account_id']} gets {one['amount']} {one['currency']}"
                " back in the next month that is billed"
                for one in coming
            ),
        )


def _coming_back(archive: Archive, ledger: pl.DataFrame) -> list[dict[str, Any]]:
    """What the month after the last one will give back to the credits of some rows of a ledger."""
    last = archive.value("select max(period) from credit_ledger")
    shown = {(row["account_id"], row["credit_id"]): row for row in ledger.iter_rows(named=True)}
    if last is None or last not in ledger["period"]:
        return []
    found = of_kind(
        given_back(archive, Month.parse(last).next(), ()),
        RESTORED,
        key="credit_id",
        value="amount",
    )
    rows = []
    for account_id, credit_id, amount in found.sort("account_id", "credit_id").rows():
        row = shown.get((account_id, credit_id))
        if row is not None and amount:
            currency = row["currency"]
            written = Decimal(amount_text(minor_of(amount, currency), currency))
            said = {"account_id": account_id, "credit_id": credit_id, "amount": written}
            rows.append({**said, "currency": currency})
    return rows


def _check_known(book: Book, account_id: str | None) -> None:
    if account_id is not None and account_id not in load_accounts(book, book.settings()).ids():
        raise UsageError(
            f"there is no account '{account_id}'",
            where="--account",
            hint="give an account_id of accounts.csv",
        )


COMMANDS: list[click.Command] = [show_credits]
