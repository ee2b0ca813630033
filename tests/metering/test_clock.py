"""Clocks: the same units, in the months of the accounts or in those of the senders."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from metering.clock import ClockOf
from metering.cut import cut_month
from metering.event import USAGE_RULES
from metering.meter import shipped_meters
from metering.period import Month, midnight
from metering.usage import measure
from tests.metering.builders import MARKETING, Desk, message, seconds, status, webhook

OCTOBER = Month(2026, 10)
CHANGES = [date(2026, 10, 4), date(2026, 10, 25)]
# Numbers 1 to 6 and a waba each: which row of senders.csv holds for them, and so which zone.
SENDERS = """\
sender_id,waba_id,account_id,time_zone,valid_from,valid_to
1,,acme,Pacific/Apia,,
2,,acme,,,
,w3,bombay,America/New_York,,
4,,acme,Australia/Lord_Howe,,2026-10-20
4,,bombay,America/New_York,2026-10-20,
5,,bombay,,,
,w5,acme,Pacific/Apia,,
"""
ACCOUNTS = "account_id,name,time_zone\nacme,Acme,Asia/Kathmandu\nbombay,Bombay,Africa/Casablanca\n"
OWNERS = {
    "1": ("acme", "Pacific/Apia"),
    "2": ("acme", None),
    "3": ("bombay", "America/New_York"),
    "5": ("bombay", None),  # its own row beats that of its waba, the zone too
    "6": (None, None),
}
ZONE_OF = {"acme": "Asia/Kathmandu", "bombay": "Africa/Casablanca", None: "Europe/Berlin"}
ZONES = ("Pacific/Apia", "America/New_York", "Australia/Lord_Howe", *ZONE_OF.values())
EDGES = [
    int(midnight(date(2026, month, day), zone).timestamp())
    for zone in ZONES
    for month, day in ((10, 1), (10, 4), (10, 20), (10, 25), (11, 1))
]
SPAN = (seconds("2026-09-05T00:00"), seconds("2026-11-25T00:00"))
moments = st.one_of(
    st.integers(*SPAN),
    st.builds(int.__add__, st.sampled_from(EDGES), st.sampled_from([-3601, -1, 0, 1, 3600])),
)
logs = st.lists(st.tuples(moments, st.sampled_from("123456")), max_size=30)


def log(desk: Desk, drawn: Sequence[tuple[int, str]]) -> None:
    """Put SMS into the store, delivered at an instant for a sender of the waba of that number."""
    desk.clear()
    rows = [
        (n, datetime.fromtimestamp(at, UTC).replace(tzinfo=None), sender)
        for n, (at, sender) in enumerate(drawn)
    ]
    schema = pl.Schema(
        {"number": pl.Int64(), "instant": pl.Datetime("us"), "sender_id": pl.String()}
    )
    desk.store.put("drawn", pl.DataFrame(rows, schema, orient="row"))
    desk.store.execute(
        "insert into deliveries by name select number::uhugeint as message_key, 'sms' as channel,"
        " sender_id, 'w' || sender_id as waba_id, instant as first_at, instant as delivered_at,"
        " false as is_echo from drawn"
    )


def owner_of(at: int, sender: str) -> tuple[str | None, str | None]:
    """The account of a sender, and the zone that its row names, in plain Python."""
    if sender != "4":
        return OWNERS[sender]
    is_later = at >= int(midnight(date(2026, 10, 20), "Europe/Berlin").timestamp())
    return ("bombay", "America/New_York") if is_later else ("acme", "Australia/Lord_Howe")


def by_the_sender(drawn: Sequence[tuple[int, str]]) -> Counter[tuple[Any, ...]]:
    """Account, sender and first day of the stretch of each unit of October, in plain Python."""
    found: Counter[tuple[Any, ...]] = Counter()
    for at, sender in drawn:
        account, zone = owner_of(at, sender)
        day = datetime.fromtimestamp(at, ZoneInfo(zone or ZONE_OF[account])).date()
        if (day.year, day.month) == (2026, 10):
            start = max(first for first in (OCTOBER.first_day, *CHANGES) if first <= day)
            found[account, sender, start] += 1
    return found


def counted(
    desk: Desk, month: Month, clock: ClockOf, changes: Sequence[date] = ()
) -> Counter[tuple[Any, ...]]:
    accounts = desk.accounts(accounts=ACCOUNTS, senders=SENDERS)
    frame = measure(
        *(desk.store, accounts, month, "deliveries"), changes=changes, apart=["sender"], clock=clock
    )
    return Counter(
        {
            (row["account_id"], row["sender_id"], row["rate_date"]): int(row["quantity"])
            for row in frame.to_dicts()
        }
    )


@given(drawn=logs)
def test_on_the_cost_side_a_unit_counts_on_the_day_of_its_sender(
    open_desk: Desk, drawn: list[tuple[int, str]]
) -> None:
    log(open_desk, drawn)

    assert counted(open_desk, OCTOBER, "sender", CHANGES) == by_the_sender(drawn)


@given(drawn=logs)
def test_a_clock_moves_units_between_months_and_loses_none(
    open_desk: Desk, drawn: list[tuple[int, str]]
) -> None:
    log(open_desk, drawn)
    months = [Month(2026, number) for number in (9, 10, 11)]
    totals = {}
    for clock in ("account", "sender"):
        each = [counted(open_desk, month, clock) for month in months]
        total: Counter[tuple[Any, ...]] = Counter()
        for (account, sender, _), quantity in (item for one in each for item in one.items()):
            total[account, sender] += quantity
        totals[clock] = total

    assert totals["account"] == totals["sender"]
    assert sum(totals["sender"].values()) == len(drawn)


def test_a_sender_in_another_zone_moves_the_edge_of_the_month_and_nobody_else_s(desk: Desk) -> None:
    apia, kathmandu = (midnight(OCTOBER.first_day, zone) for zone in (ZONES[0], "Asia/Kathmandu"))
    assert apia < kathmandu
    between = int(apia.timestamp())
    log(desk, [(between, "1"), (between, "2"), (between - 1, "1")])

    assert counted(desk, OCTOBER, "sender") == {("acme", "1", OCTOBER.first_day): 1}
    assert counted(desk, OCTOBER, "account") == {}
    september = date(2026, 9, 1)
    assert counted(desk, Month(2026, 9), "sender") == {
        ("acme", "1", september): 1,
        ("acme", "2", september): 1,
    }


def test_stretches_of_every_clock_cover_its_months_without_gaps(desk: Desk) -> None:
    accounts = desk.accounts(accounts=ACCOUNTS, senders=SENDERS)
    cuts = [cut_month(accounts, Month(2026, n), CHANGES, clock="sender") for n in (9, 10, 11)]
    stretches = pl.concat([cut.clocks.join(cut.stretches, on="zone_no") for cut in cuts])
    clocks = stretches["clock"].unique().to_list()

    assert set(cuts[0].owners["clock"]) <= set(clocks)
    assert {name.partition(" ")[2] for name in clocks} == {"", *ZONES[:3]}
    for name in clocks:
        spans = stretches.filter(pl.col("clock") == name).sort("start_at")
        for one, other in pairwise(spans.select("start_at", "end_at").rows()):
            assert one[1] == other[0], name


def test_what_is_derived_goes_by_the_month_of_the_sender(desk: Desk) -> None:
    # Heard a minute more than seven days before the month of Apia, which begins before Kathmandu's.
    start = int(midnight(OCTOBER.first_day, "Pacific/Apia").timestamp())
    utility = {"pricing_model": "PMP", "category": "utility"}
    heard = message(timestamp=str(start - 7 * 86400 - 60))
    desk.load(webhook(messages=[heard]))
    desk.load(webhook(status("m", timestamp=str(start + 86400 * 9), pricing=utility)))
    accounts = desk.accounts(accounts=ACCOUNTS, senders=SENDERS)

    def types() -> list[str | None]:
        frame = measure(desk.store, accounts, OCTOBER, "deliveries", clock="sender")
        return frame["pricing_type"].to_list()

    assert types() == [None]
    desk.load(webhook(messages=[message("i2", timestamp=str(start - 7 * 86400))]))
    assert types() == ["regular"]


def test_every_shipped_meter_can_be_measured_by_the_sender_s_clock(desk: Desk) -> None:
    desk.load(webhook(status(pricing=MARKETING), status("f", "failed"), sender="3", waba="w3"))
    accounts = desk.accounts(accounts=ACCOUNTS, senders=SENDERS)
    for meter in shipped_meters().values():
        frame = measure(
            *(desk.store, accounts, OCTOBER, meter),
            changes=CHANGES,
            apart=["waba", "sender", "opinion"],
            clock="sender",
        )
        for rule, holds in USAGE_RULES.items():
            assert frame.select(holds.all()).item(), (meter.meter, rule)
