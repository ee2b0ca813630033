"""A statement of account: what was owed, each movement since, and what is owed then.

Checked every time: in each currency, the opening balance and the movements add up to the closing
balance, which is the sum of what is open of documents, less what is on account.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from metering.errors import SumsDisagreeError
from pricing.archive import Archive
from pricing.receivables.balance import balances, movements

OPENING, CLOSING = "opening balance", "closing balance"
# On one day: what is owed before what is paid, and what is paid before what is given up.
ORDER = ("invoice", "credit_note", "void", "payment", "refund", "applied")


@dataclass(frozen=True)
class Line:
    """A line of a statement; those of an opening or closing balance have no amount."""

    date: date | None
    kind: str
    number: str | None
    reference: str
    currency: str
    amount_minor: int | None  # what the account owes more by it
    balance_minor: int


def statement(
    archive: Archive, account_id: str, *, zone: str, first: date | None, last: date | None
) -> list[Line]:
    """Write the statement of an account, currency by currency.

    Args:
        archive: The documents.
        account_id: Whose.
        zone: The seller's time zone.
        first: The first day; from the beginning where absent.
        last: The last day; as far as is known where absent.

    Raises:
        SumsDisagreeError: the movements do not add up to what is open.
    """
    is_own = pl.col("account_id") == account_id
    moved = movements(archive, zone, last).filter(is_own)
    owed = balances(archive, zone, last).filter(is_own)
    lines: list[Line] = []
    for currency in moved["currency"].unique().sort():
        of_currency = pl.col("currency") == currency
        closing = int(owed.filter(of_currency)["open_minor"].sum())
        lines += _of_currency(moved.filter(of_currency), currency, closing, first, last)
    return lines


def _of_currency(
    moved: pl.DataFrame, currency: str, closing: int, first: date | None, last: date | None
) -> Iterator[Line]:
    is_before = pl.lit(False) if first is None else pl.col("booked_on") < first
    before, shown = moved.filter(is_before), moved.filter(~is_before)
    balance = int(before["amount_minor"].sum())
    yield Line(first, OPENING, None, "", currency, None, balance)
    for row in sorted(shown.iter_rows(named=True), key=_in_order):
        balance += row["amount_minor"]
        told = (row["kind"], row["number"], row["reference"], row["currency"])
        yield Line(row["booked_on"], *told, row["amount_minor"], balance)
    if balance != closing:
        raise SumsDisagreeError(
            f"the movements in {currency} come to {balance}, and {closing} is open",
            where="statement",
            hint="nothing was written; this is a defect of the engine: please report it",
        )
    yield Line(last, CLOSING, None, "", currency, None, closing)


def _in_order(row: dict[str, Any]) -> tuple[Any, ...]:
    kind = row["kind"]
    place = ORDER.index(kind) if kind in ORDER else len(ORDER)
    return row["booked_on"], place, row["number"] or "", row["movement_id"]
