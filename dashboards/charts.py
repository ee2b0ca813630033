"""The charts: what is drawn, in colours that colour-blind readers tell apart."""

from collections.abc import Sequence

import altair as alt
import polars as pl

from dashboards.figures import TOP_COUNT

# Okabe and Ito's palette without black, its yellow darkened for white paper, and a brown.
PALETTE = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#C9B400", "#8A6642"),
)
REST_COLOR = "#8E959E"
HEIGHT = 320
assert len(PALETTE) == TOP_COUNT


def colors(group_count: int) -> list[str]:
    """A colour for each group in the order of rank; grey for the rest, which comes last."""
    assert group_count <= TOP_COUNT + 1
    return [*PALETTE, REST_COLOR][:group_count]


def daily_bars(
    daily: pl.DataFrame,
    *,
    days: Sequence[str],
    palette: Sequence[str],
    axis: str,
    day_axis: str,
) -> alt.Chart:
    """Draw stacked bars, one a day: `daily` has day (ISO text), group, rank and quantity.

    Days are text, so that no browser moves them into its own time zone. The legend stands beside
    the chart as text that wraps, which one inside of it would not.
    """
    groups = daily.select("group", "rank").unique().sort("rank")["group"].to_list()
    day_labels = alt.Axis(
        labelExpr="toNumber(slice(datum.value, 8))", labelAngle=0, labelOverlap="parity"
    )
    chart: alt.Chart = (
        alt.Chart(daily)
        .mark_bar(cornerRadius=1)
        .encode(
            x=alt.X("day:O", title=day_axis, scale=alt.Scale(domain=list(days)), axis=day_labels),
            y=alt.Y("quantity:Q", title=axis, axis=alt.Axis(format=",d", tickMinStep=1)),
            color=alt.Color(
                "group:N", scale=alt.Scale(domain=groups, range=list(palette)), legend=None
            ),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("day:N", title="Day"),
                alt.Tooltip("group:N", title="Group"),
                alt.Tooltip("quantity:Q", title=axis, format=","),
            ],
        )
        .properties(height=HEIGHT)
    )
    return chart
