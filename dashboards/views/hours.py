"""When messages arrive: hours by weekdays, in the zone of each account."""

import polars as pl
import streamlit as st

from dashboards.filters import Page
from dashboards.format import count, days
from dashboards.grids import hour_grid
from dashboards.span import Span
from dashboards.views.parts import (
    paper,
    say_empty,
    say_ignored,
    show_chart,
    show_heading,
    show_table,
)
from dashboards.words import text

KNOWS = ("account", "category")


def show(page: Page) -> None:
    """Draw the view."""
    months = page.known_span().months()
    span = Span(months[0].first_day, months[-1].last_day)
    say_ignored(page.ignored(*KNOWS))
    frame = page.sums("hours", ("weekday", "hour"), span, *KNOWS)
    if frame.is_empty():
        say_empty(text.NO_USAGE, span=days(span))
        return
    weekdays = text.WEEKDAYS.split()
    every = pl.DataFrame(
        {
            "weekday": [number for number in range(1, 8) for _ in range(24)],
            "hour": [*range(24)] * 7,
        },
        {"weekday": pl.Int8, "hour": pl.Int8},
    )
    cells = every.join(frame, on=["weekday", "hour"], how="left").with_columns(
        pl.col("quantity").fill_null(0)
    )
    number, hour, most = (
        cells.sort("quantity", descending=True).select("weekday", "hour", "quantity").row(0)
    )
    named = cells.with_columns(
        weekday=pl.col("weekday").replace_strict(
            dict(enumerate(weekdays, 1)), return_dtype=pl.String
        )
    )
    show_heading(
        text.HOURS_TITLE.format(weekday=weekdays[number - 1], hour=hour, count=count(most))
    )
    show_chart(
        hour_grid(
            named,
            weekdays=weekdays,
            axis=text.DELIVERIES,
            titles=(text.HOUR, text.WEEKDAY),
            paper=paper(),
        ),
        alt_text=text.HOURS_ALT.format(
            span=days(span), weekday=weekdays[number - 1], hour=hour, count=count(most)
        ),
    )
    st.caption(text.HOURS_HOW.format(span=days(span)))
    with st.expander(text.TABLE):
        table = named.pivot("weekday", index="hour", values="quantity").rename({"hour": text.HOUR})
        show_table(table, name="hours", alt_text=text.HOURS_TABLE_ALT, height="content")
