"""Charging: from units to details, in an order that is written down.

The steps stand in `CHARGE_STEPS`. Each takes a frame and the terms of the plans and gives a frame.
What is done with the lines that details add up to stands in `pricing.adjustment`.
"""

from collections.abc import Callable

import polars as pl

from metering.event import QUANTITY
from pricing.allowance import deduct_allowances
from pricing.card_rating import date_prices, waive_free_types
from pricing.dearest import deduct_by_price
from pricing.money import EXACT, UNIT_PRICE
from pricing.proration import prorate
from pricing.rating import add_up_cells, rate_units, total_units
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
        "tax_category": pl.String(),
        "status": pl.String(),  # billed, free or unknown
        "reason": pl.String(),
        "market": pl.String(),
        "category": pl.String(),
        "pricing_type": pl.String(),
        "tier": pl.Int64(),
        "quantity": QUANTITY,
        "priced_quantity": QUANTITY,  # what the unit price is for: units, packages, or 1
        "unit_price": UNIT_PRICE,  # null where the price is unknown, and so is the amount
        "amount": EXACT,
        "rate_date": pl.Date(),
        "evidence": pl.String(),
        "note": pl.String(),
        "sender_id": pl.String(),  # null unless lines are shown by sender
    }
)


def waive_small_firms(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Make free what a charge waives for accounts that meet its `free_for`."""
    waived = terms.waivers.with_columns(is_waived=pl.lit(True))
    is_waived = pl.col("is_waived").fill_null(False) & (pl.col("status") == "open")
    return (
        units.join(waived, on=["charge_id", "account_id"], how="left", maintain_order="left")
        .with_columns(
            status=pl.when(is_waived).then(pl.lit("free")).otherwise("status"),
            reason=pl.when(is_waived).then(pl.lit("free_for")).otherwise("reason"),
        )
        .select(UNITS.names())
    )


def hold_limits(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Give no price to more of an add-on, counted by a meter, than its plan allows."""
    limited = terms.of(units, "charge", "plan", "max_quantity")
    is_over = (pl.col("quantity") > pl.col("max_quantity")).fill_null(False) & (
        pl.col("status") == "open"
    )
    why = pl.format(
        "plan '{}' allows {} of '{}'",
        "plan",
        pl.col("max_quantity").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end("."),
        "charge",
    )
    return limited.with_columns(
        status=pl.when(is_over).then(pl.lit("unknown")).otherwise("status"),
        reason=pl.when(is_over).then(why).otherwise("reason"),
    ).select(UNITS.names())


CHARGE_STEPS: tuple[Step, ...] = (
    date_prices,  # first, so that every later step sees a cell with the day of its own price
    waive_small_firms,  # before all counting: what is waived uses up no allowance and no tier
    waive_free_types,  # before the allowance, which must not take the credit for the network's
    total_units,  # where a price asks only how many there are, what follows is one row
    hold_limits,  # of what is counted by then: what is over a limit has no price
    deduct_allowances,  # before rating: tiers begin after what is included
    rate_units,  # exact: quantity x unit price, nothing rounded
    deduct_by_price,  # an allowance for the dearest units must see what they cost
    add_up_cells,  # one row for each price and reason
    prorate,  # after rating: the amount of a month is shared, not the quantity
)


def charge(units: pl.DataFrame, terms: Terms) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take `UNITS` through the steps to `DETAIL`, in a stable order.

    Returns:
        Schema `DETAIL`, and schema `RATED` with what was used of tiers and allowances.
    """
    frame = rated = units
    for step in CHARGE_STEPS:
        frame = step(frame, terms)
        rated = frame if step is deduct_by_price else rated
    named = terms.of(
        frame,
        *("plan", "version_from", "kind", "charge", "position"),
        *("component", "meter", "currency", "tax_category"),
    ).join(terms.accounts.select("account_id", "account_currency"), on="account_id", how="left")
    in_currency = named.with_columns(pl.coalesce("currency", "account_currency").alias("currency"))
    return in_currency.select(DETAIL.names()).sort(*ORDER, nulls_last=True), rated


ORDER = [
    *("account_id", "plan", "position", "charge", "version_from", "market", "category"),
    *("pricing_type", "rate_date", "tier", "status", "reason", "unit_price", "quantity"),
    # The parts of a percentage differ in their meter alone.
    *("priced_quantity", "note", "sender_id", "meter"),
]
