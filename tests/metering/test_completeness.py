"""Completeness: a log that is not there is noticed, by each sender's own past."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.completeness import COMPLETENESS, LIVE_DIRECTIONS, Completeness, completeness
from metering.period import Month
from tests.metering.rows import Rows, open_rows

OCTOBER = Month(2026, 10)
ZONED = "account_id,name,time_zone\nacme,Acme,{zone}\n"
OWNED = "sender_id,account_id\n1,acme\n"
NOON = time(12)


@pytest.fixture(scope="module")
def open_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    with open_rows(tmp_path_factory.mktemp("completeness") / "book") as rows:
        yield rows


@pytest.fixture
def rows(open_store: Rows) -> Rows:
    open_store.clear()
    return open_store


def utc(day: date, at: time = NOON, zone: str = "UTC") -> datetime:
    """The instant, as the store keeps it, of a local time; the first where it comes twice."""
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def days(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def look(
    rows: Rows, month: Month = OCTOBER, zone: str = "UTC", senders: str = OWNED
) -> Completeness:
    rows.write()
    accounts = rows.accounts(accounts=ZONED.format(zone=zone), senders=senders)
    found = completeness(rows.store, accounts, month)
    assert found.senders.schema == COMPLETENESS
    return found


def row_of(found: Completeness, sender: str | None = "1") -> dict[str, Any]:
    (row,) = (row for row in found.senders.iter_rows(named=True) if row["sender"] == sender)
    return row


def report(rows: Rows, day: date, count: int = 1, **given: Any) -> None:
    for number in range(count):
        rows.event("outbound", utc(day) + timedelta(seconds=number), **given)


# Missing days


def test_a_day_without_reports_is_missing_if_four_weeks_had_some(rows: Rows) -> None:
    for day in days("2026-09-01", "2026-11-02"):
        if day != date(2026, 10, 13):
            report(rows, day)

    row = row_of(look(rows))

    assert row["missing_days"] == [date(2026, 10, 13)]
    assert row["complete_up_to"] == datetime(2026, 10, 13, tzinfo=UTC)
    assert row["reports"] == 30


@pytest.mark.parametrize("week", [1, 2, 3, 4])
def test_a_day_is_not_missing_if_one_of_the_four_weeks_had_none(rows: Rows, week: int) -> None:
    gone = date(2026, 10, 13)
    for day in days("2026-09-01", "2026-11-02"):
        if day not in (gone, gone - timedelta(weeks=week)):
            report(rows, day)

    missing = row_of(look(rows))["missing_days"]

    assert gone not in missing
    assert missing == [day for day in (gone - timedelta(weeks=week),) if day.month == 10]


@pytest.mark.parametrize(
    ("last", "expected"),
    [("2026-10-13T23:59:59", []), ("2026-10-14T00:00:00", [date(2026, 10, 13)])],
)
def test_a_day_is_missing_only_once_the_log_has_gone_past_it(
    rows: Rows, last: str, expected: list[date]
) -> None:
    for day in days("2026-09-01", "2026-10-12"):
        report(rows, day)
    rows.event(at=datetime.fromisoformat(last), sender_id="2")

    found = look(rows)

    assert row_of(found)["missing_days"] == expected
    assert found.last_report_at == datetime.fromisoformat(last).replace(tzinfo=UTC)


def test_a_load_of_a_later_month_shows_that_the_end_of_this_one_is_missing(rows: Rows) -> None:
    for day in [*days("2026-09-01", "2026-10-20"), *days("2026-11-02", "2026-11-09")]:
        report(rows, day)

    found = look(rows)

    # After a week a gap is its own past; where it began is what the log is complete up to.
    assert row_of(found)["missing_days"] == days("2026-10-21", "2026-10-27")
    assert found.complete_up_to == datetime(2026, 10, 21, tzinfo=UTC)
    assert found.last_report_at == datetime(2026, 11, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize("direction", ["history", "send", "consent", "identity", "account"])
def test_what_tells_of_other_times_does_not_hide_a_missing_day(rows: Rows, direction: str) -> None:
    for day in days("2026-09-01", "2026-11-02"):
        if day != date(2026, 10, 13):
            report(rows, day)
    rows.event(direction, utc(date(2026, 10, 13)))
    rows.event(direction, utc(date(2027, 10, 13)))

    found = look(rows)

    assert row_of(found)["missing_days"] == [date(2026, 10, 13)]
    assert found.last_report_at == datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("direction", LIVE_DIRECTIONS)
def test_any_live_report_shows_that_a_day_is_there(rows: Rows, direction: str) -> None:
    for day in days("2026-09-01", "2026-11-02"):
        if day != date(2026, 10, 13):
            report(rows, day)
    rows.event(direction, utc(date(2026, 10, 13)))

    assert row_of(look(rows))["missing_days"] == []


# Sudden drops


@pytest.mark.parametrize(
    ("past", "count", "usual"),
    [
        ((100, 100, 100, 100), 19, "100.0"),
        ((100, 100, 100, 100), 20, None),  # a fifth is no drop
        ((90, 101, 100, 500), 20, "100.5"),  # the median is not moved by one day
        ((20, 20, 20, 20), 3, "20.0"),
        ((19, 20, 20, 19), 3, None),  # 19.5: chance
        ((0, 100, 100, 100), 5, "100.0"),
        ((0, 100, 100, 100), 0, "100.0"),  # no missing day, for one week had none
        ((0, 0, 100, 100), 5, "50.0"),
        ((0, 0, 0, 100), 5, None),
    ],
)
def test_a_sudden_drop_is_less_than_a_fifth_of_the_median_of_four_weeks(
    rows: Rows, past: tuple[int, ...], count: int, usual: str | None
) -> None:
    day = date(2026, 10, 29)
    report(rows, date(2026, 11, 2), sender_id="2")
    report(rows, day, count)
    for week, number in enumerate(past, 1):
        report(rows, day - timedelta(weeks=week), number)

    drops = row_of(look(rows))["sudden_drops"]

    shown = [(drop["day"], drop["reports"], str(drop["usual"])) for drop in drops]
    assert [one for one in shown if one[0] == day] == (
        [] if usual is None else [(day, count, usual)]
    )


def test_a_day_that_is_not_over_is_no_drop(rows: Rows) -> None:
    day = date(2026, 10, 29)
    report(rows, day, 1)
    for week in range(1, 5):
        report(rows, day - timedelta(weeks=week), 100)

    assert row_of(look(rows))["sudden_drops"] == []


# Silent senders


def test_a_sender_that_reported_in_the_28_days_before_and_not_in_the_month_is_silent(
    rows: Rows,
) -> None:
    report(rows, date(2026, 9, 3), sender_id="late")  # 28 days before
    report(rows, date(2026, 9, 2), sender_id="long gone")
    report(rows, date(2026, 10, 3))
    report(rows, date(2026, 11, 1), sender_id="new")

    found = look(rows)

    assert {row["sender"]: row["silent"] for row in found.senders.iter_rows(named=True)} == {
        "1": False,
        "late": True,
    }


def test_a_sender_of_senders_csv_is_silent_if_it_is_owned_in_the_month(rows: Rows) -> None:
    senders = (
        "sender_id,waba_id,account_id,valid_from,valid_to\n"
        "1,,acme,,\n"
        "2,,acme,,2026-10-01\n"
        "3,,acme,2026-11-01,\n"
        "4,,acme,2026-10-31,\n"
        ",w1,acme,,\n"
        ",w2,acme,,\n"
    )
    report(rows, date(2026, 10, 3))
    report(rows, date(2026, 10, 3), sender_id="9", waba_id="w1")
    report(rows, date(2026, 8, 3), sender_id="4")

    found = look(rows, senders=senders)

    silent = found.senders.filter("silent").select("account", "sender", "waba").rows()
    assert silent == [("acme", "4", None), ("acme", None, "w2")]
    assert row_of(found, "4")["last_report_at"] == datetime(2026, 8, 3, 12, tzinfo=UTC)
    assert row_of(found, "9")["account"] == "acme"
    assert found.total() == {"senders": 4, "silent": 2, "missing_days": 0, "sudden_drops": 0}


def test_a_sender_that_moved_is_shown_with_its_last_owner_of_the_month(rows: Rows) -> None:
    accounts = "account_id,name,time_zone\nacme,Acme,UTC\nbistro,Bistro,Asia/Kolkata\n"
    senders = (
        "sender_id,account_id,valid_from,valid_to\n1,acme,,2026-10-15\n1,bistro,2026-10-15,\n"
        "2,acme,,2026-10-15\n2,bistro,2026-10-15,\n"
    )
    for day in days("2026-09-01", "2026-11-02"):
        report(rows, day)
    rows.write()

    found = completeness(rows.store, rows.accounts(accounts=accounts, senders=senders), OCTOBER)

    assert [found.senders["account"].to_list(), found.senders["sender"].to_list()] == [
        ["bistro", "bistro"],
        ["1", "2"],
    ]
    assert found.total()["missing_days"] == 0
    assert row_of(found)["reports"] == 31


def test_an_empty_store_is_complete_up_to_nothing(rows: Rows) -> None:
    found = look(rows)

    assert (found.last_report_at, found.complete_up_to) == (None, None)
    assert found.total() == {"senders": 1, "silent": 1, "missing_days": 0, "sudden_drops": 0}


def test_all_is_complete_up_to_the_first_missing_day_of_any_sender(rows: Rows) -> None:
    for day in days("2026-09-01", "2026-11-02"):
        report(rows, day)
        if day != date(2026, 10, 9):
            report(rows, day, sender_id="2")

    found = look(rows, senders=f"{OWNED}2,acme\n")

    assert found.complete_up_to == datetime(2026, 10, 9, tzinfo=UTC)
    assert row_of(found)["complete_up_to"] == datetime(2026, 11, 2, 12, tzinfo=UTC)


# Local days, against a slow definition


ZONES = (
    *("UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham"),
    *("Europe/Berlin", "America/St_Johns", "America/Sao_Paulo", "Pacific/Apia"),
)
TIMES = (time(0, 0), time(0, 0, 1), time(0, 29, 59), time(12), time(23, 30), time(23, 59, 59))


def slow(instants: list[datetime], zone: str, month: Month, last: datetime) -> dict[str, Any]:
    """What is missing, day by day, as the guide defines it."""
    local = ZoneInfo(zone)
    counts = Counter(at.replace(tzinfo=UTC).astimezone(local).date() for at in instants)
    missing, drops = [], []
    for day in (month.first_day + timedelta(days=n) for n in range(month.day_count)):
        if utc(day + timedelta(days=1), time(0), zone) > last:
            continue
        past = sorted(counts[day - timedelta(weeks=week)] for week in range(1, 5))
        twice_median = past[1] + past[2]
        if past[0] and not counts[day]:
            missing.append(day)
        elif counts[day] * 10 < twice_median and twice_median >= 40:
            drops.append(day)
    return {"missing_days": missing, "sudden_drops": drops}


@st.composite
def logs(draw: st.DrawFn) -> tuple[str, Month, list[datetime]]:
    """Draw a zone, a month and a log that has gaps and reports close to midnight."""
    zone = draw(st.sampled_from(ZONES))
    month = draw(st.sampled_from((Month(2026, 3), Month(2026, 10), Month(2026, 11))))
    first = month.first_day - timedelta(days=30)
    usual = draw(st.lists(st.sampled_from((0, 1, 2, 25, 60)), min_size=7, max_size=7))
    gaps = draw(st.sets(st.integers(0, 64), max_size=6))
    drops = draw(st.sets(st.integers(30, 64), max_size=4))
    instants = []
    for number in range(65):
        day = first + timedelta(days=number)
        count = usual[day.weekday()] if number not in gaps else 0
        count = min(count, draw(st.integers(0, 6))) if number in drops else count
        at = draw(st.sampled_from(TIMES))
        instants += [utc(day, at, zone)] * count
    return zone, month, instants


@given(drawn=logs())
def test_days_are_judged_as_the_slow_definition_does(
    open_store: Rows, drawn: tuple[str, Month, list[datetime]]
) -> None:
    zone, month, instants = drawn
    open_store.clear()
    for at in instants:
        open_store.event(at=at)
    others = "account_id,name,time_zone\nacme,Acme,{zone}\nother,Other,Asia/Kathmandu\n"
    open_store.write()
    accounts = open_store.accounts(accounts=others.format(zone=zone), senders=OWNED)

    found = completeness(open_store.store, accounts, month)

    expected = slow(instants, zone, month, max(instants, default=utc(date(2009, 1, 1))))
    row = row_of(found)
    assert row["missing_days"] == expected["missing_days"]
    assert [drop["day"] for drop in row["sudden_drops"]] == expected["sudden_drops"]
    start, end = (bound.replace(tzinfo=None) for bound in month.bounds(zone))
    assert row["reports"] == sum(start <= at < end for at in instants)
    assert row["silent"] == (row["reports"] == 0)
