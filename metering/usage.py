"""Usage: how much each account used in a month, by what prices and people ask for.

Months begin at midnight in the account's zone; what nobody owns counts in the seller's. A unit
belongs to the owner of its sender at its instant. Market and type of charge follow from the unit
and its local day, so every stretch of the month in which a market, a rate or a plan holds is
counted apart. What a unit is, and how units add up, a meter says.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import polars as pl

from metering.account import Accounts
from metering.aggregation import Count, Peak, TimeWeighted, UniqueCount
from metering.cell import Split, columns_of_cell, dimensions_of
from metering.clock import ClockOf
from metering.counting import prepare, unread_query, whole_query
from metering.cut import CutAt
from metering.dimension import COLUMN_OF, DIMENSIONS, LOCAL_TIMES, Dimension
from metering.errors import UsageError
from metering.event import QUANTITY, USAGE
from metering.levels import peak_query, prepare_levels, time_query
from metering.meter import Meter, known_meter
from metering.order import cells_of_message, messages_of, quantity_before, quantity_below
from metering.period import Month
from metering.store import Store

__all__ = [
    "DIMENSIONS",
    "ClockOf",
    "Dimension",
    "Split",
    "cells_of_message",
    "measure",
    "messages_of",
    "quantity_before",
    "quantity_below",
    "unread_units",
    "usage_by",
]


def measure(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter | str,
    *,
    changes: Sequence[date] = (),
    apart: Collection[Split] = (),
    clock: ClockOf = "account",
) -> pl.DataFrame:
    """Count a month for pricing.

    Args:
        meter: A meter, or the name of a shipped one.
        changes: Days inside the month from which another rate or plan holds.
        apart: What else to tell apart; it fills the columns `USAGE_SPLITS`, as far as the units
            know. A figure of a whole month is then one of each waba or sender.
        clock: Whose zone the month, its days and `rate_date` are in: with `sender`, that which
            senders.csv gives the sender. Owners stay the same.

    Returns:
        Schema `USAGE`; unassigned usage has a null account. Sorted by all its columns.
    """
    meter = known_meter(meter)
    has_levels = isinstance(meter.aggregation, TimeWeighted | Peak)
    cut_at: CutAt = "lengths_of_days" if has_levels else "changes"
    dimensions = dimensions_of(meter, apart)
    _prepare(store, accounts, month, meter, dimensions, days=changes, cut_at=cut_at, clock=clock)
    keys = columns_of_cell(meter, apart)
    date_key = None if meter.is_whole else "rate_date"
    parts = [_quantities(store, meter, {**keys, "standing": "standing"}, date_key)]
    if meter.can_be_unread:
        unread = store.frame(unread_query({**keys, "standing": "'unread'"}))
        parts.append(unread.with_columns(pl.col("quantity").cast(QUANTITY)))
    counted = pl.concat([part.with_columns(pl.col("quantity").cast(QUANTITY)) for part in parts])
    frame = counted.with_columns(meter=pl.lit(meter.meter, pl.String))
    return frame.select(USAGE.names()).cast(USAGE).sort(USAGE.names())


def usage_by(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter | str,
    by: Sequence[Dimension],
) -> pl.DataFrame:
    """Count a month for people: a column for each of `by`, then quantity; sorted by all.

    What is billed and what was removed from the seller counts alike. Units without a value are in
    no quantity: `unread_units` counts them.

    Args:
        meter: A meter, or the name of a shipped one.

    Returns:
        A quantity is a whole number (Int64) where units are counted, else `QUANTITY`.

    Raises:
        UsageError: the meter cannot tell a dimension apart.
    """
    meter = known_meter(meter)
    for name in by:
        if name not in meter.dimensions:
            raise UsageError(
                f"meter '{meter.meter}' has no dimension '{name}': {meter.source.kind} know none",
                where="--by",
                hint=f"use any of: {', '.join(meter.dimensions)}",
            )
    _prepare(store, accounts, month, meter, set(by), cut_at=_cut_for(meter, by))
    keys: dict[str, str] = {name: COLUMN_OF[name] for name in by}
    frame = _quantities(store, meter, keys, None)
    return frame.sort(*by, nulls_last=True) if by else frame


def unread_units(store: Store, meter: Meter) -> int:
    """Count the units without a value that the meter could use, of what was last asked of it."""
    if not meter.can_be_unread:
        return 0
    return int(store.frame(unread_query({}))["quantity"].sum())


def _prepare(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter,
    dimensions: set[Dimension],
    *,
    days: Sequence[date] = (),
    cut_at: CutAt,
    clock: ClockOf = "account",
) -> None:
    make = prepare_levels if isinstance(meter.aggregation, TimeWeighted | Peak) else prepare
    make(store, accounts, month, meter, dimensions, days=days, cut_at=cut_at, clock=clock)


def _cut_for(meter: Meter, by: Sequence[Dimension]) -> CutAt:
    if "hour" in by:
        return "hours"
    if LOCAL_TIMES & set(by):
        return "days"
    return "lengths_of_days" if isinstance(meter.aggregation, TimeWeighted) else "changes"


def _quantities(
    store: Store, meter: Meter, keys: Mapping[str, str], date_key: str | None
) -> pl.DataFrame:
    match meter.aggregation:
        case Peak():
            return store.frame(peak_query(keys))
        case TimeWeighted():
            return store.frame(time_query(keys, date=date_key))
    frame = store.frame(whole_query(meter, keys))
    whole = isinstance(meter.aggregation, Count | UniqueCount)
    return frame.cast({"quantity": pl.Int64 if whole else QUANTITY})
