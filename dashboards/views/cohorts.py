"""Cohorts: how many of the accounts that began in a month were still active later on."""

import polars as pl
import streamlit as st

from dashboards.cohorts import cohorts
from dashboards.filters import Page
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
    found = cohorts(page.sums("usage_accounts", ("account", "month"), whole, *KNOWS))
    if found.is_empty():
        st.info(text.NO_COHORTS)
        return
    percent = pl.col("active") * 100 // pl.col("size")
    name = pl.col("cohort").map_elements(
        lambda first: month_name(str(Month.of(first))), return_dtype=pl.String
    )
    cells = found.with_columns(percent=percent, cohort=name)
    firsts = found.filter(pl.col("age") == 0)
    show_heading(text.COHORTS_TITLE.format(count=count(firsts.height)))
    show_chart(
        cohort_grid(
            cells.select("cohort", "age", "percent", "active"),
            titles=(text.AGE, text.COHORT),
            axis=text.ACTIVE_SHARE,
            paper=paper(),
        ),
        alt_text=text.COHORTS_ALT.format(count=count(firsts.height)),
    )
    st.caption(text.COHORTS_HOW)
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
        alt_text=text.COHORTS_ALT.format(count=count(firsts.height)),
    )
