"""Scopes: which units count together, and which of them come first.

A scope is a text that names what counts: an allowance or a price, whose units (an account, sender,
waba or portfolio), a market, country or category if the plan says so, and a day, a contract, or a
stretch of days in which the quantity of an add-on stays.
Where a scope stays under a bound all of its units are first, and where it has one cell the cell is
cut at the bound; only for the rest does the order of the messages matter, and only for these is
metering asked.
"""

import polars as pl

from metering.event import QUANTITY, USAGE_DIMENSIONS, USAGE_SPLITS
from pricing.terms import COLUMN_OF_SCOPE, Crossing, Terms

CELL = ("account_id", *USAGE_SPLITS, *USAGE_DIMENSIONS, "rate_date")
BOUNDS = pl.Schema({"scope": pl.String(), "bound": QUANTITY})
FIRST = ("first_scope", "first_bound")
OF_AN_ACCOUNT = ("sender", "waba")


def with_scope(
    units: pl.DataFrame, terms: Terms, *, head: pl.Expr, each: str = "each", over: str = "over"
) -> pl.DataFrame:
    """Add `scope`, a text of `head` and the values that columns `each` and `over` ask for."""
    owned = units.join(
        terms.accounts.select("account_id", "portfolio_id"),
        on="account_id",
        how="left",
        maintain_order="left",
    ).with_columns(pl.col("portfolio_id").fill_null(pl.col("account_id")))
    scope = pl.lit(None, pl.String)
    for words, span in owned.select(each, over).drop_nulls().unique().sort(each, over).rows():
        is_so = (pl.col(each) == words) & (pl.col(over) == span)
        scope = pl.when(is_so).then(_text(head, str(words).split("|"), span)).otherwise(scope)
    return owned.with_columns(scope=scope).drop("portfolio_id")


def _text(head: pl.Expr, words: list[str], span: str) -> pl.Expr:
    columns = {"account": "account_id", "portfolio": "portfolio_id", **COLUMN_OF_SCOPE}
    # A sender or waba that the log does not name is one of its account, and of no other.
    nobody = pl.format("? of {}", "account_id")
    parts = [
        pl.col(columns.get(word, word)).fill_null(nobody if word in OF_AN_ACCOUNT else pl.lit("?"))
        for word in words
    ]
    if span == "day":
        parts.append(pl.col("rate_date").cast(pl.String))
    if span == "stretch":
        parts.append(pl.col("price_date").cast(pl.String))
    if span == "contract":
        parts.append(pl.col("contract_from").cast(pl.String))
    return pl.concat_str([head, *parts], separator="|")


def units_below(
    meter: str,
    cells: pl.DataFrame,
    bounds: pl.DataFrame,
    terms: Terms,
    crossing: Crossing = "split",
) -> pl.DataFrame:
    """Find how much of each cell lies within the first `bound` units of its scope.

    Args:
        meter: Of all cells.

    Returns:
        Columns `scope`, `bound`, `CELL` and `quantity`, one row for each cell and bound.
    """
    names = ["scope", "bound", *CELL, "quantity"]
    sizes = cells.group_by("scope").agg(total=pl.col("quantity").sum(), count=pl.len())
    sized = bounds.unique().join(sizes, on="scope")
    is_simple = (pl.col("total") <= pl.col("bound")) | (
        (pl.col("count") == 1) & pl.lit(crossing == "split")
    )
    simple = (
        sized.filter(is_simple)
        .join(cells, on="scope")
        .with_columns(quantity=pl.min_horizontal("quantity", "bound"))
    )
    hard = sized.filter(~is_simple).select(BOUNDS.names())
    if hard.is_empty():
        return simple.select(names)
    asked = cells.join(hard.select("scope").unique(), on="scope").select("scope", *CELL, *FIRST)
    answer = terms.below(meter, _with_first_scopes(asked, terms), hard, crossing)
    return pl.concat([simple.select(names), answer.select(names).cast({"quantity": QUANTITY})])


def _with_first_scopes(asked: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Add, without a scope, the cells that an allowance took as a whole: they came first too."""
    scopes = asked.select("first_scope").drop_nulls().unique()
    if scopes.is_empty():
        return asked
    known = asked.select(*CELL, *FIRST)
    others = (
        terms.firsts.join(scopes, on="first_scope")
        .join(known, on=[*CELL, *FIRST], how="anti", nulls_equal=True)
        .select(pl.lit(None, pl.String).alias("scope"), *CELL, *FIRST)
    )
    return pl.concat([asked, others])
