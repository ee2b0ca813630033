"""The frames that leave this package, column by column, and what must hold of their rows."""

import polars as pl

QUANTITY = pl.Decimal(38, 6)  # in the unit of the meter

# One row for each account and cell of dimensions; a null dimension is unknown, never "any".
# `account_id` is null where nobody owns the sender: unassigned. `rate_date` is the first local day
# of the stretch of the period in which no rate, plan or market of this usage changes.
USAGE = pl.Schema(
    {
        "account_id": pl.String(),
        "meter": pl.String(),
        "channel": pl.String(),
        "market": pl.String(),
        "country": pl.String(),
        "category": pl.String(),
        "pricing_model": pl.String(),
        "pricing_type": pl.String(),
        "rate_date": pl.Date(),
        "quantity": QUANTITY,
    }
)
USAGE_DIMENSIONS = ("channel", "market", "country", "category", "pricing_model", "pricing_type")
USAGE_RULES = {
    "quantity is zero or more": pl.col("quantity") >= 0,
    "one row per account, meter and cell": pl.struct(
        "account_id", "meter", *USAGE_DIMENSIONS, "rate_date"
    ).is_unique(),
}
