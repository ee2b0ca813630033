"""Notices: what the network says of an account of its own, and what later prices ask of it."""

from datetime import datetime

import polars as pl

from metering.account import Accounts
from metering.cut import owners_of
from metering.period import Month
from metering.store import Store

NOTICE = pl.Schema(
    {
        "at": pl.Datetime("us", "UTC"),
        "waba": pl.String(),
        "account": pl.String(),  # null where nobody owns the waba or a sender of it
        "what": pl.String(),  # the network's name
        "details": pl.String(),  # in words; the data as it came where no words are known
    }
)
MONTH = pl.Schema({"account": pl.String(), "start_at": NOTICE["at"], "end_at": NOTICE["at"]})
# One row for each tier, month, region and category of a waba.
TIER_REACHED = pl.Schema(
    {
        "waba_id": pl.String(),
        "month": pl.String(),  # 2026-10, in the zone of the waba
        "region": pl.String(),  # a market, in the network's words
        "category": pl.String(),
        "tier_lower": pl.Int64(),  # the first message of the tier
        "tier_upper": pl.Int64(),  # the last, inclusive; null where there is none
        "reached_at": pl.Datetime("us"),  # the earliest that was told; UTC
    }
)
AUTH_INTERNATIONAL = pl.Schema(
    {
        "waba_id": pl.String(),
        "start_at": pl.Datetime("us"),  # UTC; null where the network did not say
        "exceptions": pl.List(pl.Struct({"country": pl.String(), "start_at": pl.Datetime("us")})),
        "noticed_at": pl.Datetime("us"),
    }
)


def notices(store: Store, accounts: Accounts, month: Month | None = None) -> pl.DataFrame:
    """List the notices of a month in the zone of each account, or all of them.

    A notice is of the account that owns the waba at its instant by a row of senders.csv; without
    one, of each account that owns a sender of the waba.

    Returns:
        Schema `NOTICE`, by time.
    """
    store.put("owners", owners_of(accounts))
    found = store.frame("notices").with_columns(pl.col("at").dt.replace_time_zone("UTC"))
    if month is not None:
        months = {name: accounts.month_bounds(name, month) for name in accounts.ids()}
        rows: list[tuple[str | None, datetime, datetime]] = [
            (None, *month.bounds(accounts.seller_time_zone))
        ]
        rows += [(name, *bounds) for name, bounds in months.items()]
        found = found.join(
            pl.DataFrame(rows, MONTH, orient="row"),
            on="account",
            nulls_equal=True,
            maintain_order="left",
        ).filter(pl.col("at") >= pl.col("start_at"), pl.col("at") < pl.col("end_at"))
    return found.select(NOTICE.names()).cast(NOTICE)


def tiers_reached(store: Store) -> pl.DataFrame:
    """Say when each waba reached a volume tier, by the network's webhooks.

    Of several webhooks for one switch the smallest time counts. A webhook that names no tier,
    month, region, category or time is left out; `notices` lists it.

    Returns:
        Schema `TIER_REACHED`, sorted by all its columns.
    """
    return store.frame("tiers_reached").cast(TIER_REACHED)


def auth_international_eligibility(store: Store) -> pl.DataFrame:
    """Say from when each waba may pay the international rate of authentication.

    Countries that are excepted have their own start. The latest notice of a waba counts.

    Returns:
        Schema `AUTH_INTERNATIONAL`, sorted by waba.
    """
    return store.frame("auth_international").cast(AUTH_INTERNATIONAL)
