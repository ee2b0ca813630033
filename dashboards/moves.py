"""Why an invoice differs from the one before: by quantity, by price, or by what is new.

Of a charge that both months have, what the change of its quantity makes at the mean price of the
month before is due to quantity, and the rest to price: both add up to the difference exactly.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Literal

import polars as pl

Cause = Literal["new", "ended", "quantity", "price"]


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
