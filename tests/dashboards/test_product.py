"""What product managers ask: spans, changes, unusual days, forecasts, cohorts and free units."""

import io
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from dashboards.anomalies import find_anomalies
from dashboards.cohorts import cohorts, free_tier
from dashboards.export import defused, to_csv, to_excel, to_parquet
from dashboards.forecast import DAYS_MIN, forecast
from dashboards.grids import drawn, market_of_countries, undrawn, world_map
from dashboards.moves import CHARGED, moves, moves_of_month
from dashboards.span import Span, presets, span_of
from metering.market import markets

MONDAY = date(2026, 8, 31)
BEYOND = ("2008-12-31..2009-01-02", "2099-12-31..2100-01-01", "9999-12-31..9999-12-31")
days = st.dates(date(2020, 1, 1), date(2030, 12, 31))


@given(days, days)
def test_the_span_before_has_no_day_of_the_span_and_ends_where_it_begins(
    one: date, other: date
) -> None:
    span = Span(min(one, other), max(one, other))
    before = span.before()

    assert before.last < span.first
    if not (span.first.day == 1 and span.first.month == span.last.month):
        assert before.day_count == span.day_count
        assert before.last == span.first - timedelta(days=1)


def test_a_month_so_far_is_compared_with_the_same_days_of_the_month_before() -> None:
    assert str(Span(date(2026, 10, 1), date(2026, 10, 19)).before()) == "2026-09-01..2026-09-19"
    march = Span(date(2026, 3, 1), date(2026, 3, 30))
    assert str(march.before()) == "2026-02-01..2026-02-28", "February has no 30th day"


@given(days, st.sampled_from([*presets()]))
def test_every_preset_is_a_span_that_ends_by_the_day_that_is_known(day: date, name: str) -> None:
    span = span_of(name, complete_to=day, months=[])

    assert span is not None
    assert span.first <= span.last <= day


@pytest.mark.parametrize(
    "text", ["", "2026-13", "..", "2026-10-05..2026-10-01", "x..y", "last-9", *BEYOND]
)
def test_what_names_no_days_is_no_span(text: str) -> None:
    assert span_of(text, complete_to=date(2026, 10, 9), months=["2026-10"]) is None


@given(days, days)
def test_a_span_of_the_address_reads_back_as_itself(one: date, other: date) -> None:
    span = Span(min(one, other), min(max(one, other), min(one, other) + timedelta(days=999)))

    assert span_of(str(span), complete_to=one, months=[]) == span


def daily_of(quantities: list[int]) -> pl.DataFrame:
    rows = [(MONDAY + timedelta(days=n), "all", q) for n, q in enumerate(quantities)]
    return pl.DataFrame(rows, ["day", "group", "quantity"], orient="row")


def test_a_day_that_stops_is_found_and_a_quiet_weekend_is_not() -> None:
    week = [1000, 1010, 990, 1005, 995, 200, 190]
    quantities = week * 7
    quantities[44] = 0
    found = find_anomalies(daily_of(quantities), [MONDAY + timedelta(days=n) for n in range(49)])

    (anomaly,) = [one for one in found if one.quantity == 0]
    assert anomaly.day == MONDAY + timedelta(days=44)
    assert anomaly.usual == 990
    assert len(found) == 1


def test_steady_growth_is_not_unusual() -> None:
    quantities = [1000 * 110**n // 100**n for n in range(12) for _ in range(7)]
    days_of = [MONDAY + timedelta(days=n) for n in range(len(quantities))]

    assert find_anomalies(daily_of(quantities), days_of) == []


def test_no_day_is_judged_before_three_weeks_are_known() -> None:
    found = find_anomalies(daily_of([1000] * 20 + [0]), [MONDAY + timedelta(days=20)])

    assert found == []


def test_a_forecast_continues_the_week_and_its_range_holds_its_middle() -> None:
    week = [1000, 1010, 990, 1005, 995, 200, 190]
    history = [quantity + n % 5 for n, quantity in enumerate(week * 6)]
    found = forecast(history, done=sum(history[-14:]), days=14)

    assert found is not None
    expected = sum(history[-14:]) + 2 * sum(week)
    assert abs(found.middle - expected) < expected // 20
    assert found.done < found.low <= found.middle <= found.high
    assert len(found.daily) == 14
    assert found.daily[5][1] < found.daily[0][1] // 2, "weekends stay quiet"
    assert forecast(history, done=sum(history[-14:]), days=14) == found, "the same each time"


def test_a_short_history_has_no_forecast_and_a_complete_month_needs_none() -> None:
    assert forecast([0] * 40 + [5] * (DAYS_MIN - 1), done=5, days=3) is None
    complete = forecast([1], done=77, days=0)
    assert complete is not None
    assert (complete.low, complete.high) == (77, 77)
    steady = forecast([10] * 30, done=300, days=1)
    assert steady is not None
    assert steady.middle == 310


def test_a_cohort_begins_whole_and_counts_who_comes_back() -> None:
    rows = [
        ("a", date(2026, 8, 1), 5),
        ("a", date(2026, 10, 1), 5),
        ("b", date(2026, 8, 1), 1),
        ("b", date(2026, 9, 1), 1),
        ("c", date(2026, 10, 1), 9),
        (None, date(2026, 8, 1), 7),
    ]
    active = pl.DataFrame(rows, ["account", "month", "quantity"], orient="row")

    assert cohorts(active).select("cohort", "age", "active", "size").rows() == [
        (date(2026, 8, 1), 0, 2, 2),
        (date(2026, 8, 1), 1, 1, 2),
        (date(2026, 8, 1), 2, 1, 2),
        (date(2026, 10, 1), 0, 1, 1),
    ]


@given(st.lists(st.integers(0, 200), min_size=10, max_size=25), st.integers(1, 3000))
def test_who_passes_the_free_units_does_so_on_the_day_that_a_slow_count_finds(
    quantities: list[int], included: int
) -> None:
    span = Span(date(2026, 10, 1), date(2026, 10, 31))
    rows = [("a", span.first + timedelta(days=n), q, included) for n, q in enumerate(quantities)]
    daily = pl.DataFrame(rows, ["key", "day", "quantity", "included"], orient="row")
    known_to = span.first + timedelta(days=len(quantities) - 1)
    (row,) = free_tier(daily, "key", span=span, known_to=known_to).iter_rows(named=True)

    assert row["used"] == sum(quantities)
    passed = [n for n, total in enumerate(accumulate(quantities)) if total > included]
    if passed:
        assert row["passes_on"] == span.first + timedelta(days=passed[0])
    elif row["passes_on"] is not None:
        ahead = (row["passes_on"] - known_to).days
        assert row["used"] + row["pace"] * ahead // 7 > included
        assert row["used"] + row["pace"] * (ahead - 1) // 7 <= included


def test_the_moves_of_an_invoice_add_up_to_its_difference() -> None:
    names = ["charge", "quantity", "amount_minor"]
    now = pl.DataFrame([("a", 15, 180), ("b", 3, 33), ("new", 1, 7)], names, orient="row")
    before = pl.DataFrame([("a", 10, 100), ("b", 3, 30), ("gone", 2, 50)], names, orient="row")
    types = {"quantity": pl.Decimal(38, 6)}
    found = moves(now.cast(types), before.cast(types))  # type: ignore[arg-type]

    assert sum(move.amount_minor for move in found) == 220 - 180
    assert [(move.charge, move.cause, move.amount_minor) for move in found] == [
        ("a", "quantity", 50),
        ("gone", "ended", -50),
        ("a", "price", 30),
        ("new", "new", 7),
        ("b", "price", 3),
    ]


lines_of_a_month = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["USD", "JPY"]),
        st.sampled_from(["x", "y", "z"]),
        st.booleans(),
        st.integers(-(10**6), 10**6).map(lambda number: Decimal(number).scaleb(-3)),
        st.integers(-(10**6), 10**6),
    ),
    max_size=12,
)


@given(lines_of_a_month, lines_of_a_month)
def test_the_moves_of_a_month_add_up_to_those_of_each_account(
    now: list[tuple[object, ...]], before: list[tuple[object, ...]]
) -> None:
    frames = [pl.DataFrame(rows, CHARGED, orient="row") for rows in (now, before)]
    found = moves_of_month(*frames)

    for currency in ("USD", "JPY"):
        mine = [frame.filter(currency=currency) for frame in frames]
        moved = found.filter(currency=currency)
        sums = [int(frame["amount_minor"].sum()) for frame in mine]
        assert int(moved["amount_minor"].sum()) == sums[0] - sums[1]
        by_cause = {"quantity": 0, "price": 0}
        for account in {*mine[0]["account_id"]} & {*mine[1]["account_id"]}:
            own = [frame.filter(account_id=account, is_correction=False) for frame in mine]
            for move in moves(*own):
                if move.cause in by_cause:
                    by_cause[move.cause] += move.amount_minor
        for cause, amount in by_cause.items():
            assert int(moved.filter(cause=cause)["amount_minor"].sum()) == amount


@given(st.text())
def test_no_cell_of_a_file_begins_as_a_formula(cell: str) -> None:
    written = defused(cell)

    assert written.removeprefix("'") == cell or written == cell
    assert not written.startswith(("=", "@", "\t", "\r"))


def test_a_formula_in_a_name_is_text_in_every_file() -> None:
    frame = pl.DataFrame({"=name": ["=HYPERLINK(1)", "-5.20", "+1 234"], "n": [1, 2, 3]})

    assert to_csv(frame).decode("utf-8-sig").splitlines()[:2] == ["'=name,n", "'=HYPERLINK(1),1"]
    assert b"<f>" not in to_excel(frame)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(to_excel(frame))).get_sheet_by_index(0)
    cells = [row[0] for row in sheet.to_python()]
    assert cells == ["'=name", "'=HYPERLINK(1)", "-5.20", "'+1 234"]
    assert pl.read_parquet(to_parquet(frame)).equals(frame)


def test_every_country_of_the_map_has_a_market_and_every_large_market_is_on_it() -> None:
    day = date(2026, 10, 1)
    names = markets()["market"].unique().to_list()

    assert drawn() <= market_of_countries(day).keys()
    assert set(undrawn(names, day)) <= {"Hong Kong", "Singapore"}


def test_the_map_needs_no_network() -> None:
    ranked = pl.DataFrame({"group": ["Brazil"], "quantity": [5]})
    spec = str(world_map(ranked, on=date(2026, 10, 1), axis="Deliveries"))

    assert "'BR'" in spec
    assert "http" not in spec.replace("https://vega.github.io/schema", "")
