"""Cohorts: how many of the accounts that began in a month were still active later on, and which."""

from collections.abc import Sequence
from datetime import date

import polars as pl
import streamlit as st

from dashboards.cohorts import cohorts, members
from dashboards.filters import Page, choose_part, look_into, pick
from dashboards.format import count, month_name
from dashboards.grids import cohort_grid
from dashboards.span import Span
from dashboards.views.parts import paper, say_ignored, show_chart, show_heading, show_table
from dashboards.words import text
from metering.period import Month

KNOWS = ("account", "category")


def show(page: Page) -> None:
    """Draw the view. It is of all months, whatever period is chosen."""
    say_ignored(page.ignored(*KNOWS))
    months = page.generation.used_months
    whole = Span.over(months[0], months[-1])
    active = page.sums("usage_accounts", ("account", "month"), whole, *KNOWS)
    found = cohorts(active)
    if found.is_empty():
        st.info(text.NO_COHORTS)
        return
    names = [_name_of_cell(*row) for row in found.select("cohort", "age").iter_rows()]
    cells = found.with_columns(
        pl.Series("group", names, pl.String),
        percent=pl.col("active") * 100 // pl.col("size"),
        cohort=pl.col("cohort").map_elements(_name, return_dtype=pl.String),
    )
    said = text.COHORTS_ALT.format(count=count(found["cohort"].n_unique()))
    show_heading(text.COHORTS_TITLE.format(count=count(found["cohort"].n_unique())))
    show_chart(
        cohort_grid(
            cells.select("cohort", "age", "group", "percent", "active"),
            titles=(text.AGE, text.COHORT),
            axis=text.ACTIVE_SHARE,
            paper=paper(),
        ),
        key="chart/cohorts",
        on_pick=pick("cohort", names),
        alt_text=said,
    )
    st.caption(text.COHORTS_HOW)
    chosen = choose_part(text.COHORT_PART, names, key="cohort", hint=text.COHORT_HINT)
    if chosen is not None:
        _show_members(page, active, *found.select("cohort", "age").row(names.index(chosen)))
    _show_cells(cells, names, said)


def _show_cells(cells: pl.DataFrame, names: Sequence[str], said: str) -> None:
    choose = pick("cohort", names)
    show_table(
        cells.select(
            pl.col("cohort").alias(text.COHORT),
            pl.col("size").alias(text.ACCOUNTS),
            pl.col("age").alias(text.AGE),
            pl.col("active").alias(text.ACCOUNTS_USED),
            pl.col("percent").alias(text.ACTIVE_SHARE),
            pl.col("quantity").alias(text.DELIVERIES),
        ),
        name="cohorts",
        alt_text=said,
        on_row=lambda row: choose(names[row]) if row >= 0 else None,
        key="rows/cohorts",
    )


def _show_members(page: Page, active: pl.DataFrame, cohort: date, age: int) -> None:
    """List the accounts of a cohort: who was active in a month, and since when who was not."""
    month = Month.of(cohort).back(-age)
    own = members(active, cohort, month.first_day)
    still = own.filter(pl.col("quantity") > 0).height
    facts = {"cohort": _name(cohort), "month": month_name(str(month))}
    show_heading(text.MEMBERS_TITLE.format(active=count(still), size=count(own.height), **facts))
    keys = own["account"].to_list()

    def look(row: int) -> None:
        if row >= 0:
            last = own["last"][row]
            look_into("account", keys[row], str(month if own["quantity"][row] else Month.of(last)))

    show_table(
        pl.DataFrame(
            {
                text.NAME: [page.names.get(key, "") for key in keys],
                text.ACCOUNT: keys,
                text.DELIVERIES_IN.format(month=facts["month"]): own["quantity"],
                text.LAST_ACTIVE: [_name(last) for last in own["last"]],
            }
        ),
        name=f"cohort-{cohort:%Y-%m}-in-{month}",
        alt_text=text.MEMBERS_ALT.format(**facts),
        on_row=look,
        key=f"rows/cohort/{cohort}/{age}",
    )
    st.caption(text.LOOK_INTO)


def _name(first: date) -> str:
    return month_name(str(Month.of(first)))


def _name_of_cell(cohort: date, age: int) -> str:
    words = (text.COHORT_CELL_FIRST, text.COHORT_CELL_OF_ONE, text.COHORT_CELL)[min(age, 2)]
    return words.format(cohort=_name(cohort), age=age)
