"""Allowances that are taken from the units that cost most, or least: after rating, by price."""

import polars as pl

from metering.event import QUANTITY
from pricing.allowance import with_allowance
from pricing.money import UNIT_PRICE
from pricing.scope import CELL
from pricing.terms import UNITS, Terms

BY_PRICE = ("dearest", "cheapest")


def deduct_by_price(rated: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Make free what an allowance covers that is taken in the order of unit prices.

    Units of one price are taken in the order of their cells: which of them are free moves no
    amount. Args and result: schema `RATED`.
    """
    rest_names = [name for name in rated.columns if name not in UNITS.names()]
    if terms.allowances.filter(pl.col("order").is_in(BY_PRICE)).is_empty():
        return rated
    numbered = rated.with_row_index("row")
    is_billed = pl.col("status") == "billed"
    as_open = numbered.with_columns(
        status=pl.when(is_billed).then(pl.lit("open")).otherwise("status")
    )
    told = with_allowance(as_open.select("row", *UNITS.names()), terms).join(
        numbered.select("row", "unit_price", "tier"), on="row", how="left", maintain_order="left"
    )
    taken = told.filter(pl.col("is_counted"), pl.col("order").is_in(BY_PRICE))
    rank = pl.when(pl.col("order") == "dearest").then(-pl.col("unit_price")).otherwise("unit_price")
    ordered = taken.with_columns(rank=rank).sort(
        "scope", "rank", *CELL, "charge_id", "tier", nulls_last=True
    )
    end = pl.col("quantity").cum_sum().over("scope")
    below = (pl.col("available") - (end - pl.col("quantity"))).clip(0, pl.col("quantity"))
    covered = ordered.with_columns(below=below.cast(QUANTITY)).select("row", "below")
    cut = numbered.join(covered, on="row", how="left", maintain_order="left").with_columns(
        pl.when(is_billed).then("below").fill_null(0).alias("below")
    )
    rest = cut.with_columns(quantity=pl.col("quantity") - pl.col("below"))
    free = cut.filter(pl.col("below") > 0).with_columns(
        quantity="below",
        status=pl.lit("free"),
        reason=pl.lit("allowance"),
        unit_price=pl.lit(0, UNIT_PRICE),
        tier=pl.lit(None, pl.Int64),
        evidence=pl.lit(None, pl.String),
        note=pl.lit("free: allowance"),
    )
    is_left = (pl.col("quantity") > 0) | (pl.col("below") == 0)
    both = pl.concat([rest.filter(is_left), free])
    is_cut = pl.col("below") > 0
    return both.with_columns(
        priced_quantity=pl.when(is_cut).then("quantity").otherwise("priced_quantity")
    ).select(*UNITS.names(), *rest_names)
