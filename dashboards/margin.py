"""What accounts pay beside what the network charges for them: prices, costs, and margins.

A margin is of one currency, of a cost that is known as a whole, and of a price that is complete;
anything else is null and never 0. A cost is what is known of it, and null where nothing is. Amounts
are exact until they are rounded to be shown.
"""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from metering.event import QUANTITY
from metering.period import Month
from metering.store import Store
from pricing.catalog import Catalog
from pricing.cost import rate_costs
from pricing.documents.signed import NOT_OWED
from pricing.invoice import Drafts
from pricing.money import EXACT, to_major, to_minor

By = Literal["account", "market", "category"]
CELL = ("account", "market", "category")
# What documents charge for each month, by what was used; what is of no market, like a fee or what
# rounding added to a line, has none. The rows of an account add up to its lines.
PRICES = pl.Schema(
    {
        "period": pl.String(),  # the month that the lines are for, whichever document they are on
        "account": pl.String(),
        "market": pl.String(),
        "category": pl.String(),
        "currency": pl.String(),
        "amount": EXACT,
    }
)
# What the network charges for the usage of accounts, in the currency of the settings.
COSTS = pl.Schema(
    {
        "account": pl.String(),
        "market": pl.String(),
        "category": pl.String(),
        "quantity": QUANTITY,
        "amount": EXACT,
        "unpriced": QUANTITY,  # units of unknown cost, which are in no amount
    }
)
# One row for each account and currency; amounts in minor units, null where they are not known.
MARGIN = pl.Schema(
    {
        "account": pl.String(),
        "currency": pl.String(),  # null where nothing was charged
        "price": pl.Int64(),
        "cost": pl.Int64(),
        "margin": pl.Int64(),
        "unpriced": QUANTITY,
        "why": pl.String(),  # not_billed, blocked, currency or unknown_cost; null with a margin
    }
)

# Of nothing that was used nothing is unknown.
_HAS_COST = (pl.col("unpriced") == 0) | (pl.col("unpriced") < pl.col("quantity"))


def prices_of(drafts: Drafts) -> pl.DataFrame:
    """Add up the documents of a month that are owed by customers: schema `PRICES`."""
    owed = drafts.invoices.filter(
        ~pl.col("state").is_in(NOT_OWED), pl.col("purpose") == "customer"
    ).select("invoice_id")
    lines = drafts.lines.join(owed, on="invoice_id", how="semi").rename({"account_id": "account"})
    own = lines.select("line_id", "period", "account", "currency")
    used = drafts.details.filter(pl.col("market").is_not_null() | pl.col("category").is_not_null())
    cells = (
        used.join(own, on="line_id")
        .group_by(*(name for name in PRICES if name != "amount"), "line_id")
        .agg(pl.col("amount").sum())
    )
    in_cells = cells.group_by("line_id").agg(pl.col("amount").sum())
    rest = lines.join(in_cells, on="line_id", how="left").with_columns(
        market=pl.lit(None, pl.String),
        category=pl.lit(None, pl.String),
        amount=to_major(pl.col("amount_minor"), pl.col("currency"))
        - pl.col("amount").fill_null(0).cast(EXACT),
    )
    keys = [name for name in PRICES if name != "amount"]
    parts = [
        part.select(pl.col(n).cast(kind) for n, kind in PRICES.items()) for part in (cells, rest)
    ]
    return pl.concat(parts).group_by(keys).agg(pl.col("amount").sum().cast(EXACT)).sort(keys)


def costs_of(store: Store, catalog: Catalog, month: Month) -> pl.DataFrame:
    """Rate what the network charges, as `tollbook bill MONTH --side cost` does: schema `COSTS`."""
    rows = rate_costs(store, catalog, month).rows.rename({"account_id": "account"})
    summed = rows.group_by(CELL).agg(pl.col("quantity", "amount", "unpriced").sum())
    return summed.select(pl.col(name).cast(kind) for name, kind in COSTS.items()).sort(CELL)


def without_cells(frame: pl.DataFrame) -> pl.DataFrame:
    """Add up prices or costs over markets and categories: enough for accounts, and far smaller."""
    amounts = [name for name, kind in frame.schema.items() if kind.is_decimal()]
    keys = [name for name in frame.columns if name not in (*amounts, "market", "category")]
    return frame.group_by(keys).agg(pl.col(amounts).sum()).sort(keys)


def can_have_margin() -> pl.Expr:
    """Say whether an account has a complete price in the currency of the costs."""
    return pl.col("why").is_null() | (pl.col("why") == "unknown_cost")


def margins(
    prices: pl.DataFrame, costs: pl.DataFrame, invoices: pl.DataFrame, currency: str
) -> pl.DataFrame:
    """Put the cost of each account beside its price: schema `MARGIN`, sorted.

    Args:
        prices: Schema `PRICES`, of one month; market and category are not needed.
        costs: Schema `COSTS`, of the same, likewise.
        invoices: Schema `LISTED`, of the same.
        currency: Of the costs.
    """
    price = prices.group_by("account", "currency").agg(price=pl.col("amount").sum())
    billed = _billed(invoices)
    keys = pl.concat([price.select("account", "currency"), billed.select("account", "currency")])
    # Whoever is billed in two currencies has the cost beside that of the network, if it is one.
    ranked = keys.unique().sort("account", pl.col("currency") != currency, "currency")
    first = ranked.unique("account", keep="first", maintain_order=True)
    cost = costs.group_by("account").agg(pl.col("quantity", "amount", "unpriced").sum())
    placed = cost.join(first, on="account", how="left")
    both = (
        ranked.join(price, on=["account", "currency"], how="left")
        .join(billed, on=["account", "currency"], how="left")
        .with_columns(pl.col("price").fill_null(0).cast(EXACT))
        .join(placed, on=["account", "currency"], how="full", coalesce=True, nulls_equal=True)
    )
    own = pl.col("currency").fill_null(currency)
    known = both.with_columns(
        why=_why(currency),
        price=to_minor(pl.col("price"), own),
        cost=to_minor(pl.col("amount").fill_null(0).cast(EXACT), pl.lit(currency)),
        unpriced=pl.col("unpriced").fill_null(0),
    ).with_columns(cost=pl.when(_HAS_COST).then("cost"))
    margin = pl.when(pl.col("why").is_null()).then(pl.col("price") - pl.col("cost"))
    return (
        known.with_columns(margin=margin)
        .select(pl.col(name).cast(kind) for name, kind in MARGIN.items())
        .sort("account", "currency", nulls_last=True)
    )


def margins_by(
    by: By, prices: pl.DataFrame, costs: pl.DataFrame, accounts: Sequence[str], currency: str
) -> pl.DataFrame:
    """Add up prices and costs of accounts that are charged in `currency`, by a column of cells.

    Returns:
        group (null for what is of none), price, cost, margin and unpriced; amounts in minor units,
        each rounded for itself, and null as in `MARGIN`; the largest price first.
    """
    of_accounts = pl.col("account").is_in([*accounts])
    price = prices.filter(of_accounts, pl.col("currency") == currency)
    price = price.group_by(by).agg(price=pl.col("amount").sum())
    cost = (
        costs.filter(of_accounts).group_by(by).agg(pl.col("quantity", "amount", "unpriced").sum())
    )
    both = price.join(
        cost.rename({"amount": "cost"}), on=by, how="full", coalesce=True, nulls_equal=True
    )
    amounts = [
        to_minor(pl.col(name).fill_null(0).cast(EXACT), pl.lit(currency)).alias(name)
        for name in ("price", "cost")
    ]
    return (
        both.select(
            pl.col(by).alias("group"), *amounts, "quantity", pl.col("unpriced").fill_null(0)
        )
        .with_columns(cost=pl.when(_HAS_COST).then("cost"))
        .with_columns(
            margin=pl.when(pl.col("unpriced") == 0).then(pl.col("price") - pl.col("cost"))
        )
        .drop("quantity")
        .sort("price", "group", descending=[True, False], nulls_last=True)
    )


def _billed(invoices: pl.DataFrame) -> pl.DataFrame:
    """The accounts with an invoice for the month: account, currency, is_blocked."""
    is_owed = ~pl.col("state").is_in(NOT_OWED) & (pl.col("purpose") == "customer")
    own = invoices.filter(is_owed, pl.col("kind") == "invoice").rename({"account_id": "account"})
    return own.group_by("account", "currency").agg(pl.col("is_blocked").any())


def _why(currency: str) -> pl.Expr:
    """Say why there is no margin."""
    return (
        pl.when(pl.col("is_blocked").is_null())
        .then(pl.lit("not_billed"))
        .when("is_blocked")
        .then(pl.lit("blocked"))
        .when(pl.col("currency") != currency)
        .then(pl.lit("currency"))
        .when(pl.col("unpriced") > 0)
        .then(pl.lit("unknown_cost"))
    )
