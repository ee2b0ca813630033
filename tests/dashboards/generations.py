"""Invented generations of many months, for figures that one sample month cannot show.

Everything is drawn from a seed; weekends are quieter, accounts begin one after the other, volumes
grow, and one market stops for a day.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl

from dashboards import reports
from dashboards.contents import (
    ACCOUNT,
    CONVERSATIONS,
    FUNNEL,
    HOURS,
    SCHEMA,
    USAGE,
    WINDOWS,
    Contents,
    without_accounts,
)
from dashboards.span import Span
from metering.market import markets
from metering.period import Month
from metering.settings import Book
from pricing.starter import init_book

CATEGORIES = ("marketing", "utility", "service", "authentication")
PRICING_TYPES = ("regular", "regular", "free_customer_service", "free_entry_point")
ENTRY_POINTS = ("none", "none", "ad", "link")
ANSWERS = ("1 minute", "5 minutes", "1 hour", "later", "none")
QUIET_MARKET = "Brazil"


def invent(root: Path, *, accounts: int, months: int, rows: int, last: date, seed: int = 7) -> Book:
    """Publish an invented generation in a new book: `rows` a month, up to the day `last`."""
    book = init_book(root)
    rng = np.random.default_rng(seed)
    end = Month.of(last)
    frames: dict[str, pl.DataFrame] = {"accounts": _names(accounts)}
    for number in range(months - 1, -1, -1):
        month = end.back(number)
        frames |= {
            f"{name}/{month}": frame
            for name, frame in _month(rng, month, last, accounts, rows, months - number).items()
        }
    facts = {
        "schema": SCHEMA,
        "seller": "Harbor Messaging",
        "time_zone": "UTC",
        "latest_event_at": f"{last + timedelta(days=1)}T09:00:00+00:00",
        "load_count": months,
        "quarantined_count": 0,
    }
    with patch.object(reports, "collect", lambda *_: Contents(frames, facts)):
        reports.publish(book)
    return book


def _names(accounts: int) -> pl.DataFrame:
    rows = [(f"acct-{n:05}", f"Account {n}", "customer") for n in range(accounts)]
    return pl.DataFrame(rows, ACCOUNT, orient="row")


def _month(
    rng: np.random.Generator, month: Month, last: date, accounts: int, rows: int, age: int
) -> Mapping[str, pl.DataFrame]:
    days = Span(month.first_day, min(month.last_day, last)).days()
    rows = rows * len(days) // month.day_count
    weight = np.array([1 + (day.weekday() < 5) for day in days], dtype="double")
    begun = max(1, min(accounts, accounts * (age + 3) // 12))
    where = rng.choice(len(days), rows, p=weight / weight.sum())
    # Some pause in each month, and who is large stays so.
    active = np.sort(rng.permutation(begun)[: max(1, begun * 4 // 5)])
    owner = active[(rng.random(rows) ** 2 * len(active)).astype("int64")]
    names = markets()["market"].unique().sort()
    market = (rng.random(rows) ** 2 * names.len()).astype("int64")
    kind = rng.integers(0, 4, rows)
    usage = (
        pl.DataFrame(
            {
                "day": pl.Series(days).gather(where),
                "account": pl.Series([f"acct-{n:05}" for n in range(accounts)]).gather(owner),
                "sender": pl.Series([f"{10**11 + n}" for n in range(accounts)]).gather(owner),
                "market": names.gather(market),
                "category": pl.Series(CATEGORIES).gather(kind),
                "pricing_type": pl.Series(PRICING_TYPES).gather(rng.integers(0, 4, rows)),
                "entry_point": pl.Series(ENTRY_POINTS).gather(rng.integers(0, 4, rows)),
                "quantity": rng.integers(15, 25 + age, rows),
            }
        )
        .filter((pl.col("market") != QUIET_MARKET) | (pl.col("day") != days[len(days) * 2 // 3]))
        .group_by(pl.exclude("quantity"))
        .agg(pl.col("quantity").sum())
        .cast(USAGE)
        .sort("account", "day")
    )
    frames = {"usage": usage, **_others(usage)}
    totals = {f"{name}_totals": without_accounts(frame) for name, frame in frames.items()}
    per_account = usage.group_by("account", "category").agg(pl.col("quantity").sum())
    return {**frames, **totals, "usage_accounts": per_account}


def _others(usage: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Make the other frames of a month out of its usage."""
    keys = ["day", "account", "market", "category"]
    delivered = usage.group_by(keys).agg(delivered=pl.col("quantity").sum())
    funnel = delivered.with_columns(
        sent=pl.col("delivered") * 21 // 20,
        read=pl.col("delivered") * 3 // 5,
        failed=pl.col("delivered") // 40,
    )
    number = pl.col("quantity").hash(1)
    hours = usage.with_columns(weekday=pl.col("day").dt.weekday(), hour=7 + (number % 14))
    windows = usage.filter(category="service").with_columns(
        rule=pl.lit("service_window"),
        days_open=1 + number % 2,
        answer=pl.Series(ANSWERS).gather(usage.filter(category="service")["quantity"] % 5),
    )
    return {
        "funnel": funnel.select(FUNNEL.names()).cast(FUNNEL).sort("account", "day"),
        "hours": hours.group_by("account", "category", "weekday", "hour")
        .agg(pl.col("quantity").sum())
        .select(HOURS.names())
        .cast(HOURS)
        .sort("account"),
        "windows": windows.group_by(list(WINDOWS.names())[:-1])
        .agg(window_count=pl.col("quantity").sum())
        .cast(WINDOWS)
        .sort("account"),
        "conversations": usage.filter(entry_point="ad")
        .group_by("day", "account", "category")
        .agg(pl.col("quantity").sum())
        .cast(CONVERSATIONS)
        .sort("account"),
    }
