"""When messages arrive: hours by weekdays, in the zone of each account, and whose an hour is."""

from collections.abc import Sequence
from typing import cast

import polars as pl
import streamlit as st

from dashboards.charts import ranked_bars
from dashboards.figures import Group, labelled, ranked
from dashboards.filters import Page, choose_one, choose_part, narrow, pick
from dashboards.format import count, days, share
from dashboards.grids import hour_grid
from dashboards.span import Span
from dashboards.views.parts import (
    paper,
    say_empty,
    say_ignored,
    show_chart,
    show_heading,
    show_table,
    values_of,
)
from dashboards.words import text

KNOWS = ("account", "category")
CELL = ("weekday", "hour")
HOURS_OF_A_WEEK = [(weekday, hour) for weekday in range(1, 8) for hour in range(24)]


def show(page: Page) -> None:
    """Draw the view."""
    months = page.known_span().months()
    span = Span(months[0].first_day, months[-1].last_day)
    say_ignored(page.ignored(*KNOWS))
    frame = page.sums("hours", CELL, span, *KNOWS)
    if frame.is_empty():
        say_empty(text.NO_USAGE, span=days(span))
        return
    weekdays = text.WEEKDAYS.split()
    names = [
        text.HOUR_NAME.format(weekday=weekdays[weekday - 1], hour=hour)
        for weekday, hour in HOURS_OF_A_WEEK
    ]
    cells = _cells(frame, weekdays, names)
    most = cells.sort("quantity", descending=True).row(0, named=True)
    busiest = {**most, "count": count(most["quantity"])}
    show_heading(text.HOURS_TITLE.format(**busiest))
    show_chart(
        hour_grid(
            cells,
            weekdays=weekdays,
            axis=text.DELIVERIES,
            titles=(text.HOUR, text.WEEKDAY),
            paper=paper(),
        ),
        key="chart/hours",
        on_pick=pick("hour", names),
        alt_text=text.HOURS_ALT.format(span=days(span), **busiest),
    )
    st.caption(text.HOURS_HOW.format(span=days(span)))
    chosen = choose_part(text.HOUR_PART, names, key="hour", hint=text.HOUR_HINT)
    if chosen is not None:
        _show_hour(page, span, chosen, *HOURS_OF_A_WEEK[names.index(chosen)])
    with st.expander(text.TABLE):
        table = cells.pivot("weekday", index="hour", values="quantity").rename({"hour": text.HOUR})
        show_table(table, name="hours", alt_text=text.HOURS_TABLE_ALT, height="content")


def _cells(frame: pl.DataFrame, weekdays: Sequence[str], names: Sequence[str]) -> pl.DataFrame:
    """Every hour of a week, as `hour_grid` draws it; one without a row has nothing."""
    every = pl.DataFrame(HOURS_OF_A_WEEK, {"weekday": pl.Int8, "hour": pl.Int8}, orient="row")
    word = pl.col("weekday").replace_strict(dict(enumerate(weekdays, 1)), return_dtype=pl.String)
    return (
        every.with_columns(pl.Series("group", names, pl.String))
        .join(frame, on=CELL, how="left", maintain_order="left")
        .with_columns(pl.col("quantity").fill_null(0), weekday=word)
    )


def _show_hour(page: Page, span: Span, name: str, weekday: int, hour: int) -> None:
    """Draw whose messages arrive in an hour, beside what is theirs in all hours."""
    # Of one account there is nothing to see by account.
    groups = [
        word
        for word, column in text.HOUR_GROUPS.items()
        if column != "account" or page.account_id is None
    ]
    word = choose_one(text.HOUR_BY, groups, key="hour_by") if len(groups) > 1 else groups[0]
    group = cast(Group, text.HOUR_GROUPS[word])
    at_hour = page.with_where("weekday", (str(weekday),)).with_where("hour", (str(hour),))
    then = at_hour.sums("hours", (group,), span, *KNOWS, *CELL)
    if then.is_empty() or not then["quantity"].sum():
        st.info(text.NOTHING_THEN)
        return
    unknown = text.UNASSIGNED if group == "account" else text.UNKNOWN
    names = page.names if group == "account" else {}
    of_hour, of_week = (
        ranked(labelled(frame, group, names=names, unknown=unknown))
        for frame in (then, page.sums("hours", (group,), span, *KNOWS))
    )
    values = values_of(then, group, page.generation)
    total, whole = int(of_hour["quantity"].sum()), int(of_week["quantity"].sum())

    def narrow_to(label: str) -> None:
        if values.get(label) is not None:
            narrow(group, values[label], None)

    facts = {"hour": name, "group": word.lower()}
    show_heading(text.HOUR_TITLE.format(count=count(total), share=share(total, whole), **facts))
    said = text.HOUR_ALT.format(span=days(span), **facts)
    show_chart(
        ranked_bars(of_hour, axis=text.DELIVERIES),
        key=f"chart/hour/{group}",
        on_pick=narrow_to,
        alt_text=said,
    )
    labels = of_hour["group"].to_list()
    in_all = dict(of_week.iter_rows())
    show_table(
        of_hour.select(
            pl.col("group").alias(word),
            pl.col("quantity").alias(text.DELIVERIES),
            pl.Series(text.SHARE, [share(n, total) for n in of_hour["quantity"]], pl.String),
            pl.Series(
                text.SHARE_OF_ALL_HOURS, [share(in_all[one], whole) for one in labels], pl.String
            ),
        ),
        name=f"hour-{name}-by-{group}",
        right=(text.SHARE, text.SHARE_OF_ALL_HOURS),
        alt_text=said,
        on_row=lambda row: narrow_to(labels[row]) if row >= 0 else None,
        key=f"rows/hour/{group}/{name}/{span}",
    )
    st.caption(text.NARROW_HERE)
