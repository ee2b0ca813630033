"""Completeness: up to when the log tells what happened, and who is missing from it.

A log that is not there bills nothing, and nobody notices. A sender is compared with its own past:
the same weekday of the four weeks before, by local days of its owner.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from metering.account import Accounts
from metering.period import Month
from metering.placing import place_month
from metering.store import Store

# What the network reports while it happens. A history, a send log and consents tell of other times,
# and would hide a day on which nothing arrived.
LIVE_DIRECTIONS = ("outbound", "inbound", "call", "echo")
WEEKS = 4
DROP_DIVISOR = 5  # a day with less than a fifth of the usual reports is a sudden drop
USUAL_MIN = 20  # where fewer are usual, chance explains a quiet day
COMPLETENESS = pl.Schema(
    {
        "account": pl.String(),  # null where nobody owns the sender
        "sender": pl.String(),  # null for a waba of senders.csv whose senders are not known
        "waba": pl.String(),
        "reports": pl.Int64(),  # in the month
        "last_report_at": pl.Datetime("us", "UTC"),  # in the store
        "complete_up_to": pl.Datetime("us", "UTC"),  # the first missing day, else the last report
        "silent": pl.Boolean(),  # without a report in the month
        "missing_days": pl.List(pl.Date()),
        "sudden_drops": pl.List(
            pl.Struct({"day": pl.Date(), "reports": pl.Int64(), "usual": pl.Decimal(38, 1)})
        ),
    }
)
DAY_SECONDS = 86_400
OWNED = pl.Schema({"sender_id": pl.String(), "waba_id": pl.String(), "account_id": pl.String()})


@dataclass(frozen=True)
class Completeness:
    """How complete a month is, in all and for each sender."""

    last_report_at: datetime | None  # in the store, of any sender; UTC
    complete_up_to: datetime | None
    senders: pl.DataFrame  # schema COMPLETENESS

    def total(self) -> Mapping[str, int]:
        """Count the senders, the silent ones, the missing days and the sudden drops."""
        return {
            "senders": self.senders.height,
            "silent": int(self.senders["silent"].sum()),
            "missing_days": int(self.senders["missing_days"].list.len().sum()),
            "sudden_drops": int(self.senders["sudden_drops"].list.len().sum()),
        }


def completeness(store: Store, accounts: Accounts, month: Month) -> Completeness:
    """Compare each sender of a month with its own past.

    A sender is listed if senders.csv gives it to somebody in the month, or if it reported anything
    in the month or the 28 days before. Days count once the last report of the store is past them.
    A missing day has no report, though the same weekday had some in each of the four weeks before.
    A sudden drop has less than a fifth of the median of these four (a week without reports counts
    as 0), where the median is 20 or more.
    """
    before = month.first_day - timedelta(days=7 * WEEKS)
    days = [before + timedelta(days=n) for n in range((month.last_day - before).days + 1)]
    place_month(store, accounts, month, days)
    store.put("owned_senders", _owned(accounts, month))
    store.set("first_day", month.first_day)
    slot_seconds, pieces = _pieces(store)
    store.set("slot_us", slot_seconds * 1_000_000)
    store.set("pieces", pieces)
    store.set("live_directions", LIVE_DIRECTIONS)
    store.set("drop_divisor", DROP_DIVISOR)
    store.set("usual_min", USUAL_MIN)
    for step in ("activity_pieces", "count_units", "active_days"):
        store.run(step)
    frame = store.frame("completeness").with_columns(
        pl.col("last_report_at", "complete_up_to").dt.replace_time_zone("UTC")
    )
    return _in_all(frame.cast(COMPLETENESS), store)


def _in_all(senders: pl.DataFrame, store: Store) -> Completeness:
    last: datetime | None = store.value("select max(last_report_at) from last_reports")
    if last is None:
        return Completeness(None, None, senders)
    last = last.replace(tzinfo=UTC)
    gaps = senders.filter(pl.col("missing_days").list.len() > 0)["complete_up_to"].to_list()
    return Completeness(last, min([last, *gaps]), senders)


def _owned(accounts: Accounts, month: Month) -> pl.DataFrame:
    """Whose each sender and waba of senders.csv is in the month, by its last row in it."""
    rows: dict[tuple[Any, ...], str] = {}
    for row in sorted(accounts.senders, key=lambda row: row.valid_from):
        if row.valid_from <= month.last_day and row.valid_to > month.first_day:
            rows[row.sender_id, row.waba_id] = row.account_id
    table = [(*names, account_id) for names, account_id in rows.items()]
    return pl.DataFrame(table, OWNED, orient="row")


def _pieces(store: Store) -> tuple[int, list[int]]:
    """Cut the day in UTC wherever, in any of the month's zones, a day or an ownership begins.

    Returns:
        The seconds of a slot, which divide a day, and the number of the piece of each slot.
    """
    seconds = store.frame(
        """
        select epoch_us(start_at) // 1000000 % 86400 as second from stretches
        union select epoch_us(end_at) // 1000000 % 86400 from stretches
        union select epoch_us(start_at) // 1000000 % 86400 from owners
        union select epoch_us(end_at) // 1000000 % 86400 from owners
        """
    )["second"].sort()
    slot = math.gcd(DAY_SECONDS, *seconds.to_list())
    slots = pl.Series(range(0, DAY_SECONDS, slot))
    return slot, seconds.search_sorted(slots, side="right").to_list()
