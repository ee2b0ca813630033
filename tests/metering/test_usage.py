"""Usage: each delivery counts once, in one month of one account, in the market of its day."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.dimension import OF_ALL, OF_MESSAGES, Dimension
from metering.event import USAGE, USAGE_DIMENSIONS
from metering.period import ZONES, Month, midnight
from metering.usage import Split, measure, messages_of, quantity_below
from tests.metering.builders import (
    BRAZIL,
    CBP,
    GERMANY,
    INDIA,
    MARKETING,
    NOON,
    Desk,
    Json,
    seconds,
    status,
    webhook,
)

OCTOBER = Month(2026, 10)
ZONED = "account_id,name,time_zone\nacme,Acme,{zone}\n"
ONE_SENDER = "sender_id,account_id\n1,acme\n"
OWNED = "sender_id,account_id,valid_from,valid_to\n"


def sent(
    *times: str | int, sender: str = "1", waba: str | None = "w1", **given: Any
) -> Iterator[Json]:
    """Report a message delivered at each of the times (UTC)."""
    for number, time in enumerate(times):
        second = seconds(time) if isinstance(time, str) else time
        report = status(
            f"{sender}-{number}-{second}", timestamp=str(second), **{"pricing": MARKETING, **given}
        )
        yield webhook(report, sender=sender, waba=waba)


def to(*recipients: str, time: str = "2026-10-05T12:00", **given: Any) -> Iterator[Json]:
    """Report a message to each of the recipients, which are numbers or user ids."""
    for number, recipient in enumerate(recipients):
        key = "recipient_user_id" if "." in recipient else "recipient_id"
        other = "recipient_id" if "." in recipient else "recipient_user_id"
        known = {key: recipient, other: "", "pricing": MARKETING, **given}
        yield webhook(status(f"to-{number}", timestamp=str(seconds(time)), **known))


# Months


@pytest.mark.parametrize(
    ("zone", "month", "start", "end"),
    [
        ("Asia/Kolkata", "2026-10", "2026-09-30T18:30", "2026-10-31T18:30"),
        ("Pacific/Apia", "2026-10", "2026-09-30T11:00", "2026-10-31T11:00"),
        ("Pacific/Apia", "2011-12", "2011-12-01T10:00", "2011-12-31T10:00"),  # has no 30th
        ("America/Sao_Paulo", "2018-11", "2018-11-01T03:00", "2018-12-01T02:00"),
        ("America/Sao_Paulo", "2026-11", "2026-11-01T03:00", "2026-12-01T03:00"),
        ("Africa/Casablanca", "2024-03", "2024-02-29T23:00", "2024-04-01T00:00"),
        ("Europe/Berlin", "2026-10", "2026-09-30T22:00", "2026-10-31T23:00"),
        ("America/Asuncion", "2017-10", "2017-10-01T04:00", "2017-11-01T03:00"),  # 00:00 skipped
        ("America/Havana", "2020-11", "2020-11-01T04:00", "2020-12-01T05:00"),  # 00:00 twice
        ("UTC", "2026-12", "2026-12-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_a_month_runs_from_midnight_to_midnight_in_its_zone(
    zone: str, month: str, start: str, end: str
) -> None:
    bounds = Month.parse(month).bounds(zone)

    assert [int(bound.timestamp()) for bound in bounds] == [seconds(start), seconds(end)]


def test_months_of_every_zone_follow_each_other_and_begin_on_their_first_day() -> None:
    months = [Month(year, number) for year in (2022, 2025, 2026) for number in range(1, 13)]
    for zone in sorted(ZONES):
        bounds = [month.bounds(zone) for month in months]
        for month, (one, other) in zip(months, pairwise(bounds), strict=False):
            assert one[1] == other[0] or month.number == 12, (zone, month)
        for month, (start, _) in zip(months, bounds, strict=True):
            local = ZoneInfo(zone)
            assert start.astimezone(local).date() == month.first_day, (zone, month)
            before = start - timedelta(seconds=1)
            assert before.astimezone(local).date() < month.first_day, (zone, month)


def test_the_store_knows_every_zone_that_a_book_may_name(desk: Desk) -> None:
    desk.store.put("zones", pl.DataFrame({"zone": sorted(ZONES)}))

    query = "select count(*) from zones where timezone(zone, now()) is not null"
    assert desk.store.value(query) == len(ZONES)


@pytest.mark.parametrize(
    ("zone", "boundary"),
    [
        ("Asia/Kolkata", "2026-09-30T18:30"),
        ("Pacific/Apia", "2026-09-30T11:00"),
        ("America/Sao_Paulo", "2026-10-01T03:00"),
        ("Africa/Casablanca", "2026-10-01T00:00"),
    ],
)
def test_a_delivery_at_the_boundary_belongs_to_one_month_only(
    desk: Desk, zone: str, boundary: str
) -> None:
    start = int(midnight(OCTOBER.first_day, zone).timestamp())
    if zone != "Africa/Casablanca":  # its offset in 2026 depends on the edition of the zone files
        assert start == seconds(boundary)
    desk.load(*sent(start - 1, start, start + 1))
    accounts = desk.accounts(accounts=ZONED.format(zone=zone), senders=ONE_SENDER)

    assert desk.usage("2026-09", accounts=accounts) == {(): 1}
    assert desk.usage("2026-10", accounts=accounts) == {(): 2}


@pytest.mark.parametrize("zone", ["Africa/Casablanca", "America/Vancouver", "Europe/Berlin"])
def test_no_day_of_another_month_is_listed_in_a_month(desk: Desk, zone: str) -> None:
    months = [Month(2026, number) for number in (9, 10, 11, 12)]
    starts = [int(month.bounds(zone)[0].timestamp()) for month in months]
    desk.load(*sent(*(start + shift for start in starts for shift in (-1, 0, 1800))))
    accounts = desk.accounts(accounts=ZONED.format(zone=zone), senders=ONE_SENDER)

    for month in months:
        days = desk.usage(str(month), "day", accounts=accounts)
        assert {f"{day:%Y-%m}" for day in days} == {str(month)}
        assert set(desk.usage(str(month), "month", accounts=accounts)) == {str(month)}


def test_every_delivery_counts_in_one_month_of_one_account(desk: Desk) -> None:
    step = 5 * 3600 + 17
    times = range(seconds("2026-09-28T00:00"), seconds("2026-11-03T00:00"), step)
    desk.load(
        *sent(*times),
        *sent(*times, sender="2", waba="w3"),
        *sent(*times, sender="7", waba="w3"),
        *sent(*times, sender="8", waba=None),
    )

    months = [desk.usage(month, "account") for month in ("2026-09", "2026-10", "2026-11")]

    for account in ("acme", "bombay", "samoa", None):
        assert sum(month[account] for month in months) == len(times)


def test_an_account_that_moves_to_another_zone_loses_and_repeats_nothing(desk: Desk) -> None:
    hours = range(seconds("2026-10-30T00:10"), seconds("2026-11-02T00:00"), 3600)
    desk.load(*sent(*hours), *sent(*hours, sender="2"))
    accounts = desk.accounts(
        accounts=(
            "account_id,effective_from,name,time_zone\n"
            "acme,2026-01-01,Acme,Europe/Berlin\nacme,2026-11-01,Acme,Asia/Kolkata\n"
            "bombay,2026-01-01,Bombay,Asia/Kolkata\nbombay,2026-11-01,Bombay,America/New_York\n"
        ),
        senders="sender_id,account_id\n1,acme\n2,bombay\n",
    )

    months = [desk.usage(month, "account", accounts=accounts) for month in ("2026-10", "2026-11")]

    for account in ("acme", "bombay"):
        assert sum(month[account] for month in months) == len(hours)


# Owners


def test_a_row_for_a_number_beats_the_row_of_its_waba(desk: Desk) -> None:
    desk.load(*sent("2026-10-05T12:00", sender="2", waba="w3"))
    desk.load(*sent("2026-10-05T12:00", sender="9", waba="w3"))
    desk.load(*sent("2026-10-05T12:00", sender="10", waba="other"))

    assert desk.usage("2026-10", "account") == {"bombay": 1, "samoa": 1, None: 1}


def test_a_number_changes_hands_at_midnight_of_the_seller(desk: Desk) -> None:
    change = seconds("2026-10-14T22:00")  # midnight of the 15th in Berlin
    desk.load(*sent(change - 1, change, change + 1))
    senders = OWNED + "1,acme,,2026-10-15\n1,bombay,2026-10-15,\n"

    accounts = desk.accounts(senders=senders)

    assert desk.usage("2026-10", "account", accounts=accounts) == {"acme": 1, "bombay": 2}


def test_a_number_that_nobody_owns_yet_or_any_more_falls_back_to_its_waba(desk: Desk) -> None:
    desk.load(*sent("2026-10-05T12:00", "2026-10-15T12:00", "2026-10-25T12:00"))
    senders = (
        "sender_id,waba_id,account_id,valid_from,valid_to\n"
        "1,,acme,2026-10-10,2026-10-20\n,w1,samoa,2026-10-12,\n"
    )

    accounts = desk.accounts(senders=senders)

    assert desk.usage("2026-10", "account", accounts=accounts) == {"acme": 1, "samoa": 1, None: 1}


def test_what_an_account_sent_before_its_first_day_is_still_its_own(desk: Desk) -> None:
    desk.load(*sent("2026-09-05T12:00", "2026-10-05T12:00", "2026-10-25T12:00"))
    accounts = desk.accounts(
        accounts="account_id,effective_from,name\nacme,2026-10-10,Acme\n",
        senders="sender_id,account_id\n1,acme\n",
    )

    assert desk.usage("2026-09", "account", accounts=accounts) == {"acme": 1}
    assert desk.usage("2026-10", "account", accounts=accounts) == {"acme": 2}


# Markets


@pytest.mark.parametrize(
    ("number", "month", "before", "after"),
    [
        ("48512345678", "2026-07", "Rest of Central & Eastern Europe", "Poland"),
        ("85291234567", "2026-07", "Rest of Asia Pacific", "Hong Kong"),
        ("PL.1", "2026-07", "Rest of Central & Eastern Europe", "Poland"),
        ("77011234567", "2026-10", "Other", "Kazakhstan"),
        ("96891234567", "2026-10", "Rest of Middle East", "Oman"),
    ],
)
def test_a_market_changes_at_midnight_in_the_zone_of_the_account(
    desk: Desk, number: str, month: str, before: str, after: str
) -> None:
    start = Month.parse(month).bounds("Europe/Berlin")[0]
    earlier = (start - timedelta(days=1)).strftime("%Y-%m")
    for name, second in (("a", -1), ("b", 0)):
        key = "recipient_user_id" if "." in number else "recipient_id"
        recipient = {"recipient_id": "", key: number}
        time = str(int(start.timestamp()) + second)
        desk.load(webhook(status(name, timestamp=time, pricing=MARKETING, **recipient)))

    assert desk.usage(earlier, "market") == {before: 1}
    assert desk.usage(month, "market") == {after: 1}


MARKETS = {
    "12125550123": ("US", "North America"),
    "14165550123": ("CA", "North America"),
    "18765550123": ("JM", "Rest of Latin America"),
    "17875550123": ("PR", "Rest of Latin America"),
    "18095550123": ("DO", "Rest of Latin America"),
    "12425550123": ("BS", "Other"),
    "79161234567": ("RU", "Russia"),
    "77011234567": ("KZ", "Kazakhstan"),
    "76011234567": ("KZ", "Kazakhstan"),
    BRAZIL: ("BR", "Brazil"),
    GERMANY: ("DE", "Germany"),
    INDIA: ("IN", "India"),
    "821012345678": ("KR", "Other"),
    "2101234567": (None, "Other"),
    "US.13491208655302741918": ("US", "North America"),
    "CA.1": ("CA", "North America"),
    "KZ.1": ("KZ", "Kazakhstan"),
    "BR.ENT.1": ("BR", "Brazil"),
    "XX.1": ("XX", "Other"),
    "user.0f0f": (None, None),
    "nobody.1": (None, None),
}


def test_recipients_are_in_the_market_of_their_prefix_or_country(desk: Desk) -> None:
    desk.load(*to(*MARKETS))
    expected: dict[tuple[str | None, str | None], int] = {}
    for place in MARKETS.values():
        expected[place] = expected.get(place, 0) + 1

    assert desk.usage("2026-10", "country", "market") == expected


def test_a_recipient_of_no_known_place_has_no_market_rather_than_a_cheap_one(desk: Desk) -> None:
    desk.load(*to("123", "1234567890123456"))

    assert desk.usage("2026-10", "market", "country") == {(None, None): 2}


# Dimensions


def test_every_dimension_says_what_it_stands_for(desk: Desk) -> None:
    # 2026-10-04 is a Sunday; 20:00 in UTC is 01:30 of the next day in India.
    desk.load(*sent("2026-10-04T20:00", sender="2", waba="w2"))
    expected: dict[Dimension, object] = {
        "account": "bombay",
        "portfolio": "bombay",
        "waba": "w2",
        "sender": "2",
        "channel": "whatsapp",
        "market": "Brazil",
        "country": "BR",
        "category": "marketing",
        "pricing_type": "regular",
        "pricing_model": "PMP",
        "entry_point": "none",
        "template": None,
        "status": "delivered",
        "day": date(2026, 10, 5),
        "week": date(2026, 10, 5),
        "month": "2026-10",
        "hour": 1,
    }

    assert set(expected) == {*OF_ALL, *OF_MESSAGES}
    for dimension, value in expected.items():
        assert desk.usage("2026-10", dimension) == {value: 1}, dimension
    assert desk.usage("2026-10", *expected) == {tuple(expected.values()): 1}


def test_deliveries_are_told_apart_by_what_the_network_reports_that_they_cost(desk: Desk) -> None:
    pricing = {"pricing_model": "PMP", "type": "regular", "category": "marketing_lite"}
    cost = {"amount": 0.0415, "currency": "USD"}
    at = {"timestamp": str(seconds("2026-10-04T20:00"))}
    desk.load(
        webhook(*(status(name, **at, pricing={**pricing, "cost": cost}) for name in "ab")),
        webhook(status("c", **at, pricing=pricing)),
    )

    assert desk.usage("2026-10", "reported_cost") == {"USD 0.04150000": 2, None: 1}


def test_what_pricing_measures_has_its_schema_and_leaves_nothing_out(desk: Desk) -> None:
    desk.load(*to(*MARKETS), *sent("2026-10-20T12:00", sender="8"))
    frame = measure(
        desk.store, desk.accounts(), OCTOBER, "deliveries", changes=[date(2026, 10, 15)]
    )

    assert frame.schema == USAGE
    assert frame["quantity"].sum() == len(MARKETS) + 1
    assert frame.filter(pl.col("account_id").is_null())["rate_date"].to_list() == [
        date(2026, 10, 15)
    ]
    assert frame.drop("quantity").is_unique().all()


def test_a_month_is_cut_where_a_rate_changes_at_local_midnight(desk: Desk) -> None:
    change = seconds("2026-10-14T18:30")  # the 15th begins in India
    desk.load(*sent(change - 1, change, change + 1, sender="2"))

    frame = measure(
        desk.store, desk.accounts(), OCTOBER, "deliveries", changes=[date(2026, 10, 15)]
    )

    assert {row["rate_date"]: int(row["quantity"]) for row in frame.to_dicts()} == {
        date(2026, 10, 1): 1,
        date(2026, 10, 15): 2,
    }


def test_usage_is_told_apart_by_waba_and_sender_where_that_is_asked(desk: Desk) -> None:
    desk.load(
        *sent("2026-10-05T12:00", waba="w1"),
        *sent("2026-10-06T12:00", waba="w9"),
        *sent("2026-10-07T12:00", sender="33", waba="w3"),
        *sent("2026-10-07T12:00", sender="34", waba="w3"),
    )

    def cells(*apart: Split) -> list[tuple[Any, ...]]:
        frame = measure(desk.store, desk.accounts(), OCTOBER, "deliveries", apart=apart)
        assert frame.schema == USAGE
        assert frame["quantity"].sum() == 4
        names = ("account_id", "waba_id", "sender_id", "pricing_opinion", "quantity")
        return frame.select(names).rows()

    assert cells() == [("acme", None, None, None, 2), ("samoa", None, None, None, 2)]
    assert cells("waba") == [
        ("acme", "w1", None, None, 1),
        ("acme", "w9", None, None, 1),
        ("samoa", "w3", None, None, 2),
    ]
    assert cells("sender", "opinion") == [
        ("acme", None, "1", "network", 2),
        ("samoa", None, "33", "network", 1),
        ("samoa", None, "34", "network", 1),
    ]


def test_what_nobody_asks_to_be_told_apart_is_not_kept_apart(desk: Desk) -> None:
    desk.load(*sent(*range(NOON, NOON + 20), waba="w1"), *sent(NOON, waba="w9"))
    accounts = desk.accounts(senders=ONE_SENDER)

    def pieces(*apart: Split) -> Any:
        measure(desk.store, accounts, OCTOBER, "deliveries", apart=apart)
        return desk.store.value("select count(*) from pieces")

    assert (pieces(), pieces("opinion"), pieces("sender"), pieces("waba")) == (1, 1, 1, 2)


SPAN = (seconds("2026-09-28T00:00"), seconds("2026-11-03T00:00"))
EDGES = [
    int(midnight(date(2026, month, day), zone).timestamp())
    for zone in ("Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Berlin", "Pacific/Apia")
    for month, day in ((10, 1), (10, 4), (10, 15), (10, 25), (11, 1))
]
moments = st.one_of(
    st.integers(*SPAN),
    st.builds(int.__add__, st.sampled_from(EDGES), st.sampled_from([-3601, -1, 0, 1, 3600])),
)


@given(
    drawn=st.lists(st.tuples(moments, st.sampled_from("127")), max_size=30),
    change=st.sampled_from([date(2026, 10, 4), date(2026, 10, 25)]),
)
def test_units_that_are_added_up_first_are_counted_as_one_by_one(
    open_desk: Desk, drawn: list[tuple[int, str]], change: date
) -> None:
    open_desk.clear()
    rows = [
        (n, datetime.fromtimestamp(at, UTC).replace(tzinfo=None), sender)
        for n, (at, sender) in enumerate(drawn)
    ]
    open_desk.store.put(
        "drawn",
        pl.DataFrame(rows, ["number", "instant", "sender_id"], orient="row")
        if rows
        else pl.DataFrame(schema={"number": pl.Int64, "instant": pl.Datetime, "sender_id": str}),
    )
    open_desk.store.execute(
        "insert into deliveries by name select number::uhugeint as message_key, 'sms' as channel,"
        " sender_id, instant as first_at, instant as delivered_at, false as is_echo from drawn"
    )
    accounts = open_desk.accounts(
        accounts="account_id,name,time_zone\nacme,Acme,Asia/Kathmandu\n"
        "bombay,Bombay,Australia/Lord_Howe\nsamoa,Samoa,Pacific/Apia\n",
        senders=f"{OWNED}1,acme,,{change}\n1,bombay,{change},\n2,samoa,,\n",
    )

    for by in (("account",), ("account", "day"), ("account", "day", "hour")):
        expected: dict[tuple[Any, ...], int] = {}
        for cell in one_by_one(drawn, change):
            expected[cell[: len(by)]] = expected.get(cell[: len(by)], 0) + 1
        found = open_desk.usage("2026-10", *by, accounts=accounts)
        assert {key if len(by) > 1 else (key,): n for key, n in found.items()} == expected


def one_by_one(drawn: Sequence[tuple[int, str]], change: date) -> Iterator[tuple[Any, ...]]:
    """Account, local day and hour of each delivery of October, in plain Python."""
    zones = {
        "acme": "Asia/Kathmandu",
        "bombay": "Australia/Lord_Howe",
        "samoa": "Pacific/Apia",
        None: "Europe/Berlin",
    }
    for at, sender in drawn:
        is_later = at >= int(midnight(change, "Europe/Berlin").timestamp())
        owner = {"1": "bombay" if is_later else "acme", "2": "samoa"}.get(sender)
        local = datetime.fromtimestamp(at, ZoneInfo(zones[owner]))
        if (local.year, local.month) == (2026, 10):
            yield owner, local.date(), local.hour


# The order of time


Unit = tuple[datetime, str, str, str, date]  # instant, key, account, market, rate date


def plain_units(desk: Desk) -> list[Unit]:
    """List the deliveries of October by the slow definition: one by one, in order of time."""
    owners = {"1": ("acme", "Europe/Berlin"), "2": ("bombay", "Asia/Kolkata")}
    names = {"55": "Brazil", "49": "Germany", "91": "India"}
    units = []
    columns = "delivered_at, printf('%032x', message_key), sender_id, split_part(place, '|', 2)"
    for instant, key, sender, prefix in desk.deliveries(columns):
        account, zone = owners[sender]
        day = instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()
        if (day.year, day.month) == (2026, 10):
            rate_date = date(2026, 10, 15) if day.day >= 15 else date(2026, 10, 1)
            units.append((instant, key, account, names[prefix], rate_date))
    return sorted(units)


def test_quantity_below_a_bound_is_counted_one_unit_after_another(desk: Desk) -> None:
    times = [seconds("2026-09-30T16:00") + n * 40_000 for n in range(70)]
    desk.load(
        *(
            webhook(
                status(
                    f"{sender}-{n}",
                    timestamp=str(time - time % 80_000),  # many at one instant
                    recipient_id=(BRAZIL, GERMANY, INDIA)[n % 3],
                    pricing=MARKETING,
                ),
                sender=sender,
            )
            for sender in "12"
            for n, time in enumerate(times)
        )
    )
    accounts = desk.accounts()
    changes = [date(2026, 10, 15)]
    usage = measure(desk.store, accounts, OCTOBER, "deliveries", changes=changes)
    units = plain_units(desk)
    assert usage["quantity"].sum() == len(units) > 100

    @given(
        scopes=st.lists(st.integers(0, 3), min_size=usage.height, max_size=usage.height),
        bounds=st.lists(st.integers(0, 80), min_size=1, max_size=3, unique=True),
    )
    @settings(max_examples=25)
    def agrees(scopes: list[int], bounds: list[int]) -> None:
        cells = usage.drop("meter", "quantity").with_columns(
            scope=pl.Series(scopes, dtype=pl.Int64)
        )
        asked = [(scope, bound) for scope in sorted(set(scopes)) for bound in bounds]
        frame = quantity_below(
            desk.store,
            accounts,
            OCTOBER,
            "deliveries",
            cells=cells,
            bounds=pl.DataFrame(asked, {"scope": pl.Int64, "bound": pl.Int64}, orient="row"),
            changes=changes,
        )

        found = {
            (r["scope"], r["bound"], r["account_id"], r["market"], r["rate_date"]): int(
                r["quantity"]
            )
            for r in frame.to_dicts()
        }
        assert found == slow_quantity_below(units, cells, bounds)

    agrees()


def slow_quantity_below(
    units: Sequence[Unit], cells: pl.DataFrame, bounds: Sequence[int]
) -> dict[tuple[Any, ...], int]:
    scope_of: dict[tuple[Any, ...], int] = {
        (r["account_id"], r["market"], r["rate_date"]): r["scope"] for r in cells.to_dicts()
    }
    seen: dict[int, int] = {}
    found: dict[tuple[Any, ...], int] = {}
    for _, _, *cell in units:
        scope = scope_of[tuple(cell)]
        seen[scope] = seen.get(scope, 0) + 1
        for bound in bounds:
            key = (scope, bound, *cell)
            found[key] = found.get(key, 0) + (seen[scope] <= bound)
    return found


def test_messages_of_an_account_are_listed_in_the_order_of_time(desk: Desk) -> None:
    desk.load(*sent("2026-10-20T12:00", "2026-10-05T12:00", "2026-11-05T12:00"))
    accounts = desk.accounts()
    cells = measure(desk.store, accounts, OCTOBER, "deliveries").select(
        *USAGE_DIMENSIONS, "rate_date"
    )

    frame = messages_of(
        desk.store,
        accounts,
        OCTOBER,
        "deliveries",
        account_id="acme",
        cells=cells,
        changes=(),
        limit=9,
    )

    assert [at.day for at in frame["delivered_at"]] == [5, 20]
    assert all(len(message) == 32 for message in frame["message"])


# Conversations


def talk(
    message_id: str, time: str, conversation: str = "c", report: str = "delivered", **given: Any
) -> Json:
    about = {"id": conversation, "origin": {"type": "marketing"}}
    plain = {"timestamp": str(seconds(time)), "conversation": about, "pricing": CBP}
    return webhook(status(message_id, report, **{**plain, **given}))


def test_a_conversation_counts_once_where_it_was_opened(desk: Desk) -> None:
    desk.load(
        talk("b", "2026-10-31T22:50", pricing={**CBP, "category": "utility"}),
        talk("a", "2026-10-31T22:30"),
        talk("c", "2026-11-01T10:00", recipient_id=GERMANY),
        talk("d", "2026-11-01T11:00", conversation="other"),
        talk("e", "2026-11-01T11:00", conversation="other", report="sent"),
    )

    found = desk.usage("2026-10", "category", "market", meter="conversations")
    assert found == {("marketing", "Brazil"): 1}
    assert desk.usage("2026-11", meter="conversations") == {(): 1}
    assert desk.usage("2026-11") == {(): 2}


def test_per_message_pricing_makes_no_conversation_but_a_free_entry_point_does(desk: Desk) -> None:
    free = {**MARKETING, "billable": False, "type": "free_entry_point"}
    desk.load(
        talk("a", "2026-10-05T12:00", pricing=MARKETING),
        talk("b", "2026-10-05T12:00", conversation="f", pricing=free),
        talk("c", "2026-10-05T13:00", conversation="f", pricing=free),
    )

    found = desk.usage("2026-10", "pricing_type", meter="conversations")
    assert found == {"free_entry_point": 1}


def test_the_same_conversation_id_of_two_senders_is_two_conversations(desk: Desk) -> None:
    first = talk("a", "2026-10-05T12:00")
    second = webhook(*first["entry"][0]["changes"][0]["value"]["statuses"], sender="2")
    desk.load(first, second)

    assert desk.usage("2026-10", "account", meter="conversations") == {"acme": 1, "bombay": 1}
