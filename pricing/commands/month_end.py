"""The commands of the month end: `variance`, `revenue`, `reconcile` and `accrual`."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, cast

import click
import polars as pl

from metering.errors import SumsDisagreeError, UsageError
from metering.output import (
    Format,
    book_option,
    errors_for_people,
    format_option,
    print_rows,
    quantity_text,
    say,
)
from metering.period import Month
from metering.settings import Book
from pricing.document import Document
from pricing.document_reading import documents_counted_in, documents_in, documents_of
from pricing.documents.focus import unpriced_cells
from pricing.money import amount_text, minor_of
from pricing.month_end.accrual import accrue
from pricing.month_end.figures import figures_of, owed
from pricing.month_end.reconciliation import Reconciled, reconcile_month
from pricing.month_end.revenue import AMOUNTS, DIMENSIONS, By, revenue_of
from pricing.month_end.variance import PARTS, variance, whole_amounts

VARIANCE_COLUMNS = ("currency", "part", "amount", "amount_exact")
ACCRUAL_COLUMNS = ("period", "account", "plan", "earned", "invoiced", "unbilled", "currency")
RECONCILE_COLUMNS = (
    *("account", "usage", "documents", "difference"),
    *("priced", "cells", "cells_difference", "reason"),
)
Row = dict[str, Any]


@click.command("variance")
@click.argument("month")
@click.option("--against", help="The month to compare with; the one before where it is left out.")
@click.option("--by", type=click.Choice(["part", "account"]), default="part", show_default=True)
@book_option
@format_option
def show_variance(
    month: str,
    *,
    against: str | None,
    by: Literal["part", "account"],
    book_path: Path,
    output_format: Format,
) -> None:
    """Say why MONTH bills another amount than the month before, in parts that add up to it."""
    with errors_for_people():
        now = Month.parse(month)
        then = now.previous() if against is None else Month.parse(against)
        book = Book.at(book_path)
        before, after = documents_counted_in(book, then, now)
        parts = variance(before, after)
        rows = _variance_rows(parts, by)
        columns = VARIANCE_COLUMNS if output_format != "table" else VARIANCE_COLUMNS[:-1]
        totals = _wholes(before, after)
        print_rows(
            {
                "schema": "tollbook.variance/1",
                "period": str(now),
                "against": str(then),
                "rows": rows,
                "totals": totals,
            },
            columns=columns if by == "part" else ("account", *columns),
            output_format=output_format,
            title=f"Why {now} differs from {then}",
            note="\n".join(
                f"{whole['before']} {whole['currency']} in {then}, {whole['after']} in {now}:"
                f" {whole['change']}"
                for whole in totals
            ),
        )
        _say_unpriced([*before, *after])


@click.command("revenue")
@click.argument("month", required=False)
@click.option(
    "--by",
    "dimensions",
    default="period,plan",
    show_default=True,
    help=f"What to add up by, of: {', '.join(DIMENSIONS)}.",
)
@book_option
@format_option
def show_revenue(
    month: str | None, *, dimensions: str, book_path: Path, output_format: Format
) -> None:
    """Add up what documents bill, net of tax: those that count in MONTH, or all."""
    with errors_for_people():
        by = _dimensions(dimensions)
        period = None if month is None else str(Month.parse(month))
        # A credit note counts in the month of its issue, so that all must be looked at.
        documents = documents_of(Book.at(book_path))
        frame = revenue_of(documents, by, period=period)
        rows = [
            {**row, **{name: _money(row[name], row["currency"]) for name in AMOUNTS}}
            for row in frame.iter_rows(named=True)
        ]
        print_rows(
            {"schema": "tollbook.revenue/1", "period": period, "by": by, "rows": rows},
            columns=(*by, *AMOUNTS, "currency"),
            output_format=output_format,
            title=f"Revenue of {period}" if period else "Revenue",
        )
        _say_unpriced(one for one in documents if period in (None, one.period))


@click.command("reconcile")
@click.argument("month")
@click.option("--all", "show_all", is_flag=True, help="Accounts that agree, too, in the table.")
@book_option
@format_option
def show_reconciliation(
    month: str, *, show_all: bool, book_path: Path, output_format: Format
) -> None:
    """Compare the deliveries of MONTH with its documents, to the unit."""
    with errors_for_people():
        book, asked = Book.at(book_path), Month.parse(month)
        documents_in(book, asked)
        found = reconcile_month(book, asked, documents_of(book))
        shown = found if show_all or output_format != "table" else _differing(found)
        counts = {
            "accounts": len(found),
            "deliveries": quantity_text(sum((one.usage for one in found), Decimal(0))),
            "differ": len(_differing(found)),
            "unexplained": sum(1 for one in found if not one.is_explained),
        }
        print_rows(
            {
                "schema": "tollbook.reconciliation/1",
                "period": str(asked),
                "rows": [_reconciled_row(one) for one in shown],
                "counts": counts,
            },
            columns=RECONCILE_COLUMNS,
            output_format=output_format,
            title=f"Deliveries of {asked} against its documents",
            note=", ".join(f"{count} {name}" for name, count in counts.items()),
        )
    if counts["unexplained"]:
        say("some differences have no known reason")
        sys.exit(SumsDisagreeError.exit_code)


@click.command("accrual")
@click.argument("day", metavar="DATE")
@book_option
@format_option
def show_accrual(day: str, *, book_path: Path, output_format: Format) -> None:
    """Show what was earned up to DATE, that day included, and is on no issued document by then."""
    with errors_for_people():
        at, book = _day(day), Book.at(book_path)
        accrual = accrue(book, at, documents_of(book))
        frame = accrual.rows.rename({"account_id": "account"})
        amounts = ("earned", "invoiced", "unbilled")
        rows = [
            {**row, **{name: _money(row[name], row["currency"]) for name in amounts}}
            for row in frame.iter_rows(named=True)
        ]
        totals = _sums(frame, "unbilled")
        print_rows(
            {
                "schema": "tollbook.accrual/1",
                "day": at,
                "rows": rows,
                "totals": [{"currency": c, "unbilled": str(n)} for c, n in totals.items()],
                "unpriced": quantity_text(accrual.unpriced),
            },
            columns=ACCRUAL_COLUMNS,
            output_format=output_format,
            title=f"Unbilled at the end of {at}",
            note=", ".join(f"{amount} {currency} unbilled" for currency, amount in totals.items()),
        )
        if accrual.unpriced:
            units = quantity_text(accrual.unpriced)
            say(f"{units} units of {Month.of(at)} have no known price, and are in no amount")


def _say_unpriced(documents: Iterable[Document]) -> None:
    unpriced = unpriced_cells(owed(documents))
    if unpriced:
        say(f"{unpriced} price cells of drafts have no known price, and are in no amount")


def _variance_rows(parts: pl.DataFrame, by: Literal["part", "account"]) -> list[Row]:
    """Round the parts of each currency, or of each account in it, so that they add up."""
    key = ["currency"] if by == "part" else ["currency", "account_id"]
    summed = parts.group_by(*key, "part").agg(pl.col("amount").sum())
    rows: list[Row] = []
    for group, frame in sorted(summed.partition_by(key, as_dict=True).items()):
        amounts = dict(frame.select("part", "amount").iter_rows())
        present = [part for part in PARTS if part in amounts]
        exact = [amounts[part] for part in present]
        currency = str(group[0])
        whole = whole_amounts(exact, currency)
        for part, amount, amount_exact in zip(present, whole, exact, strict=True):
            row = {"currency": currency, "part": part, "amount": amount}
            account = {} if by == "part" else {"account": group[1]}
            rows.append({**account, **row, "amount_exact": quantity_text(amount_exact)})
    return rows


def _wholes(before: Iterable[Document], after: Iterable[Document]) -> list[dict[str, str]]:
    then, now = (_sums(figures_of(documents), "amount") for documents in (before, after))
    found = []
    for currency in sorted({*then, *now}):
        old, new = (sums.get(currency, Decimal(0)) for sums in (then, now))
        amounts = {"before": old, "after": new, "change": new - old}
        texts = {name: str(_money(amount, currency)) for name, amount in amounts.items()}
        found.append({"currency": currency, **texts})
    return found


def _sums(frame: pl.DataFrame, name: str) -> dict[str, Decimal]:
    summed = frame.group_by("currency").agg(pl.col(name).sum()).sort("currency")
    return {currency: _money(amount, currency) for currency, amount in summed.iter_rows()}


def _money(amount: Decimal, currency: str) -> Decimal:
    """Write a sum of whole minor units with the decimals of its currency."""
    return Decimal(amount_text(minor_of(amount, currency), currency))


def _dimensions(text: str) -> list[By]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in DIMENSIONS or names.count(name) > 1:
            raise UsageError(
                f"revenue cannot be added up by '{name}'"
                if name not in DIMENSIONS
                else f"'{name}' stands twice",
                where="--by",
                hint=f"use each once, of: {', '.join(DIMENSIONS)}",
            )
    return cast("list[By]", names)


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not 2000 <= found.year < 2100:
        raise UsageError(f"'{text}' is not a day", where="DATE", hint="write 2026-10-31") from None
    return found


def _differing(found: Sequence[Reconciled]) -> list[Reconciled]:
    return [one for one in found if not one.agrees]


def _reconciled_row(one: Reconciled) -> Mapping[str, object]:
    counts = {
        "usage": one.usage,
        "documents": one.documented,
        "difference": one.usage_difference,
        "priced": one.priced,
        "cells": one.detailed,
        "cells_difference": one.detail_difference,
    }
    return {
        "account": one.account_id,
        **{name: Decimal(quantity_text(count)) for name, count in counts.items()},
        "reason": "; ".join(one.reasons) or (None if one.agrees else "not known"),
    }


COMMANDS: list[click.Command] = [show_variance, show_revenue, show_reconciliation, show_accrual]
