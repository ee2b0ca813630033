"""The order of time: which units of a month come first, where an allowance or a tier takes these.

Units come one after another by (counted_at, unit_key): so does the network, and so nobody can
choose which of two messages was the free one. Pricing names scopes and bounds, and is answered in
quantities; it sees no unit. See docs/decisions/0016-clocks-and-the-order-of-time.md.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Literal

import polars as pl

from metering.account import Accounts
from metering.aggregation import Count
from metering.cell import CELL, Split, columns_of_cell, dimensions_of
from metering.clock import ClockOf
from metering.counting import prepare
from metering.errors import UsageError
from metering.event import QUANTITY, USAGE, USAGE_DIMENSIONS, USAGE_SPLITS
from metering.meter import Meter, known_meter
from metering.period import Month
from metering.store import Store

Crossing = Literal["split", "after"]
# One row for each unit of a message; `unit_key` is in hex, `counted_at` in UTC.
UNIT = pl.Schema(
    {
        "unit_key": pl.String(),
        "counted_at": pl.Datetime("us", "UTC"),
        **{name: USAGE[name] for name in CELL},
        "standing": pl.String(),
    }
)


def quantity_below(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter | str,
    *,
    cells: pl.DataFrame,
    bounds: pl.DataFrame,
    changes: Sequence[date],
    apart: Collection[Split] = (),
    clock: ClockOf = "account",
    crossing: Crossing = "split",
) -> pl.DataFrame:
    """Say how much of each cell lies within the first units of its scope.

    Only the scopes asked for are ordered. Values below zero bring the total of a scope down again;
    what a cell has below a bound is what the total, cut at the bound, gains by its units.

    Args:
        meter: One that counts or adds up units, or the name of a shipped one: of any other figure
            no part comes first.
        cells: scope, account_id, `USAGE_SPLITS`, the usage dimensions, rate_date: what counts
            together. A split that is left out is null, as where it is not asked for. With
            first_scope and first_bound (`QUANTITY`), what lies within the first `first_bound` of
            everything with that first_scope is taken out before the scope is counted; a null
            takes nothing out. All cells of a first_scope must be there: one that stands in no
            scope, as all of it is taken, has a null scope. A first_scope has one bound; a cell
            stands once in each scope.
        bounds: scope, bound: quantities.
        changes: The days that the cells were cut at, as `measure` was given them; so are `apart`
            and `clock`.
        crossing: Whether a unit that crosses a bound is cut there, or lies `after` it as a whole.

    Returns:
        scope, bound, account_id, `USAGE_SPLITS`, the usage dimensions, rate_date, quantity: a row
        for each cell and bound of its scope.
    """
    meter = known_meter(meter)
    _place_units(store, accounts, month, _narrowed(meter, cells), changes, apart, clock)
    _scope_units(store, meter, cells, crossing)
    store.put("asked_bounds", bounds)
    return store.frame("quantity_below").select("scope", "bound", *CELL, "quantity")


def quantity_before(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter | str,
    *,
    cells: pl.DataFrame,
    unit_key: str,
    changes: Sequence[date],
    apart: Collection[Split] = (),
    clock: ClockOf = "account",
    crossing: Crossing = "split",
) -> pl.DataFrame:
    """Say how much of each scope comes before a unit: its position, and that of a tier's start.

    Args:
        cells: As in `quantity_below`.
        unit_key: In hex, as `cells_of_message` and `messages_of` name a unit.

    Returns:
        scope, quantity: a row for each scope, sorted.

    Raises:
        UsageError: the meter has no such unit in the month.
    """
    meter = known_meter(meter)
    _place_units(store, accounts, month, meter, changes, apart, clock)
    key = str(int(unit_key, 16))
    instant = store.value(
        "select min(counted_at) from cells_of_units where unit_key = $unit_key::uhugeint",
        {"unit_key": key},
    )
    if instant is None:
        raise UsageError(
            f"the meter '{meter.meter}' has no unit '{unit_key}' in {month}",
            where="unit_key",
            hint="take it from the messages of a line of that month",
        )
    _scope_units(store, meter, cells, crossing)
    return store.frame("quantity_before", {"counted_at": instant, "unit_key": key})


def cells_of_message(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter | str,
    *,
    message_id: str,
    changes: Sequence[date],
    apart: Collection[Split] = (),
    clock: ClockOf = "account",
) -> pl.DataFrame:
    """Find the units of a message in a month, one for each recipient, and the cell of each.

    Args:
        meter: One that counts or adds up units. CloudEvents and numbers are of no message.
        message_id: As the network wrote it; it is hashed, and goes no further.
        changes: The days that the cells were cut at, as `measure` was given them; so are `apart`
            and `clock`.

    Returns:
        Schema `UNIT`, in the order of time; `standing` is that of the cell. No rows where the month
        has no such unit.

    Raises:
        TollbookError: the key of the book is not there.
    """
    store.need_secret()
    _place_units(store, accounts, month, known_meter(meter), changes, apart, clock)
    store.run("keys_of_message", {"message_id": message_id})
    return store.frame("cells_of_message").select(UNIT.names()).cast(UNIT)


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
    _place_units(store, accounts, month, known_meter(meter), changes, (), "account")
    store.put("asked_cells", cells)
    return store.frame("messages_of", {"account_id": account_id, "row_count": limit})


def _place_units(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter,
    changes: Sequence[date],
    apart: Collection[Split],
    clock: ClockOf,
) -> None:
    """Make view `cells_of_units`: each unit with its value, in the cell that `measure` gives it."""
    assert meter.is_ordered, "only units that are counted or added up have an order"
    dimensions = dimensions_of(meter, apart)
    prepare(store, accounts, month, meter, dimensions, days=changes, clock=clock, of="units")
    columns = columns_of_cell(meter, apart)
    kept = "true" if meter.can_be_unread else "standing != 'unread'"
    store.execute(
        "create or replace temp view cells_of_units as select unit_key, counted_at, value, "
        + ", ".join(f"{expression} as {name}" for name, expression in columns.items())
        + ", case when standing = 'counted' and value is null then 'unread' else standing end"
        f" as standing from metered where {kept}"
    )


def _narrowed(meter: Meter, cells: pl.DataFrame) -> Meter:
    """Leave out units that are in no cell by their category alone, before anything is looked up."""
    asked = cells["category"].unique()
    if "category" in meter.where or "category" not in meter.cells or asked.has_nulls():
        return meter
    return meter.model_copy(update={"where": {**meter.where, "category": tuple(sorted(asked))}})


def _scope_units(store: Store, meter: Meter, cells: pl.DataFrame, crossing: Crossing) -> None:
    """Make view `scoped_units`: what the first scopes leave of each unit, in its scope."""
    absent = [name for name in (*USAGE_SPLITS, *FIRST) if name not in cells.columns]
    asked = cells.with_columns(pl.lit(None, ASKED[name]).alias(name) for name in absent)
    asked = asked.cast({name: ASKED[name] for name in (*CELL, "first_bound")})
    distinct = asked.select(CELL).unique().with_row_index("cell_no")
    numbered = asked.join(distinct, on=CELL, nulls_equal=True)
    scopes = numbered.select("scope", "cell_no", "first_scope").drop_nulls("scope").unique()
    firsts = numbered.select("cell_no", *FIRST).unique()
    _check_scopes(scopes, firsts)
    has_firsts = not firsts["first_scope"].is_null().all()
    for table, frame in (
        *(("asked_cells", distinct), ("asked_scopes", scopes), ("asked_firsts", firsts)),
    ):
        store.put(table, frame)
    is_count = isinstance(meter.aggregation, Count)
    store.set("crossing", crossing)
    # Of whole units the total is the number of the row, which is found twice as fast.
    store.set("are_whole", is_count)
    store.set("are_left_whole", is_count and not has_firsts)
    store.run("place_in_cells")
    if has_firsts:
        store.run("take_first_units")
    store.run("scope_units")


FIRST = ("first_scope", "first_bound")
ASKED = pl.Schema(
    {
        **{name: USAGE[name] for name in (*USAGE_SPLITS, *USAGE_DIMENSIONS)},
        "account_id": pl.String(),
        "rate_date": pl.Date(),
        "first_scope": pl.String(),
        "first_bound": QUANTITY,
    }
)


def _check_scopes(scopes: pl.DataFrame, firsts: pl.DataFrame) -> None:
    assert scopes.select("scope", "cell_no").is_unique().all(), "a cell stands once in a scope"
    bounds = firsts.drop_nulls("first_scope").select(FIRST).unique()
    assert bounds["first_scope"].is_unique().all(), "a first scope has one bound"
    assert not bounds["first_bound"].has_nulls(), "a first scope has a bound"
