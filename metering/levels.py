"""Levels: how much of something there was at each instant, from events that change it.

Events link and unlink an item, set a level, or change it; what held when the month began goes on.
A level becomes spans of time, and spans are cut at the slots of the month, so that they find their
account and stretch as units do. A time-weighted quantity is the level times its time, in local
days: a day that the clocks make longer or shorter is one day. See docs/meters.md.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from metering.account import Accounts
from metering.aggregation import Peak, TimeWeighted
from metering.clock import ClockOf
from metering.counting import begin, columns_of_pieces, field, make_cloud_events, number
from metering.cut import CutAt
from metering.dimension import Dimension
from metering.meter import Meter
from metering.period import Month
from metering.store import Store
from metering.unit import CloudEvents


def prepare_levels(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter,
    dimensions: Collection[Dimension],
    *,
    days: Iterable[date] = (),
    cut_at: CutAt = "changes",
    clock: ClockOf = "account",
) -> None:
    """Make view `metered`: one row for each span of a level, inside one slot.

    It has `level` (in millionths), `part_from_at` and `part_to_at`; one with `unread_count` is no
    span, but an event whose level or item cannot be read.
    """
    aggregation = meter.aggregation
    assert isinstance(aggregation, TimeWeighted | Peak), "only these are about levels"
    assert isinstance(meter.source, CloudEvents), "checked at the door"
    begin(store, accounts, month, days, dimensions, cut_at=cut_at, clock=clock)
    if isinstance(aggregation, TimeWeighted):
        store.set("month_days", month.day_count if aggregation.per == "month" else 1)
    relation = make_cloud_events(store, meter)
    item = field(store, aggregation.item, "item") if aggregation.item else "''"
    if aggregation.down:
        store.set("down", list(aggregation.down))
        level = "case when list_contains(getvariable('down'), type) then 0 else 1 end"
    else:
        name = aggregation.level or aggregation.change
        assert name is not None, "checked at the door"
        level = number(store, name, "level")
    store.set("is_change", aggregation.change is not None)
    store.execute(
        f"create or replace temp view marks as select *, {item} as item,"
        f" try_cast({level} as decimal(18, 6)) as told_level from {relation}"
    )
    columns = ", ".join(columns_of_pieces(store, meter, "marks", dimensions))
    store.run("spans_of_levels")
    store.execute(
        "create or replace temp view pieces as"
        f" select slot_no, {columns}, level, part_from_at, part_to_at, unread_count"
        " from level_parts"
    )
    store.run("judge_pieces")
    store.execute(
        "create or replace temp view metered as select *, unread_count as unit_count from counted"
    )


def peak_query(keys: Mapping[str, str]) -> str:
    """Write the highest level of each group that `keys` make, of column to expression."""
    columns = "".join(f'{expression} as "{name}", ' for name, expression in keys.items())
    names = "".join(f"{_quoted(name)}, " for name in keys)
    partition = f"partition by {', '.join(map(_quoted, keys))}" if keys else ""
    return f"""
        with steps as (
            select {columns} part_from_at as stepped_at, level as step
            from metered where level is not null
            union all
            select {columns} part_to_at as stepped_at, -level as step
            from metered where level is not null
        ),
        netted as (select {names} stepped_at, sum(step) as step from steps group by all),
        running as (
            select {names} sum(step) over ({partition} order by stepped_at) as level from netted
        )
        select {names} from_millionths(max(level)::hugeint) as quantity
        from running group by all having quantity is not null
    """


def time_query(keys: Mapping[str, str], *, date: str | None = None) -> str:
    """Write the level times its time of each group that `keys` make, of column to expression.

    Of several values of the key `date` each has what rounding leaves of the whole up to it, so that
    they add up to the rounded whole.
    """
    columns = "".join(f'{expression} as "{name}", ' for name, expression in keys.items())
    names = "".join(f"{_quoted(name)}, " for name in keys)
    others = ", ".join(_quoted(name) for name in keys if name != date)
    partition = f"partition by {others}" if others else ""
    window = f"over ({partition} order by {date})" if date else ""
    return f"""
        with weighed as (
            select {columns}
                level * date_diff('microsecond', part_from_at, part_to_at)
                * (getvariable('day_us') // day_us) as share
            from metered where level is not null
        ),
        added as (select {names} sum(share)::hugeint as share from weighed group by all),
        reached as (
            select *, {f"(sum(share) {window})::hugeint" if date else "share"} as whole from added
        )
        select {names} from_millionths(
            quotient(whole, divisor) - quotient((whole - share)::hugeint, divisor)
        ) as quantity
        from reached, (select getvariable('day_us')::hugeint * getvariable('month_days') as divisor)
        where share is not null
    """


def _quoted(name: str) -> str:
    return f'"{name}"'
