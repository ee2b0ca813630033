"""Invoices as rows of a table: what is printed of many at once."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from metering.output import Format
from pricing.invoice import Drafts
from pricing.money import amount_text
from pricing.receivables.balance import BALANCE, status_of

INVOICE_COLUMNS = (
    *("invoice_id", "number", "name", "state", "status", "lines"),
    *("net", "tax", "total", "due", "open", "currency", "blocked"),
)


def columns_of(drafts: Drafts, output_format: Format) -> list[str]:
    """Leave out of a table what says nothing: taxes and credits where there are none."""
    invoices = drafts.invoices
    silent = set() if invoices["tax_minor"].is_not_null().any() else {"net", "tax"}
    silent |= set() if (invoices["credit_minor"] != 0).any() else {"due"}
    silent |= set() if invoices["number"].is_not_null().any() else {"number", "open", "status"}
    return [name for name in INVOICE_COLUMNS if output_format != "table" or name not in silent]


def summaries(
    drafts: Drafts, balances: pl.DataFrame | None = None, today: date = date.max
) -> list[dict[str, object]]:
    """Write a row for each invoice; a credit note is negative.

    Args:
        drafts: The invoices.
        balances: Schema `BALANCE`: what is open of issued ones.
        today: The day that says what is overdue.
    """
    frame = BALANCE.to_frame() if balances is None else balances
    by_id = {row["document_id"]: row for row in frame.iter_rows(named=True)}
    return [
        {
            "invoice_id": row["invoice_id"],
            "account_id": row["account_id"],
            "name": row["name"],
            "purpose": row["purpose"],
            **{name: row[name] for name in ("period", "kind", "number", "issue_date", "due_date")},
            "state": row["state"],
            "status": _status(row, by_id.get(row["invoice_id"]), today),
            "lines": row["line_count"],
            **{name: _amount(row, f"{name}_minor") for name in ("net", "tax", "total", "due")},
            "open": _open(row, by_id.get(row["invoice_id"])),
            "currency": row["currency"],
            "blocked": row["is_blocked"],
        }
        for row in drafts.invoices.iter_rows(named=True)
    ]


def _amount(row: Mapping[str, Any], name: str) -> Decimal | None:
    minor = row[name]
    return None if minor is None else Decimal(amount_text(minor, row["currency"]))


def _status(row: Mapping[str, Any], balance: Mapping[str, Any] | None, today: date) -> str:
    """Say what became of an invoice; a credit note that credits one is settled with it."""
    if row["state"] != "issued":
        return str(row["state"])
    return "settled" if balance is None else status_of(balance, today)


def _open(row: Mapping[str, Any], balance: Mapping[str, Any] | None) -> Decimal | None:
    if row["state"] != "issued":
        return None
    left = 0 if balance is None else balance["open_minor"]
    return Decimal(amount_text(left, row["currency"]))


def totals_of(drafts: Drafts) -> list[dict[str, object]]:
    """Add up the totals of each currency that are owed or will be.

    What is void, waits for a later invoice, or is of internal or test accounts, is left out.
    """
    is_owed = ~pl.col("state").is_in(["void", "carried"]) & (pl.col("purpose") == "customer")
    counted = drafts.invoices.filter(is_owed)
    sums = counted.group_by("currency").agg(pl.col("total_minor").sum()).sort("currency")
    return [
        {"currency": currency, "total": amount_text(minor, currency)}
        for currency, minor in sums.iter_rows()
    ]


def totals_note(drafts: Drafts) -> str:
    """Say the totals in a line; nothing where there are none."""
    totals = [f"{total['total']} {total['currency']}" for total in totals_of(drafts)]
    return f"Total: {', '.join(totals)}" if totals else ""
