"""Where a unit of a month belongs: its account, the local day of its owner, its market.

What `usage` does for the units that are billed, for any other view `units`: a report on how far the
usage can be trusted has the same months, owners and markets as the usage itself.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from metering import market
from metering.account import Accounts
from metering.cut import owners_of, stretches_of
from metering.period import Month
from metering.store import Store


def place_month(store: Store, accounts: Accounts, month: Month, days: Sequence[date] = ()) -> None:
    """Say which accounts, days and markets `sql/count_units.sql` finds for the rows of `units`.

    To be followed by a statement that makes view `units` (unit_key, sender_id, waba_id, prefix,
    country, counted_at, and whatever else it wants to keep), and by `store.run("count_units")`,
    which makes view `counted`: the units of the month with account_id ('' where nobody owns the
    sender), rate_date and market.

    Args:
        days: Where the month is cut, beside the days on which markets change; `rate_date` is the
            first local day of its stretch. Days before the month begin its span earlier.
    """
    inside = {day for day in market.change_dates() if month.first_day < day <= month.last_day}
    cuts = sorted({month.first_day, *inside, *days})
    clocks, stretches = stretches_of(accounts, month, cuts)
    store.put("owners", owners_of(accounts))
    put_stretches(store, clocks, stretches)
    store.put("places", market.places())
    store.set("other_market", market.OTHER)
    store.set("month", str(month))
    store.set("start_at", stretches["start_at"].min())
    store.set("end_at", stretches["end_at"].max())


def put_stretches(store: Store, clocks: pl.DataFrame, stretches: pl.DataFrame) -> None:
    """Make view `stretches`, those of each clock, of what `stretches_of` answers."""
    store.put("clocks", clocks)
    store.put("stretches_of_zones", stretches)
    store.run("stretches_of_clocks")
