"""Usage: how many deliveries each account had in a month, by what prices and people ask for.

Months begin at midnight in the account's zone; what nobody owns counts in the seller's. A message
belongs to the owner of its sender at the instant of its delivery. Market follows from place and
local day, so every stretch of the month in which a market, a rate or a plan holds is counted apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Literal, get_args

import polars as pl

from metering import market
from metering.account import Accounts
from metering.event import USAGE, USAGE_DIMENSIONS
from metering.period import Month, midnight
from metering.store import Store

Meter = Literal["deliveries", "conversations"]
METERS: tuple[str, ...] = get_args(Meter)
Dimension = Literal[
    "account",
    "portfolio",
    "waba",
    "sender",
    "channel",
    "market",
    "country",
    "category",
    "pricing_type",
    "pricing_model",
    "entry_point",
    "day",
    "week",
    "month",
    "hour",
]
DIMENSIONS: tuple[str, ...] = get_args(Dimension)
UNASSIGNED = ""  # the account, in the frames of this module, of a sender that nobody owns

OWNER = pl.Schema(
    {
        "sender_id": pl.String(),
        "waba_id": pl.String(),
        "account_id": pl.String(),
        "start_at": pl.Datetime("us"),
        "end_at": pl.Datetime("us"),
    }
)
STRETCH = pl.Schema(
    {
        "account_id": pl.String(),
        "time_zone": pl.String(),
        "portfolio_id": pl.String(),
        "rate_date": pl.Date(),
        "start_at": pl.Datetime("us"),
        "end_at": pl.Datetime("us"),
    }
)
# How each dimension is read off table `counted`: days are local, of the account.
COLUMN_OF: Mapping[str, str] = {
    "account": "nullif(account_id, '')",
    "portfolio": "portfolio_id",
    "waba": "waba_id",
    "sender": "sender_id",
    "channel": "channel",
    "market": "market",
    "country": "country",
    "category": "category",
    "pricing_type": "pricing_type",
    "pricing_model": "pricing_model",
    "entry_point": "entry_point",
    "day": "local_at::date",
    "week": "date_trunc('week', local_at)::date",
    "month": "strftime(local_at, '%Y-%m')",
    "hour": "hour(local_at)",
}
assert set(COLUMN_OF) == set(DIMENSIONS)


def measure(
    store: Store, accounts: Accounts, month: Month, meter: Meter, *, changes: Sequence[date] = ()
) -> pl.DataFrame:
    """Count a month for pricing.

    Args:
        changes: Days inside the month from which another rate or plan holds.

    Returns:
        Schema `USAGE`; unassigned usage has a null account. Sorted by all its columns.
    """
    _count(store, accounts, month, meter, changes)
    counted = store.frame(
        f"""
        select
            nullif(account_id, '') as account_id,
            {", ".join(USAGE_DIMENSIONS)},
            rate_date,
            count(*)::decimal(38, 6) as quantity
        from counted
        group by all
        """
    )
    frame = counted.with_columns(meter=pl.lit(meter, pl.String))
    return frame.select(USAGE.names()).cast(USAGE).sort(USAGE.names())


def usage_by(
    store: Store, accounts: Accounts, month: Month, meter: Meter, by: Sequence[Dimension]
) -> pl.DataFrame:
    """Count a month for people: a column for each of `by`, then quantity; sorted by all."""
    _count(store, accounts, month, meter, ())
    columns = "".join(f'{COLUMN_OF[name]} as "{name}", ' for name in by)
    frame = store.frame(f"select {columns}count(*) as quantity from counted group by all")
    return frame.sort(*by, nulls_last=True) if by else frame


def quantity_below(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter,
    *,
    cells: pl.DataFrame,
    bounds: pl.DataFrame,
    changes: Sequence[date],
) -> pl.DataFrame:
    """Say how much of each cell lies within the first units of its scope.

    The order is that of time, by (delivered at, message key): so does the network, and so nobody
    can choose which of two messages was the free one. Only the scopes asked for are ordered.

    Args:
        cells: scope, account_id, the usage dimensions, rate_date: what counts together.
        bounds: scope, bound: quantities.
        changes: The days that the cells were cut at, as `measure` was given them.

    Returns:
        scope, bound, account_id, the usage dimensions, rate_date, quantity.
    """
    _count(store, accounts, month, meter, changes)
    store.put("asked_cells", cells)
    store.put("asked_bounds", bounds)
    return store.frame("quantity_below").select(
        "scope", "bound", "account_id", *USAGE_DIMENSIONS, "rate_date", "quantity"
    )


def messages_of(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter,
    *,
    account_id: str,
    cells: pl.DataFrame,
    changes: Sequence[date],
    limit: int,
) -> pl.DataFrame:
    """List the messages of an account that fall into some cells of usage, in the order of time.

    Args:
        cells: The usage dimensions and rate_date.
        changes: The days that the cells were cut at, as `measure` was given them.

    Returns:
        message (its key in hex), delivered_at (UTC), the usage dimensions.
    """
    _count(store, accounts, month, meter, changes)
    store.put("asked_cells", cells)
    return store.frame("messages_of", {"account_id": account_id, "row_count": limit})


def _count(
    store: Store, accounts: Accounts, month: Month, meter: Meter, changes: Sequence[date]
) -> None:
    """Make view `counted`: one row for each counted unit of the month, with its dimensions."""
    owners = pl.DataFrame(list(_owners(accounts)), OWNER, orient="row")
    inside = [day for day in (*changes, *market.change_dates()) if _is_inside(day, month)]
    stretches = pl.DataFrame(
        list(_stretches(accounts, month, sorted({month.first_day, *inside}))), STRETCH, orient="row"
    )
    store.put("owners", owners)
    store.put("stretches", stretches)
    store.put("places", market.places())
    store.set("other_market", market.OTHER)
    store.set("start_at", stretches["start_at"].min())
    store.set("end_at", stretches["end_at"].max())
    store.run(f"units_of_{meter}")
    store.run("count_units")


def _is_inside(day: date, month: Month) -> bool:
    return month.first_day < day <= month.last_day


def _owners(accounts: Accounts) -> Iterator[tuple[str | None, str | None, str, datetime, datetime]]:
    for sender in accounts.senders:
        start, end = (
            _naive(midnight(day, accounts.seller_time_zone))
            for day in (sender.valid_from, min(sender.valid_to, date(9999, 1, 1)))
        )
        yield sender.sender_id, sender.waba_id, sender.account_id, start, end


def _stretches(
    accounts: Accounts, month: Month, days: Sequence[date]
) -> Iterator[tuple[str, str, str | None, date, datetime, datetime]]:
    """Cut the month of each account at the days given, at midnight in its zone."""
    # The facts of the first day hold for the month; an account that begins later is taken as it
    # begins, so that no unit of an owner falls out of the sum.
    first_rows = {account.account_id: account for account in reversed(accounts.accounts)}
    facts = {**first_rows, **accounts.as_of(month.first_day)}
    zones = {i: (accounts.time_zone(a), a.portfolio_id or i) for i, a in facts.items()}
    zones_of_all = {UNASSIGNED: (accounts.seller_time_zone, None), **zones}
    ends = [*days[1:], month.next().first_day]
    instants: dict[tuple[str, date], datetime] = {}
    for account_id, (zone, portfolio_id) in sorted(zones_of_all.items()):
        for day in (*days, ends[-1]):
            if (zone, day) not in instants:
                instants[zone, day] = _naive(midnight(day, zone))
        for start, end in pairwise([*days, ends[-1]]):
            yield account_id, zone, portfolio_id, start, instants[zone, start], instants[zone, end]


def _naive(instant: datetime) -> datetime:
    """The store keeps UTC without a zone."""
    return instant.replace(tzinfo=None)
