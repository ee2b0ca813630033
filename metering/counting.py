"""Counting: the units of a meter become pieces, and pieces find their account, market and type.

Units that are alike (of one sender, place, category, in one slot of time) are added up before
anyone asks whose they are: there are millions of units and thousands of pieces. See `metering.cut`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Literal

import polars as pl

from metering import contacts, market, pricing_type, windows
from metering.account import Accounts
from metering.aggregation import (
    Average,
    Count,
    CountOf,
    Latest,
    Max,
    Min,
    Peak,
    Percentile,
    Sum,
    TimeWeighted,
    UniqueCount,
)
from metering.clock import ClockOf
from metering.cut import BOUNDS, BUCKET_BITS, CutAt, buckets, cut_month, runs
from metering.dimension import COLUMN_OF, COLUMNS_FOR, DIMENSIONS, Dimension
from metering.meter import Meter
from metering.period import Month
from metering.placing import put_stretches
from metering.store import Store
from metering.unit import CloudEvents, Conversations, Events, OwnRule
from metering.windows import ConversationRule

# The columns of a piece that view `counted` reads, each null where its units lack it or nobody
# asked to keep it apart.
PIECE_COLUMNS: Mapping[str, str] = {
    "account_named": "varchar",
    "sender_id": "varchar",
    "waba_id": "varchar",
    "channel": "varchar",
    "place": "varchar",
    "category": "varchar",
    "pricing_model": "varchar",
    "pricing_type": "varchar",
    "reported_cost": "varchar",
    "in_service_window": "boolean",
    "in_free_entry_point": "boolean",
    "entry_point": "varchar",
    "template": "varchar",
    "status": "varchar",
    "message_type": "varchar",
    "error_code": "integer",
}
# How the values of a piece, and then those of all pieces, are brought together.
PART_OF: Mapping[type, str] = {
    Count: "count(*)",
    CountOf: "sum(value)",
    Sum: "sum(value)",
    Max: "max(value)",
    Min: "min(value)",
    Average: "{total: sum(value), count: count(value)}",
    Latest: (
        "max({counted_at: counted_at, unit_key: unit_key, value: value}) filter (value is not null)"
    ),
    UniqueCount: "any_value(value)",
    Percentile: "{value: any_value(value), count: count(value)}",
}
WHOLE_OF: Mapping[type, str] = {
    Count: "coalesce(sum(part), 0)::bigint",
    CountOf: "sum(part)::decimal(38, 6)",
    Sum: "sum(part)::decimal(38, 6)",
    Max: "max(part)::decimal(38, 6)",
    Min: "min(part)::decimal(38, 6)",
    Average: (
        "from_millionths(quotient("
        "millionths(sum(part.total)), nullif(sum(part.count), 0)::hugeint))"
    ),
    Latest: "max(part).value::decimal(38, 6)",
    UniqueCount: "count(distinct part)",
    Percentile: (
        "nearest_rank(list({value: part.value, count: part.count}), getvariable('share'))"
        "::decimal(38, 6)"
    ),
}
BY_VALUE = (UniqueCount, Percentile)  # pieces of these have one value each
COLUMN_OF_FIELD = {"sender": "sender_id", "waba": "waba_id"}
# Units of these are rows of a table, which can be read once for each run of slots.
PLAIN = ("deliveries", "failures", "messages", "senders")
Of = Literal["groups", "units"]
IN_BUCKET = (
    f"epoch_us(counted_at) >> {BUCKET_BITS} = buckets.bucket"
    " and counted_at >= buckets.part_from_at and counted_at < buckets.part_to_at"
)


def prepare(
    store: Store,
    accounts: Accounts,
    month: Month,
    meter: Meter,
    dimensions: Collection[Dimension],
    *,
    days: Iterable[date] = (),
    cut_at: CutAt = "changes",
    clock: ClockOf = "account",
    of: Of = "groups",
) -> None:
    """Make view `metered`: one row for each piece of the month with its dimensions.

    A piece has `part` and `unit_count`; `unread_count` of its units have no value. Of units it has
    `unit_key`, `counted_at` and `value` instead.

    Args:
        dimensions: What is told apart; the others are null.
        days: The days inside the month from which another rate or plan holds.
        clock: Whose zone the month and its days are in.
        of: `groups` of units that are alike, or `units`, one by one.
    """
    wanted = {*dimensions, *(name for name in DIMENSIONS if name in meter.where)}
    slots = begin(store, accounts, month, days, wanted, cut_at=cut_at, clock=clock)
    relation = _make_units(store, meter, wanted)
    columns = ", ".join(columns_of_pieces(store, meter, relation, wanted))
    if of == "units":
        store.execute(
            f"create or replace temp view pieces as {_units(store, meter, relation, columns)}"
        )
    else:
        is_plain = relation == "units" and meter.source.kind in PLAIN
        parts = runs(slots) if is_plain else [slots]
        groups = _groups(store, meter, relation, columns, parts)
        kind = "table" if meter.can_be_unread else "view"  # which is asked twice, or once
        store.execute(f"create or replace temp {kind} groups_in_{kind} as {groups}")
        store.execute(f"create or replace temp view pieces as from groups_in_{kind}")
    store.run("judge_pieces")
    _filter_pieces(store, meter)


def begin(
    store: Store,
    accounts: Accounts,
    month: Month,
    days: Iterable[date],
    dimensions: Collection[Dimension],
    *,
    cut_at: CutAt,
    clock: ClockOf = "account",
) -> pl.DataFrame:
    """Cut the month, and make what view `counted` looks things up in; answer the slots."""
    opinion = accounts.pricing_source if "pricing_type" in dimensions else "network"
    changes = {*days, *market.change_dates()}
    if opinion != "network":
        changes |= {*pricing_type.change_dates()}
    cut = cut_month(accounts, month, changes, cut_at, clock=clock)
    store.run("meter_macros")
    store.put("owners", cut.owners)
    put_stretches(store, cut.clocks, cut.stretches)
    # What nobody asks for is looked up in nothing, which costs next to nothing.
    store.put("places", market.places() if "market" in dimensions else market.places().clear())
    types = pricing_type.pricing_types()
    store.put("pricing_types", types.clear() if opinion == "network" else types)
    for name, value in (
        *(("other_market", market.OTHER), ("month", str(month)), ("pricing_source", opinion)),
        ("conversations_until", pricing_type.conversations_until()),
        *(("start_at", cut.start_at), ("end_at", cut.end_at), ("day_us", cut.day_measure)),
    ):
        store.set(name, value)
    _find_heard_senders(store, opinion)
    removals = store.frame("find_removals")
    store.put("removals", removals)
    slots = cut.slots([*removals["start_at"], *removals["end_at"]])
    store.put("slots", slots)
    store.put("buckets", buckets(slots))
    store.run("stretches_of_slots")
    return slots


def columns_of_pieces(
    store: Store, meter: Meter, relation: str, wanted: Collection[Dimension]
) -> Iterator[str]:
    """Write how each column of a piece is read off a unit; what nobody asked for is null."""
    kept = {"account_named", "sender_id"} | {*meter.where}
    kept |= {column for name in wanted for column in COLUMNS_FOR.get(name, ())}
    # A waba may decide who the owner is, or that a unit was taken away.
    if store.value("select count(waba_id) + (select count(*) from removals) from owners"):
        kept.add("waba_id")
    kept &= {*store.frame(f"describe {relation}")["column_name"]}
    for name, kind in PIECE_COLUMNS.items():
        yield name if name in kept else f"null::{kind} as {name}"


def field(store: Store, name: str, key: str) -> str:
    """Write how a field of a unit is read; `key` names the variable of a path into its data."""
    if not name.startswith("data."):
        return COLUMN_OF_FIELD.get(name, name)
    parts = name.removeprefix("data.").split(".")
    store.set(f"path_of_{key}", "$" + "".join(f'."{part}"' for part in parts))
    return f"nullif(data ->> getvariable('path_of_{key}'), '')"


def number(store: Store, name: str, key: str) -> str:
    """Write how a field is read as a number, null where it is none."""
    return f"number_in({field(store, name, key)})"


def make_cloud_events(store: Store, meter: Meter) -> str:
    """Make the view of the CloudEvents that a meter takes, up to the end of the month."""
    assert isinstance(meter.source, CloudEvents), "only CloudEvents are read this way"
    store.set("types", list(meter.source.type))
    store.run("units_of_cloud_events")
    conditions = ["true"]
    for n, (name, values) in enumerate(meter.where.items()):
        store.set(f"where_{n}", list(values))
        text = field(store, name, f"where_{n}")
        conditions.append(f"list_contains(getvariable('where_{n}'), {text})")
    taken = " and ".join(conditions)
    store.execute(f"create or replace temp view asked_units as from units where {taken}")
    return "asked_units"


def _find_heard_senders(store: Store, opinion: str) -> None:
    if opinion == "network":
        store.execute("create or replace temp table months (clock varchar, span bigint)")
        store.execute("create or replace temp table heard_senders (sender_id varchar, span bigint)")
    else:
        store.run("find_heard_senders")


def _make_units(store: Store, meter: Meter, wanted: Collection[Dimension]) -> str:
    """Make the view of a meter's units; answer its name."""
    source = meter.source
    match source:
        case CloudEvents():
            return make_cloud_events(store, meter)
        case Conversations() if source.rule != "network":
            since, until = (store.value(f"select getvariable('{at}')") for at in BOUNDS)
            windows.conversations(store, _rule(source.rule), since=since, until=until)
            store.run("units_of_windows")
        case Events():
            store.set("direction", source.direction)
            store.run("units_of_events")
        case _:
            store.run(f"units_of_{source.kind}")
    relation = "units"
    fields = {name for _, name in meter.fields()}
    if "template" in {*wanted, *fields}:
        store.run("name_templates")
        relation = "templated"
    if "contact" in fields:
        store.execute(
            "create or replace temp view named_units as select *, counted_at as instant"
            f" from {relation}"
        )
        contacts.resolve(store, "named_units", "resolved_units")
        relation = "resolved_units"
    return relation


def _rule(rule: str | OwnRule) -> ConversationRule:
    if isinstance(rule, OwnRule):
        return ConversationRule(name="own", **rule.model_dump())
    return ConversationRule(name=rule)


def _value(store: Store, meter: Meter) -> str:
    """Write how the value of a unit is read."""
    match meter.aggregation:
        case Count():
            return "1"
        case UniqueCount(of=of):
            return field(store, of, "value")
        case Sum(of=of, step=step, step_value=worth) if step is not None:
            store.set("step", step)
            store.set("step_value", worth)
            value = number(store, of, "value")
            return f"in_steps({value}, getvariable('step'), getvariable('step_value'))"
        case Sum(of=of, value_min=least, value_max=most) if least is not None or most is not None:
            store.set("value_min", least)
            store.set("value_max", most)
            value = number(store, of, "value")
            return f"held_within({value}, getvariable('value_min'), getvariable('value_max'))"
        case CountOf(of=of) | Sum(of=of):
            is_count = isinstance(meter.aggregation, CountOf)
            counted = "1" if is_count else number(store, of, "value")
            return _where_in_range(store, of, meter.aggregation, counted)
        case Percentile(percent=percent):
            store.set("share", int(percent * 10_000))
    assert not isinstance(meter.aggregation, TimeWeighted | Peak), "levels have spans, no values"
    return number(store, meter.aggregation.of, "value")


def _where_in_range(store: Store, of: str, limits: Sum | CountOf, counted: str) -> str:
    """Write what counts of a value in a range; 0 of any other, null where there is none."""
    value = number(store, of, "value")
    if limits.over is None and limits.up_to is None and isinstance(limits, Sum):
        return counted
    store.set("value_over", limits.over)
    store.set("value_up_to", limits.up_to)
    low = "getvariable('value_over')::decimal(38, 6)"
    high = "getvariable('value_up_to')::decimal(38, 6)"
    is_inside = f"({low} is null or {value} > {low}) and ({high} is null or {value} <= {high})"
    return f"case when {value} is null then null when {is_inside} then {counted} else 0 end"


def _units(store: Store, meter: Meter, relation: str, columns: str) -> str:
    value = _value(store, meter)
    return (
        f"select buckets.slot_no, unit_key, counted_at, {columns}, {value} as value"
        f" from {relation} join buckets on {IN_BUCKET}"
    )


def _groups(
    store: Store, meter: Meter, relation: str, columns: str, parts: Sequence[pl.DataFrame]
) -> str:
    """Write the units of each run of slots, added up where they are alike.

    A run that is one long slot needs no look-up of the slot of each unit.
    """
    kind = type(meter.aggregation)
    value = _value(store, meter)
    unread = "0" if kind is Count else "count(*) - count(value)"
    by_value = "value as piece_value, " if kind in BY_VALUE else ""
    store.set("run_from", [part["from_at"][0] for part in parts])
    store.set("run_to", [part["to_at"][-1] for part in parts])
    store.set("run_slots", [part["slot_no"][0] for part in parts])
    selects = []
    for n, part in enumerate(parts, 1):
        is_one = part.height == 1
        slot = f"getvariable('run_slots')[{n}]" if is_one else "buckets.slot_no"
        joined = "" if is_one else f" join buckets on {IN_BUCKET}"
        selects.append(
            f"select {slot} as slot_no, {columns}, {by_value}{PART_OF[kind]} as part,"
            f" count(*) as unit_count, {unread} as unread_count"
            f" from (select *, {value} as value from {relation}){joined}"
            f" where counted_at >= getvariable('run_from')[{n}]"
            f" and counted_at < getvariable('run_to')[{n}] group by all"
        )
    return " union all ".join(selects)


def _filter_pieces(store: Store, meter: Meter) -> None:
    """Make view `metered`: the pieces that `where` takes.

    A piece of which a value that is asked for is unknown has the standing `unread`.
    """
    conditions, unknown = ["true"], ["false"]
    where = {} if isinstance(meter.source, CloudEvents) else meter.where
    for n, (name, values) in enumerate(where.items()):
        column = COLUMN_OF.get(name, COLUMN_OF_FIELD.get(name, name))
        store.set(f"where_{n}", list(values))
        unknown.append(f"{column} is null")
        conditions.append(
            f"({column} is null or list_contains(getvariable('where_{n}'), {column}::varchar))"
        )
    store.execute(
        "create or replace temp view metered as select * exclude (standing), case"
        f" when standing = 'counted' and ({' or '.join(unknown)}) then 'unread' else standing end"
        f" as standing from counted where {' and '.join(conditions)}"
    )


def whole_query(meter: Meter, keys: Mapping[str, str]) -> str:
    """Write the quantity of each group that `keys` make, of column to expression."""
    columns = "".join(f'{expression} as "{name}", ' for name, expression in keys.items())
    return (
        f"select {columns}{WHOLE_OF[type(meter.aggregation)]} as quantity"
        " from metered where standing != 'unread' group by all having quantity is not null"
    )


def unread_query(keys: Mapping[str, str]) -> str:
    """Write how many units of each group have no value that the meter could use."""
    columns = "".join(f'{expression} as "{name}", ' for name, expression in keys.items())
    return (
        f"select {columns}"
        " sum(case when standing = 'unread' then unit_count else unread_count end) as quantity"
        " from metered where standing != 'removed' group by all having quantity > 0"
    )
