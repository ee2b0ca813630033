"""Rating: turn units into the exact and unrounded amount of each price cell.

Every price that a plan writes itself is the same small table of tiers. Rating is then a join with
that table, one expression for the units that each tier takes, and one product.

    quantity         0 ........ 100 ........ 1 000 ........
    price per unit        0.00        0.02         0.01      USD

    graduated        2 500 units = 100 x 0.00 + 900 x 0.02 + 1 500 x 0.01 = 33.00
    volume           2 500 units = 2 500 x 0.01                           = 25.00
"""

from dataclasses import replace

import polars as pl

from metering.event import QUANTITY, USAGE_DIMENSIONS, USAGE_SPLITS
from pricing.card_rating import rate_by_card
from pricing.matrix_rating import rate_by_matrix
from pricing.money import EXACT, UNIT_PRICE, exact_amount
from pricing.scope import CELL, FIRST
from pricing.terms import UNITS, Terms
from pricing.tier_rating import rate_by_tiers

# What each price took of each row of units. Unknown prices have neither unit price nor amount.
RATED = pl.Schema(
    {
        **UNITS,
        "tier": pl.Int64(),
        # What the unit price is for: units, or packages of them; 1 for a flat amount, which has no
        # quantity of its own.
        "priced_quantity": QUANTITY,
        "unit_price": UNIT_PRICE,
        "evidence": pl.String(),
        "note": pl.String(),
    }
)
# The amount of one price cell.
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
        "priced_quantity": QUANTITY,
        "unit_price": UNIT_PRICE,
        "amount": EXACT,
        "rate_date": pl.Date(),
        "end_date": pl.Date(),
        "evidence": pl.String(),
        "note": pl.String(),
        "sender_id": pl.String(),  # null unless the terms tell senders apart
    }
)


def total_units(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Add up usage as far as its price does not depend on its cell."""
    if terms.by_time or terms.by_sender:
        return units
    with_terms = terms.of(units, "keeps")
    is_used = pl.col("quantity") > 0  # what is not stays apart, until it is known what is left
    is_total = pl.col("keeps").is_not_null() & pl.col("end_date").is_null() & is_used
    parts = with_terms.filter(is_total).partition_by("keeps", as_dict=True)
    totals = [_total(frame, set(str(keeps).split("|"))) for (keeps,), frame in parts.items()]
    return pl.concat([with_terms.filter(~is_total).select(UNITS.names()), *totals])


def _total(units: pl.DataFrame, keeps: set[str]) -> pl.DataFrame:
    names = (*USAGE_SPLITS, *USAGE_DIMENSIONS)
    kept = [name for name in (*names, "rate_date", "contract_from") if name in keeps]
    dates = [n for n in ("rate_date", "price_date", "end_date", "contract_from") if n not in kept]
    return (
        units.group_by("charge_id", "account_id", "status", "reason", *kept)
        .agg(pl.col("quantity").sum(), *(pl.col(name).min() for name in dates))
        .with_columns(pl.lit(None, pl.String).alias(name) for name in names if name not in kept)
        .with_columns(first_scope=pl.lit(None, pl.String), first_bound=pl.lit(None, QUANTITY))
        .select(UNITS.names())
    )


def rate_units(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Price every unit: from `UNITS` to `RATED`."""
    firsts = units.drop_nulls("first_scope").select(*CELL, *FIRST).unique()
    terms = replace(terms, firsts=firsts)
    kinds = terms.of(units, "price_kind")
    is_open = pl.col("status") == "open"
    is_free = pl.col("status") == "free"
    said = pl.when(is_free).then(pl.lit("free: ")).otherwise(pl.lit("price unknown: "))
    free = units.filter(~is_open).with_columns(
        tier=pl.lit(None, pl.Int64),
        priced_quantity="quantity",
        unit_price=pl.when(is_free).then(pl.lit(0, UNIT_PRICE)),
        evidence=pl.lit(None, pl.String),
        note=pl.concat_str(said, "reason"),
    )
    written, matrix, card = (
        kinds.filter(is_open, pl.col("price_kind") == kind).select(UNITS.names())
        for kind in ("written", "matrix", "card")
    )
    parts = [
        free,
        rate_by_tiers(written, terms),
        rate_by_matrix(matrix, terms),
        rate_by_card(card, terms),
    ]
    return pl.concat([part.select(RATED.names()) for part in parts])


def add_up_cells(rated: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Add up what has one price and one reason: from `RATED` to `PRICED`."""
    cells = rated.drop("rate_date").rename({"price_date": "rate_date"})
    if not terms.by_sender:
        cells = cells.with_columns(sender_id=pl.lit(None, pl.String))
    added = ("quantity", "priced_quantity")
    key = [name for name in PRICED.names() if name not in (*added, "amount")]
    return (
        cells.group_by(key)
        .agg(pl.col(name).sum() for name in added)
        .with_columns(amount=exact_amount(pl.col("priced_quantity"), pl.col("unit_price")))
        .select(PRICED.names())
    )
