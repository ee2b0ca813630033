"""Why an invoice, or a month of them, differs from before: by quantity, by price, by what is new.

Of a charge that both months have, what the change of its quantity makes at the mean price of the
month before is due to quantity, and the rest to price: both add up to the difference exactly.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Literal

import polars as pl

from metering.event import QUANTITY

Cause = Literal["new", "ended", "quantity", "price"]
CHARGED = pl.Schema(
    {
        "account_id": pl.String(),  # who pays
        "currency": pl.String(),
        "charge": pl.String(),
        "is_correction": pl.Boolean(),
        "quantity": QUANTITY,
        "amount_minor": pl.Int64(),
    }
)
CHARGE_KEY = ("account_id", "currency", "charge", "is_correction")
MOVED = pl.Schema(
    {
        "currency": pl.String(),
        "cause": pl.String(),  # a `Cause`, or new_account, ended_account, correction
        "charge": pl.String(),
        "account_count": pl.Int64(),
        "amount_minor": pl.Int64(),
    }
)


@dataclass(frozen=True)
class Move:
    """What one cause did to one charge, in minor units."""

    charge: str
    cause: Cause
    amount_minor: int
    quantity: Decimal
    quantity_before: Decimal


def moves(now: pl.DataFrame, before: pl.DataFrame) -> list[Move]:
    """Explain the difference of two invoices by their lines (schema `LINE`), the largest first.

    Example:
        >>> line = {"charge": "utility", "quantity": Decimal(10), "amount_minor": 100}
        >>> more = {**line, "quantity": Decimal(15), "amount_minor": 180}
        >>> found = moves(pl.DataFrame([more]), pl.DataFrame([line]))
        >>> [(move.cause, move.amount_minor) for move in found]
        [('quantity', 50), ('price', 30)]
    """
    names = ("charge", "quantity", "amount_minor")
    lines = [
        {
            charge: (quantity, minor)
            for charge, quantity, minor in frame.group_by("charge")
            .agg(pl.col("quantity", "amount_minor").sum())
            .select(names)
            .iter_rows()
        }
        for frame in (now, before)
    ]
    found = []
    for charge in sorted({*lines[0], *lines[1]}):
        found += _of_charge(charge, lines[0].get(charge), lines[1].get(charge))
    return sorted(found, key=lambda move: (-abs(move.amount_minor), move.charge, move.cause))


def moves_of_month(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Explain the difference of two months by the lines of their invoices: schema `MOVED`.

    What an account that had no lines before is charged is due to it being new, and likewise for one
    that has none any more. The parts of a currency add up to its difference.

    Args:
        now, before: Schema `CHARGED`.

    Example:
        >>> line = ("acme", "USD", "utility", False, Decimal(10), 100)
        >>> more = ("acme", "USD", "utility", False, Decimal(15), 180)
        >>> frames = [pl.DataFrame([row], CHARGED, orient="row") for row in (more, line)]
        >>> moves_of_month(*frames).select("cause", "amount_minor").rows()
        [('quantity', 50), ('price', 30)]
    """
    told = _beside(now, before)
    whole = pl.col("amount_minor").fill_null(0) - pl.col("old_minor").fill_null(0)
    parts = [
        told.with_columns(
            cause=pl.col("cause").fill_null("quantity"),
            moved=pl.when(pl.col("cause").is_null()).then("by_quantity").otherwise(whole),
        ),
        told.filter(pl.col("cause").is_null()).with_columns(
            cause=pl.lit("price"), moved=whole - pl.col("by_quantity")
        ),
    ]
    rows = pl.concat(parts).filter(pl.col("moved") != 0)
    summed = rows.group_by("currency", "cause", "charge").agg(
        account_count=pl.col("account_id").n_unique(), amount_minor=pl.col("moved").sum()
    )
    return summed.select(pl.col(name).cast(kind) for name, kind in MOVED.items()).sort(
        "currency",
        pl.col("amount_minor").abs(),
        "charge",
        "cause",
        descending=[False, True, False, False],
    )


def _beside(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Set each charge of an account beside itself; the cause is null where both months have it."""
    sums = [
        frame.group_by(CHARGE_KEY).agg(pl.col("quantity", "amount_minor").sum())
        for frame in (now, before)
    ]
    payers = [
        frame.select("account_id", "currency", pl.lit(value=True).alias(name)).unique()
        for name, frame in zip(("has_now", "has_before"), sums, strict=True)
    ]
    names = {"quantity": "old_quantity", "amount_minor": "old_minor"}
    both = sums[0].join(sums[1].rename(names), on=CHARGE_KEY, how="full", coalesce=True)
    for frame in payers:
        both = both.join(frame, on=["account_id", "currency"], how="left")
    cause = (
        pl.when("is_correction")
        .then(pl.lit("correction"))
        .when(pl.col("has_before").is_null())
        .then(pl.lit("new_account"))
        .when(pl.col("has_now").is_null())
        .then(pl.lit("ended_account"))
        .when(pl.col("old_minor").is_null())
        .then(pl.lit("new"))
        .when(pl.col("amount_minor").is_null())
        .then(pl.lit("ended"))
    )
    return both.with_columns(cause=cause, by_quantity=_by_quantity())


def _by_quantity() -> pl.Expr:
    """What the change of a quantity makes at the mean price before, half away from zero."""
    quantity, old = (pl.col(name).to_physical() for name in ("quantity", "old_quantity"))
    minor = pl.col("old_minor").cast(pl.Int128)
    product, whole = (quantity - old) * minor * old.sign(), old.abs()
    rounded = (2 * product.abs() + whole) // (2 * whole) * product.sign()
    return pl.when(old != 0).then(rounded).otherwise(0).cast(pl.Int64)


def _of_charge(
    charge: str, now: tuple[Decimal, int] | None, before: tuple[Decimal, int] | None
) -> list[Move]:
    zero = Decimal(0)
    if before is None:
        assert now is not None, "one of the two has the charge"
        return [Move(charge, "new", now[1], now[0], zero)] if now[1] else []
    if now is None:
        return [Move(charge, "ended", -before[1], zero, before[0])] if before[1] else []
    (quantity, minor), (old_quantity, old_minor) = now, before
    by_quantity = 0
    if old_quantity:
        with localcontext(prec=60):
            exact = (quantity - old_quantity) * old_minor / old_quantity
            by_quantity = int(exact.to_integral_value(ROUND_HALF_UP))
    by_price = minor - old_minor - by_quantity
    causes: tuple[tuple[Cause, int], ...] = (("quantity", by_quantity), ("price", by_price))
    return [Move(charge, cause, part, quantity, old_quantity) for cause, part in causes if part]
