"""The usage of a month: deliveries a day by group, as a chart and as tables."""

from collections.abc import Sequence
from datetime import timedelta
from html import escape

import polars as pl
import streamlit as st

from dashboards import text
from dashboards.charts import colors, daily_bars
from dashboards.figures import by_group, ranked, top
from dashboards.filters import choose_group
from dashboards.format import count, day, month_name, share
from dashboards.load import Generation
from dashboards.views.empty import say_empty
from metering.period import Month

ROWS_HEIGHT = 430
TABLE_WIDTH = 720


def show(generation: Generation, month: str) -> None:
    """Draw the view."""
    usage = generation.usage(month)
    if usage.is_empty():
        say_empty(text.NO_USAGE, month=month_name(month))
        return
    _show_sums(usage)
    word, group = choose_group()
    unknown = text.UNASSIGNED if group == "account" else text.UNKNOWN
    names = generation.account_names() if group == "account" else {}
    daily = by_group(usage, group, names=names, unknown=unknown)
    _show_chart(daily, month, word)
    _show_groups(ranked(daily), month, word)
    _show_days(top(daily, other=text.OTHER), month, word)


def _show_sums(usage: pl.DataFrame) -> None:
    days = usage.group_by("day").agg(pl.col("quantity").sum())
    busiest, most = days.sort("quantity", "day", descending=[True, False]).row(0)
    with st.container(horizontal=True):
        for label, value in (
            (text.DELIVERIES, count(int(usage["quantity"].sum()))),
            (text.ACCOUNTS_USED, count(usage["account"].drop_nulls().n_unique())),
            (text.MARKETS_USED, count(usage["market"].drop_nulls().n_unique())),
            (text.BUSIEST_DAY.format(day=day(busiest)), count(most)),
        ):
            st.metric(label, value, border=True, width="content")


def _show_chart(daily: pl.DataFrame, month: str, word: str) -> None:
    shown = top(daily, other=text.OTHER).with_columns(pl.col("day").cast(pl.String))
    groups = shown.select("group", "rank").unique().sort("rank")["group"].to_list()
    palette = colors(len(groups))
    largest, largest_count = ranked(daily).row(0)
    st.markdown(f"**{text.CHART_TITLE.format(group=word.lower())}**")
    st.html(_legend(groups, palette))
    st.altair_chart(
        daily_bars(
            shown,
            days=_days(month),
            palette=palette,
            axis=text.CHART_AXIS,
            day_axis=text.DAY_AXIS,
        ),
        alt=text.CHART_ALT.format(
            month=month_name(month),
            group=word.lower(),
            total=count(int(daily["quantity"].sum())),
            largest=largest,
            largest_count=count(largest_count),
        ),
    )


def _show_groups(sums: pl.DataFrame, month: str, word: str) -> None:
    total = int(sums["quantity"].sum())
    st.markdown(f"**{text.GROUP_TABLE.format(count=count(sums.height), total=count(total))}**")
    shares = [share(quantity, total) for quantity in sums["quantity"]]
    table = sums.select(
        pl.col("group").alias(word),
        pl.col("quantity").alias(text.DELIVERIES),
        pl.Series(text.SHARE, shares, pl.String),
    )
    st.dataframe(
        table,
        width=TABLE_WIDTH,
        height=min(ROWS_HEIGHT, 38 + 35 * table.height),
        column_config={
            text.DELIVERIES: st.column_config.NumberColumn(format="localized"),
            text.SHARE: st.column_config.TextColumn(alignment="right"),
        },
        lazy=False,
        alt=text.GROUPS_ALT.format(month=month_name(month), group=word.lower()),
    )


def _show_days(shown: pl.DataFrame, month: str, word: str) -> None:
    groups = shown.select("group", "rank").unique().sort("rank")["group"].to_list()
    table = (
        shown.pivot("group", index="day", values="quantity")
        .sort("day")
        .select("day", *groups)
        .rename({"day": text.DAY})
        .fill_null(0)
    )
    with st.expander(text.DAILY_TABLE):
        st.dataframe(
            table,
            height="content",
            lazy=False,
            alt=text.DAILY_ALT.format(month=month_name(month), group=word.lower()),
        )


def _days(month: str) -> Sequence[str]:
    found = Month.parse(month)
    return [
        (found.first_day + timedelta(days=number)).isoformat() for number in range(found.day_count)
    ]


def _legend(groups: Sequence[str], palette: Sequence[str]) -> str:
    """Write a legend that wraps: a swatch and the name of each group, the largest first."""
    swatch = "display:inline-block;width:.75rem;height:.75rem;border-radius:2px;margin-right:.4rem"
    items = "".join(
        '<li style="white-space:nowrap">'
        f'<span aria-hidden="true" style="{swatch};background:{color}"></span>{escape(group)}</li>'
        for group, color in zip(groups, palette, strict=True)
    )
    return (
        '<ul style="display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;list-style:none;padding:0;'
        f'margin:0;font-size:.875rem">{items}</ul>'
    )
