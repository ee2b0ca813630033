"""Invoices: lines issued together, as frames.

Amounts are signed from the seller's side: a credit note is negative, so that sums are what is owed.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from metering.account import Account
from metering.event import QUANTITY
from metering.period import Month
from pricing.money import EXACT, UNIT_PRICE
from pricing.outcome import NO_USAGE
from pricing.plan import slug
from pricing.tax import AS_INVOICED

INVOICE = pl.Schema(
    {
        "invoice_id": pl.String(),
        "account_id": pl.String(),  # who pays
        "name": pl.String(),
        "purpose": pl.String(),  # customer, internal or test
        "period": pl.String(),
        "period_start_at": pl.Datetime("us", "UTC"),
        "period_end_at": pl.Datetime("us", "UTC"),  # exclusive
        "kind": pl.String(),  # invoice or credit_note
        "state": pl.String(),  # draft, approved, issued, void or carried
        # Who made it: a `run`, of a month or as a `correction` in another currency than that of the
        # month; or a person, a `credit` note.
        "origin": pl.String(),
        "number": pl.String(),  # of an issued one, and so are the days
        "issue_date": pl.Date(),
        "due_date": pl.Date(),
        "payment_terms_days": pl.Int64(),
        "currency": pl.String(),
        "net_minor": pl.Int64(),  # the sum of the lines
        "tax_minor": pl.Int64(),  # null where the book has no taxes.csv
        "total_minor": pl.Int64(),  # net and tax
        "credit_minor": pl.Int64(),  # what prepaid credits pay of it
        "due_minor": pl.Int64(),  # the rest
        "line_count": pl.Int64(),
        "is_blocked": pl.Boolean(),
        "parties": pl.String(),  # JSON: seller, buyer and style of the document
        "daily": pl.List(pl.Int64()),  # deliveries of each day of the month
        "corrects": pl.String(),  # JSON: the documents that it corrects
        "reason": pl.String(),  # of a credit note that a person made
        "coverage": pl.String(),  # JSON
        "blocked": pl.String(),  # JSON
    }
)
LINE = pl.Schema(
    {
        "line_id": pl.String(),
        "invoice_id": pl.String(),
        "account_id": pl.String(),  # whose usage it is
        "period": pl.String(),  # the month that it is for
        "is_correction": pl.Boolean(),  # the difference to what was invoiced for `period`
        "position": pl.Int64(),
        "charge": pl.String(),
        "plan": pl.String(),
        "kind": pl.String(),  # usage, fixed_fee, add_on; discount, maximum, minimum, commitment
        "quantity": QUANTITY,
        "amount_exact": EXACT,
        "amount_minor": pl.Int64(),
        "currency": pl.String(),
        "tax_category": pl.String(),
        "tax_treatment": pl.String(),  # null where the book has no taxes.csv
        "tax_name": pl.String(),
        "tax_rate_ratio": UNIT_PRICE,
    }
)
# What the lines and taxes of an invoice add up to, in minor units of its currency.
TOTALS = pl.Schema(
    {
        "invoice_id": pl.String(),
        "account_id": pl.String(),
        **{
            name: INVOICE[name]
            for name in ("currency", "net_minor", "tax_minor", "total_minor", "line_count")
        },
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
        "sender_id": pl.String(),
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
        return self.with_invoices(self.invoices.filter(pl.col("account_id").is_in([*account_ids])))

    def of_invoices(self, invoice_ids: Iterable[str]) -> "Drafts":
        """Keep some invoices."""
        return self.with_invoices(self.invoices.filter(pl.col("invoice_id").is_in([*invoice_ids])))

    def with_invoices(self, invoices: pl.DataFrame) -> "Drafts":
        """Take these invoices in the place of their own, and keep what is of them."""
        lines = self.lines.join(invoices, on="invoice_id", how="semi", maintain_order="left")
        details = self.details.join(lines, on="line_id", how="semi", maintain_order="left")
        taxes = self.taxes.join(invoices, on="invoice_id", how="semi", maintain_order="left")
        used = self.credits.join(invoices, on="invoice_id", how="semi", maintain_order="left")
        return Drafts(invoices, lines, details, taxes, used)

    def without(self, account_ids: Iterable[str], corrected: Iterable[tuple[str, str]]) -> "Drafts":
        """Leave out drafts of some accounts, and corrections of some in a currency."""
        pairs = pl.DataFrame([*corrected], ["account_id", "currency"], orient="row")
        is_correction = pl.col("origin") == "correction"
        of_month = self.invoices.filter(~is_correction, ~pl.col("account_id").is_in([*account_ids]))
        others = self.invoices.filter(is_correction)
        if pairs.height:
            others = others.join(pairs, on=pairs.columns, how="anti", maintain_order="left")
        return self.with_invoices(pl.concat([of_month, others]).sort("account_id", "invoice_id"))

    def renumbered(self, numbers: Mapping[str, int]) -> "Drafts":
        """Name the invoices of accounts that have documents of the month already, from `numbers`.

        An invoice is named account/month/n.
        """
        nth = Counter[str]()
        named = {}
        for invoice_id, account_id in self.invoices.select("invoice_id", "account_id").rows():
            if account_id in numbers:
                number = numbers[account_id] + nth[account_id]
                named[invoice_id] = f"{invoice_id.rpartition('/')[0]}/{number}"
                nth[account_id] += 1
        return self.renamed(named)

    def renamed(self, names: Mapping[str, str]) -> "Drafts":
        """Give invoices other names; so begin the names of their lines."""
        if not names:
            return self
        of_invoice = pl.col("invoice_id").replace(dict(names))
        head = pl.col("line_id").str.split_exact("#", 1).struct
        of_line = pl.format("{}#{}", head.field("field_0").replace(names), head.field("field_1"))
        return Drafts(
            self.invoices.with_columns(of_invoice),
            self.lines.with_columns(of_invoice, of_line.alias("line_id")),
            self.details.with_columns(of_line.alias("line_id")),
            self.taxes.with_columns(of_invoice),
            self.credits.with_columns(of_invoice),
        )


def draft_lines(
    month: Month, charged: pl.DataFrame, details: pl.DataFrame, currencies: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Name the lines of a month and unfold them.

    Args:
        month: The billing period.
        charged: Schema `CHARGED` and the columns `payer_id`, `period`, `is_correction` and
            `taxed_as`; with those of `AS_INVOICED`, which stay.
        details: Schema `DETAIL` and the last three columns, of these lines.
        currencies: That of each account in the month.

    Returns:
        Lines: schema `LINE`, not taxed yet, the column `payer_id` and those of `AS_INVOICED`. Their
        details: schema `LINE_DETAIL`.
    """
    lines = _lines(month, charged, currencies)
    unfolded = _line_details(details, lines)
    untaxed = [name for name in LINE if not name.startswith("tax_") or name == "tax_category"]
    return lines.select(*untaxed, "payer_id", *AS_INVOICED), unfolded


def total_up(lines: pl.DataFrame, taxes: pl.DataFrame | None) -> pl.DataFrame:
    """Add up the lines and the taxes of each invoice that has lines: schema `TOTALS`."""
    net = lines.group_by("invoice_id", "currency", account_id="payer_id").agg(
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


@dataclass(frozen=True)
class Heads:
    """What the head of each draft says, by the account that pays."""

    accounts: Mapping[str, Account]  # with the facts of the month, currency filled in
    periods: Mapping[str, tuple[datetime, datetime]]  # the instants that its month is between
    parties: Mapping[str, str]  # JSON
    terms: Mapping[str, int]  # days in which to pay
    daily: Mapping[str, list[int]]
    corrects: Mapping[tuple[str, str], str]  # JSON, also by currency
    coverage: Mapping[str, Mapping[str, Any]]  # what became of its deliveries, where it had any
    blocked: Mapping[str, Sequence[Mapping[str, str]]]  # what keeps it from being issued


def draft(month: Month, heads: Heads, *, dues: pl.DataFrame, is_taxed: bool) -> pl.DataFrame:
    """Write a draft for each of `heads.accounts`, and of its corrections: schema `INVOICE`.

    Args:
        month: The billing period.
        heads: What is known beside the amounts.
        dues: Schema `DUES`; an account without lines has no row, and owes nothing.
        is_taxed: Whether the book has taxes.
    """
    names = [
        name
        for name in INVOICE
        if name in DUES and name not in ("invoice_id", "account_id", "currency")
    ]
    nothing = {name: None if name == "tax_minor" and not is_taxed else 0 for name in names}
    sums: dict[str, list[dict[str, Any]]] = {}
    for row in dues.sort("account_id", "invoice_id").iter_rows(named=True):
        sums.setdefault(row["account_id"], []).append(row)
    rows = []
    for account_id in sorted(heads.accounts):
        account, found = heads.accounts[account_id], sums.get(account_id, [])
        of_month = [row for row in found if row["currency"] == account.currency]
        corrections = [row for row in found if row["currency"] != account.currency]
        own = {"invoice_id": f"{account_id}/{month}/1", "currency": account.currency, **nothing}
        for row in of_month or [own]:
            of_usage = {
                "origin": "run",
                "daily": heads.daily.get(account_id, []),
                "coverage": json.dumps(heads.coverage.get(account_id, NO_USAGE)),
            }
            rows.append(_head(month, heads, account, row) | of_usage)
        for row in corrections:
            of_none = {"origin": "correction", "daily": [], "coverage": json.dumps(NO_USAGE)}
            rows.append(_head(month, heads, account, row) | of_none)
    listed = [[row.get(name) for name in INVOICE] for row in rows]
    return pl.DataFrame(listed, INVOICE, orient="row")


def _head(
    month: Month, heads: Heads, account: Account, sums: Mapping[str, Any]
) -> dict[str, object]:
    account_id, currency = account.account_id, sums["currency"]
    reasons = heads.blocked.get(account_id, [])
    start_at, end_at = heads.periods[account_id]
    return {
        **sums,
        "account_id": account_id,
        "name": account.name,
        "purpose": account.purpose,
        "period": str(month),
        "period_start_at": start_at,
        "period_end_at": end_at,
        "kind": "credit_note" if (sums["total_minor"] or 0) < 0 else "invoice",
        "state": "draft",
        "payment_terms_days": heads.terms[account_id],
        "is_blocked": bool(reasons),
        "parties": heads.parties[account_id],
        "corrects": heads.corrects.get((account_id, currency), "[]"),
        "blocked": json.dumps(reasons, ensure_ascii=False),
    }


def _lines(month: Month, charged: pl.DataFrame, currencies: Mapping[str, str]) -> pl.DataFrame:
    """Name the lines of a month; two plans with the same charge have the plan in the name.

    The lines of an account stand before those of the accounts that it pays for, those of the month
    before corrections of earlier ones, those in the currency of the month before any other.
    """
    slugs = [slug(name) for name in charged["charge"]]
    own = pl.col("payer_id").replace_strict(currencies, default=None, return_dtype=pl.String)
    is_other = pl.col("currency") != own
    nth_currency = pl.col("currency").rank("dense").over("payer_id", is_other).cast(pl.Int64)
    named = (
        charged.with_columns(
            slug=pl.Series(slugs, dtype=pl.String),
            nth=pl.when(is_other).then(nth_currency + 1).otherwise(1),
        )
        .with_columns(invoice_id=pl.format("{}/{}/{}", "payer_id", pl.lit(str(month)), "nth"))
        .sort(
            *("payer_id", "nth", pl.col("account_id") != pl.col("payer_id"), "account_id"),
            *("is_correction", "period", "plan", "position", "charge", "kind", "taxed_as"),
        )
    )
    of_slug = ("invoice_id", "account_id", "period", "is_correction", "slug")
    is_shared = pl.struct("plan", "charge", "kind").n_unique().over(of_slug) > 1
    shown = pl.when(is_shared).then(pl.format("{}: {}", "plan", "charge")).otherwise("charge")
    parts = [
        pl.when(pl.col("account_id") != pl.col("payer_id")).then("account_id"),
        pl.when("is_correction").then("period"),
        pl.when(is_shared).then("plan"),
        pl.col("slug"),
    ]
    short = pl.concat_str(parts, separator=".", ignore_nulls=True)
    # A charge that was renamed may be written the same: what comes second has a number.
    nth = pl.int_range(1, pl.len() + 1).over("invoice_id", "short")
    numbered = pl.when(nth > 1).then(pl.format("{}.{}", "short", nth)).otherwise("short")
    return named.with_columns(short=short).with_columns(
        line_id=pl.format("{}#{}", "invoice_id", numbered),
        in_plan="charge",
        charge=shown,
        position=pl.int_range(pl.len(), dtype=pl.Int64).over("invoice_id"),
    )


def in_plan() -> pl.Expr:
    """The name that the plan of a line gives to its charge."""
    return pl.col("charge").str.strip_prefix(pl.format("{}: ", "plan"))


def _line_details(details: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    key = ["account_id", "plan", "kind", "charge", "currency", "period", "is_correction"]
    key += ["taxed_as"]
    keys = lines.drop("charge").rename({"in_plan": "charge"}).select(*key, "line_id")
    return (
        details.drop("position")
        .join(keys, on=key, maintain_order="left")
        .with_columns(position=pl.int_range(pl.len(), dtype=pl.Int64).over("line_id"))
        .select(LINE_DETAIL.names())
    )
