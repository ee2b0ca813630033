"""Charging: from units to details to lines, in an order that is written down.

The steps stand in `CHARGE_STEPS`. Each takes a frame and the terms of the plans and gives a frame.
"""

from collections.abc import Callable

import polars as pl

from metering.event import QUANTITY, USAGE_DIMENSIONS
from pricing.allowance import deduct_allowance
from pricing.card_rating import date_prices, waive_free_types
from pricing.money import EXACT, UNIT_PRICE, to_minor
from pricing.proration import prorate
from pricing.rating import rate_units, total_units
from pricing.terms import UNITS, Terms

Step = Callable[[pl.DataFrame, Terms], pl.DataFrame]

# The exact, unrounded amount of one price cell, with the charge that it belongs to.
DETAIL = pl.Schema(
    {
        "account_id": pl.String(),
        "plan": pl.String(),
        "version_from": pl.Date(),
        "kind": pl.String(),  # usage, fixed_fee or add_on
        "charge": pl.String(),
        "position": pl.Int64(),
        "component": pl.String(),
        "meter": pl.String(),
        "currency": pl.String(),
        "status": pl.String(),  # billed, free or unknown
        "reason": pl.String(),
        "market": pl.String(),
        "category": pl.String(),
        "pricing_type": pl.String(),
        "tier": pl.Int64(),
        "quantity": QUANTITY,
        "unit_price": UNIT_PRICE,  # null where the price is unknown, and so is the amount
        "amount": EXACT,
        "rate_date": pl.Date(),
        "evidence": pl.String(),
        "note": pl.String(),
    }
)
# What an invoice shows: the sum of a charge's details, rounded once.
CHARGED = pl.Schema(
    {
        "account_id": pl.String(),
        "plan": pl.String(),
        "kind": pl.String(),
        "charge": pl.String(),
        "position": pl.Int64(),
        "quantity": QUANTITY,
        "amount_exact": EXACT,
        "amount_minor": pl.Int64(),
        "currency": pl.String(),
    }
)


def waive_small_firms(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Make free what a charge waives for accounts that meet its `free_for`."""
    waived = terms.waivers.with_columns(is_waived=pl.lit(True))
    is_waived = pl.col("is_waived").fill_null(False)
    return (
        units.join(waived, on=["charge_id", "account_id"], how="left", maintain_order="left")
        .with_columns(
            status=pl.when(is_waived).then(pl.lit("free")).otherwise("status"),
            reason=pl.when(is_waived).then(pl.lit("free_for")).otherwise("reason"),
        )
        .select(UNITS.names())
    )


CHARGE_STEPS: tuple[Step, ...] = (
    date_prices,  # first, so that every later step sees a cell with the day of its own price
    waive_small_firms,  # before all counting: what is waived uses up no allowance and no tier
    waive_free_types,  # before the allowance, which must not take the credit for the network's
    total_units,  # prices of the plan's own ask only how many there are, and so does an allowance
    deduct_allowance,  # before rating: tiers begin after what is included
    rate_units,  # exact: quantity x unit price, nothing rounded
    prorate,  # after rating: the amount of a month is shared, not the quantity
)


def charge(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Take `UNITS` through the steps to `DETAIL`, in a stable order."""
    frame = units
    for step in CHARGE_STEPS:
        frame = step(frame, terms)
    named = terms.of(
        frame,
        *("plan", "version_from", "kind", "charge", "position"),
        *("component", "meter", "currency"),
    )
    return named.select(DETAIL.names()).sort(*ORDER, nulls_last=True)


ORDER = [
    *("account_id", "plan", "position", "charge", "version_from", "market", "category"),
    *("pricing_type", "rate_date", "tier", "status", "reason", "unit_price", "quantity"),
]


def round_lines(details: pl.DataFrame) -> pl.DataFrame:
    """Add up the details of each charge of a plan and round the sum once: schema `CHARGED`.

    The quantity of a line is that of its usage; of a fee or add-on, the most on any day. An unknown
    price adds nothing here; it blocks the invoice.
    """
    key = ["account_id", "plan", "kind", "charge", "currency"]
    by_stretch = details.group_by(*key, "rate_date").agg(pl.col("quantity").sum())
    quantity = pl.when(pl.col("kind") == "usage").then("total").otherwise("most")
    quantities = by_stretch.group_by(key).agg(
        total=pl.col("quantity").sum(), most=pl.col("quantity").max()
    )
    return (
        details.group_by(key)
        .agg(amount_exact=pl.col("amount").sum(), position=pl.col("position").min())
        .join(quantities, on=key)
        .with_columns(
            quantity=quantity,
            amount_minor=to_minor(pl.col("amount_exact"), pl.col("currency")),
        )
        .select(CHARGED.names())
        .sort("account_id", "plan", "position", "charge")
    )


def units_of_fees(stretches: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """List the fixed fees of each stretch on a plan as units of one.

    A fee that is not prorated counts once a month, as the first version that has it says.
    """
    fees = stretches.join(
        terms.charges.filter(pl.col("kind") == "fixed_fee"), on=["plan", "version_from"]
    ).with_columns(quantity=pl.lit(1, QUANTITY))
    return _once_unless_prorated(fees, "start_date")


def units_of_holdings(holdings: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """List the add-ons of each stretch in which their quantity stays.

    One that is not prorated counts once a month, at the highest quantity.
    """
    held = holdings.join(
        terms.charges.filter(pl.col("kind") == "add_on"),
        left_on=["plan", "version_from", "add_on"],
        right_on=["plan", "version_from", "charge"],
    ).with_columns(charge="add_on")
    return _once_unless_prorated(held.filter(pl.col("quantity") > 0), "quantity")


def _once_unless_prorated(items: pl.DataFrame, by: str) -> pl.DataFrame:
    once = (
        items.filter(pl.col("proration") == "none")
        .sort(by, "start_date", descending=[by == "quantity", False])
        .unique(("account_id", "plan", "charge"), keep="first", maintain_order=True)
    )
    chosen = pl.concat([items.filter(pl.col("proration") != "none"), once])
    return chosen.with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in USAGE_DIMENSIONS),
        rate_date=pl.lit(None, pl.Date),
        price_date="start_date",
        status=pl.lit("open"),
        reason=pl.lit(None, pl.String),
    ).select(UNITS.names())
