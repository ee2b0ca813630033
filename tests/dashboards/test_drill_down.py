"""What a click on a chart leads to: the parts of an hour, a cohort, an add-on."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.cohorts import cohorts, members
from dashboards.filters import look_into
from dashboards.load import current
from dashboards.span import Span
from dashboards.views.overview import _sentences
from dashboards.words import text
from metering.settings import Book
from tests.dashboards.conftest import Open
from tests.dashboards.generations import invent
from tests.dashboards.test_app import rows, words

HOUR, COHORT = "Tuesday 12:00", "August 2026, 1 month later"


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """Three invented months of a few accounts, the latest of them billed."""
    root = tmp_path_factory.mktemp("few") / "book"
    return invent(root, accounts=9, months=3, rows=2000, last=date(2026, 10, 19), billed=1)


def sums(book: Book, frame: str, by: tuple[str, ...], span: Span) -> Sequence[Mapping[str, Any]]:
    generation = current(book.reports)
    assert generation is not None
    return generation.sums(frame, by, span).to_dicts()


@pytest.mark.parametrize(("word", "column"), text.HOUR_GROUPS.items())
def test_an_hour_shows_whose_it_is_and_adds_up(
    few: Book, open_app: Open, word: str, column: str
) -> None:
    october = Span(date(2026, 10, 1), date(2026, 10, 31))
    known = sums(few, "hours", (column, "weekday", "hour"), october)
    expected = sorted(row["quantity"] for row in known if (row["weekday"], row["hour"]) == (2, 12))
    app = open_app(few, view=text.HOURS, hour=HOUR, hour_by=word)

    assert not app.exception
    assert sorted(row[text.DELIVERIES] for row in rows(app)) == expected
    said = words(app).replace("\\", "")
    assert f"{HOUR}: {sum(expected):,} deliveries" in said
    assert f"by {word.lower()}" in said


def test_an_hour_of_one_account_is_shown_by_category(few: Book, open_app: Open) -> None:
    app = open_app(few, view=text.HOURS, hour=HOUR, account="acct-00001")

    assert not app.exception
    assert {*rows(app)[0]} >= {text.CATEGORY, text.SHARE_OF_ALL_HOURS}


@pytest.mark.parametrize(
    ("view", "key"), [(text.HOURS, "hour"), (text.COHORTS, "cohort"), (text.ADD_ONS, "add_on")]
)
def test_a_part_that_is_not_there_is_named_and_nothing_is_left_out(
    few: Book, open_app: Open, view: str, key: str
) -> None:
    app = open_app(few, view=view, **{key: "<b>nothing"})

    assert not app.exception
    assert f"`{key}=bnothing`" in app.info[0].value
    assert len(app.dataframe) == 1


def test_a_cell_of_a_cohort_lists_its_accounts(few: Book, open_app: Open) -> None:
    app = open_app(few, view=text.COHORTS, cohort=COHORT)
    listed, cells = rows(app), rows(app, 1)

    assert not app.exception
    (cell,) = [one for one in cells if one[text.COHORT] == "August 2026" and one[text.AGE] == 1]
    quantities = [row[text.DELIVERIES_IN.format(month="September 2026")] for row in listed]
    assert len(listed) == cell[text.ACCOUNTS]
    assert sum(quantity > 0 for quantity in quantities) == cell[text.ACCOUNTS_USED]
    assert sum(quantities) == cell[text.DELIVERIES]


used = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", None]),
        st.integers(1, 6).map(lambda month: date(2026, month, 1)),
        st.integers(0, 3),
    ),
    max_size=20,
)


@given(used)
def test_the_members_of_each_cell_are_those_that_it_counts(
    active: list[tuple[str | None, date, int]],
) -> None:
    schema = {"account": pl.String, "month": pl.Date, "quantity": pl.Int64}
    frame = pl.DataFrame(active, schema, orient="row")
    for cell in cohorts(frame).iter_rows(named=True):
        month = date(2026, cell["cohort"].month + cell["age"], 1)
        own = members(frame, cell["cohort"], month)
        assert own.height == cell["size"] == own["account"].n_unique()
        assert own.filter(pl.col("quantity") > 0).height == cell["active"]
        assert own["quantity"].sum() == cell["quantity"]


def test_an_add_on_shows_who_holds_it(few: Book, open_app: Open) -> None:
    app = open_app(few, view=text.ADD_ONS, add_on="devices")

    assert not app.exception
    held = [row[text.ACCOUNT].partition("(")[2] for row in rows(app)]
    assert held == ["acct-00000)", "acct-00003)", "acct-00006)"]
    assert rows(app, 1)[0][text.ACCOUNTS_HOLDING] == len(held)


def test_a_look_into_usage_can_be_of_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    address: dict[str, str] = {}
    state: dict[str, Any] = {}
    monkeypatch.setattr("dashboards.filters.st.query_params", address)
    monkeypatch.setattr("dashboards.filters.st.session_state", state)
    look_into("account", "acct-1", "2026-08")

    assert address == {"view": text.USAGE, "period": "2026-08"}
    assert state == {"account": "acct-1", "period": "2026-08"}


def test_an_answer_shows_whose_windows_it_is_of(few: Book, open_app: Open) -> None:
    october = Span(date(2026, 10, 1), date(2026, 10, 31))
    known = sums(few, "windows", ("account", "answer"), october)
    expected = sorted(row["window_count"] for row in known if row["answer"] == "none")
    app = open_app(few, view=text.CONVERSATIONS, answer=text.ANSWERS["none"])

    assert not app.exception
    assert sorted(row[text.WINDOWS_OPENED] for row in rows(app)) == expected != []
    assert f"{sum(expected):,} windows" in words(app).replace("\\", "")


def test_a_name_is_never_read_as_markup() -> None:
    named = pl.DataFrame({"group": ["*Sale* for $5, now $4"], "quantity": [5], "before": [1]})
    (sentence,) = _sentences([named.with_columns(change=4, cause=pl.lit(text.ACCOUNT))])

    assert "\\*Sale\\* for \\$5, now \\$4" in sentence


def test_no_chart_is_given_a_decimal(few: Book, open_app: Open) -> None:
    app = open_app(few, view=text.ADD_ONS, add_on="devices")
    charts = [chart.proto for chart in app.get("vega_lite_chart")]
    drawn = [pyarrow.ipc.open_stream(data.data.data).schema for c in charts for data in c.datasets]

    assert len(drawn) == len(charts) == 2
    assert not [kind for schema in drawn for kind in schema.types if pyarrow.types.is_decimal(kind)]
