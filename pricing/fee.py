"""Fixed fees and add-ons with a quantity over time, as units; and what is due in advance.

What is due in advance is billed with the month before. It is rated again when its month is over:
where a contract began, ended or changed since, the difference is billed with it.
"""

import polars as pl

from metering.event import QUANTITY, USAGE_DIMENSIONS, USAGE_SPLITS
from metering.period import Month
from pricing.allowance import contract_month
from pricing.catalog import Catalog
from pricing.charge import DETAIL, ORDER
from pricing.money import EXACT, UNIT_PRICE
from pricing.state import as_state
from pricing.subscription import holdings_in, stretches_in
from pricing.terms import UNITS, Terms

ADVANCE = "advance"  # kind of state: what was billed in advance, by plan and charge


def units_of_time(catalog: Catalog, month: Month, terms: Terms) -> pl.DataFrame:
    """List the fixed fees and add-ons of a month as units."""
    stretches = stretches_in(month, catalog.subscriptions, catalog.plans)
    held = holdings_in(month, catalog.holdings, catalog.subscriptions, catalog.plans)
    return pl.concat([units_of_fees(stretches, terms), units_of_holdings(held, terms)])


def units_of_fees(stretches: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """List the fixed fees of each stretch on a plan as units of one.

    A fee that is not prorated counts once a month, as the first version that has it says; one that
    is due once or each year, in the month in which a contract or a year of it begins.
    """
    index = contract_month(terms.month)
    is_due = (
        pl.when(pl.col("every") == "once")
        .then(index == 0)
        .when(pl.col("every") == "year")
        .then(index % 12 == 0)
        .otherwise(pl.lit(True))
    )
    fees = (
        stretches.join(
            terms.charges.filter(pl.col("kind") == "fixed_fee"), on=["plan", "version_from"]
        )
        .filter(is_due)
        .with_columns(quantity=pl.lit(1, QUANTITY))
    )
    return _once_unless_prorated(fees, "start_date")


def units_of_holdings(holdings: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """List the add-ons of each stretch in which their quantity stays.

    One that is not prorated counts once a month, at the highest quantity.
    """
    held = holdings.join(
        terms.charges.filter(pl.col("kind") == "add_on", pl.col("meter").is_null()),
        left_on=["plan", "version_from", "add_on"],
        right_on=["plan", "version_from", "charge"],
    ).with_columns(charge="add_on")
    return _once_unless_prorated(held.filter(pl.col("quantity") > 0), "quantity")


def settle_advances(details: pl.DataFrame, ahead: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Bill what is due in advance for the next month, and correct what was billed for this one.

    Args:
        details: Schema `DETAIL`, of this month.
        ahead: Schema `DETAIL`, of fees and add-ons of the next month.

    Returns:
        `details` with the rows of what is due in advance exchanged.
    """
    in_advance = _advance_charges(terms)
    if in_advance.is_empty() and terms.state(ADVANCE).is_empty():
        return details
    now = details.join(in_advance, on=["plan", "charge"], how="semi", maintain_order="left")
    then = ahead.join(in_advance, on=["plan", "charge"], how="semi", maintain_order="left")
    billed = terms.state(ADVANCE).select(
        "account_id",
        plan=pl.col("key").str.split("|").list.first(),
        charge=pl.col("key").str.replace(r"^[^|]*\|", ""),
        billed="value",
    )
    key = ["account_id", "plan", "charge"]
    owed = now.group_by(key).agg(owed=pl.col("amount").sum())
    both = owed.join(billed, on=key, how="full", coalesce=True).with_columns(
        pl.col("owed").fill_null(0), pl.col("billed").fill_null(0)
    )
    changed = both.filter(pl.col("owed") != pl.col("billed"))
    month = str(terms.month.next())
    return pl.concat(
        [
            details.join(in_advance, on=["plan", "charge"], how="anti", maintain_order="left"),
            now.join(changed, on=key, how="semi", maintain_order="left"),
            _taken_back(changed.filter(pl.col("billed") != 0), terms),
            then.with_columns(
                note=pl.concat_str(
                    [pl.lit(f"in advance for {month}"), "note"], separator=", ", ignore_nulls=True
                )
            ),
        ]
    ).sort(*ORDER, nulls_last=True)


def closing_advances(ahead: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """What this month bills in advance: schema `STATE`."""
    then = ahead.join(_advance_charges(terms), on=["plan", "charge"], how="semi")
    summed = then.group_by("account_id", "plan", "charge").agg(pl.col("amount").sum())
    named = summed.with_columns(key=pl.format("{}|{}", "plan", "charge"))
    return as_state(named, ADVANCE, key="key", value="amount")


def _advance_charges(terms: Terms) -> pl.DataFrame:
    return terms.charges.filter(pl.col("due") == "advance").select("plan", "charge").unique()


def _taken_back(billed: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Write what was billed in advance as details that take it back."""
    charges = (
        terms.charges.filter(pl.col("due") == "advance")
        .sort("version_from")
        .unique(("plan", "charge"), keep="last")
    )
    rows = billed.join(charges, on=["plan", "charge"], how="left").join(
        terms.accounts, on="account_id", how="left"
    )
    empty = ("market", "category", "pricing_type", "reason", "evidence", "sender_id")
    return rows.with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in empty),
        kind=pl.col("kind").fill_null("fixed_fee"),
        currency=pl.coalesce("currency", "account_currency"),
        tax_category=pl.col("tax_category").fill_null("standard"),
        status=pl.lit("billed"),
        tier=pl.lit(None, pl.Int64),
        quantity=pl.lit(0, QUANTITY),
        priced_quantity=pl.lit(-1, QUANTITY),
        unit_price=pl.col("billed").cast(UNIT_PRICE),
        amount=(-pl.col("billed")).cast(EXACT),
        rate_date=pl.lit(terms.month.first_day),
        note=pl.lit("was billed in advance"),
    ).select(pl.col(name).cast(kind) for name, kind in DETAIL.items())


def _once_unless_prorated(items: pl.DataFrame, by: str) -> pl.DataFrame:
    once = (
        items.filter(pl.col("proration") == "none")
        .sort("is_trial", by, "start_date", descending=[False, by == "quantity", False])
        .unique(
            ("account_id", "plan", "charge", "contract_from"), keep="first", maintain_order=True
        )
    )
    chosen = pl.concat([items.filter(pl.col("proration") != "none"), once])
    dimensions = (*USAGE_SPLITS, *USAGE_DIMENSIONS)
    return chosen.with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in dimensions),
        rate_date=pl.lit(None, pl.Date),
        price_date="start_date",
        status=pl.when("is_trial").then(pl.lit("free")).otherwise(pl.lit("open")),
        reason=pl.when("is_trial").then(pl.lit("trial")),
        first_scope=pl.lit(None, pl.String),
        first_bound=pl.lit(None, QUANTITY),
    ).select(UNITS.names())
