"""The frames that leave this package, column by column, and what must hold of their rows."""

import polars as pl

QUANTITY = pl.Decimal(38, 6)  # in the unit of the meter

# One row for each account and cell of dimensions; a null dimension is unknown, never "any", or one
# that the meter does not tell apart. `account_id` is null where nobody owns the sender: unassigned.
# The four after it are null unless they are asked for; `pricing_opinion` says whose word
# `pricing_type` is: network, or derived; `reported_cost` is what the network says that one unit
# costs, as a currency and an amount. `rate_date` is the first local day of the stretch of the
# period in which no rate, plan or market of this usage changes; it is null where the figure is one
# of the whole month.
USAGE = pl.Schema(
    {
        "account_id": pl.String(),
        "waba_id": pl.String(),
        "sender_id": pl.String(),
        "pricing_opinion": pl.String(),
        "reported_cost": pl.String(),
        "meter": pl.String(),
        "channel": pl.String(),
        "market": pl.String(),
        "country": pl.String(),
        "category": pl.String(),
        "pricing_model": pl.String(),
        "pricing_type": pl.String(),
        "rate_date": pl.Date(),
        # counted; removed: of a waba that was taken from the seller, which is not billed; unread:
        # so many units have no value that the meter could use, and are in no quantity.
        "standing": pl.String(),
        "quantity": QUANTITY,
    }
)
USAGE_SPLITS = ("waba_id", "sender_id", "pricing_opinion", "reported_cost")
USAGE_DIMENSIONS = ("channel", "market", "country", "category", "pricing_model", "pricing_type")
USAGE_RULES = {
    "one row per account, meter and cell": pl.struct(
        "account_id", "meter", *USAGE_SPLITS, *USAGE_DIMENSIONS, "rate_date", "standing"
    ).is_unique(),
    "standing is a known word": pl.col("standing").is_in(["counted", "removed", "unread"]),
    "whoever says a type is known": pl.col("pricing_opinion").is_in(["network", "derived"])
    | pl.col("pricing_opinion").is_null(),
}
