"""Messages one by one: the usage that they add up to, and the order of time among them.

What metering answers for events, this answers for a list of messages by walking over it: slow, and
with no rule of pricing in it.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Any

import polars as pl

from metering.aggregation import Count, CountOf, Sum
from metering.event import QUANTITY, USAGE, USAGE_DIMENSIONS, USAGE_SPLITS
from metering.meter import DELIVERIES, Meter
from metering.period import Month
from pricing.asking import Ask, asks_of
from pricing.catalog import Catalog
from pricing.scope import CELL
from pricing.terms import Below, Crossing

Cell = tuple[object, ...]  # the values of CELL
SPLIT_NAMES = {
    **{"waba_id": "waba", "sender_id": "sender", "pricing_opinion": "opinion"},
    "reported_cost": "reported_cost",
}


@dataclass(frozen=True)
class Message:
    """A unit of a meter; the place in a list is its time, and days never go back."""

    account_id: str
    day: date
    meter: str = DELIVERIES
    value: Decimal = Decimal(1)  # what a meter that adds up finds in it
    sender_id: str | None = "s1"
    waba_id: str | None = "w1"
    pricing_opinion: str | None = "network"
    reported_cost: str | None = None
    channel: str | None = "whatsapp"
    market: str | None = "Brazil"
    country: str | None = "BR"
    category: str | None = "marketing"
    pricing_model: str | None = "PMP"
    pricing_type: str | None = "regular"


def usage_of(
    messages: Sequence[Message],
    catalog: Catalog,
    month: Month,
    *,
    asked: Sequence[Ask] | None = None,
) -> tuple[pl.DataFrame, Below]:
    """Add messages up as metering would be asked to, and answer about their order.

    Args:
        asked: What metering is asked for; left out: what the plans in use need.

    Returns:
        Schema `USAGE`, and what `rate_month` asks of the order of time.
    """
    asks = {a.meter.meter: a for a in (asks_of(catalog, month) if asked is None else asked)}
    held = [m for m in messages if month.first_day <= m.day <= month.last_day]
    amounts: dict[tuple[str, Cell], Decimal] = {}
    for name, ask in asks.items():
        for cell, value in _units(held, ask, month):
            key = (name, cell)
            amounts[key] = amounts.get(key, Decimal(0)) + value
    rows = [_usage_row(name, cell, amount) for (name, cell), amount in amounts.items()]
    usage = pl.DataFrame([[row[name] for name in USAGE] for row in rows], USAGE, orient="row")

    def below(
        meter: str, cells: pl.DataFrame, bounds: pl.DataFrame, crossing: Crossing
    ) -> pl.DataFrame:
        return _walk([*_units(held, asks[meter], month)], cells, bounds, crossing)

    return usage, below


def value_of(message: Message, meter: Meter) -> Decimal | None:
    """What a message adds to a meter; None if the meter does not count it."""
    if message.meter != meter.meter.split(" (")[0]:
        return None
    aggregation = meter.aggregation
    if isinstance(aggregation, Count):
        return Decimal(1)
    assert isinstance(aggregation, Sum | CountOf), "messages are counted or added up"
    value = message.value
    if isinstance(aggregation, Sum) and aggregation.step is not None:
        started = (value / aggregation.step).to_integral_value(ROUND_CEILING)
        value = started * aggregation.step_value
    if aggregation.over is not None and value <= aggregation.over:
        return None
    if aggregation.up_to is not None and value > aggregation.up_to:
        return None
    return value if isinstance(aggregation, Sum) else Decimal(1)


def _units(messages: Sequence[Message], ask: Ask, month: Month) -> Iterator[tuple[Cell, Decimal]]:
    for message in messages:
        value = value_of(message, ask.meter)
        if value is not None:
            yield _cell(message, ask, month), value


def _cell(message: Message, ask: Ask, month: Month) -> Cell:
    begun = [day for day in ask.days if day <= message.day]
    known: dict[str, object] = {
        "account_id": message.account_id,
        "rate_date": max(begun, default=month.first_day),
    }
    for name in USAGE_SPLITS:
        known[name] = getattr(message, name) if SPLIT_NAMES[name] in ask.apart else None
    for name in USAGE_DIMENSIONS:
        known[name] = getattr(message, name) if name in ask.meter.cells else None
    if "pricing_type" not in ask.meter.cells:
        known["pricing_opinion"] = None
    return tuple(known[name] for name in CELL)


def _usage_row(meter: str, cell: Cell, amount: Decimal) -> Mapping[str, object]:
    named = dict(zip(CELL, cell, strict=True))
    return {**named, "meter": meter, "standing": "counted", "quantity": amount}


def _walk(
    units: Sequence[tuple[Cell, Decimal]],
    cells: pl.DataFrame,
    bounds: pl.DataFrame,
    crossing: Crossing,
) -> pl.DataFrame:
    """Answer as `metering.order.quantity_below` says, one unit after another."""
    scopes: dict[Cell, list[tuple[str, str | None, Decimal | None]]] = {}
    for row in cells.iter_rows(named=True):
        cell = tuple(row[name] for name in CELL)
        scopes.setdefault(cell, []).append((row["scope"], row["first_scope"], row["first_bound"]))
    unknown = scopes.keys() - {cell for cell, _ in units}
    assert not unknown, f"metering has no such cells: {unknown}"
    of_scope: dict[str, list[Decimal]] = {}
    for scope, bound in bounds.select("scope", "bound").iter_rows():
        of_scope.setdefault(scope, []).append(bound)
    reached: Counter[Any] = Counter()
    found: dict[tuple[str, Decimal, Cell], Decimal] = {}
    for cell, value in units:
        left = _left_of(value, scopes.get(cell, ()), reached, crossing)
        for scope, quantity in left:
            before = Decimal(reached["scope", scope])
            reached["scope", scope] += quantity  # type: ignore[assignment]
            for bound in of_scope.get(scope, ()):
                key = (scope, bound, cell)
                within = _within(before, quantity, bound, crossing)
                found[key] = found.get(key, Decimal(0)) + within
    schema = {
        **{"scope": pl.String(), "bound": QUANTITY},
        **{name: USAGE[name] for name in CELL},
        "quantity": QUANTITY,
    }
    rows = [(scope, bound, *cell, amount) for (scope, bound, cell), amount in found.items()]
    return pl.DataFrame(rows, schema, orient="row")


def _left_of(
    value: Decimal,
    scopes: Collection[tuple[str, str | None, Decimal | None]],
    reached: Counter[Any],
    crossing: Crossing,
) -> list[tuple[str, Decimal]]:
    """What first scopes leave of a unit, in each of its scopes."""
    left_after: dict[str | None, Decimal] = {None: value}
    for _, first, bound in scopes:
        if first is not None and bound is not None and first not in left_after:
            before = Decimal(reached["first", first])
            left_after[first] = value - _within(before, value, bound, crossing)
            reached["first", first] += value  # type: ignore[assignment]
    return [(scope, left_after[first]) for scope, first, _ in scopes]


def _within(before: Decimal, value: Decimal, bound: Decimal, crossing: Crossing) -> Decimal:
    if crossing == "after" and before + value > bound:
        return Decimal(0)
    return max(Decimal(0), min(before + value, bound) - min(before, bound))
