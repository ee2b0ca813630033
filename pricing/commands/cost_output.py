"""Costs and margins of a month for people and programs: `tollbook bill MONTH --side cost`."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from metering.output import Format, print_rows, quantity_text, say
from metering.period import Month
from metering.settings import Book
from metering.store import Store
from pricing.catalog import load_catalog
from pricing.cost import rate_costs
from pricing.invoice import in_plan
from pricing.money import exact_of, minor_of
from pricing.run import bill

REASONS_MAX = 5
COST_SCHEMA = "tollbook.cost/1"
COST_COLUMNS = (
    *("account", "charge", "price", "currency", "cost", "cost_currency", "margin", "unpriced"),
)


def show_costs(book: Book, month: Month, accounts: Sequence[str], output_format: Format) -> None:
    """Print what each line of a month cost, beside its price."""
    catalog = load_catalog(book)
    drafts = bill(book, month, only_accounts=accounts, dry_run=True).drafts
    with Store.open(book, catalog.settings, "read") as store:
        costs = rate_costs(store, catalog, month)
    chosen = costs.rows.filter(pl.col("account_id").is_in([*accounts])) if accounts else costs.rows
    rows = _rows(drafts.lines, chosen, costs.currency)
    document = {
        "schema": COST_SCHEMA,
        "period": str(month),
        "rows": rows,
        "totals": _totals(rows),
    }
    print_rows(
        document,
        columns=COST_COLUMNS,
        output_format=output_format,
        title=f"Prices and costs of {month}",
        note="; ".join(_total_text(total) for total in _totals(rows)),
    )
    _say_unknown(chosen)


def _rows(lines: pl.DataFrame, costs: pl.DataFrame, currency: str) -> list[dict[str, Any]]:
    """Set each line beside what the usage of its charge cost, and name costs of no line.

    What a correction is about was charged by the network in the month that it corrects.
    """
    key = ["account_id", "plan", "charge", "network_charge", "is_of_usage"]
    of_no_line = pl.when(pl.col("charge").is_null()).then("network_charge")
    by_charge = (
        costs.with_columns(network_charge=of_no_line, is_of_usage=pl.lit(value=True))
        .group_by(key)
        .agg(pl.col("amount").sum(), pl.col("unpriced").sum(), used=pl.col("quantity").sum())
    )
    named = lines.with_columns(
        shown="charge",
        charge=in_plan(),
        network_charge=pl.lit(None, pl.String),
        is_of_usage=(pl.col("kind") == "usage") & ~pl.col("is_correction"),
    )
    both = named.join(by_charge, on=key, how="full", coalesce=True, nulls_equal=True)
    ordered = both.sort("account_id", "plan", "position", "charge", nulls_last=True)
    return [_row(row, currency) for row in ordered.iter_rows(named=True)]


def _row(row: Mapping[str, Any], currency: str) -> dict[str, Any]:
    price = row["amount_minor"]
    unpriced = row["unpriced"] or Decimal(0)
    is_unknown = row["amount"] is None or (unpriced > 0 and unpriced == row["used"])
    cost = None if is_unknown else minor_of(row["amount"], currency)
    # A margin is of one month and currency, and of costs that are all known.
    has_margin = price is not None and not unpriced and row["currency"] == currency
    shown = row["shown"] or row["charge"] or f"(no line: {row['network_charge'] or '?'})"
    if row["is_correction"]:
        shown, has_margin = f"{shown} (correction of {row['period']})", False
    return {
        "account": row["account_id"],
        "charge": shown,
        "price": None if price is None else exact_of(price, row["currency"]),
        "currency": row["currency"],
        "cost": None if cost is None else exact_of(cost, currency),
        "cost_currency": None if cost is None else currency,
        "margin": exact_of(price - (cost or 0), currency) if has_margin else None,
        "unpriced": quantity_text(unpriced),
    }


def _totals(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Add up prices and costs by currency; they are not each other's, so no margin is here."""
    sums: dict[tuple[str, str], Decimal] = {}
    for row in rows:
        for what, code in (("price", "currency"), ("cost", "cost_currency")):
            if row[what] is not None:
                sums[what, row[code]] = sums.get((what, row[code]), Decimal(0)) + row[what]
    return [
        {"what": what, "amount": f"{amount:f}", "currency": code}
        for (what, code), amount in sorted(sums.items())
    ]


def _total_text(total: Mapping[str, str]) -> str:
    return f"{total['what']} {total['amount']} {total['currency']}"


def _say_unknown(rows: pl.DataFrame) -> None:
    """Say for each reason how much has no known cost, the most first."""
    unknown = (
        rows.filter(pl.col("unpriced") > 0)
        .group_by("why")
        .agg(pl.col("unpriced").sum())
        .sort("unpriced", "why", descending=[True, False])
    )
    for why, quantity in unknown.head(REASONS_MAX).iter_rows():
        say(f"the cost of {quantity_text(quantity)} units is unknown: {why}")
    if unknown.height > REASONS_MAX:
        say(f"... and {unknown.height - REASONS_MAX} more reasons")
