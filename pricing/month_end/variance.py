"""Variance: why a month bills another amount than the month before it, in parts that add up to it.

Of an account that both months bill in a currency, usage is compared by price cell: charge, market,
category, type, tier, and whether it is free. With q and a the quantity and the exact amount of a
cell, Q and A their sums over the cells of a meter, before (0) and now (1):

    volume  = (Q1 - Q0) x A0 / Q0               more or less of the same, at the old average price
    mix     = sum(q1 x a0 / q0) - A0 - volume   cells have other shares of the quantity
    price   = A1 - sum(q1 x a0 / q0)            the same cells at other prices

A cell that is new has no old price and is taken at its own, so that it is mix. A meter without
quantity before is volume. See docs/month-end.md for the other parts.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from typing import Literal, get_args

import polars as pl

from pricing.document import Document
from pricing.money import EXACT, MINOR_DECIMALS, exact_of
from pricing.month_end.figures import CELL_FIGURE, FIGURE, cells_of, figures_of

Part = Literal[
    "new accounts",
    "lost accounts",
    "volume",
    "mix",
    "price",
    "fees",
    "adjustments",
    "corrections",
    "rounding",
]
PARTS: tuple[Part, ...] = get_args(Part)
# One row for each account, currency and part that is not zero; the parts of an account add up to
# what its lines bill now less what they billed before.
VARIANCE = pl.Schema(
    {
        "currency": pl.String(),
        "account_id": pl.String(),
        "part": pl.String(),
        "amount": EXACT,
    }
)
ACCOUNT = ("currency", "account_id")
METER = (*ACCOUNT, "meter")
CELL = tuple(name for name in CELL_FIGURE if name not in ("quantity", "amount"))
FEES = ("fixed_fee", "add_on")
PRICE_STEP = Decimal(1).scaleb(-18)


def variance(before: Iterable[Document], after: Iterable[Document]) -> pl.DataFrame:
    """Part the difference of two months: schema `VARIANCE`, sorted."""
    then, now = list(before), list(after)
    return variance_of(figures_of(then), cells_of(then), figures_of(now), cells_of(now))


def variance_of(
    figures_before: pl.DataFrame,
    cells_before: pl.DataFrame,
    figures_after: pl.DataFrame,
    cells_after: pl.DataFrame,
) -> pl.DataFrame:
    """Part the difference of two months, from schemas `FIGURE` and `CELL_FIGURE`."""
    change = pl.concat(
        [figures_before.with_columns(-pl.col("amount")), figures_after], how="vertical"
    )
    cells = pl.concat(
        [
            cells_before.with_columns(pl.lit(value=False).alias("is_now")),
            cells_after.with_columns(pl.lit(value=True).alias("is_now")),
        ]
    )
    both = (
        figures_before.select(ACCOUNT)
        .unique()
        .join(figures_after.select(ACCOUNT).unique(), on=ACCOUNT)
    )
    parts = [
        _one_sided(figures_after, figures_before, "new accounts"),
        _one_sided(figures_before.with_columns(-pl.col("amount")), figures_after, "lost accounts"),
        _by_kind(change.join(both, on=ACCOUNT, how="semi")),
        *_of_usage(
            change.join(both, on=ACCOUNT, how="semi"), cells.join(both, on=ACCOUNT, how="semi")
        ),
    ]
    return (
        pl.concat(
            [part.select(pl.col(n).cast(kind) for n, kind in VARIANCE.items()) for part in parts]
        )
        .group_by(*ACCOUNT, "part")
        .agg(pl.col("amount").sum())
        .filter(pl.col("amount") != 0)
        .select(VARIANCE.names())
        .sort(*ACCOUNT, "part")
    )


def whole_amounts(amounts: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Round exact amounts that add up to whole minor units so that what is shown adds up to it.

    Each is cut down to whole minor units; those that are left over go, one each, to the largest
    remainders, the first of equals.

    Example:
        >>> parts = [Decimal("0.335"), Decimal("0.335"), Decimal("-0.67")]
        >>> [str(part) for part in whole_amounts(parts, "USD")]
        ['0.34', '0.33', '-0.67']
    """
    with localcontext(prec=60):
        exact = [amount.scaleb(MINOR_DECIMALS[currency]) for amount in amounts]
        parts = [int(amount.to_integral_value(ROUND_FLOOR)) for amount in exact]
        left = sum(exact) - sum(parts)
        assert left == int(left), "the parts of a difference of documents add up to whole units"
        remainders = [amount - part for amount, part in zip(exact, parts, strict=True)]
    order = sorted(range(len(parts)), key=lambda index: (-remainders[index], index))
    for index in order[: int(left)]:
        parts[index] += 1
    return [exact_of(part, currency) for part in parts]


def _one_sided(figures: pl.DataFrame, others: pl.DataFrame, part: Part) -> pl.DataFrame:
    alone = figures.join(others, on=ACCOUNT, how="anti")
    return alone.select(*ACCOUNT, pl.lit(part).alias("part"), "amount")


def _by_kind(change: pl.DataFrame) -> pl.DataFrame:
    """What has no price cells: fees, what is taken off or put on, and corrections."""
    part = (
        pl.when("is_correction")
        .then(pl.lit("corrections"))
        .when(pl.col("kind").is_in(FEES))
        .then(pl.lit("fees"))
        .otherwise(pl.lit("adjustments"))
    )
    is_cells = _is_usage()
    return change.filter(~is_cells).select(*ACCOUNT, part.alias("part"), "amount")


def _is_usage() -> pl.Expr:
    return (pl.col("kind") == "usage") & ~pl.col("is_correction")


def _of_usage(change: pl.DataFrame, cells: pl.DataFrame) -> list[pl.DataFrame]:
    """Part the change of usage: by cell where there is a quantity, else as a fee."""
    signed = pl.when("is_now").then(pl.col("amount")).otherwise(-pl.col("amount"))
    flat = cells.filter(pl.col("quantity") == 0).select(
        *ACCOUNT, pl.lit("fees").alias("part"), signed.alias("amount")
    )
    lines = change.filter(_is_usage()).select(*ACCOUNT, "amount")
    exact = cells.select(*ACCOUNT, amount=-signed)
    rounding = pl.concat([lines, exact]).with_columns(part=pl.lit("rounding"))
    return [flat, rounding, _effects(cells.filter(pl.col("quantity") != 0))]


def _effects(cells: pl.DataFrame) -> pl.DataFrame:
    """Part the change of cells into volume, mix and price; the three add up to it exactly."""
    is_now = pl.col("is_now")
    sides = {
        "q0": pl.col("quantity").filter(~is_now).sum(),
        "a0": pl.col("amount").filter(~is_now).sum(),
        "q1": pl.col("quantity").filter(is_now).sum(),
        "a1": pl.col("amount").filter(is_now).sum(),
    }
    by_cell = cells.group_by(CELL).agg(**sides)
    at_old_price = [
        _share(a0, q1, q0) if q0 else a1
        for q0, a0, q1, a1 in by_cell.select("q0", "a0", "q1", "a1").iter_rows()
    ]
    of_meter = (
        by_cell.with_columns(old=pl.Series(at_old_price, dtype=EXACT))
        .group_by(METER)
        .agg(pl.col("q0", "a0", "q1", "a1", "old").sum())
    )
    volumes = [
        _share(a0, q1 - q0, q0) if q0 else a1 - a0
        for q0, a0, q1, a1 in of_meter.select("q0", "a0", "q1", "a1").iter_rows()
    ]
    told = of_meter.with_columns(volume=pl.Series(volumes, dtype=EXACT))
    is_new = pl.col("q0") == 0  # of which the whole is volume
    effects = told.with_columns(
        mix=pl.when(is_new).then(0).otherwise(pl.col("old") - pl.col("a0") - pl.col("volume")),
        price=pl.when(is_new).then(0).otherwise(pl.col("a1") - pl.col("old")),
    ).with_columns(pl.col("mix", "price").cast(EXACT))
    return effects.unpivot(
        ["volume", "mix", "price"], index=ACCOUNT, variable_name="part", value_name="amount"
    )


def _share(amount: Decimal, quantity: Decimal, of: Decimal) -> Decimal:
    """Say what `quantity` costs where `of` cost `amount`: the one division, to 18 decimals."""
    with localcontext(prec=60):
        return (amount * quantity / of).quantize(PRICE_STEP, ROUND_HALF_UP)


assert {*ACCOUNT} < {*FIGURE}, "a line is of an account in a currency"
