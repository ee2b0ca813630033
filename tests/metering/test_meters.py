"""Meters: what is counted is what the file says, over all that the store ever learned."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.cell import SPLIT_OF
from metering.dimension import Dimension
from metering.errors import UsageError
from metering.event import USAGE, USAGE_DIMENSIONS, USAGE_RULES, USAGE_SPLITS
from metering.meter import Meter, check_meter, load_meters, shipped_meters
from metering.period import Month
from metering.settings import Book, PricingSource
from metering.usage import (
    cells_of_message,
    measure,
    messages_of,
    quantity_below,
    unread_units,
)
from tests.metering.builders import (
    BRAZIL,
    CBP,
    GERMANY,
    MARKETING,
    Desk,
    Json,
    change,
    cloud_event,
    entry,
    message,
    payload,
    seconds,
    status,
    webhook,
)

OCTOBER = Month(2026, 10)
USED = {"kind": "cloud_events", "type": "used"}
LINKS = {"kind": "cloud_events", "type": ["device.linked", "device.unlinked"]}
DEVICES = {"item": "data.device_id", "down": ["device.unlinked"]}


def meter_of(source: Json, aggregation: Json | None = None, **given: Any) -> Meter:
    plain = {"meter": "m", "unit": "units", "source": source}
    meter = Meter.model_validate(
        {**plain, "aggregation": aggregation or {"kind": "count"}, **given}
    )
    assert [*check_meter(meter, "m.toml")] == []
    return meter


def used(*values: Any, **given: Any) -> Iterator[Json]:
    """Tell of something used by acme, one event an hour from 2026-10-05 on."""
    for number, value in enumerate(values):
        time = datetime(2026, 10, 5, tzinfo=UTC) + timedelta(hours=number)
        plain = {"type": "used", "time": time.isoformat(), "data": {"amount": value}}
        yield cloud_event(f"used-{number}", **{**plain, **given})


def device(kind: str, time: str, name: object = "d1", **given: object) -> Json:
    """Tell that a device of acme is linked or unlinked at a time (UTC)."""
    data = {} if name is None else {"device_id": name}
    plain = {"type": f"device.{kind}", "time": f"{time}Z", "data": data}
    return cloud_event(f"{kind}-{name}-{time}", **{**plain, **given})


def amount(desk: Desk, aggregation: Json, **given: Any) -> Any:
    meter = meter_of(USED, {"of": "data.amount", **aggregation}, **given)
    return desk.usage("2026-10", "account", meter=meter).get("acme")


# Aggregations


@pytest.mark.parametrize(
    ("aggregation", "values", "expected"),
    [
        ("sum", ["2.5", 2.5, 12, "12"], "29"),
        ("sum", ["-3", 1], "-2"),
        ("max", [5, 20, 3], "20"),
        ("min", [5, 20, 3], "3"),
        ("latest", [10, 3, 50], "50"),
        ("average", [1, 2, 2], "1.666667"),  # 5/3, rounded once
        ("average", [-1, -1, 0, 0, 0, 0], "-0.333333"),
        ("average", ["0.000001", 0], "0.000001"),  # half away from zero
        ("unique_count", ["a", 1, "b", "a"], "3"),
    ],
)
def test_values_add_up_as_the_aggregation_says(
    desk: Desk, aggregation: str, values: Sequence[Any], expected: str
) -> None:
    desk.load(*used(*values))

    assert amount(desk, {"kind": aggregation}) == Decimal(expected)


@given(
    values=st.lists(st.integers(-5, 30), min_size=1, max_size=25),
    percent=st.integers(1, 1_000_000).map(lambda share: Decimal(share) / 10_000),
)
def test_a_percentile_is_the_least_value_that_enough_do_not_exceed(
    open_desk: Desk, values: list[int], percent: Decimal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    open_desk.clear()
    open_desk.inbox = tmp_path_factory.mktemp("inbox")
    open_desk.load(*used(*values))

    found = amount(open_desk, {"kind": "percentile", "percent": percent})
    enough = [v for v in values if sum(w <= v for w in values) * 100 >= percent * len(values)]
    assert found == min(enough)


def test_every_started_step_counts(desk: Desk) -> None:
    desk.load(*used(56, 60, 61, 0, 1))

    assert amount(desk, {"kind": "sum", "step": 6}) == 10 + 10 + 11 + 0 + 1
    tenths = {"kind": "sum", "step": 6, "step_value": Decimal("0.1")}
    assert amount(desk, tenths) == Decimal("3.2")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"value_min": 2}, "2 + 2 + 5 + 10.5 + 2"),
        ({"value_max": 5}, "-1 + 1 + 5 + 5 + 0"),
        ({"value_min": Decimal("0.5"), "value_max": 10}, "0.5 + 1 + 5 + 10 + 0.5"),
    ],
)
def test_each_value_counts_as_at_least_and_at_most_so_much(
    desk: Desk, limits: Json, expected: str
) -> None:
    desk.load(*used(-1, 1, 5, "10.5", 0, "none", None))
    meter = meter_of(USED, {"kind": "sum", "of": "data.amount", **limits})

    assert amount(desk, {"kind": "sum", **limits}) == sum(map(Decimal, expected.split(" + ")))
    assert unread_units(desk.store, meter) == 2  # what has no value has no least value


def test_a_meter_that_is_written_today_counts_all_of_history(desk: Desk) -> None:
    desk.load(*used(1, time="2024-02-29T12:00:00Z"))
    meter = meter_of(USED, {"kind": "sum", "of": "data.amount"})

    assert desk.usage("2024-02", meter=meter) == {(): 1}
    assert desk.usage("2024-03", meter=meter) == {}


def test_a_filter_takes_the_values_it_lists(desk: Desk) -> None:
    desk.load(
        *used(1, data={"amount": 1, "plan": {"name": "pro"}}),
        cloud_event("e2", type="used", data={"amount": 2, "plan": {"name": "lite"}}),
        cloud_event("e3", type="used", data={"amount": 4}),
        cloud_event("e4", type="other", data={"amount": 8, "plan": {"name": "pro"}}),
    )

    assert amount(desk, {"kind": "sum"}, where={"data.plan.name": ["pro", "max"]}) == 1


def test_what_has_no_value_is_counted_as_unread_and_not_as_nothing(desk: Desk) -> None:
    desk.load(*used(5, None, "many", {"a": 1}, "1e40"))
    meter = meter_of(USED, {"kind": "sum", "of": "data.amount"})
    skipping = meter.model_copy(update={"without_value": "skip"})
    accounts = desk.accounts()

    frame = measure(desk.store, accounts, OCTOBER, meter)
    assert {row["standing"]: row["quantity"] for row in frame.to_dicts()} == {
        "counted": 5,
        "unread": 4,
    }
    assert desk.usage("2026-10", meter=meter) == {(): 5}
    assert unread_units(desk.store, meter) == 4
    frame = measure(desk.store, accounts, OCTOBER, skipping)
    assert frame["standing"].to_list() == ["counted"]
    assert unread_units(desk.store, skipping) == 0


def test_an_event_reported_again_counts_once_as_its_latest_report_says(desk: Desk) -> None:
    first, second = (
        cloud_event("e1", type="used", data={"amount": 1}),
        cloud_event("e1", type="used", data={"amount": 7}, time="2026-10-02T12:00:00Z"),
    )
    desk.load(second, first)

    assert amount(desk, {"kind": "sum"}) == 7
    assert desk.usage("2026-10", meter=meter_of(USED)) == {(): 1}


def test_without_units_a_count_is_zero_and_a_value_is_not_there(desk: Desk) -> None:
    for kind, expected in (("count", {(): 0}), ("unique_count", {(): 0}), ("sum", {})):
        aggregation = {"kind": kind} | ({} if kind == "count" else {"of": "data.amount"})
        assert desk.usage("2026-10", meter=meter_of(USED, aggregation)) == expected


# Whose an event is


def test_an_event_belongs_to_whom_its_subject_or_its_data_names(desk: Desk) -> None:
    named: list[tuple[str | None, Json, str | None]] = [
        ("acme", {}, "acme"),
        ("2", {}, "bombay"),
        ("w3", {}, "samoa"),
        (None, {"account_id": "samoa"}, "samoa"),
        ("somebody", {"account_id": "samoa"}, "samoa"),
        (None, {"sender_id": "1"}, "acme"),
        ("acme", {"account_id": "samoa"}, "acme"),
        ("33", {}, "samoa"),  # a sender of a waba of samoa, as a delivery shows
        (None, {}, None),
        ("somebody", {"sender_id": "nobody"}, None),
    ]
    desk.load(webhook(status(pricing=MARKETING), sender="33", waba="w3"))
    desk.load(
        *(
            cloud_event(f"e{n}", type="used", subject=subject, data=data)
            for n, (subject, data, _) in enumerate(named)
        )
    )
    expected: dict[str | None, int] = {}
    for _, _, account in named:
        expected[account] = expected.get(account, 0) + 1

    assert desk.usage("2026-10", "account", meter=meter_of(USED)) == expected


# Levels


def days_of(desk: Desk, month: str = "2026-10", **given: Any) -> Any:
    """Measure acme's device-days of a month."""
    meter = meter_of(LINKS, {"kind": "time_weighted", **DEVICES, **given})
    return desk.usage(month, "account", meter=meter).get("acme", 0)


def peak(desk: Desk, month: str = "2026-10", *by: Dimension) -> Any:
    found = desk.usage(month, *by, meter=meter_of(LINKS, {"kind": "peak", **DEVICES}))
    return found if by else found.get((), 0)


def test_a_device_that_stays_linked_has_the_days_of_each_month_however_clocks_change(
    desk: Desk,
) -> None:
    desk.load(device("linked", "2026-02-28T23:00"))  # midnight in Berlin

    assert days_of(desk, "2026-02") == 0
    assert days_of(desk, "2026-03") == 31  # with a day of 23 hours
    assert days_of(desk, "2026-10") == 31  # with a day of 25 hours
    assert days_of(desk, "2027-02") == 28


def test_part_of_a_day_counts_as_its_part_of_that_local_day(desk: Desk) -> None:
    # On 2026-10-25 in Berlin the clock shows 02:00 to 03:00 twice: the day has 25 hours.
    desk.load(device("linked", "2026-10-24T22:00"), device("unlinked", "2026-10-25T03:00"))

    assert days_of(desk) == Decimal("0.2")  # 5 of 25 hours
    assert peak(desk) == 1


def test_a_device_that_is_linked_twice_counts_once(desk: Desk) -> None:
    desk.load(
        device("linked", "2026-10-10T22:00"),
        device("linked", "2026-10-11T22:00"),
        device("unlinked", "2026-10-12T22:00"),
        device("unlinked", "2026-10-13T22:00"),
    )

    assert (days_of(desk), peak(desk)) == (2, 1)


def test_the_level_that_a_month_begins_with_is_in_its_peak(desk: Desk) -> None:
    desk.load(
        *(device("linked", "2026-09-01T12:00", name) for name in "abc"),
        device("unlinked", "2026-09-20T12:00", "a"),
        device("unlinked", "2026-10-02T12:00", "b"),
        device("unlinked", "2026-10-02T12:00", "c"),
        device("linked", "2026-10-20T12:00", "d"),
    )

    assert peak(desk) == 2
    assert peak(desk, "2026-11") == 1
    days = peak(desk, "2026-10", "day")
    assert {day.day: level for day, level in days.items()} == {
        **{1: 2, 2: 2},
        **dict.fromkeys(range(20, 32), 1),
    }


def test_a_seat_that_is_handed_on_in_one_instant_is_one_seat(desk: Desk) -> None:
    desk.load(
        device("linked", "2026-10-01T12:00", "a"),
        device("unlinked", "2026-10-05T12:00", "a"),
        device("linked", "2026-10-05T12:00", "b"),
    )

    assert peak(desk) == 1


def test_levels_and_changes_of_a_level_mean_the_same(desk: Desk) -> None:
    told = [("2026-09-10", 3), ("2026-10-06", 5), ("2026-10-16", 1)]
    before = 0
    for day, level in told:
        data = {"quantity": level, "change": level - before}
        desk.load(cloud_event(day, type="seats", time=f"{day}T22:00:00Z", data=data))
        before = level
    source = {"kind": "cloud_events", "type": "seats"}

    # 3 up to the 7th, 5 up to the 17th, 1 up to the end: 6 x 3 + 10 x 5 + 15 x 1
    for way in ({"level": "data.quantity"}, {"change": "data.change"}):
        days = meter_of(source, {"kind": "time_weighted", **way})
        assert desk.usage("2026-10", meter=days) == {(): 83}
        months = meter_of(source, {"kind": "time_weighted", "per": "month", **way})
        assert desk.usage("2026-10", meter=months) == {(): Decimal("2.677419")}  # 83/31
        assert desk.usage("2026-10", meter=meter_of(source, {"kind": "peak", **way})) == {(): 5}


def test_a_level_of_a_sender_goes_with_the_sender(desk: Desk) -> None:
    desk.load(device("linked", "2026-09-01T12:00", subject="1"))
    accounts = desk.accounts(
        senders="sender_id,account_id,valid_from,valid_to\n"
        "1,acme,,2026-10-11\n1,bombay,2026-10-11,\n"
    )
    meter = meter_of(LINKS, {"kind": "time_weighted", **DEVICES})

    found = desk.usage("2026-10", "account", meter=meter, accounts=accounts)
    # From 2026-10-10T22:00Z on, which is 03:30 of the 11th in India.
    part = (Fraction(21) - Fraction(7, 48)).limit_denominator()
    assert found == {"acme": 10, "bombay": rounded(part)}


def test_an_event_that_names_no_device_is_unread(desk: Desk) -> None:
    desk.load(device("linked", "2026-10-05T12:00", None), device("linked", "2026-10-30T23:00"))
    frame = measure(
        desk.store, desk.accounts(), OCTOBER, meter_of(LINKS, {"kind": "peak", **DEVICES})
    )

    assert frame.select("standing", "quantity").rows() == [("counted", 1), ("unread", 1)]


def rounded(exact: Fraction) -> Decimal:
    """Round to six decimals, half away from zero."""
    millionths = Decimal(exact.numerator * 10**6) / Decimal(exact.denominator)
    return millionths.quantize(Decimal(1), ROUND_HALF_UP) / 10**6


instants = st.integers(0, 75 * 24 * 12).map(
    lambda steps: datetime(2026, 8, 25, tzinfo=UTC) + timedelta(minutes=5 * steps)
)
marks = st.lists(
    st.tuples(instants, st.sampled_from(["linked", "unlinked"]), st.sampled_from("abc")),
    max_size=14,
    unique_by=lambda mark: (mark[0], mark[2]),
)


@given(drawn=marks, zone=st.sampled_from(["Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]))
def test_levels_are_what_walking_through_the_events_gives(
    open_desk: Desk,
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[datetime, str, str]],
    zone: str,
) -> None:
    open_desk.clear()
    open_desk.inbox = tmp_path_factory.mktemp("inbox")
    open_desk.load(
        cloud_event("other", type="else"),
        *(device(kind, at.strftime("%Y-%m-%dT%H:%M"), name) for at, kind, name in drawn),
    )
    accounts = open_desk.accounts(
        accounts=f"account_id,name,time_zone\nacme,Acme,{zone}\n",
        senders="sender_id,account_id\n1,acme\n",
    )
    changes = [date(2026, 10, 8), date(2026, 10, 26)]
    exact, highest = by_walking(drawn, zone)

    days = meter_of(LINKS, {"kind": "time_weighted", **DEVICES})
    parts = measure(open_desk.store, accounts, OCTOBER, days, changes=changes)
    assert parts["quantity"].sum() == rounded(sum(exact, Fraction()))
    found = open_desk.usage("2026-10", meter=days, accounts=accounts).get((), 0)
    assert found == rounded(sum(exact, Fraction()))
    top = meter_of(LINKS, {"kind": "peak", **DEVICES})
    assert open_desk.usage("2026-10", meter=top, accounts=accounts).get((), 0) == highest


def by_walking(drawn: Sequence[tuple[datetime, str, str]], zone: str) -> tuple[list[Fraction], int]:
    """Go through October day by day in plain Python: the day's share of devices, and the peak."""
    shares, highest = [], 0
    for number in range(31):
        midnights = [
            datetime(2026, 10, 1, tzinfo=ZoneInfo(zone)) + timedelta(days=number + more)
            for more in (0, 1)
        ]
        start, end = (midnight.astimezone(UTC) for midnight in midnights)
        edges = sorted({start, end, *(at for at, _, _ in drawn if start < at < end)})
        total = Fraction()
        for one, other in pairwise(edges):
            level = 0
            for name in "abc":
                told = sorted((at, kind) for at, kind, what in drawn if what == name and at <= one)
                level += bool(told) and told[-1][1] == "linked"
            highest = max(highest, level)
            total += level * Fraction((other - one) // timedelta(seconds=1))
        shares.append(total / ((end - start) // timedelta(seconds=1)))
    return shares, highest


# Shipped meters


def test_every_shipped_meter_can_be_asked_by_all_that_it_knows(desk: Desk) -> None:
    desk.load(webhook(status(pricing=MARKETING)))
    for name, meter in shipped_meters().items():
        assert meter.meter == name
        assert [*check_meter(meter, name)] == []
        desk.usage("2026-10", *meter.dimensions, meter=meter)
        frame = measure(desk.store, desk.accounts(), OCTOBER, meter)
        assert frame.schema == USAGE


def test_failed_messages_are_those_that_were_never_delivered(desk: Desk) -> None:
    failed = {"errors": [{"code": 131047}]}
    desk.load(
        webhook(status("a", "failed", **failed), status("b", "failed", **failed), status("b")),
        webhook(status("c", "failed", timestamp=str(seconds("2026-09-30T21:59")))),
    )

    assert desk.usage("2026-10", "status", meter="failed-messages") == {"failed": 1}
    assert desk.usage("2026-09", meter="failed-messages") == {(): 1}
    chosen = meter_of({"kind": "failures"}, where={"error_code": ["131047"]})
    assert desk.usage("2026-10", meter=chosen) == {(): 1}


def test_a_contact_is_active_once_in_a_month_of_an_account(desk: Desk) -> None:
    desk.load(
        webhook(status("a", pricing=MARKETING), status("b", pricing=MARKETING)),
        webhook(messages=[message("i1"), message("i2", **{"from": GERMANY})]),
        webhook(messages=[message("i3", **{"from": GERMANY})], sender="2"),
        webhook(status("c", "sent", recipient_id="919812345678")),
    )

    found = desk.usage("2026-10", "account", meter="active-contacts")
    assert found == {"acme": 2, "bombay": 1}


def test_a_number_counts_where_it_is_listed_or_was_used(desk: Desk) -> None:
    desk.load(
        webhook(status("a", pricing=MARKETING), sender="31", waba="w3"),
        webhook(status("b", pricing=MARKETING), sender="32", waba="w3"),
        webhook(status("c", pricing=MARKETING), sender="32", waba="w3"),
        webhook(status("d", pricing=MARKETING), sender="99", waba="w9"),
    )
    accounts = desk.accounts(
        senders="sender_id,waba_id,account_id,valid_from,valid_to\n"
        "1,,acme,,2026-10-05\n1,,bombay,2026-10-05,\n2,,bombay,,\n3,,acme,,2026-09-30\n,w3,samoa,,\n"
    )

    found = desk.usage("2026-10", "account", meter="phone-numbers", accounts=accounts)
    assert found == {"acme": 1, "bombay": 2, "samoa": 2, None: 1}


def test_links_are_active_when_they_are_made_or_clicked(desk: Desk) -> None:
    kinds = ["link.created", "link.clicked", "com.tollbook.link.clicked", "link.deleted"]
    desk.load(
        *(
            cloud_event(f"e{n}", type=kind, data={"link_id": link})
            for n, (kind, link) in enumerate(zip(kinds, ["x", "y", "y", "z"], strict=True))
        )
    )

    assert desk.usage("2026-10", meter="active-links") == {(): 2}
    assert desk.usage("2026-10", meter="link-clicks") == {(): 2}


def call(call_id: str, event: str, direction: str, **given: object) -> Json:
    plain = {"id": call_id, "to": GERMANY, "from": "15550000000", "timestamp": "1790856000"}
    return {**plain, "event": event, "direction": direction, **given}


def test_calls_of_the_business_count_in_pulses_that_began(desk: Desk) -> None:
    ended = {"status": "COMPLETED", "start_time": "1790856000", "end_time": "1790856056"}
    desk.load(
        payload(
            entry(
                change(
                    field="calls",
                    calls=[
                        call("c1", "connect", "BUSINESS_INITIATED"),
                        call("c1", "terminate", "BUSINESS_INITIATED", duration=56, **ended),
                        call("c2", "terminate", "USER_INITIATED", duration=600, **ended),
                    ],
                )
            )
        )
    )

    assert desk.usage("2026-10", meter="call-pulses") == {(): 10}
    assert desk.usage("2026-10", meter="call-minutes") == {(): 1}
    assert desk.usage("2026-10", meter=meter_of({"kind": "calls"})) == {(): 2}


# Dimensions and cells


def test_a_dimension_that_a_meter_does_not_know_is_refused(desk: Desk) -> None:
    with pytest.raises(UsageError, match="has no dimension 'market'"):
        desk.usage("2026-10", "market", meter="linked-devices")


def test_templates_come_from_the_send_log(desk: Desk) -> None:
    desk.load(webhook(status("a", pricing=MARKETING), status("b", pricing=MARKETING)))
    desk.store.execute(
        "update deliveries set id_key = 7"
        " where message_key = (select min(message_key) from deliveries)"
    )
    desk.store.execute(
        "insert into events by name select 1 as load_id, 7 as message_key, 'send' as direction,"
        " 'send' as status, timestamp '2026-10-01 11:00' as occurred_at, 'whatsapp' as channel,"
        " '1' as sender_id, 'marketing' as category, 'hello' as data"
    )

    assert desk.usage("2026-10", "template") == {"hello": 1, None: 1}
    chosen = meter_of({"kind": "deliveries"}, where={"template": ["hello"]})
    assert desk.usage("2026-10", meter=chosen) == {(): 1}
    assert unread_units(desk.store, chosen) == 1  # it may have been that template


def test_what_a_meter_measures_keeps_the_promises_of_usage(desk: Desk) -> None:
    desk.load(webhook(status(pricing=MARKETING)), webhook(status("f", "failed")))
    desk.load(*used(1, 2), device("linked", "2026-10-01T12:00"))
    for meter in shipped_meters().values():
        frame = measure(desk.store, desk.accounts(), OCTOBER, meter, changes=[date(2026, 10, 15)])
        for rule, holds in USAGE_RULES.items():
            assert frame.select(holds.all()).item(), (meter.meter, rule)
        assert meter.is_whole == frame["rate_date"].is_null().all() or frame.is_empty()


def test_units_of_any_count_have_an_order_of_time(desk: Desk) -> None:
    times = ["2026-10-05T12:00", "2026-10-06T12:00", "2026-10-20T12:00"]
    desk.load(
        *(
            webhook(status(f"f{n}", "failed", timestamp=str(seconds(time)), recipient_id=number))
            for n, (time, number) in enumerate(zip(times, (BRAZIL, GERMANY, BRAZIL), strict=True))
        )
    )
    accounts = desk.accounts()
    usage = measure(desk.store, accounts, OCTOBER, "failed-messages")
    frame = quantity_below(
        desk.store,
        accounts,
        OCTOBER,
        "failed-messages",
        cells=usage.select("account_id", *USAGE_DIMENSIONS, "rate_date", scope=pl.lit("s")),
        bounds=pl.DataFrame({"scope": ["s"], "bound": [2]}),
        changes=(),
    )

    found = {row["market"]: int(row["quantity"]) for row in frame.to_dicts()}
    assert found == {"Brazil": 1, "Germany": 1}


# What is removed, and what is derived


def account_update(event: str, time: str, waba: str = "w1", **given: object) -> Json:
    body = {**entry({"field": "account_update", "value": {"event": event, **given}}, waba=waba)}
    return payload({**body, "time": seconds(time)})


def standings(desk: Desk, meter: str = "deliveries") -> dict[tuple[str, str], int]:
    frame = measure(desk.store, desk.accounts(), OCTOBER, meter)
    groups = frame.group_by("account_id", "standing").agg(pl.col("quantity").sum())
    return {(row[0], row[1]): int(row[2]) for row in groups.rows()}


def delivered_daily(*days: int, **given: Any) -> Iterator[Json]:
    for day in days:
        time = str(seconds(f"2026-10-{day:02}T12:00"))
        yield webhook(status(f"day-{day}", timestamp=time, pricing=MARKETING), **given)


def test_deliveries_of_a_waba_are_removed_until_it_comes_back(desk: Desk) -> None:
    desk.load(*delivered_daily(1, 10, 11, 20, 21))
    gone = {"waba_info": {"waba_id": "w1", "owner_business_id": "b"}}
    desk.load(account_update("PARTNER_REMOVED", "2026-10-10T12:00", waba="partner", **gone))
    assert standings(desk) == {("acme", "counted"): 1, ("acme", "removed"): 4}

    desk.load(account_update("PARTNER_ADDED", "2026-10-20T12:00:01", waba="partner", **gone))
    assert standings(desk) == {("acme", "counted"): 2, ("acme", "removed"): 3}
    assert desk.usage("2026-10", "account") == {"acme": 5}


def test_what_is_removed_is_found_as_such_and_in_no_line_and_no_tier(desk: Desk) -> None:
    desk.load(*delivered_daily(1, 2, 11))
    gone = {"waba_info": {"waba_id": "w1", "owner_business_id": "b"}}
    desk.load(account_update("PARTNER_REMOVED", "2026-10-10T12:00", waba="partner", **gone))
    asked = (desk.store, desk.accounts(), OCTOBER, "deliveries")
    cells = measure(*asked).select("account_id", *USAGE_DIMENSIONS, "rate_date").unique()

    found = cells_of_message(*asked, message_id="day-11", changes=())
    assert found["standing"].to_list() == ["removed"]
    listed = messages_of(
        *asked, account_id="acme", cells=cells.drop("account_id"), changes=(), limit=9
    )
    assert [at.day for at in listed["delivered_at"]] == [1, 2]
    below = quantity_below(
        *asked,
        cells=cells.with_columns(scope=pl.lit("s")),
        bounds=pl.DataFrame({"scope": ["s"], "bound": [9]}),
        changes=(),
    )
    assert below["quantity"].to_list() == [2]


def test_a_ban_removes_when_it_holds_and_not_when_it_is_announced(desk: Desk) -> None:
    desk.load(*delivered_daily(1, 10, 20, 30))
    for state, time in (
        ("SCHEDULE_FOR_DISABLE", "2026-10-05T12:00"),
        ("DISABLE", "2026-10-15T12:00"),
        ("REINSTATE", "2026-10-25T12:00"),
    ):
        desk.store.execute(
            "insert into events by name select 1 as load_id, 1 as message_key,"
            " $time as occurred_at, 'account' as direction, 'DISABLED_UPDATE' as status,"
            " 'whatsapp' as channel, 'w1' as waba_id, $data as data",
            {"time": time, "data": json.dumps({"ban_info": {"waba_ban_state": state}})},
        )

    assert standings(desk) == {("acme", "counted"): 3, ("acme", "removed"): 1}


def test_an_account_that_was_deleted_stays_removed_in_later_months(desk: Desk) -> None:
    desk.load(account_update("ACCOUNT_DELETED", "2026-08-10T12:00"), *delivered_daily(1))

    assert standings(desk) == {("acme", "removed"): 1}


def test_an_echo_is_counted_by_no_meter(desk: Desk) -> None:
    desk.load(webhook(status(pricing=MARKETING), status("x", "failed")))
    desk.store.execute("update deliveries set is_echo = true")

    for meter in ("deliveries", "failed-messages", "active-contacts", "conversations"):
        assert desk.usage("2026-10", meter=meter) == {(): 0}
    assert desk.usage("2026-10", "account", meter="phone-numbers") == {"acme": 1, "bombay": 1}


def silent(category: str = "utility", **given: object) -> Json:
    """Pricing that names the category and the model, and no type."""
    return {"pricing_model": "PMP", "category": category, **given}


def types(desk: Desk, source: str = "network_then_derived", **settings: str) -> Any:
    text = (desk.book.root / "tollbook.toml").read_text()
    line = "" if source == "network_then_derived" else f'pricing_source = "{source}"\n'
    (desk.book.root / "tollbook.toml").write_text(line + text)
    found = desk.usage("2026-10", "pricing_type")
    (desk.book.root / "tollbook.toml").write_text(text)
    return found


def test_the_network_s_word_counts_or_ours_as_the_book_says(desk: Desk) -> None:
    noon = seconds("2026-10-01T12:00")
    desk.load(webhook(messages=[message(timestamp=str(noon - 60))]))
    desk.load(
        webhook(
            status("told", timestamp=str(noon), pricing=silent(type="free_customer_service")),
            status("not told", timestamp=str(noon), pricing=silent()),
        )
    )

    # Utility is charged inside a service window from 2026-10-01 on.
    assert types(desk, "network") == {"free_customer_service": 1, None: 1}
    assert types(desk, "derived") == {"regular": 2}
    assert types(desk) == {"free_customer_service": 1, "regular": 1}


def test_what_a_type_is_depends_on_the_day_of_the_account_and_cuts_the_month(desk: Desk) -> None:
    change_at = seconds("2026-09-30T22:00")  # midnight in Berlin, when utility gets charged inside
    desk.load(webhook(messages=[message(timestamp=str(change_at - 60))]))
    desk.load(
        webhook(
            status("before", timestamp=str(change_at - 1), pricing=silent()),
            status("after", timestamp=str(change_at), pricing=silent()),
        )
    )

    assert desk.usage("2026-09", "pricing_type") == {"free_customer_service": 1}
    assert desk.usage("2026-10", "pricing_type") == {"regular": 1}


def test_of_a_sender_without_inbound_messages_nothing_is_derived(desk: Desk) -> None:
    desk.load(*delivered_daily(5))
    desk.load(webhook(status("x", pricing=silent()), sender="2"))
    heard = message(timestamp=str(seconds("2026-09-23T18:29")))  # a minute more than seven days
    desk.load(webhook(messages=[heard], sender="2"))
    assert types(desk, "derived") == {None: 2}

    heard = message("i2", timestamp=str(seconds("2026-09-23T18:30")))
    desk.load(webhook(messages=[heard], sender="2"))
    assert types(desk, "derived") == {"regular": 1, None: 1}


def test_without_a_category_or_on_another_channel_nothing_is_derived(desk: Desk) -> None:
    desk.load(webhook(messages=[message()]), webhook(status("x", pricing={"pricing_model": "PMP"})))
    assert types(desk) == {None: 1}

    desk.load(webhook(status("y", pricing=silent())))
    assert types(desk) == {None: 1, "regular": 1}
    desk.store.execute("update deliveries set channel = 'sms'")
    assert types(desk) == {None: 2}


def test_a_cell_says_whose_word_its_type_is(desk: Desk) -> None:
    noon = seconds("2026-10-01T12:00")
    desk.load(webhook(messages=[message(timestamp=str(noon - 60))]))
    desk.load(
        webhook(
            status("told", timestamp=str(noon), pricing=silent(type="free_customer_service")),
            status("not told", timestamp=str(noon), pricing=silent()),
            status("without category", timestamp=str(noon), pricing={"pricing_model": "PMP"}),
        )
    )

    def opinions(source: PricingSource, meter: Meter | str = "deliveries") -> dict[Any, Any]:
        accounts = replace(desk.accounts(), pricing_source=source)
        frame = measure(desk.store, accounts, OCTOBER, meter, apart=["opinion"])
        rows = frame.group_by("pricing_type", "pricing_opinion").agg(pl.col("quantity").sum())
        return {row[:2]: int(row[2]) for row in rows.rows()}

    network, derived = ("free_customer_service", "network"), ("regular", "derived")
    assert opinions("network") == {network: 1, (None, None): 2}
    assert opinions("derived") == {derived: 2, (None, None): 1}
    assert opinions("network_then_derived") == {network: 1, derived: 1, (None, None): 1}
    by_market = meter_of({"kind": "deliveries"}, by=["market"])
    assert opinions("derived", by_market) == {(None, None): 3}  # a type that is not told apart


def test_every_meter_tells_apart_what_its_units_know_and_adds_up_to_the_same(desk: Desk) -> None:
    desk.load(
        webhook(status(pricing=MARKETING), status("f", "failed"), messages=[message()]),
        webhook(status("x", pricing=CBP, conversation={"id": "c"}), sender="33", waba="w3"),
        *used(1, 2),
        device("linked", "2026-10-01T12:00"),
    )
    for meter in shipped_meters().values():
        plain = measure(desk.store, desk.accounts(), OCTOBER, meter)
        frame = measure(desk.store, desk.accounts(), OCTOBER, meter, apart=SPLIT_OF.values())
        for rule, holds in USAGE_RULES.items():
            assert frame.select(holds.all()).item(), (meter.meter, rule)
        told = plain.select(pl.col(USAGE_SPLITS).is_not_null().any()).row(0)
        assert plain.is_empty() or not any(told), meter.meter
        if not meter.is_whole:
            assert frame["quantity"].sum() == plain["quantity"].sum(), meter.meter


# Conversations by rule


def test_conversations_by_rule_have_the_facts_of_their_opening_delivery(desk: Desk) -> None:
    hours = [0, 4, 10, 30]
    categories = ["marketing", "utility", "utility", "utility"]
    start = seconds("2026-10-31T12:00")
    desk.load(
        *(
            webhook(
                status(
                    f"m{n}",
                    timestamp=str(start + hour * 3600),
                    pricing=silent(category, type="regular"),
                )
            )
            for n, (hour, category) in enumerate(zip(hours, categories, strict=True))
        )
    )

    by_category = desk.usage("2026-10", "category", meter="conversations-2023")
    assert by_category == {"marketing": 1, "utility": 1}
    assert desk.usage("2026-11", meter="conversations-2023") == {(): 1}  # h30
    assert desk.usage("2026-10", "category", meter="conversations-2022") == {
        "business_initiated": 1
    }
    own = {"kind": "conversations", "rule": {"hours": 6}}
    assert desk.usage("2026-10", "market", meter=meter_of(own)) == {"Brazil": 2}  # h0 and h10


# Meters of a book


def write_meter(book: Book, name: str, text: str) -> None:
    (book.root / "meters").mkdir(exist_ok=True)
    (book.root / "meters" / f"{name}.toml").write_text(text)


def test_a_meter_of_the_book_takes_the_place_of_a_shipped_one(book: Book) -> None:
    write_meter(
        book,
        "mine",
        'meter = "seats"\nunit = "seats"\nsource = { kind = "cloud_events", type = "seat" }\n',
    )

    assert load_meters(book)["seats"].aggregation.kind == "count"
    assert load_meters(book)["deliveries"] == shipped_meters()["deliveries"]
