"""What one message cost, and why: the month is rated again with the message as a cell of its own.

The steps of charging run as they do for the bill. Where they ask which units come first, the
message answers with its position in the order of time, and the rest of its cell with what is left.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from metering.event import QUANTITY
from pricing.charge import CHARGE_STEPS
from pricing.price import Graduated, Package, Volume
from pricing.scope import CELL
from pricing.terms import UNITS, Below, Crossing, Terms

MARK = " this message"  # behind the pricing_opinion of the cell that is the message
ONE = pl.lit(1, QUANTITY)

# (meter, cells, unit_key) -> how much of each scope comes before a unit: scope, quantity.
Before = Callable[[str, pl.DataFrame, str], pl.DataFrame]


@dataclass(frozen=True)
class Unit:
    """One delivery of a message to a recipient, as metering found it."""

    meter: str
    unit_key: str
    counted_at: datetime
    cell: dict[str, Any]  # by CELL


def rate_message(
    unit: Unit, units: pl.DataFrame, terms: Terms, before: Before
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Rate one unit as the bill does.

    Args:
        unit: One of a meter that counts.
        units: Schema `UNITS`, of all charges of the month on that meter.
        terms: Those of the bill.
        before: Metering's answer about the position of a unit.

    Returns:
        Schema `PRICED`, a row for each charge that takes the unit; and the position of the unit,
        counted from 1, in each scope whose order mattered.
    """
    positions: dict[str, int] = {}
    marked = _marked(units, unit)
    asking = replace(
        terms,
        by_time=True,
        allowed={
            number: where.model_copy(
                update={
                    "pricing_opinion": where.pricing_opinion
                    and (*where.pricing_opinion, *(o + MARK for o in where.pricing_opinion))
                }
            )
            for number, where in terms.allowed.items()
        },
        below=_below(unit, terms.below, before, positions),
    )
    frame, is_ours = marked, pl.col("pricing_opinion").str.ends_with(MARK).fill_null(False)
    for step in CHARGE_STEPS:
        if step.__name__ == "add_up_cells":
            frame = frame.filter(is_ours, pl.col("quantity") > 0)
        frame = step(frame, asking)
    return _without_share_of_packages(frame, terms), positions


def _marked(units: pl.DataFrame, unit: Unit) -> pl.DataFrame:
    """Take the unit out of its cell, and put it beside it as a cell of its own."""
    is_its_cell = pl.all_horizontal(
        pl.col(name).eq_missing(pl.lit(unit.cell[name], UNITS[name])) for name in CELL
    )
    of_cell = units.filter(is_its_cell)
    opinion = pl.concat_str(pl.col("pricing_opinion").fill_null(""), pl.lit(MARK))
    return pl.concat(
        [
            units.filter(~is_its_cell),
            of_cell.with_columns(quantity=pl.col("quantity") - ONE).filter(pl.col("quantity") > 0),
            of_cell.with_columns(quantity=ONE, pricing_opinion=opinion),
        ]
    )


def _below(unit: Unit, below: Below, before: Before, positions: dict[str, int]) -> Below:
    def answer(
        meter: str, cells: pl.DataFrame, bounds: pl.DataFrame, crossing: Crossing
    ) -> pl.DataFrame:
        whole = cells.with_columns(_unmarked())
        known = whole.unique(maintain_order=True)
        found = below(meter, known, bounds, crossing)
        is_ours = pl.col("pricing_opinion").str.ends_with(MARK).fill_null(False)
        ours = cells.filter(is_ours).select("scope", *CELL)
        if ours.is_empty():
            return found
        place = before(meter, known, unit.unit_key).rename({"quantity": "place"})
        positions.update({scope: int(at) + 1 for scope, at in place.rows()})
        inside = (
            ours.join(bounds, on="scope")
            .join(place, on="scope")
            .with_columns(
                quantity=pl.when(pl.col("place") < pl.col("bound")).then(ONE).otherwise(0)
            )
            .with_columns(pl.col("quantity").cast(QUANTITY))
        )
        names = ["scope", "bound", *CELL, "quantity"]
        taken = inside.with_columns(_unmarked()).select(*names[:-1], taken="quantity")
        rest = found.select(names).join(taken, on=names[:-1], how="left", nulls_equal=True)
        left = rest.with_columns(
            quantity=(pl.col("quantity") - pl.col("taken").fill_null(0)).cast(QUANTITY)
        )
        return pl.concat([left.select(names), inside.select(names)])

    return answer


def _unmarked() -> pl.Expr:
    opinion = pl.col("pricing_opinion").str.strip_suffix(MARK)
    return pl.when(opinion == "").then(None).otherwise(opinion).alias("pricing_opinion")


def _without_share_of_packages(priced: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Give no price to a unit that comes in a package: the package has one, with others."""
    packed = [number for number, part in terms.parts.items() if _is_packed(part.price)]
    is_packed = pl.col("charge_id").is_in(packed) & (pl.col("status") == "billed")
    return priced.with_columns(
        pl.when(~is_packed).then(name).alias(name) for name in ("unit_price", "amount")
    )


def _is_packed(price: object) -> bool:
    if isinstance(price, Graduated | Volume):
        return any(tier.package_size is not None for tier in price.tiers)
    return isinstance(price, Package) and price.partial != "exact"
