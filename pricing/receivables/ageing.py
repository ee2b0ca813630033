"""Receivables: what is owed by how long it is overdue, and what to remind people of.

As of a day, from the movements up to that day: a report of the past can be printed again. Amounts
of different currencies are never added.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl

BY = ("account", "document")
# Days after the due date, inclusive; a column starts over the bound of the one before.
AGES = {
    "not_due": 0,
    "days_1_30": 30,
    "days_31_60": 60,
    "days_61_90": 90,
    "days_over_90": None,
}
# What is owed to the account: money on account, credit notes, what was paid twice.
CREDIT = "credit"
AMOUNTS = (*AGES, CREDIT, "total")
# The level of a reminder, and the days that a document must be overdue for more than.
REMINDER_DAYS = {1: 0, 2: 14, 3: 30}


def aged(found: pl.DataFrame, as_of: date, by: str) -> pl.DataFrame:
    """Add up what is open by how long it is overdue, for each document, or account and currency.

    Args:
        found: Schema `BALANCE`, as of the same day.
        as_of: The day.
        by: One of `BY`.

    Returns:
        A row for each, with `AMOUNTS` in minor units; `total` is their sum.
    """
    placed = found.filter(pl.col("open_minor") != 0).with_columns(age=_age_of(as_of))
    columns = [
        pl.when(pl.col("age") == name).then("open_minor").otherwise(pl.lit(0, pl.Int64)).alias(name)
        for name in AMOUNTS[:-1]
    ]
    told = placed.with_columns(*columns, total="open_minor")
    if by == "document":
        return told.sort("account_id", "currency", "due_date", "number", nulls_last=True)
    sums = told.group_by("account_id", "currency").agg(pl.col(name).sum() for name in AMOUNTS)
    return sums.sort("account_id", "currency")


def totals_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Add up the rows of `aged` for each currency."""
    return rows.group_by("currency").agg(pl.col(name).sum() for name in AMOUNTS).sort("currency")


def reminders(found: pl.DataFrame, as_of: date) -> Sequence[dict[str, Any]]:
    """List what is overdue, the longest first: rows of `BALANCE` with `days` and `level`."""
    late = found.filter((pl.col("open_minor") > 0) & (pl.col("due_date") < as_of))
    ordered = late.sort("due_date", "account_id", "number").iter_rows(named=True)
    return [*_with_levels(ordered, as_of)]


def _with_levels(rows: Iterator[dict[str, Any]], as_of: date) -> Iterator[dict[str, Any]]:
    for row in rows:
        days = (as_of - row["due_date"]).days
        level = max(level for level, over in REMINDER_DAYS.items() if days > over)
        yield {**row, "days": days, "level": level}


def _age_of(as_of: date) -> pl.Expr:
    # What was paid back before it came in has no due date: it is owed, and not late.
    days = (pl.lit(as_of) - pl.col("due_date")).dt.total_days().fill_null(0)
    age = pl.lit("days_over_90")
    for name, most in reversed(AGES.items()):
        if most is not None:
            age = pl.when(days <= most).then(pl.lit(name)).otherwise(age)
    return pl.when(pl.col("open_minor") < 0).then(pl.lit(CREDIT)).otherwise(age)
