"""Invoices: lines issued together, and the document that is made of one.

A document names no run, no load and no clock: the same inputs give the same bytes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from metering.account import Account
from metering.event import QUANTITY
from metering.output import quantity_text
from metering.period import Month
from pricing.charge import round_lines
from pricing.money import EXACT, UNIT_PRICE, amount_text
from pricing.outcome import NO_USAGE, blocked_by, coverage_of
from pricing.plan import slug

DOCUMENT_SCHEMA = "tollbook.invoice/1"
INVOICE = pl.Schema(
    {
        "invoice_id": pl.String(),
        "account_id": pl.String(),
        "name": pl.String(),
        "purpose": pl.String(),  # customer, internal or test
        "period": pl.String(),
        "period_start_at": pl.Datetime("us", "UTC"),
        "period_end_at": pl.Datetime("us", "UTC"),  # exclusive
        "state": pl.String(),
        "currency": pl.String(),
        "total_minor": pl.Int64(),
        "line_count": pl.Int64(),
        "is_blocked": pl.Boolean(),
        "coverage": pl.String(),  # JSON
        "blocked": pl.String(),  # JSON
    }
)
LINE = pl.Schema(
    {
        "line_id": pl.String(),
        "invoice_id": pl.String(),
        "position": pl.Int64(),
        "charge": pl.String(),
        "plan": pl.String(),
        "kind": pl.String(),  # usage, fixed_fee or add_on
        "quantity": QUANTITY,
        "amount_exact": EXACT,
        "amount_minor": pl.Int64(),
        "currency": pl.String(),
    }
)
LINE_DETAIL = pl.Schema(
    {
        "line_id": pl.String(),
        "position": pl.Int64(),
        "version_from": pl.Date(),
        "component": pl.String(),
        "meter": pl.String(),
        "status": pl.String(),
        "reason": pl.String(),
        "market": pl.String(),
        "category": pl.String(),
        "pricing_type": pl.String(),
        "tier": pl.Int64(),
        "quantity": QUANTITY,
        "unit_price": UNIT_PRICE,
        "amount": EXACT,
        "rate_date": pl.Date(),
        "evidence": pl.String(),
        "note": pl.String(),
    }
)


@dataclass(frozen=True)
class Drafts:
    """The drafts of a month: schemas `INVOICE`, `LINE` and `LINE_DETAIL`."""

    invoices: pl.DataFrame
    lines: pl.DataFrame
    details: pl.DataFrame

    def of_accounts(self, account_ids: Iterable[str]) -> "Drafts":
        """Keep the drafts of some accounts."""
        invoices = self.invoices.filter(pl.col("account_id").is_in([*account_ids]))
        lines = self.lines.join(invoices, on="invoice_id", how="semi", maintain_order="left")
        details = self.details.join(lines, on="line_id", how="semi", maintain_order="left")
        return Drafts(invoices, lines, details)


def draft(
    month: Month,
    accounts: Mapping[str, Account],
    periods: Mapping[str, tuple[datetime, datetime]],
    *,
    details: pl.DataFrame,
    counts: pl.DataFrame,
    left: pl.DataFrame,
) -> Drafts:
    """Write a draft for each of `accounts`.

    Args:
        month: The billing period.
        accounts: With the facts of the month, currency filled in.
        periods: The instants that the month of each account begins and ends at.
        details: Schema `DETAIL`, of these accounts alone.
        counts: What `count_deliveries` answered.
        left: Schema `LEFT`.
    """
    lines = _lines(month, round_lines(details))
    unfolded = _line_details(details, lines)
    coverage, blocked = coverage_of(counts), blocked_by(details, left)
    rows = []
    totals = {row[0]: row[1:] for row in _totals(lines).iter_rows()}
    for account_id in sorted(accounts):
        account = accounts[account_id]
        start_at, end_at = periods[account_id]
        reasons = blocked.get(account_id, [])
        invoice_id = f"{account_id}/{month}/1"
        total_minor, line_count = totals.get(invoice_id, (0, 0))
        rows.append(
            (
                *(invoice_id, account_id, account.name, account.purpose, str(month)),
                *(start_at, end_at, "draft", account.currency, total_minor, line_count),
                *(bool(reasons), json.dumps(coverage.get(account_id, NO_USAGE))),
                json.dumps(reasons, ensure_ascii=False),
            )
        )
    return Drafts(pl.DataFrame(rows, INVOICE, orient="row"), lines.select(LINE.names()), unfolded)


def documents(drafts: Drafts) -> Iterator[dict[str, Any]]:
    """Write each invoice as the document that `tollbook invoice show --format json` prints."""
    lines = _grouped(drafts.lines, "invoice_id")
    details = _grouped(drafts.details, "line_id")
    for invoice in drafts.invoices.iter_rows(named=True):
        yield {
            "schema": DOCUMENT_SCHEMA,
            **{name: invoice[name] for name in ("invoice_id", "account_id", "name", "purpose")},
            "period": invoice["period"],
            "period_start_at": invoice["period_start_at"].astimezone(UTC),
            "period_end_at": invoice["period_end_at"].astimezone(UTC),
            "state": invoice["state"],
            "currency": invoice["currency"],
            "total": amount_text(invoice["total_minor"], invoice["currency"]),
            "lines": [
                _line_document(line, details.get(line["line_id"], []))
                for line in lines.get(invoice["invoice_id"], [])
            ],
            "coverage": json.loads(invoice["coverage"]),
            "blocked": json.loads(invoice["blocked"]),
        }


def _line_document(
    line: Mapping[str, Any], details: Iterable[Mapping[str, Any]]
) -> dict[str, object]:
    return {
        **{name: line[name] for name in ("line_id", "charge", "plan", "kind")},
        "quantity": quantity_text(line["quantity"]),
        "amount": amount_text(line["amount_minor"], line["currency"]),
        "currency": line["currency"],
        "details": [
            {
                **{name: detail[name] for name in ("market", "category", "pricing_type", "tier")},
                "quantity": quantity_text(detail["quantity"]),
                "unit_price": exact_text(detail["unit_price"]),
                "amount": exact_text(detail["amount"]),
                **{name: detail[name] for name in ("rate_date", "evidence", "status", "note")},
            }
            for detail in details
        ],
    }


def exact_text(amount: Decimal | None) -> str | None:
    """Write an exact amount or a unit price without the zeros of its scale.

    Example:
        >>> exact_text(Decimal("0.006800000000")), exact_text(Decimal("100.00"))
        ('0.0068', '100')
    """
    return None if amount is None else quantity_text(amount)


def _lines(month: Month, charged: pl.DataFrame) -> pl.DataFrame:
    """Name the lines of a month; two plans with the same charge have the plan in the name."""
    slugs = [slug(name) for name in charged["charge"]]
    named = charged.with_columns(slug=pl.Series(slugs, dtype=pl.String)).with_columns(
        invoice_id=pl.format("{}/{}/1", "account_id", pl.lit(str(month)))
    )
    is_shared = pl.len().over("invoice_id", "slug") > 1
    shown = pl.when(is_shared).then(pl.format("{}: {}", "plan", "charge")).otherwise("charge")
    short = pl.when(is_shared).then(pl.format("{}.{}", "plan", "slug")).otherwise("slug")
    return named.with_columns(
        line_id=pl.format("{}#{}", "invoice_id", short),
        in_plan="charge",
        charge=shown,
        position=pl.int_range(pl.len(), dtype=pl.Int64).over("invoice_id"),
    )


def _line_details(details: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    keys = lines.select("account_id", "plan", "kind", "line_id", charge="in_plan")
    return (
        details.drop("position")
        .join(keys, on=["account_id", "plan", "kind", "charge"], maintain_order="left")
        .with_columns(position=pl.int_range(pl.len(), dtype=pl.Int64).over("line_id"))
        .select(LINE_DETAIL.names())
    )


def _totals(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.group_by("invoice_id").agg(
        total_minor=pl.col("amount_minor").sum(), line_count=pl.len().cast(pl.Int64)
    )


def _grouped(frame: pl.DataFrame, key: str) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in frame.sort(key, "position").iter_rows(named=True):
        grouped.setdefault(row[key], []).append(row)
    return grouped
