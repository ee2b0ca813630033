"""Rating: turn units into details, the exact and unrounded amount of each price cell.

Every kind of price that a plan writes is the same small table of tiers. Rating is then a join with
that table, one expression for the units that each tier takes, and one product.

    quantity         0 ........ 100 ........ 1 000 ........
    price per unit        0.00        0.02         0.01      USD

    graduated        2 500 units = 100 x 0.00 + 900 x 0.02 + 1 500 x 0.01 = 33.00
    volume           2 500 units = 2 500 x 0.01                           = 25.00
"""

import polars as pl

from metering.event import QUANTITY, USAGE_DIMENSIONS
from pricing.card_rating import rate_by_card
from pricing.money import EXACT, UNIT_PRICE, exact_amount
from pricing.terms import UNITS, Terms

# The amount of one price cell. Unknown prices have neither unit price nor amount.
PRICED = pl.Schema(
    {
        "charge_id": pl.Int64(),
        "account_id": pl.String(),
        "status": pl.String(),  # billed, free or unknown
        "reason": pl.String(),
        "market": pl.String(),
        "category": pl.String(),
        "pricing_type": pl.String(),
        "tier": pl.Int64(),
        "quantity": QUANTITY,
        "unit_price": UNIT_PRICE,
        "amount": EXACT,
        "rate_date": pl.Date(),
        "end_date": pl.Date(),
        "evidence": pl.String(),
        "note": pl.String(),
    }
)


def total_units(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Add up usage whose price does not depend on its cell: one row for each account and charge."""
    with_terms = terms.of(units, "kind", "card")
    is_total = (pl.col("kind") == "usage") & pl.col("card").is_null()
    key = ["charge_id", "account_id", "status", "reason"]
    totals = (
        with_terms.filter(is_total)
        .group_by(key)
        .agg(
            pl.col("quantity").sum(),
            pl.col("price_date").min(),
            pl.col("rate_date").min(),
            pl.col("end_date").min(),
        )
        .with_columns(pl.lit(None, pl.String).alias(name) for name in USAGE_DIMENSIONS)
    )
    return pl.concat(
        [with_terms.filter(~is_total).select(UNITS.names()), totals.select(UNITS.names())]
    )


def rate_units(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Price every unit: from `UNITS` to `PRICED`."""
    with_terms = terms.of(units, "card", "is_volume")
    is_open = pl.col("status") == "open"
    free = with_terms.filter(~is_open).with_columns(
        tier=pl.lit(None, pl.Int64),
        unit_price=pl.lit(0, UNIT_PRICE),
        evidence=pl.lit(None, pl.String),
        note=pl.format("free: {}", "reason"),
    )
    by_tier = rate_by_tiers(with_terms.filter(is_open, pl.col("card").is_null()), terms.tiers)
    by_card = rate_by_card(
        units.join(_card_charges(terms), on="charge_id", how="semi").filter(is_open), terms
    )
    names = [name for name in PRICED.names() if name not in ("amount", "rate_date")]
    cells = pl.concat(
        [frame.select(*names, rate_date="price_date") for frame in (free, by_tier, by_card)]
    )
    key = [name for name in [*names, "rate_date"] if name != "quantity"]
    return (
        cells.group_by(key)
        .agg(pl.col("quantity").sum())
        .with_columns(amount=exact_amount(pl.col("quantity"), pl.col("unit_price")))
        .select(PRICED.names())
    )


def rate_by_tiers(units: pl.DataFrame, tiers: pl.DataFrame) -> pl.DataFrame:
    """Cut each row of `units` into what each tier takes, at the price of the tier.

    Args:
        units: Columns `charge_id`, `quantity`, `is_volume` and any others, which stay.
        tiers: Schema `TIERS`.

    Returns:
        `units` with `tier`, `unit_price`, `status`, `evidence` and `note`; a tier that takes
        nothing has no row, so that the quantities of a row add up to what it was.
    """
    total, over = pl.col("quantity"), pl.col("over")
    reached = pl.min_horizontal("quantity", "up_to")  # skips the null of the open tier
    graduated = reached - over
    volume = pl.when(total > over, total == reached).then(total).otherwise(0)
    return (
        units.join(tiers, on="charge_id")
        .with_columns(quantity=pl.when("is_volume").then(volume).otherwise(graduated))
        .filter(pl.col("quantity") > 0)
        .with_columns(
            status=pl.lit("billed"),
            evidence=pl.lit(None, pl.String),
            note="tier_text",
        )
    )


def _card_charges(terms: Terms) -> pl.DataFrame:
    return terms.charges.filter(pl.col("card").is_not_null()).select("charge_id")
