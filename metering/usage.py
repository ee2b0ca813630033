"""Usage: how much each account used in a month, by what prices and people ask for.

Months begin at midnight in the account's zone; what nobody owns counts in the seller's. A unit
belongs to the owner of its sender at its instant. Market and type of charge follow from the unit
and its local day, so every stretch of the month in which a market, a rate or a plan holds is
counted apart. What a unit is, and how units add up, a meter says.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from metering.account import Accounts
from metering.aggregation import Count, Peak, TimeWeighted, UniqueCount
from metering.counting import Of, prepare, unread_query, whole_query
from metering.cut import CutAt
from metering.dimension import COLUMN_OF, DIMENSIONS, LOCAL_TIMES, Dimension
from metering.errors import UsageError
from metering.event import QUANTITY, USAGE, USAGE_DIMENSIONS
from metering.levels import peak_query, prepare_levels, time_query
from metering.meter import Meter, shipped_meters
from metering.period import Month
from metering.store import Store

__all__ = [
    "DIMENSIONS",
    "Dimension",
    "measure",
    "messages_of",
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
) -> pl.DataFrame:
    """Count a month for pricing.

    Args:
        meter: A meter, or the name of a shipped one.
        changes: Days inside the month from which another rate or plan holds.

    Returns:
        Schema `USAGE`; unassigned usage has a null account. Sorted by all its columns.
    """
    meter = _known(meter)
    has_levels = isinstance(meter.aggregation, TimeWeighted | Peak)
    dimensions: set[Dimension] = {name for name in meter.source.dimensions if name in meter.cells}
    cut_at: CutAt = "lengths_of_days" if has_levels else "changes"
    _prepare(store, accounts, month, meter, dimensions, days=changes, cut_at=cut_at)
    keys = {
        "account_id": COLUMN_OF["account"],
        **{name: name if name in meter.cells else "null::varchar" for name in USAGE_DIMENSIONS},
        "rate_date": "null::date" if meter.is_whole else "rate_date",
    }
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
    meter = _known(meter)
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


def quantity_below(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter | str,
    *,
    cells: pl.DataFrame,
    bounds: pl.DataFrame,
    changes: Sequence[date],
) -> pl.DataFrame:
    """Say how much of each cell lies within the first units of its scope.

    The order is that of time, by (counted at, key): so does the network, and so nobody can choose
    which of two messages was the free one. Only the scopes asked for are ordered.

    Args:
        meter: One that counts units, or the name of a shipped one: of any other figure no part
            comes first.
        cells: scope, account_id, the usage dimensions, rate_date: what counts together.
        bounds: scope, bound: quantities.
        changes: The days that the cells were cut at, as `measure` was given them.

    Returns:
        scope, bound, account_id, the usage dimensions, rate_date, quantity.
    """
    _place_units(store, accounts, month, _known(meter), changes)
    store.put("asked_cells", cells)
    store.put("asked_bounds", bounds)
    return store.frame("quantity_below").select(
        "scope", "bound", "account_id", *USAGE_DIMENSIONS, "rate_date", "quantity"
    )


def messages_of(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter | str,
    *,
    account_id: str,
    cells: pl.DataFrame,
    changes: Sequence[date],
    limit: int,
) -> pl.DataFrame:
    """List the messages of an account that fall into some cells of usage, in the order of time.

    Args:
        meter: One that counts messages, or the name of a shipped one.
        cells: The usage dimensions and rate_date.
        changes: The days that the cells were cut at, as `measure` was given them.

    Returns:
        message (its key in hex), delivered_at (UTC), the usage dimensions.
    """
    _place_units(store, accounts, month, _known(meter), changes)
    store.put("asked_cells", cells)
    return store.frame("messages_of", {"account_id": account_id, "row_count": limit})


def _known(meter: Meter | str) -> Meter:
    return shipped_meters()[meter] if isinstance(meter, str) else meter


def _prepare(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter,
    dimensions: set[Dimension],
    *,
    days: Sequence[date] = (),
    cut_at: CutAt,
    of: Of = "groups",
) -> None:
    if isinstance(meter.aggregation, TimeWeighted | Peak):
        prepare_levels(store, accounts, month, meter, dimensions, days=days, cut_at=cut_at)
    else:
        prepare(store, accounts, month, meter, dimensions, days=days, cut_at=cut_at, of=of)


def _place_units(
    store: Store, accounts: Accounts, month: Month, meter: Meter, changes: Sequence[date]
) -> None:
    """Make view `metered` of single units, in the cells that `measure` gives them."""
    assert isinstance(meter.aggregation, Count), "only units that are counted have an order"
    dimensions: set[Dimension] = {name for name in meter.source.dimensions if name in meter.cells}
    _prepare(store, accounts, month, meter, dimensions, days=changes, cut_at="changes", of="units")
    store.execute(
        "create or replace temp view cells_of_units as select account_id, unit_key, counted_at,"
        " rate_date, "
        + ", ".join(
            name if name in meter.cells else f"null::varchar as {name}" for name in USAGE_DIMENSIONS
        )
        + " from metered where standing = 'counted'"
    )


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
