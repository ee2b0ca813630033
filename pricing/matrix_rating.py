"""Rating by a matrix: each unit costs what the first cell says that it matches."""

import polars as pl

from pricing.money import UNIT_PRICE
from pricing.price import CELL_KEYS
from pricing.terms import UNITS, Terms


def rate_by_matrix(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Price open units of charges that have a matrix.

    Returns `UNITS` with `tier`, `priced_quantity`, `unit_price`, `evidence` and `note`. Units that
    no cell takes have the status `unknown`: a price that was not written is not zero.
    """
    numbered = units.with_row_index("row")
    first = _matches(numbered, terms.cells).sort("cell").unique("row", keep="first")
    priced = numbered.join(first, on="row", how="left", maintain_order="left")
    is_known = pl.col("unit_price").is_not_null()
    values = [pl.col(key).fill_null("?") for key in CELL_KEYS[:4]]
    why = pl.concat_str([pl.lit("no cell of the matrix takes "), *_listed(values)])
    return priced.with_columns(
        status=pl.when(is_known).then(pl.lit("billed")).otherwise(pl.lit("unknown")),
        reason=pl.when(is_known).then(None).otherwise(why),
        tier=pl.lit(None, pl.Int64),
        priced_quantity="quantity",
        evidence=pl.lit(None, pl.String),
        note=pl.when(is_known)
        .then(pl.format("cell {}", pl.col("cell") + 1))
        .otherwise(pl.format("price unknown: {}", why)),
    ).select(*UNITS.names(), "tier", "priced_quantity", "unit_price", "evidence", "note")


def _matches(units: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Find all cells that a row matches, by one join for each set of keys that cells give."""
    given = pl.concat_list(pl.col(key).is_not_null() for key in CELL_KEYS)
    patterns = cells.with_columns(pattern=given.cast(pl.List(pl.String)).list.join(""))
    found = [pl.DataFrame(schema={"row": pl.UInt32, "cell": pl.Int64, "unit_price": UNIT_PRICE})]
    for _, frame in patterns.partition_by("pattern", as_dict=True).items():
        keys = [key for key in CELL_KEYS if frame[key].is_not_null().all()]
        joined = units.join(
            frame.select("charge_id", *keys, "cell", "unit_price"), on=["charge_id", *keys]
        )
        found.append(joined.select("row", "cell", "unit_price").cast({"row": pl.UInt32}))
    return pl.concat(found)


def _listed(values: list[pl.Expr]) -> list[pl.Expr]:
    parts: list[pl.Expr] = []
    for number, value in enumerate(values):
        parts += [value] if number == 0 else [pl.lit("/"), value]
    return parts
