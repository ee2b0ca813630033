"""The charts of time and rank: what is drawn, in colours that colour-blind readers tell apart.

Days are text in every chart, so that no browser moves them into its own time zone. Legends stand
beside the charts as text that wraps, which one inside of them would not.
"""

from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Literal

import altair as alt
import polars as pl

from dashboards.figures import TOP_COUNT, Bin

# Okabe and Ito's palette without black, its yellow darkened for white paper, and a brown.
PALETTE = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#C9B400", "#8A6642"),
)
REST_COLOR = "#8E959E"
NOW_COLOR, BEFORE_COLOR, BAD_COLOR = PALETTE[0], REST_COLOR, PALETTE[5]
HEIGHT = 320
PICKED = "picked"  # the selection by which a click on a chart narrows the page down
Look = Literal["stacked", "share", "lines"]
LABELS: dict[Bin, str] = {"day": "%-d %b", "week": "%-d %b", "month": "%b %Y"}
assert len(PALETTE) == TOP_COUNT


def colors(group_count: int) -> list[str]:
    """A colour for each group in the order of rank; grey for the rest, which comes last."""
    assert group_count <= TOP_COUNT + 1
    return [*PALETTE, REST_COLOR][:group_count]


def over_time(
    shown: pl.DataFrame,
    *,
    bins: Sequence[date],
    width: Bin,
    look: Look,
    axis: str,
    time_axis: str,
) -> alt.Chart:
    """Draw groups over time: `shown` has bin, group, rank and quantity; a click picks a group."""
    groups = groups_of(shown)
    text = shown.with_columns(pl.col("bin").cast(pl.String))
    picked = alt.selection_point(name=PICKED, fields=["group"])
    ticks = alt.Axis(
        format="%" if look == "share" else "~s", tickMinStep=0.1 if look == "share" else 1
    )
    y = alt.Y("quantity:Q", title=axis, axis=ticks)
    if look != "lines":
        y = y.stack("normalize" if look == "share" else "zero")
    base = alt.Chart(text)
    marked = base.mark_line(point=True) if look == "lines" else base.mark_bar(cornerRadius=1)
    chart: alt.Chart = (
        marked.encode(
            x=time_of(bins, width, time_axis),
            y=y,
            color=alt.Color(
                "group:N",
                scale=alt.Scale(domain=groups, range=colors(len(groups))),
                legend=None,
            ),
            order=alt.Order("rank:Q"),
            opacity=alt.condition(picked, alt.value(1), alt.value(0.35)),
            tooltip=[
                alt.Tooltip("bin:N", title=time_axis),
                alt.Tooltip("group:N", title="Group"),
                alt.Tooltip("quantity:Q", title=axis, format=","),
            ],
        )
        .add_params(picked)
        .properties(height=HEIGHT)
    )
    return chart


def time_of(bins: Sequence[date], width: Bin, title: str) -> alt.X:
    """An axis of days, weeks or months, in the order of time."""
    label = f"utcFormat(toDate(datum.value), '{LABELS[width]}')"
    return alt.X(
        "bin:O",
        title=title,
        scale=alt.Scale(domain=[day.isoformat() for day in bins]),
        axis=alt.Axis(labelExpr=label, labelAngle=0, labelOverlap="greedy"),
    )


def now_and_before(
    rows: Sequence[tuple[int, str, int]],
    *,
    names: Sequence[str],
    axis: str,
    time_axis: str,
) -> alt.Chart:
    """Draw a running total beside that of the span before: rows of day number, name, quantity."""
    frame = pl.DataFrame(rows, ["number", "span", "quantity"], orient="row")
    palette = [NOW_COLOR, BEFORE_COLOR]
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X(
                "number:Q",
                title=time_axis,
                scale=alt.Scale(zero=False, nice=False),
                axis=alt.Axis(tickMinStep=1, format="d"),
            ),
            y=alt.Y("quantity:Q", title=axis, axis=alt.Axis(format="~s", tickMinStep=1)),
            color=alt.Color("span:N", scale=alt.Scale(domain=names, range=palette), legend=None),
            strokeDash=alt.StrokeDash(
                "span:N", scale=alt.Scale(domain=names, range=[[1, 0], [5, 3]]), legend=None
            ),
            tooltip=[
                alt.Tooltip("span:N", title="Period"),
                alt.Tooltip("number:Q", title=time_axis),
                alt.Tooltip("quantity:Q", title=axis, format=","),
            ],
        )
        .properties(height=260)
    )
    return chart


def with_range(
    known: Sequence[tuple[date, int]],
    expected: Sequence[tuple[date, int, int, int]],
    *,
    axis: str,
    time_axis: str,
) -> alt.LayerChart | alt.FacetChart:
    """Draw a running total, and the range in which it is expected to go on."""
    bins = [*(row[0] for row in known), *(row[0] for row in expected)]
    past = pl.DataFrame(known, ["bin", "quantity"], orient="row")
    ahead = pl.DataFrame(expected, ["bin", "low", "quantity", "high"], orient="row")
    past, ahead = (
        frame.with_columns(pl.col("bin").cast(pl.String)) if frame.height else frame
        for frame in (past, ahead)
    )
    x = time_of(bins, "day", time_axis)
    y_axis = alt.Axis(format="~s", tickMinStep=1)
    figures = [
        alt.Tooltip("bin:N", title=time_axis),
        alt.Tooltip("quantity:Q", format=",", title=axis),
    ]
    line = (
        alt.Chart(past)
        .mark_line(strokeWidth=2.5, color=NOW_COLOR)
        .encode(x=x, y=alt.Y("quantity:Q", title=axis, axis=y_axis), tooltip=figures)
    )
    band = (
        alt.Chart(ahead)
        .mark_area(opacity=0.25, color=NOW_COLOR)
        .encode(x=x, y=alt.Y("low:Q", title=axis, axis=y_axis), y2="high:Q")
    )
    middle = (
        alt.Chart(ahead)
        .mark_line(strokeDash=[5, 3], color=NOW_COLOR)
        .encode(x=x, y="quantity:Q", tooltip=figures)
    )
    chart: alt.LayerChart | alt.FacetChart = alt.layer(band, middle, line).properties(height=HEIGHT)
    return chart


def ranked_bars(
    rows: pl.DataFrame, *, axis: str, color: str = NOW_COLOR, limit: int = 15
) -> alt.Chart:
    """Draw groups as bars, the largest first: `rows` has group and quantity; a click picks one."""
    shown = rows.head(limit)
    picked = alt.selection_point(name=PICKED, fields=["group"])
    chart: alt.Chart = (
        alt.Chart(shown)
        .mark_bar(color=color, cornerRadius=1)
        .encode(
            y=alt.Y(
                "group:N", title=None, sort=None, axis=alt.Axis(labelLimit=220, labelOverlap=False)
            ),
            x=alt.X(
                "quantity:Q", title=axis, axis=alt.Axis(format="~s", tickCount=5, tickMinStep=1)
            ),
            opacity=alt.condition(picked, alt.value(1), alt.value(0.35)),
            tooltip=[
                alt.Tooltip("group:N", title="Group"),
                alt.Tooltip("quantity:Q", title=axis, format=","),
            ],
        )
        .add_params(picked)
        .properties(height=30 * shown.height + 60)
    )
    return chart


def pair_bars(rows: pl.DataFrame, *, sides: tuple[str, str], axis: str, decimals: int) -> alt.Chart:
    """Draw two amounts of each group side by side: `rows` has group, side and minor units.

    A click picks a group.
    """
    picked = alt.selection_point(name=PICKED, fields=["group"])
    # Below one the format of thousands would say 500m, which is half of one.
    major = f"datum.value / {10**decimals}"
    label = f"format({major}, abs({major}) < 1 ? '~f' : '~s')"
    groups = rows["group"].unique(maintain_order=True)
    chart: alt.Chart = (
        alt.Chart(rows)
        .mark_bar(cornerRadius=1)
        .encode(
            y=alt.Y(
                "group:N", title=None, sort=None, axis=alt.Axis(labelLimit=220, labelOverlap=False)
            ),
            yOffset=alt.YOffset("side:N", sort=list(sides)),
            x=alt.X("minor:Q", title=axis, axis=alt.Axis(labelExpr=label, tickCount=5)),
            color=alt.Color(
                "side:N",
                scale=alt.Scale(domain=list(sides), range=[NOW_COLOR, BEFORE_COLOR]),
                legend=None,
            ),
            opacity=alt.condition(picked, alt.value(1), alt.value(0.35)),
            tooltip=[
                alt.Tooltip("group:N", title="Group"),
                alt.Tooltip("side:N", title="Side"),
                alt.Tooltip("shown:N", title=axis),
            ],
        )
        .add_params(picked)
        .properties(height=42 * groups.len() + 60)
    )
    return chart


def groups_of(shown: pl.DataFrame) -> list[str]:
    """The groups in the order of rank."""
    groups: list[str] = shown.select("group", "rank").unique().sort("rank")["group"].to_list()
    return groups


def legend(groups: Sequence[str], palette: Sequence[str]) -> str:
    """Write a legend that wraps: a swatch and the name of each group, the largest first."""
    swatch = "display:inline-block;width:.75rem;height:.75rem;border-radius:2px;margin-right:.4rem"
    items = "".join(
        '<li style="max-width:100%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap">'
        f'<span aria-hidden="true" style="{swatch};background:{color}"></span>{escape(group)}</li>'
        for group, color in zip(groups, palette, strict=True)
    )
    return (
        '<ul style="display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;list-style:none;padding:0;'
        f'margin:0;font-size:.875rem">{items}</ul>'
    )
