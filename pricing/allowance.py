"""Which units come first: the order of time, asked of metering in quantities alone.

An allowance or a tier of a card takes the first units of a scope. Where the scope stays under the
bound all of its units are first, and where it has one cell the cell is cut at the bound; only for
the rest does the order of the messages matter, and only for these is metering asked.
"""

import polars as pl

from metering.event import QUANTITY, USAGE_DIMENSIONS
from pricing.terms import UNITS, Below, Terms

CELL = ("account_id", *USAGE_DIMENSIONS, "rate_date")
BOUNDS = pl.Schema({"scope": pl.String(), "bound": QUANTITY})


def deduct_allowance(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Split off the units that an allowance covers, as free.

    What a charge counts is what its `where` takes; what the network or a condition makes free
    keeps that reason. The allowance of a price that the plan writes takes from the total, that of a
    card the first units of the account in order of time.
    """
    with_terms = terms.of(units, "allowance", "card", "meter")
    has_none = (pl.col("allowance") == 0) | (pl.col("reason") == "free_for").fill_null(False)
    by_total = with_terms.filter(~has_none, pl.col("card").is_null())
    by_time = with_terms.filter(~has_none, pl.col("card").is_not_null())
    covered = by_total.with_columns(below=pl.min_horizontal("quantity", "allowance"))
    covered = pl.concat([covered, _first_of_account(by_time, terms)])
    return pl.concat(
        [
            with_terms.filter(has_none).select(UNITS.names()),
            covered.filter(pl.col("status") != "open").select(UNITS.names()),
            *_split(covered.filter(pl.col("status") == "open")),
        ]
    )


def units_below(
    meter: str, cells: pl.DataFrame, bounds: pl.DataFrame, below: Below
) -> pl.DataFrame:
    """Find how much of each cell lies within the first `bound` units of its scope.

    Args:
        meter: Of all cells.
        cells: Columns `scope`, `CELL` and `quantity`, one row for each cell.
        bounds: Schema `BOUNDS`.
        below: Asked about scopes that exceed a bound with more than one cell.

    Returns:
        Columns `scope`, `bound`, `CELL` and `quantity`, one row for each cell and bound.
    """
    names = ["scope", "bound", *CELL, "quantity"]
    sizes = cells.group_by("scope").agg(total=pl.col("quantity").sum(), count=pl.len())
    sized = bounds.unique().join(sizes, on="scope")
    is_simple = (pl.col("total") <= pl.col("bound")) | (pl.col("count") == 1)
    simple = (
        sized.filter(is_simple)
        .join(cells, on="scope")
        .with_columns(quantity=pl.min_horizontal("quantity", "bound"))
    )
    hard = sized.filter(~is_simple).select(BOUNDS.names())
    if hard.is_empty():
        return simple.select(names)
    asked = cells.join(hard.select("scope").unique(), on="scope")
    answer = below(meter, asked.select("scope", *CELL), hard)
    return pl.concat([simple.select(names), answer.select(names).cast({"quantity": QUANTITY})])


def _first_of_account(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    scope = pl.format("allowance|{}|{}", "charge_id", "account_id")
    scoped = units.with_columns(scope=scope)
    parts = [
        units_below(
            str(meter),
            cells.select("scope", *CELL, "quantity"),
            cells.select("scope", bound="allowance"),
            terms.below,
        ).rename({"quantity": "below"})
        for (meter,), cells in scoped.partition_by("meter", as_dict=True).items()
    ]
    if not parts:
        return units.with_columns(below=pl.lit(None, QUANTITY))
    return scoped.join(
        pl.concat(parts).drop("bound"), on=["scope", *CELL], how="left", nulls_equal=True
    ).drop("scope")


def _split(covered: pl.DataFrame) -> list[pl.DataFrame]:
    reason = (
        pl.when(pl.col("rate_date").is_null())
        .then(pl.lit("included"))
        .otherwise(pl.lit("allowance"))
    )
    first = covered.with_columns(quantity=pl.col("below"), status=pl.lit("free"), reason=reason)
    rest = covered.with_columns(quantity=pl.col("quantity") - pl.col("below"))
    return [part.filter(pl.col("quantity") > 0).select(UNITS.names()) for part in (first, rest)]
