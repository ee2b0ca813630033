"""Every view: on the sample, on a book with nothing, with one account, with a blocked invoice."""

import threading
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards.app import VIEWS
from dashboards.format import days
from dashboards.load import current
from dashboards.reports import publish
from dashboards.span import Span
from dashboards.words import operations, text
from metering.account import load_accounts
from metering.files import find_files
from metering.ingest import ingest
from metering.period import Month
from metering.settings import Book
from metering.store import Store, scratch
from metering.usage import Dimension, usage_by
from pricing.run import bill
from tests.dashboards.conftest import MONTH, Open
from tests.dashboards.generations import QUIET_MARKET, invent
from tests.dashboards.test_app import metrics, rows, words

PAGES = [name for name, view in VIEWS.items() if view.of == "page"]
MONTHS_OF_THE_SAMPLE = ("2026-09", "2026-10", "2026-11")


@pytest.fixture(scope="session")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """Eight invented months up to 19 October."""
    root = tmp_path_factory.mktemp("invented") / "book"
    return invent(root, accounts=60, months=8, rows=9000, last=date(2026, 10, 19))


def counted(book: Book, month: Month, by: Dimension) -> dict[Any, int]:
    with Store.open(book, book.settings()) as store:
        accounts = load_accounts(book, book.settings())
        return dict(usage_by(store, accounts, month, "deliveries", [by]).iter_rows())


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_shows_the_sample(sample: Book, open_app: Open, name: str) -> None:
    app = open_app(sample, view=name)

    assert not app.exception
    assert app.title[0].value.startswith(name)
    assert not app.error
    assert not app.subheader, "nothing is empty"
    assert "data complete up to" in words(app)


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_says_what_to_do_in_a_book_with_nothing(
    empty: Book, open_app: Open, name: str
) -> None:
    publish(empty)
    app = open_app(empty, view=name)

    assert not app.exception
    assert app.subheader or app.success or app.info or app.dataframe
    assert not app.error


@pytest.mark.parametrize("name", PAGES)
def test_every_view_of_one_account_shows_no_other(sample: Book, open_app: Open, name: str) -> None:
    app = open_app(sample, view=name, account="acct-00002", by="Account")

    assert not app.exception
    tables = "".join(frame.value.to_csv() for frame in app.dataframe)
    assert "acct-00003" not in tables
    assert "Only Account: acct" in words(app).replace("\\", "")


def test_every_view_lives_with_a_blocked_invoice(blocked: Book, open_app: Open) -> None:
    for name in VIEWS:
        assert not open_app(blocked, view=name).exception, name


def test_views_that_rank_accounts_live_with_a_book_of_one(tmp_path: Path, open_app: Open) -> None:
    book = invent(
        tmp_path / "one", accounts=1, months=2, rows=60, last=date(2026, 10, 19), billed=2
    )
    for name in (text.OVERVIEW, text.COHORTS, text.INVOICES, text.UNBILLED, text.MARGIN):
        app = open_app(book, view=name)
        assert not app.exception, name
        assert not app.error, name


def test_the_difference_of_two_months_is_explained_to_the_last_cent(
    tmp_path: Path, open_app: Open
) -> None:
    last = date(2026, 10, 19)
    book = invent(tmp_path / "few", accounts=9, months=2, rows=90, last=last, billed=2)
    generation = current(book.reports)
    assert generation is not None
    months = (generation.invoices(month) for month in ("2026-10", "2026-09"))
    net, before = (int(month["net_minor"].sum()) for month in months)
    app = open_app(book, view=text.INVOICES, compare="true")

    assert not app.exception
    moved = [Decimal(row[text.DIFFERENCE].replace(",", "")) for row in rows(app, 1)]
    assert 100 * sum(moved, Decimal()) == net - before != 0
    assert {row[text.CAUSE] for row in rows(app, 1)} >= {"quantity", "account is new"}


@pytest.mark.parametrize("period", [*text.PRESETS, "2026-10-05..2026-10-09", "2026-09"])
def test_every_period_of_the_address_is_shown_or_explained(
    sample: Book, open_app: Open, period: str
) -> None:
    for name in (text.OVERVIEW, text.USAGE, text.FORECAST):
        app = open_app(sample, view=name, period=period)
        assert not app.exception


def test_days_before_the_first_delivery_are_compared_with_nothing(
    sample: Book, open_app: Open
) -> None:
    app = open_app(sample, view=text.OVERVIEW)  # its data begin at the end of September

    assert {tile.delta for tile in app.metric} == {""}
    assert text.CHANGES_TITLE not in words(app)
    for name in (text.OVERVIEW, text.USAGE, text.MARKETS):
        app = open_app(sample, view=name)
        assert any("The first delivery is of" in info.value for info in app.info), name


def test_presets_end_by_the_clock_of_the_account_and_the_page_names_its_zone(
    sample: Book, open_app: Open
) -> None:
    generation = current(sample.reports)
    assert generation is not None
    assert generation.latest_event_at is not None
    zones = {zone: account_id for account_id, zone in generation.zones.items()}
    last_days = set()
    for zone, account_id in zones.items():
        last = generation.latest_event_at.astimezone(ZoneInfo(zone)).date()
        last_days.add(last)
        assert generation.last_day_of(account_id) == last
        assert generation.only(account_id).complete_to == last
    assert len(last_days) == 2, "it is another day already, or still, somewhere"
    for account_id in (
        next(key for key in zones.values() if generation.last_day_of(key) == last)
        for last in last_days
    ):
        app = open_app(sample, view=text.USAGE, period="last-7-days", account=account_id)
        shown = days(span_of_week(generation.last_day_of(account_id)))
        assert app.title[0].value == f"{text.USAGE}, {shown}"
        assert f"days of {generation.zones[account_id]}" in words(app).replace("\\", "")
    assert "presets end by the seller's" in words(open_app(sample, view=text.USAGE))


def span_of_week(last: date | None) -> Span:
    assert last is not None
    return Span(last - timedelta(days=6), last)


def test_deliveries_of_days_are_the_sum_of_what_the_command_counts_each_day(
    sample: Book, open_app: Open
) -> None:
    app = open_app(sample, view=text.USAGE, period="2026-10-05..2026-10-09")
    daily = counted(sample, MONTH, "day")
    expected = sum(n for day, n in daily.items() if date(2026, 10, 5) <= day <= date(2026, 10, 9))

    assert metrics(app)[text.DELIVERIES] == f"{expected:,}"


def test_a_filter_narrows_to_what_the_command_counts_for_it(sample: Book, open_app: Open) -> None:
    markets = counted(sample, MONTH, "market")
    for market in list(markets)[:3]:
        app = open_app(sample, view=text.USAGE, market=market or text.UNKNOWN, by="Category")
        assert metrics(app)[text.DELIVERIES] == f"{markets[market]:,}"


def test_the_map_and_its_table_have_the_deliveries_of_each_market(
    sample: Book, open_app: Open
) -> None:
    app = open_app(sample, view=text.MARKETS)
    shown = {row[text.MARKET]: row[text.DELIVERIES] for row in rows(app)}

    expected = counted(sample, MONTH, "market")
    assert shown == {market or text.UNKNOWN: n for market, n in expected.items()}


def test_the_funnel_narrows_and_ends_with_what_was_delivered(sample: Book, open_app: Open) -> None:
    app = open_app(sample, view=text.FUNNEL)
    steps = {name: int(value.replace(",", "")) for name, value in metrics(app).items()}

    assert steps["Sent"] >= steps["Delivered"] + steps["Failed"]
    assert steps["Delivered"] > steps["Read"] > 0
    every = sum(
        _delivered(open_app(sample, view=text.FUNNEL, period=month))
        for month in MONTHS_OF_THE_SAMPLE
    )
    delivered = sum(
        sum(counted(sample, Month.parse(month), "account").values())
        for month in MONTHS_OF_THE_SAMPLE
    )
    assert every == delivered, "each delivery is in the funnel of one day"


def _delivered(app: AppTest) -> int:
    return int(metrics(app).get("Delivered", "0").replace(",", ""))


def test_hours_add_up_to_the_deliveries_of_the_month(sample: Book, open_app: Open) -> None:
    app = open_app(sample, view=text.HOURS)
    table = app.dataframe[0].value
    total = int(table[text.WEEKDAYS.split()].to_numpy().sum())

    assert total == sum(counted(sample, MONTH, "account").values())


def test_loads_and_runs_show_the_sums_of_the_commands(sample: Book, open_app: Open) -> None:
    app = open_app(sample, view=text.LOADS)
    with Store.open(sample, sample.settings()) as store:
        loads = store.frame("select count(*) as n, sum(read_count)::bigint as read from loads")

    assert metrics(app)[text.LOADS] == str(loads["n"][0])
    assert metrics(app)[operations.READ_ITEMS] == f"{loads['read'][0]:,}"
    assert metrics(open_app(sample, view=text.RUNS))[text.INVOICES] == "30"


def test_the_finder_says_what_the_bill_would_charge(sample: Book, open_app: Open) -> None:
    """The unit prices that it finds are those of a detail of the bill of the same cell."""
    details = pl.read_parquet(next(sample.reports.glob("gen-*/details/2026-10.parquet")))
    lines = pl.read_parquet(next(sample.reports.glob("gen-*/lines/2026-10.parquet")))
    billed = details.join(lines.select("line_id", "invoice_id", "charge"), on="line_id").filter(
        pl.col("status") == "billed",
        pl.col("category").is_in(["marketing", "utility"]),
        pl.col("component") == "network",
        pl.col("pricing_type") == "regular",
    )
    for row in billed.sort("line_id", "position").head(3).iter_rows(named=True):
        app = open_app(
            sample,
            view=text.PRICES,
            price_account=row["invoice_id"].split("/")[0],
            price_market=row["market"],
            price_category=row["category"],
            price_day=row["rate_date"].isoformat(),
        )
        assert not app.exception
        found = {cell[text.CHARGE]: cell[text.UNIT_PRICE] for cell in rows(app)}
        assert found[row["charge"]] == f"{row['unit_price'].normalize():f}"
        assert "costs" in app.success[0].value


def test_the_overview_compares_full_days_and_finds_the_market_that_stopped(
    invented: Book, open_app: Open
) -> None:
    app = open_app(invented, view=text.OVERVIEW)

    assert "1-19 Oct 2026, beside 1-19 Sep 2026" in words(app)
    changed = next(block.value for block in app.markdown if "In all: " in block.value)
    parts = [part.split()[-1] for part in changed.partition("In all: ")[2].rstrip(".").split(", ")]
    moved = delivered_by_the_19th(invented, "2026-10")
    moved -= delivered_by_the_19th(invented, "2026-09")
    assert sum(int(part.replace(",", "")) for part in parts) == moved
    unusual = rows(app, 1)
    stopped = [row for row in unusual if row[text.WHAT] == f"Market: {QUIET_MARKET}"]
    assert 0 in [row[text.DELIVERIES] for row in stopped]
    assert all(row[text.REASON].startswith("most from") for row in stopped)


def delivered_by_the_19th(book: Book, month: str) -> int:
    """Count what was delivered from the first to the 19th of a month."""
    (path,) = book.reports.glob(f"gen-*/usage/{month}.parquet")
    usage = pl.read_parquet(path)
    return int(usage.filter(pl.col("day").dt.day() <= 19)["quantity"].sum())


def test_the_forecast_has_a_range_around_what_it_expects(invented: Book, open_app: Open) -> None:
    app = open_app(invented, view=text.FORECAST)

    assert not app.exception
    assert [metric.label for metric in app.metric][1] == "Expected for October 2026"
    assert " - " in metrics(app)[text.RANGE]


def test_a_click_on_a_row_narrows_the_page_and_the_filters_lead_back(
    invented: Book, open_app: Open
) -> None:
    app = open_app(invented, view=text.USAGE)
    before = metrics(app)[text.DELIVERIES]
    first = rows(app)[0]
    app.multiselect(key="category").set_value([first["Category"]]).run()

    assert metrics(app)[text.DELIVERIES] == f"{first[text.DELIVERIES]:,}" != before
    app.button(key="clear").click().run()
    assert metrics(app)[text.DELIVERIES] == before


def test_every_measure_bin_and_look_can_be_chosen(invented: Book, open_app: Open) -> None:
    for measure in (text.DELIVERIES, text.BILLABLE, text.SENT, text.READ, text.FAILED):
        app = open_app(invented, view=text.USAGE, measure=measure, bin="Week", look="Lines")
        assert not app.exception
        assert app.metric[0].label == measure


def test_the_app_shows_whole_runs_while_jobs_load_and_bill(own: Book, open_app: Open) -> None:
    """Jobs replace the drafts and the reports again and again; no page ever fails or mixes two."""
    failures: list[BaseException] = []
    is_done = threading.Event()

    def work() -> None:
        try:
            for _ in range(2):
                with Store.open(own, own.settings(), "write") as store, scratch(own) as folder:
                    list(ingest(store, find_files([str(own.root / "logs")]), scratch=folder))
                bill(own, MONTH)
                publish(own)
        except BaseException as error:
            failures.append(error)
        finally:
            is_done.set()

    job = threading.Thread(target=work)
    job.start()
    seen = set()
    app = open_app(own, view=text.INVOICES)
    while not is_done.is_set():
        app.run()
        assert not app.exception
        seen.add((len(rows(app)), tuple(sorted(metrics(app).items()))))
    job.join()

    assert not failures
    assert len(seen) == 1, "the same log and the same book give the same bill"
