"""The order of time: what the first units of a scope are, said slowly one quarter after another."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.account import Accounts
from metering.cell import CELL
from metering.errors import TollbookError, UsageError
from metering.event import QUANTITY, USAGE_DIMENSIONS
from metering.meter import Meter
from metering.order import UNIT, Crossing
from metering.period import Month
from metering.store import Store
from metering.usage import cells_of_message, measure, quantity_before, quantity_below
from tests.metering.builders import (
    BRAZIL,
    GERMANY,
    INDIA,
    MARKETING,
    NOON,
    Desk,
    change,
    entry,
    payload,
    seconds,
    status,
    webhook,
)

OCTOBER = Month(2026, 10)
HALF = date(2026, 10, 15)
QUARTER = Decimal("0.25")
COUNTED = Meter.model_validate(
    {"meter": "used", "unit": "times", "source": {"kind": "cloud_events", "type": "used"}}
)
ADDED = Meter.model_validate(
    {**COUNTED.model_dump(), "aggregation": {"kind": "sum", "of": "data.amount"}}
)
STEPPED = Meter.model_validate(
    {
        **COUNTED.model_dump(),
        "aggregation": {"kind": "sum", "of": "data.amount", "step": 2, "step_value": "0.75"},
    }
)
Cell = tuple[str, date]  # sender, rate date


@dataclass(frozen=True)
class Unit:
    """Something used by a sender."""

    day: int  # of October, an hour before which acme's day ends in Berlin
    key: int
    sender: str
    amount: Decimal

    @property
    def instant(self) -> datetime:
        return datetime(2026, 10, self.day, 21, tzinfo=UTC)

    @property
    def cell(self) -> Cell:
        zone = {"1": "Europe/Berlin", "2": "Asia/Kolkata", "7": "Europe/Berlin"}[self.sender]
        day = self.instant.astimezone(ZoneInfo(zone)).date()
        return self.sender, HALF if day >= HALF else OCTOBER.first_day


@dataclass(frozen=True)
class Asked:
    """Which scopes each cell stands in, and which first scope it has."""

    scopes: dict[Cell, list[str] | None]  # None: it is not asked for; empty: only of a first scope
    first: dict[Cell, str | None]
    first_bounds: dict[str, Decimal]
    bounds: list[Decimal]


# Small whole numbers are common, so that totals often meet a bound.
quarters = st.integers(0, 8).map(Decimal) | st.integers(0, 24).map(lambda n: n * QUARTER)
amounts = st.integers(-1, 3).map(Decimal) | st.integers(-6, 20).map(lambda n: n * QUARTER)
units = st.lists(
    st.builds(
        Unit,
        day=st.sampled_from([1, 2, 13, 14, 15, 28]),
        key=st.integers(0, 2**128 - 1),
        sender=st.sampled_from("127"),
        amount=amounts,
    ),
    min_size=3,
    max_size=14,
    unique_by=lambda unit: unit.key,
)
CELLS: list[Cell] = [(sender, day) for sender in "127" for day in (OCTOBER.first_day, HALF)]
asks = st.builds(
    Asked,
    scopes=st.fixed_dictionaries(
        dict.fromkeys(CELLS, st.none() | st.lists(st.sampled_from("ab"), max_size=2, unique=True))
    ),
    first=st.fixed_dictionaries({cell: st.sampled_from([None, "f", "g"]) for cell in CELLS}),
    first_bounds=st.fixed_dictionaries({"f": quarters, "g": quarters}),
    bounds=st.lists(quarters, min_size=1, max_size=2, unique=True),
)
crossings = st.sampled_from(["split", "after"])


def log(desk: Desk, drawn: Sequence[Unit]) -> Accounts:
    """Put units into the store, in any order; amounts are texts."""
    desk.clear()
    rows = [(str(u.key), u.instant.replace(tzinfo=None), u.sender, str(u.amount)) for u in drawn]
    schema = pl.Schema(
        {
            **{"key": pl.String(), "instant": pl.Datetime("us")},
            **{"sender_id": pl.String(), "amount": pl.String()},
        }
    )
    desk.store.put("drawn", pl.DataFrame(rows, schema, orient="row"))
    desk.store.execute(
        "insert into cloud_events by name select 1 as load_id, key::uhugeint as event_key,"
        " 'log' as source, key as event_id, 'used' as type, instant as occurred_at,"
        " json_object('sender_id', sender_id, 'amount', amount)::varchar as data from drawn"
    )
    return desk.accounts()


def worth(meter: Meter, unit: Unit) -> Decimal | None:
    """What a unit counts as, None where it has no value."""
    if meter is COUNTED:
        return Decimal(1)
    if meter is STEPPED:
        started = unit.amount // 2 + bool(unit.amount % 2)
        return None if unit.amount < 0 else started * Decimal("0.75")
    return unit.amount


def part_below(before: Decimal, value: Decimal, bound: Decimal, crossing: str) -> Decimal:
    """Walk over a value in quarters: what the total gains, or loses, up to the bound."""
    step = QUARTER if value > 0 else -QUARTER
    inside, total = Decimal(0), before
    for _ in range(abs(int(value / QUARTER))):
        if max(total, total + step) <= bound:
            inside += step
        total += step
    return value if inside == value else Decimal(0) if crossing == "after" else inside


def walk(
    drawn: Sequence[Unit], asked: Asked, meter: Meter, crossing: str
) -> list[tuple[Unit, str, Decimal, Decimal]]:
    """List, in the order of time, what is left of each unit in each scope, and the total before."""
    firsts: Counter[str] = Counter()
    totals: dict[str, Decimal] = {}
    steps = []
    for unit in sorted(drawn, key=lambda unit: (unit.instant, unit.key)):
        value = worth(meter, unit)
        scopes = asked.scopes[unit.cell]
        if value is None or scopes is None:
            continue
        left, first = value, asked.first[unit.cell]
        if first is not None:
            before = Decimal(firsts[first])
            left -= part_below(before, value, asked.first_bounds[first], crossing)
            firsts[first] += value  # type: ignore[assignment]
        for scope in scopes:
            total = totals.get(scope, Decimal(0))
            steps.append((unit, scope, total, left))
            totals[scope] = total + left
    return steps


def frame_of(asked: Asked) -> pl.DataFrame:
    owner = {"1": "acme", "2": "bombay", "7": None}
    rows = [
        {
            "scope": scope,
            "account_id": owner[cell[0]],
            "sender_id": cell[0],
            "rate_date": cell[1],
            "first_scope": asked.first[cell],
            "first_bound": asked.first_bounds.get(asked.first[cell] or ""),
        }
        for cell, scopes in asked.scopes.items()
        if scopes is not None
        for scope in (scopes or (None,))
    ]
    schema = pl.Schema(
        {
            **dict.fromkeys(["scope", "account_id", "sender_id", "first_scope"], pl.String()),
            "rate_date": pl.Date(),
            "first_bound": QUANTITY,
        }
    )
    none = (pl.lit(None, pl.String).alias(name) for name in USAGE_DIMENSIONS)
    return pl.DataFrame(rows, schema).with_columns(none)


@given(
    drawn=units, asked=asks, crossing=crossings, meter=st.sampled_from([COUNTED, ADDED, STEPPED])
)
def test_the_first_units_of_a_scope_are_found_as_by_walking_over_them(
    open_desk: Desk, drawn: list[Unit], asked: Asked, crossing: Crossing, meter: Meter
) -> None:
    accounts = log(open_desk, drawn)
    bounds = [(scope, bound) for scope in "ab" for bound in asked.bounds]
    frame = quantity_below(
        *(open_desk.store, accounts, OCTOBER, meter),
        cells=frame_of(asked),
        bounds=pl.DataFrame(bounds, {"scope": pl.String, "bound": QUANTITY}, orient="row"),
        changes=[HALF],
        apart=["sender"],
        crossing=crossing,
    )

    expected = {
        (scope, bound, *cell): Decimal(0)
        for cell, scopes in asked.scopes.items()
        for scope in scopes or ()
        for bound in asked.bounds
    }
    for unit, scope, before, left in walk(drawn, asked, meter, crossing):
        for bound in asked.bounds:
            expected[scope, bound, *unit.cell] += part_below(before, left, bound, crossing)
    assert frame["quantity"].dtype == QUANTITY
    assert {
        (row["scope"], row["bound"], row["sender_id"], row["rate_date"]): row["quantity"]
        for row in frame.to_dicts()
    } == expected


@given(drawn=units, asked=asks, crossing=crossings, data=st.data())
def test_what_comes_before_a_unit_is_all_that_walking_meets_before_it(
    open_desk: Desk, drawn: list[Unit], asked: Asked, crossing: Crossing, data: st.DataObject
) -> None:
    accounts = log(open_desk, drawn)
    one = data.draw(st.sampled_from(drawn))
    frame = quantity_before(
        *(open_desk.store, accounts, OCTOBER, ADDED),
        cells=frame_of(asked),
        unit_key=f"{one.key:032x}",
        changes=[HALF],
        apart=["sender"],
        crossing=crossing,
    )

    expected = {scope: Decimal(0) for scopes in asked.scopes.values() for scope in scopes or ()}
    for unit, scope, _, left in walk(drawn, asked, ADDED, crossing):
        if (unit.instant, unit.key) < (one.instant, one.key):
            expected[scope] += left
    assert frame.schema == {"scope": pl.String(), "quantity": QUANTITY}
    assert dict(frame.rows()) == expected


@given(drawn=units, bound=quarters, data=st.data())
def test_the_order_in_which_a_log_was_read_moves_nothing(
    open_desk: Desk, drawn: list[Unit], bound: Decimal, data: st.DataObject
) -> None:
    asked = Asked({cell: ["a"] for cell in CELLS}, dict.fromkeys(CELLS, "f"), {"f": bound}, [bound])

    def found() -> pl.DataFrame:
        return quantity_below(
            *(open_desk.store, open_desk.accounts(), OCTOBER, ADDED),
            cells=frame_of(asked),
            bounds=pl.DataFrame({"scope": ["a"], "bound": [bound]}),
            changes=[HALF],
            apart=["sender"],
        )

    log(open_desk, drawn)
    before = found()
    log(open_desk, data.draw(st.permutations(drawn)))
    assert found().equals(before)


@pytest.mark.parametrize(
    ("first_bound", "bound", "split", "after"),
    [
        (0, 7, 7, 5),  # the second of three calls of 5 minutes crosses 7
        (0, 10, 10, 10),  # it ends at 10
        (0, 20, 15, 15),
        (5, 5, 5, 5),  # the first is taken out
        (2, 20, 13, 15),  # a part of it is, or nothing
        (2, 7, 7, 5),
    ],
)
def test_a_unit_that_crosses_a_bound_is_cut_there_or_lies_after_it(
    desk: Desk, first_bound: int, bound: int, split: int, after: int
) -> None:
    accounts = log(desk, [Unit(day, day, "1", Decimal(5)) for day in (1, 2, 13)])
    cell = ("1", OCTOBER.first_day)
    asked = Asked(
        scopes={key: ["a"] if key == cell else None for key in CELLS},
        first=dict.fromkeys(CELLS, "f"),
        first_bounds={"f": Decimal(first_bound)},
        bounds=[Decimal(bound)],
    )

    def below(crossing: Crossing) -> Decimal:
        frame = quantity_below(
            *(desk.store, accounts, OCTOBER, ADDED),
            cells=frame_of(asked),
            bounds=pl.DataFrame({"scope": ["a"], "bound": asked.bounds}),
            changes=[HALF],
            apart=["sender"],
            crossing=crossing,
        )
        quantity: Decimal = frame["quantity"].item()
        return quantity

    assert below("split") == split
    assert below("after") == after


# The units of a message


def of_message(
    desk: Desk, message_id: str, meter: str = "deliveries", **given: Any
) -> pl.DataFrame:
    return cells_of_message(
        *(desk.store, desk.accounts(), OCTOBER, meter),
        **{"message_id": message_id, "changes": [HALF], "apart": ["waba", "opinion"], **given},
    )


def test_a_message_is_found_by_its_id_in_the_cell_that_it_is_measured_in(desk: Desk) -> None:
    late = str(seconds("2026-10-20T12:00"))
    desk.load(
        webhook(status("m1", pricing=MARKETING, timestamp=late), status("m2", pricing=MARKETING)),
        webhook(status("m1", recipient_id=INDIA), sender="2", waba="w2"),
        webhook(status("m1", recipient_id=GERMANY), sender="9"),
    )
    frame = of_message(desk, "m1")

    assert frame.schema == UNIT
    assert frame.select(
        "account_id", "waba_id", "market", "pricing_opinion", "rate_date"
    ).rows() == [
        (None, "w1", "Germany", None, OCTOBER.first_day),
        ("bombay", "w2", "India", None, OCTOBER.first_day),
        ("acme", "w1", "Brazil", "network", HALF),
    ]
    instants = [NOON, NOON, int(late)]
    assert sorted(at.timestamp() for at in frame["counted_at"]) == instants
    usage = measure(
        *(desk.store, desk.accounts(), OCTOBER, "deliveries"),
        changes=[HALF],
        apart=["waba", "opinion"],
    )
    assert usage.join(frame, on=[*CELL, "standing"], how="semi", nulls_equal=True).height == 3
    assert of_message(desk, "m3").is_empty()


def test_each_recipient_in_a_group_is_a_unit_of_its_message(desk: Desk) -> None:
    to = {"recipient_type": "group", "recipient_id": "group-1"}
    desk.load(
        webhook(
            *(status("g", recipient_participant_id=name, **to) for name in (BRAZIL, GERMANY)),
        )
    )

    assert sorted(of_message(desk, "g")["market"]) == ["Brazil", "Germany"]


@pytest.mark.parametrize("meter", ["failed-messages", "inbound-messages", "call-minutes"])
def test_failures_messages_of_users_and_calls_are_found_by_their_id(desk: Desk, meter: str) -> None:
    ended = {"event": "terminate", "direction": "BUSINESS_INITIATED", "duration": 56}
    call = {"id": "c", "to": GERMANY, "from": "15550000000", "timestamp": str(NOON), **ended}
    inbound = {"id": "i", "from": BRAZIL, "timestamp": str(NOON), "type": "text"}
    desk.load(
        webhook(status("f", "failed"), status("d"), messages=[inbound]),
        payload(entry(change(field="calls", calls=[call]))),
    )

    message_id = {"failed-messages": "f", "inbound-messages": "i", "call-minutes": "c"}[meter]
    assert of_message(desk, message_id, meter)["standing"].to_list() == ["counted"]
    assert of_message(desk, "d", meter).is_empty()


def test_a_delivery_of_before_ids_were_kept_is_found_by_its_key(desk: Desk) -> None:
    desk.load(webhook(status("m1", pricing=MARKETING)))
    desk.store.execute("update deliveries set id_key = null")

    assert of_message(desk, "m1").height == 1


def test_without_the_key_of_the_book_no_message_is_looked_for(desk: Desk) -> None:
    keyless = Store(desk.store._connection, secret="", lengths=())

    with pytest.raises(TollbookError, match="without the key of the book"):
        cells_of_message(
            keyless, desk.accounts(), OCTOBER, "deliveries", message_id="m", changes=()
        )


def test_the_position_of_a_message_is_what_its_tier_and_allowance_leave_before_it(
    desk: Desk,
) -> None:
    times = [str(NOON + n) for n in range(5)]
    desk.load(
        *(
            webhook(status(f"m{n}", pricing=MARKETING, timestamp=time))
            for n, time in enumerate(times)
        )
    )
    unit = of_message(desk, "m3", apart=())
    cells = unit.select(CELL).with_columns(
        scope=pl.lit("tier"), first_scope=pl.lit("allowance"), first_bound=pl.lit(2, QUANTITY)
    )

    def before(key: str) -> list[tuple[Any, ...]]:
        return quantity_before(
            *(desk.store, desk.accounts(), OCTOBER, "deliveries"),
            cells=cells,
            unit_key=key,
            changes=[HALF],
        ).rows()

    assert before(unit["unit_key"].item()) == [("tier", 1)]  # m2: m0 and m1 are included
    assert before(of_message(desk, "m0")["unit_key"].item()) == [("tier", 0)]
    with pytest.raises(UsageError, match="has no unit 'ff' in 2026-10"):
        before("ff")
