"""Usage: how many deliveries each account had in a month, by what prices and people ask for.

Months begin at midnight in the account's zone; what nobody owns counts in the seller's. A message
belongs to the owner of its sender at the instant of its delivery. Market follows from place and
local day, so every stretch of the month in which a market, a rate or a plan holds is counted apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Literal, get_args

import polars as pl

from metering import market
from metering.account import Accounts
from metering.event import USAGE, USAGE_DIMENSIONS
from metering.period import Month, midnight, offset_at, offset_changes
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
        "offset_seconds": pl.Int64(),  # of the local clock to UTC, when local time is asked for
        "portfolio_id": pl.String(),
        "rate_date": pl.Date(),
        "start_at": pl.Datetime("us"),
        "end_at": pl.Datetime("us"),
    }
)
LOCAL_TIMES = {"day", "week", "hour"}  # these cut the month into local days
# How each dimension is read off view `counted`.
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
    "day": "rate_date",
    "week": "date_trunc('week', rate_date)::date",
    "month": "getvariable('month')",
    "hour": "hour(counted_at + to_seconds(offset_seconds))",
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
    days = [month.first_day + timedelta(days=n) for n in range(month.day_count)]
    has_local_times = bool(LOCAL_TIMES & set(by))
    _count(
        *(store, accounts, month, meter, days if has_local_times else ()),
        cut_at_clock_changes="hour" in by,
    )
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
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter,
    changes: Sequence[date],
    *,
    cut_at_clock_changes: bool = False,
) -> None:
    """Make view `counted`: one row for each counted unit of the month, with its dimensions."""
    inside = {day for day in (*changes, *market.change_dates()) if _is_inside(day, month)}
    days = sorted({month.first_day, *inside})
    stretches = _stretches(accounts, month, days, cut_at_clock_changes=cut_at_clock_changes)
    frame = pl.DataFrame(list(stretches), STRETCH, orient="row")
    store.put("owners", pl.DataFrame(list(_owners(accounts)), OWNER, orient="row"))
    store.put("stretches", frame)
    store.put("places", market.places())
    store.set("other_market", market.OTHER)
    store.set("month", str(month))
    store.set("start_at", frame["start_at"].min())
    store.set("end_at", frame["end_at"].max())
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
    accounts: Accounts, month: Month, days: Sequence[date], *, cut_at_clock_changes: bool
) -> Iterator[tuple[str, int, str | None, date, datetime, datetime]]:
    """Cut the month of each account at the days given, at midnight in its zone."""
    for account_id in (UNASSIGNED, *accounts.ids()):
        portfolio_id = None
        if account_id != UNASSIGNED:
            portfolio_id = accounts.facts_on(account_id, month.first_day).portfolio_id
        for day, next_day in pairwise([*days, month.next().first_day]):
            zone, start_at = _midnight(accounts, account_id, day)
            _, end_at = _midnight(accounts, account_id, next_day)
            cuts = offset_changes(start_at, end_at, zone) if cut_at_clock_changes else []
            for start, end in pairwise([start_at, *cuts, end_at]):
                offset = int(offset_at(start, zone).total_seconds()) if cut_at_clock_changes else 0
                yield account_id, offset, portfolio_id, day, _naive(start), _naive(end)


def _midnight(accounts: Accounts, account_id: str, day: date) -> tuple[str, datetime]:
    """The zone that holds for an account on a day, and the instant at which the day begins."""
    zone = accounts.seller_time_zone
    if account_id != UNASSIGNED:
        zone = accounts.facts_on(account_id, day).time_zone or zone
    return zone, midnight(day, zone)


def _naive(instant: datetime) -> datetime:
    """The store keeps UTC without a zone."""
    return instant.replace(tzinfo=None)
