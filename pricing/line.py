"""Lines: the details of a charge added up and rounded once, with what is taken off or put on."""

import polars as pl

from metering.event import QUANTITY
from metering.period import Month
from pricing.charge import DETAIL
from pricing.money import EXACT, to_minor

# The note of a detail that stands between the exact cells of a correction and its amount, which is
# the difference of two rounded ones: no price, and no usage.
ROUNDING = "rounding of what was invoiced"
# What an invoice shows: the sum of a charge's details, rounded once.
CHARGED = pl.Schema(
    {
        "account_id": pl.String(),
        "plan": pl.String(),
        "kind": pl.String(),  # usage, fixed_fee, add_on; discount, maximum, minimum, commitment
        "charge": pl.String(),
        "position": pl.Int64(),
        "quantity": QUANTITY,
        "amount_exact": EXACT,
        "amount_minor": pl.Int64(),
        "currency": pl.String(),
        "tax_category": pl.String(),
        "note": pl.String(),  # how it came about, of what adjusts other lines
    }
)


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
        .agg(
            amount_exact=pl.col("amount").sum(),
            position=pl.col("position").min(),
            tax_category=pl.col("tax_category").sort_by("version_from").last(),
        )
        .join(quantities, on=key)
        .with_columns(
            quantity=quantity,
            amount_minor=to_minor(pl.col("amount_exact"), pl.col("currency")),
            note=pl.lit(None, pl.String),
        )
        .select(CHARGED.names())
        .sort("account_id", "plan", "position", "charge")
    )


def details_of(adjustments: pl.DataFrame, month: Month) -> pl.DataFrame:
    """Write lines that adjust others as details, one each: from `CHARGED` to `DETAIL`."""
    empty = ("component", "meter", "reason", "market", "category", "pricing_type", "evidence")
    return adjustments.with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in (*empty, "sender_id")),
        version_from=pl.lit(month.first_day),
        rate_date=pl.lit(month.first_day),
        status=pl.lit("billed"),
        tier=pl.lit(None, pl.Int64),
        quantity=pl.lit(0, QUANTITY),
        priced_quantity=pl.lit(1, QUANTITY),
        unit_price="amount_exact",
        amount="amount_exact",
    ).select(pl.col(name).cast(kind) for name, kind in DETAIL.items())
