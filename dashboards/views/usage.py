"""The usage explorer: a measure over time, by any dimension, beside the days before."""

from collections.abc import Sequence
from typing import NamedTuple, cast

import polars as pl
import streamlit as st

from dashboards.charts import Look, groups_of, over_time
from dashboards.figures import (
    TOP_COUNT,
    Bin,
    binned,
    bins_of,
    compared,
    cumulative,
    labelled,
    ranked,
    top,
    with_rest,
)
from dashboards.filters import Page, choose_group, choose_one, narrow
from dashboards.format import count, day, days
from dashboards.span import Span
from dashboards.views.parts import (
    Tile,
    comparison_table,
    say_begins,
    say_empty,
    say_ignored,
    show_chart,
    show_heading,
    show_legend,
    show_table,
    show_tiles,
    values_of,
)
from dashboards.words import text

NOT_IN_FUNNEL = ("pricing_type", "entry_point", "sender")
FUNNEL_KNOWS = ("account", "market", "category")
BILLABLE = ("regular",)
MANY = ("account", "sender")  # of these there may be thousands
NEXT_GROUP = {"category": "market", "market": "account", "account": "category"}


class Measure(NamedTuple):
    """What is counted: a frame of the reports, and its column that adds up."""

    name: str
    frame: str
    column: str
    pricing_types: tuple[str, ...] = ()


MEASURES = {
    text.DELIVERIES: Measure(text.DELIVERIES, "usage", "quantity"),
    text.BILLABLE: Measure(text.BILLABLE, "usage", "quantity", BILLABLE),
    text.SENT: Measure(text.SENT, "funnel", "sent"),
    text.READ: Measure(text.READ, "funnel", "read"),
    text.FAILED: Measure(text.FAILED, "funnel", "failed"),
}


def show(page: Page) -> None:
    """Draw the view."""
    with st.container(horizontal=True):
        measure = _choose_measure()
        is_funnel = measure.frame == "funnel"
        word, group = choose_group(without=NOT_IN_FUNNEL if is_funnel else ())
    width, look, is_running, top_count = _choose_form(page.span)
    if measure.frame == "funnel":
        say_ignored(page.ignored(*FUNNEL_KNOWS))
    groups = read(page, measure, (group,), page.span)
    if groups.is_empty():
        say_empty(text.NO_USAGE, span=days(page.span))
        return
    daily = read(page, measure, ("day",), page.span)
    _show_sums(daily, measure)
    values = values_of(groups.rename({"key": group}), group, page.generation)

    def narrow_to(label: str) -> None:
        if label in values:
            narrow(group, values[label], _word_of(NEXT_GROUP.get(group)))

    bins = bins_of(page.known_span(), width)
    shown = _shown(page, measure, group, groups, width, top_count)
    drawn = cumulative(shown, bins) if is_running else shown
    show_heading(text.CHART_TITLE[width].format(measure=measure.name, group=word.lower()))
    show_legend(groups_of(drawn))
    largest, largest_count = ranked(groups).row(0)
    show_chart(
        over_time(
            drawn,
            bins=bins,
            width=width,
            look=look,
            axis=measure.name,
            time_axis=text.TIME_AXES[width],
        ),
        key=f"chart/{group}",
        on_pick=narrow_to,
        alt_text=text.CHART_ALT.format(
            measure=measure.name,
            span=days(page.span),
            group=word.lower(),
            total=count(int(groups["quantity"].sum())),
            largest=largest,
            largest_count=count(largest_count),
        ),
    )
    _show_groups(page, measure, group, word)
    _show_bins(shown, word, width, page.span)


def read(page: Page, measure: Measure, by: Sequence[str], span: Span) -> pl.DataFrame:
    """Read what a measure counts: `by`, then key and group (its words) of the last of it, quantity.

    By days alone there is neither key nor group.
    """
    known = FUNNEL_KNOWS if measure.frame == "funnel" else ()
    if measure.pricing_types:
        page = page.with_where("pricing_type", measure.pricing_types)
    frame = page.sums(measure.frame, by, span, *known)
    if frame.is_empty():
        names = [*(name for name in by if name == "day"), "key", "group", "quantity"]
        kinds = {"day": pl.Date, "quantity": pl.Int64}
        return pl.DataFrame(schema={name: kinds.get(name, pl.String) for name in names})
    counted = frame.with_columns(quantity=pl.col(measure.column)).filter(pl.col("quantity") > 0)
    group = by[-1]
    if group == "day":
        return counted.select("day", "quantity")
    words = labelled(
        counted,
        group,
        names=page.names if group == "account" else {},
        unknown=text.UNASSIGNED if group == "account" else text.UNKNOWN,
    )
    return words.select(*by[:-1], "group", key=group, quantity="quantity")


def _shown(
    page: Page, measure: Measure, group: str, groups: pl.DataFrame, width: Bin, top_count: int
) -> pl.DataFrame:
    """Read the largest groups over time, and all others as one: schema as `top` answers it.

    There may be thousands of accounts: only the largest are read day by day.
    """
    if group not in MANY:
        daily = read(page, measure, ("day", group), page.span)
        return top(binned(daily, width), count=top_count, other=text.OTHER)
    names = ranked(groups)["group"].to_list()
    largest = names[: top_count + 1] if len(names) == top_count + 1 else names[:top_count]
    keys = groups.filter(pl.col("group").is_in(largest))["key"].to_list()
    daily = read(page.with_where(group, keys), measure, ("day", group), page.span)
    totals = read(page, measure, ("day",), page.span)
    return with_rest(binned(daily, width), binned(totals, width), largest, other=text.OTHER)


def _choose_measure() -> Measure:
    return MEASURES[choose_one(text.MEASURE, list(MEASURES), key="measure")]


def _choose_form(span: Span) -> tuple[Bin, Look, bool, int]:
    """Ask how the chart is drawn."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        widths = dict(sorted(text.BINS.items(), key=lambda item: item[1] != _usual(span)))
        width = choose_one(text.BIN, list(widths), key="bin")
        look = choose_one(text.LOOK, list(text.LOOKS), key="look")
        top_count = st.selectbox(
            text.TOP, list(range(TOP_COUNT, 2, -1)), key="top", bind="query-params", width=90
        )
        is_running = st.toggle(text.CUMULATIVE, key="cumulative", bind="query-params")
    return (
        cast(Bin, widths[width]),
        cast(Look, text.LOOKS[look]),
        is_running,
        top_count or TOP_COUNT,
    )


def _usual(span: Span) -> Bin:
    if span.day_count <= 62:
        return "day"
    return "week" if span.day_count <= 200 else "month"


def _word_of(group: str | None) -> str | None:
    return next((word for word, column in text.GROUPS.items() if column == group), None)


def _show_sums(daily: pl.DataFrame, measure: Measure) -> None:
    by_day = daily.group_by("day").agg(pl.col("quantity").sum())
    busiest, most = by_day.sort("quantity", "day", descending=[True, False]).row(0)
    show_tiles(
        [
            Tile(measure.name, count(int(daily["quantity"].sum()))),
            Tile(text.BUSIEST_DAY.format(day=day(busiest)), count(most)),
            Tile(text.PER_DAY, count(int(daily["quantity"].sum()) // by_day.height)),
        ]
    )


def _show_groups(page: Page, measure: Measure, group: str, word: str) -> None:
    span = page.known_span()
    before = span.before()
    now = read(page, measure, (group,), span)
    comparison = compared(now, read(page, measure, (group,), before))
    total = count(int(now["quantity"].sum()))
    show_heading(
        text.GROUP_TABLE.format(count=count(comparison.height), total=total, span=days(span))
    )
    labels = comparison["group"].to_list()
    values = values_of(now.rename({"key": group}), group, page.generation)

    def narrow_to(row: int) -> None:
        if row >= 0 and labels[row] in values:
            narrow(group, values[labels[row]], _word_of(NEXT_GROUP.get(group)))

    say_begins(page, before)
    show_table(
        comparison_table(comparison, word, measure=measure.name, names=("", days(before))),
        name=f"usage-by-{group}",
        right=(text.SHARE, text.CHANGE_SHARE),
        alt_text=text.GROUPS_ALT.format(span=days(span), group=word.lower()),
        on_row=narrow_to,
        key=f"rows/{group}/{page.span}/{measure.name}",
    )
    st.caption(text.DRILL_DOWN)


def _show_bins(shown: pl.DataFrame, word: str, width: Bin, span: Span) -> None:
    table = (
        shown.pivot("group", index="bin", values="quantity")
        .sort("bin")
        .select("bin", *groups_of(shown))
        .rename({"bin": text.BIN_NAMES[width]})
        .fill_null(0)
    )
    with st.expander(text.DAILY_TABLE):
        show_table(
            table,
            name=f"usage-over-time-by-{word}",
            height="content",
            alt_text=text.DAILY_ALT.format(span=days(span), group=word.lower()),
        )
