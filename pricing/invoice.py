"""Invoices: lines issued together, and the document that is made of one.

A document names no run, no load and no clock: the same inputs give the same bytes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from metering.account import Account
from metering.event import QUANTITY
from metering.output import quantity_text
from metering.period import Month
from pricing.money import EXACT, UNIT_PRICE, amount_text
from pricing.outcome import NO_USAGE
from pricing.plan import slug
from pricing.tax import TREATMENT_WORDS

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
        "net_minor": pl.Int64(),  # the sum of the lines
        "tax_minor": pl.Int64(),  # null where the book has no taxes.csv
        "total_minor": pl.Int64(),  # net and tax
        "credit_minor": pl.Int64(),  # what prepaid credits pay of it
        "due_minor": pl.Int64(),  # the rest
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
        "kind": pl.String(),  # usage, fixed_fee, add_on; discount, maximum, minimum, commitment
        "quantity": QUANTITY,
        "amount_exact": EXACT,
        "amount_minor": pl.Int64(),
        "currency": pl.String(),
        "tax_category": pl.String(),
    }
)
# What the lines and taxes of an invoice add up to, in minor units of its currency.
TOTALS = pl.Schema(
    {
        "invoice_id": pl.String(),
        "account_id": pl.String(),
        **{name: INVOICE[name] for name in ("net_minor", "tax_minor", "total_minor", "line_count")},
    }
)
DUES = pl.Schema({**TOTALS, "credit_minor": pl.Int64(), "due_minor": pl.Int64()})
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
        "priced_quantity": QUANTITY,  # what the unit price is for: units, packages, or 1
        "unit_price": UNIT_PRICE,
        "amount": EXACT,
        "rate_date": pl.Date(),
        "evidence": pl.String(),
        "note": pl.String(),
    }
)


@dataclass(frozen=True)
class Drafts:
    """The drafts of a month: schemas `INVOICE`, `LINE`, `LINE_DETAIL`, `TAX` and `CREDIT_USED`."""

    invoices: pl.DataFrame
    lines: pl.DataFrame
    details: pl.DataFrame
    taxes: pl.DataFrame
    credits: pl.DataFrame

    def of_accounts(self, account_ids: Iterable[str]) -> "Drafts":
        """Keep the drafts of some accounts."""
        invoices = self.invoices.filter(pl.col("account_id").is_in([*account_ids]))
        lines = self.lines.join(invoices, on="invoice_id", how="semi", maintain_order="left")
        details = self.details.join(lines, on="line_id", how="semi", maintain_order="left")
        taxes = self.taxes.join(invoices, on="invoice_id", how="semi", maintain_order="left")
        used = self.credits.join(invoices, on="invoice_id", how="semi", maintain_order="left")
        return Drafts(invoices, lines, details, taxes, used)


def draft_lines(
    month: Month, charged: pl.DataFrame, details: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Name the lines of a month and unfold them.

    Args:
        month: The billing period.
        charged: Schema `CHARGED`.
        details: Schema `DETAIL`, of these lines.

    Returns:
        Lines: schema `LINE` and the column `account_id`. Their details: schema `LINE_DETAIL`.
    """
    lines = _lines(month, charged.sort("account_id", "plan", "position", "charge"))
    unfolded = _line_details(details, lines)
    return lines.select(*LINE.names(), "account_id"), unfolded


def total_up(lines: pl.DataFrame, taxes: pl.DataFrame | None) -> pl.DataFrame:
    """Add up the lines and the taxes of each invoice that has lines: schema `TOTALS`."""
    net = lines.group_by("invoice_id", "account_id").agg(
        net_minor=pl.col("amount_minor").sum(), line_count=pl.len().cast(pl.Int64)
    )
    if taxes is None:
        taxed = net.with_columns(tax_minor=pl.lit(None, pl.Int64))
    else:
        sums = taxes.group_by("invoice_id").agg(pl.col("tax_minor").sum())
        taxed = net.join(sums, on="invoice_id", how="left").with_columns(
            pl.col("tax_minor").fill_null(0)
        )
    total_minor = pl.col("net_minor") + pl.col("tax_minor").fill_null(0)
    return taxed.with_columns(total_minor=total_minor).select(TOTALS.names()).sort("invoice_id")


def due_after(totals: pl.DataFrame, used: pl.DataFrame) -> pl.DataFrame:
    """Take what credits pay off the totals: schema `DUES`."""
    sums = used.group_by("invoice_id").agg(credit_minor=pl.col("amount_minor").sum())
    return (
        totals.join(sums, on="invoice_id", how="left", maintain_order="left")
        .with_columns(pl.col("credit_minor").fill_null(0))
        .with_columns(due_minor=pl.col("total_minor") - pl.col("credit_minor"))
        .select(DUES.names())
    )


def draft(
    month: Month,
    accounts: Mapping[str, Account],
    periods: Mapping[str, tuple[datetime, datetime]],
    *,
    dues: pl.DataFrame,
    is_taxed: bool,
    coverage: Mapping[str, Mapping[str, Any]],
    blocked: Mapping[str, Sequence[Mapping[str, str]]],
) -> pl.DataFrame:
    """Write a draft for each of `accounts`: schema `INVOICE`.

    Args:
        month: The billing period.
        accounts: With the facts of the month, currency filled in.
        periods: The instants that the month of each account begins and ends at.
        dues: Schema `DUES`; an account without lines has no row, and owes nothing.
        is_taxed: Whether the book has taxes.
        coverage: What became of the deliveries of each account that had any.
        blocked: What keeps an invoice from being issued, by account.
    """
    names = [name for name in INVOICE if name in DUES and name not in ("invoice_id", "account_id")]
    nothing = [None if name == "tax_minor" and not is_taxed else 0 for name in names]
    sums = {row[0]: row[1:] for row in dues.select("account_id", *names).iter_rows()}
    rows = []
    for account_id in sorted(accounts):
        account, reasons = accounts[account_id], blocked.get(account_id, [])
        rows.append(
            (
                *(f"{account_id}/{month}/1", account_id, account.name, account.purpose),
                *(str(month), *periods[account_id], "draft", account.currency),
                *(*sums.get(account_id, nothing), bool(reasons)),
                json.dumps(coverage.get(account_id, NO_USAGE)),
                json.dumps(reasons, ensure_ascii=False),
            )
        )
    return pl.DataFrame(rows, INVOICE, orient="row")


def documents(drafts: Drafts) -> Iterator[dict[str, Any]]:
    """Write each invoice as the document that `tollbook invoice show --format json` prints."""
    lines = _grouped(drafts.lines, "invoice_id")
    details = _grouped(drafts.details, "line_id")
    taxes = _grouped(drafts.taxes, "invoice_id")
    used = _grouped(drafts.credits, "invoice_id")
    for invoice in drafts.invoices.iter_rows(named=True):
        yield {
            "schema": DOCUMENT_SCHEMA,
            **{name: invoice[name] for name in ("invoice_id", "account_id", "name", "purpose")},
            "period": invoice["period"],
            "period_start_at": invoice["period_start_at"].astimezone(UTC),
            "period_end_at": invoice["period_end_at"].astimezone(UTC),
            "state": invoice["state"],
            "currency": invoice["currency"],
            "net": amount_text(invoice["net_minor"], invoice["currency"]),
            "taxes": _tax_documents(invoice, taxes.get(invoice["invoice_id"], [])),
            "total": amount_text(invoice["total_minor"], invoice["currency"]),
            "credits": [
                {
                    "credit_id": credit["credit_id"],
                    "amount": amount_text(credit["amount_minor"], invoice["currency"]),
                }
                for credit in used.get(invoice["invoice_id"], [])
            ],
            "due": amount_text(invoice["due_minor"], invoice["currency"]),
            "lines": [
                _line_document(line, details.get(line["line_id"], []))
                for line in lines.get(invoice["invoice_id"], [])
            ],
            "coverage": json.loads(invoice["coverage"]),
            "blocked": json.loads(invoice["blocked"]),
        }


def amounts_in_words(document: Mapping[str, Any]) -> list[str]:
    """Say what a document adds up to, from net to what is due, a sentence each.

    Example:
        >>> gst = {"name": "GST", "treatment": "standard", "rate_ratio": "0.18", "legal_note": None}
        >>> amounts = {"net": "50.00", "total": "59.00", "currency": "INR"}
        >>> taxes = [{**gst, "taxable": "50.00", "tax": "9.00"}]
        >>> for sentence in amounts_in_words({**amounts, "taxes": taxes, "credits": []}):
        ...     print(sentence)
        Net 50.00 INR
        GST 18% of 50.00: 9.00 INR
        Total 59.00 INR
    """
    currency = document["currency"]
    said = [f"Net {document['net']} {currency}"] if document["taxes"] else []
    for tax in document["taxes"] or ():
        rate = f"{Decimal(tax['rate_ratio']).scaleb(2).normalize():f}%"
        name = " ".join(word for word in (tax["name"], TREATMENT_WORDS[tax["treatment"]]) if word)
        note = f" ({tax['legal_note']})" if tax["legal_note"] else ""
        said.append(f"{name} {rate} of {tax['taxable']}: {tax['tax']} {currency}{note}")
    said.append(f"Total {document['total']} {currency}")
    paid = [f"Credit {c['credit_id']}: -{c['amount']} {currency}" for c in document["credits"]]
    return [*said, *paid, *([f"Due {document['due']} {currency}"] if paid else [])]


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
                "priced_quantity": quantity_text(detail["priced_quantity"]),
                "unit_price": exact_text(detail["unit_price"]),
                "amount": exact_text(detail["amount"]),
                **{name: detail[name] for name in ("rate_date", "evidence", "status", "note")},
            }
            for detail in details
        ],
    }


def _tax_documents(
    invoice: Mapping[str, Any], taxes: Iterable[Mapping[str, Any]]
) -> list[dict[str, object]] | None:
    if invoice["tax_minor"] is None:
        return None
    return [
        {
            "treatment": tax["treatment"],
            "name": tax["name"],
            "rate_ratio": exact_text(tax["rate_ratio"]),
            "taxable": amount_text(tax["taxable_minor"], invoice["currency"]),
            "tax": amount_text(tax["tax_minor"], invoice["currency"]),
            "legal_note": tax["legal_note"],
        }
        for tax in taxes
    ]


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


def _grouped(frame: pl.DataFrame, key: str) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in frame.sort(key, "position").iter_rows(named=True):
        grouped.setdefault(row[key], []).append(row)
    return grouped
