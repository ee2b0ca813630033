"""How a month is cut: into the stretches of each account, and into slots of time for all of them.

A stretch is a part of the month of a clock in which one rate, plan and market holds: see
`metering.clock`. A slot is a part of the month, over all zones, that no boundary of any stretch,
owner or removal falls into: all that happened in a slot has one owner and one stretch for each
sender, so that units can be added up by slot before anyone asks whose they are.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from math import lcm
from typing import Literal

import polars as pl

from metering.account import Accounts
from metering.clock import UNASSIGNED, Clock, ClockOf, clock_of, clocks_of
from metering.period import Month, midnight, offset_at, offset_changes

OWNER = pl.Schema(
    {
        "sender_id": pl.String(),
        "waba_id": pl.String(),
        "account_id": pl.String(),
        "clock": pl.String(),
        "start_at": pl.Datetime("us"),
        "end_at": pl.Datetime("us"),
    }
)
# Thousands of clocks have a few zones, and the stretches of a zone.
CLOCK = pl.Schema(
    {
        "clock": pl.String(),
        "account_id": pl.String(),
        "portfolio_id": pl.String(),
        "zone_no": pl.Int64(),
    }
)
STRETCH = pl.Schema(
    {
        "zone_no": pl.Int64(),
        "rate_date": pl.Date(),
        "local_day": pl.Date(),  # its first
        "offset_seconds": pl.Int64(),  # of the local clock to UTC, null if not cut at hours
        "day_us": pl.Int64(),  # how long each of its local days is, null if not cut at days
        "start_at": pl.Datetime("us"),
        "end_at": pl.Datetime("us"),
    }
)
SLOT = pl.Schema(
    {
        "slot_no": pl.Int32(),
        "from_at": pl.Datetime("us"),
        "to_at": pl.Datetime("us"),
    }
)
# Parts of slots, none of which reaches from one bucket of time into another.
BUCKET = pl.Schema(
    {
        "bucket": pl.Int64(),
        "slot_no": pl.Int32(),
        "part_from_at": pl.Datetime("us"),
        "part_to_at": pl.Datetime("us"),
    }
)
BUCKET_BITS = 32  # a bucket is 2^32 microseconds, somewhat more than an hour
LONG = timedelta(days=1)
LONG_MAX = 8  # runs
CutAt = Literal["changes", "days", "hours", "lengths_of_days"]


@dataclass(frozen=True)
class Cut:
    """A month that was cut for some accounts."""

    month: Month
    cut_at: CutAt
    owners: pl.DataFrame  # schema OWNER
    clocks: pl.DataFrame  # schema CLOCK
    stretches: pl.DataFrame  # schema STRETCH

    @property
    def start_at(self) -> datetime:
        """The earliest beginning of the month in any zone; UTC without a zone, as in the store."""
        first = self.stretches["start_at"].min()
        assert isinstance(first, datetime), "the seller has a month in a book without accounts"
        return first

    @property
    def end_at(self) -> datetime:
        last = self.stretches["end_at"].max()
        assert isinstance(last, datetime), "the seller has a month in a book without accounts"
        return last

    @property
    def day_measure(self) -> int:
        """A length that every local day of the month is a whole part of, in microseconds."""
        return lcm(*self.stretches["day_us"].drop_nulls().unique())

    def slots(self, others: Iterable[datetime] = ()) -> pl.DataFrame:
        """Cut the span of the month at each boundary, and at `others` that lie in it.

        Returns:
            Schema `SLOT`, in the order of time, without gaps.
        """
        frames = (self.owners, self.stretches)
        bounds = {at for frame in frames for name in BOUNDS for at in frame[name].unique()}
        hours = _hours(self.stretches) if self.cut_at == "hours" else ()
        inside = (at for at in {*bounds, *hours, *others} if self.start_at < at < self.end_at)
        edges = [self.start_at, *sorted(inside), self.end_at]
        rows = [(number, *span) for number, span in enumerate(pairwise(edges))]
        return pl.DataFrame(rows, SLOT, orient="row")


BOUNDS = ("start_at", "end_at")


def cut_month(
    accounts: Accounts,
    month: Month,
    days: Iterable[date],
    cut_at: CutAt = "changes",
    *,
    clock: ClockOf = "account",
) -> Cut:
    """Cut the month of each clock at those of `days` that lie inside it.

    Args:
        cut_at: `days` cuts at every local day too; `hours` where clocks change besides, and slots
            at every full hour of a clock; `lengths_of_days` so that each stretch has local days of
            one length.
        clock: Whose zones the months and days are in.
    """
    inside = {month.first_day, *(day for day in days if month.first_day < day <= month.last_day)}
    clocks, stretches = stretches_of(accounts, month, sorted(inside), cut_at, clock=clock)
    return Cut(month, cut_at, owners_of(accounts, clock), clocks, stretches)


def owners_of(accounts: Accounts, clock: ClockOf = "account") -> pl.DataFrame:
    """Say whose each sender and waba is, from when to when, and its clock: schema `OWNER`."""
    return pl.DataFrame([*_owners(accounts, clock)], OWNER, orient="row")


def stretches_of(
    accounts: Accounts,
    month: Month,
    days: Sequence[date],
    cut_at: CutAt = "changes",
    *,
    clock: ClockOf = "account",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cut the time from the first of `days` to the end of a month, at each of them.

    Returns:
        The clocks, schema `CLOCK`, and the stretches of their zones, schema `STRETCH`.
    """
    zone_nos: dict[object, int] = {}
    named, cut = [], []
    for each in clocks_of(accounts, clock):
        zones = each.zones(accounts)
        if zones not in zone_nos:
            zone_no = zone_nos[zones] = len(zone_nos)
            cut += [(zone_no, *one) for one in _stretches(accounts, each, month, days, cut_at)]
        portfolio = _portfolio(accounts, each, month)
        named.append((each.name, each.account_id, portfolio, zone_nos[zones]))
    return pl.DataFrame(named, CLOCK, orient="row"), pl.DataFrame(cut, STRETCH, orient="row")


def runs(slots: pl.DataFrame) -> list[pl.DataFrame]:
    """Part slots into those that are long, each alone, and what lies between them.

    Where these would be many, as of a month cut at its days, all are one run: looking up the slot
    of each unit costs less than that many queries.
    """
    is_long = (slots["to_at"] - slots["from_at"] >= LONG).to_list()
    if sum(is_long) > LONG_MAX:
        return [slots]
    numbers = range(slots.height)
    groups = groupby(numbers, key=lambda n: (is_long[n], n if is_long[n] else None))
    return [slots[list(group)] for _, group in groups]


def buckets(slots: pl.DataFrame) -> pl.DataFrame:
    """Cut slots at the edges of buckets: schema `BUCKET`.

    A unit is looked up by the number of its bucket, which is a shift of its instant, and then by
    the bounds of the part: exact wherever the boundaries fall.
    """
    return pl.DataFrame([*_parts(slots)], BUCKET, orient="row")


def _parts(slots: pl.DataFrame) -> Iterator[tuple[int, int, datetime, datetime]]:
    for number, from_at, to_at in slots.rows():
        first, last = _microseconds(from_at), _microseconds(to_at) - 1
        for bucket in range(first >> BUCKET_BITS, (last >> BUCKET_BITS) + 1):
            yield bucket, number, from_at, to_at


def _owners(accounts: Accounts, clock: ClockOf) -> Iterator[tuple[object, ...]]:
    for sender in accounts.senders:
        start, end = (
            _naive(midnight(day, accounts.seller_time_zone))
            for day in (sender.valid_from, min(sender.valid_to, date(9999, 1, 1)))
        )
        name = clock_of(sender, clock).name
        yield sender.sender_id, sender.waba_id, sender.account_id, name, start, end


def _stretches(
    accounts: Accounts, clock: Clock, month: Month, days: Sequence[date], cut_at: CutAt
) -> Iterator[tuple[object, ...]]:
    """Cut the month of a clock at the days given, at midnight in its zone: `STRETCH`, unnamed."""
    for rate_date, next_date in pairwise([*days, month.next().first_day]):
        for day, end_day, length in _parted(accounts, clock, (rate_date, next_date), cut_at):
            zone, start_at = clock.midnight(accounts, day)
            _, end_at = clock.midnight(accounts, end_day)
            day_us = length and length // timedelta(microseconds=1)
            has_hours = cut_at == "hours"
            changes = offset_changes(start_at, end_at, zone) if has_hours else []
            for start, end in pairwise([start_at, *changes, end_at]):
                offset = int(offset_at(start, zone).total_seconds()) if has_hours else None
                yield rate_date, day, offset, day_us, _naive(start), _naive(end)


def _portfolio(accounts: Accounts, clock: Clock, month: Month) -> str | None:
    if clock.account_id == UNASSIGNED:
        return None
    return accounts.facts_on(clock.account_id, month.first_day).portfolio_id


def _parted(
    accounts: Accounts, clock: Clock, days: tuple[date, date], cut_at: CutAt
) -> Iterator[tuple[date, date, timedelta | None]]:
    """Part half-open days as asked, and say how long each day of a part is, if that was asked.

    A day that a zone skips as a whole has no instant, and no part.
    """
    if cut_at == "changes":
        yield *days, None
        return

    def length(day: date) -> timedelta:
        _, start_at = clock.midnight(accounts, day)
        _, end_at = clock.midnight(accounts, day + timedelta(days=1))
        return end_at - start_at

    first, end = days
    each = [first + timedelta(days=n) for n in range((end - first).days)]
    known = [day for day in each if length(day)]
    if cut_at != "lengths_of_days":
        yield from ((day, day + timedelta(days=1), length(day)) for day in known)
        return
    for day_length, group in groupby(known, key=length):
        part = list(group)
        yield part[0], part[-1] + timedelta(days=1), day_length


def _hours(stretches: pl.DataFrame) -> Iterator[datetime]:
    """Yield each full hour of the local clocks inside stretches in which no clock changes."""
    for start, end, offset in stretches.select(*BOUNDS, "offset_seconds").unique().rows():
        local = start + timedelta(seconds=offset)
        late = local - local.replace(minute=0, second=0, microsecond=0)
        hours = (end - start + late) // timedelta(hours=1)
        yield from (start - late + timedelta(hours=n) for n in range(1, hours + 1))


def _naive(instant: datetime) -> datetime:
    """The store keeps UTC without a zone."""
    return instant.replace(tzinfo=None)


def _microseconds(instant: datetime) -> int:
    return (instant.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )
