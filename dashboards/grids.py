"""The charts of places and times of day: the world by market, hours by weekday, cohorts by age.

The map is in `assets/world.json`: country borders of Natural Earth (public domain), 1:110 million,
as the package `world-atlas` 2.0.2 redistributes them, with ISO codes for names and without the
Antarctic. It is part of each page, so that it works without a network.
"""

import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import altair as alt
import polars as pl

from dashboards.charts import PICKED
from metering.market import MARKET, OTHER, markets

WORLD = Path(__file__).parent / "assets" / "world.json"
SCHEME: Literal["blues"] = "blues"
NOTHING_COLOR = "#8E959E40"
LAYER_KEYS = ("data", "mark", "encoding", "params", "projection", "transform")
LEGEND = alt.Legend(
    orient="bottom", direction="horizontal", format="~s", labelOverlap="greedy", tickCount=4
)
HEAT_HEIGHT = 380
Paper = Literal["light", "dark"]  # more stands out from it, whichever it is
Layers = alt.LayerChart | alt.FacetChart


@cache
def world() -> dict[str, Any]:
    """The borders of the countries, by ISO code."""
    found: dict[str, Any] = json.loads(WORLD.read_text(encoding="utf-8"))
    return found


@cache
def drawn() -> frozenset[str]:
    """The ISO codes of the countries that the map shows."""
    return frozenset(shape["id"] for shape in world()["objects"]["countries"]["geometries"])


def market_of_countries(on: date) -> dict[str, str]:
    """The market that each country belongs to on a day; one that no row names is in `Other`."""
    assert markets().schema == MARKET
    held = markets().filter(
        pl.col("country").is_not_null(), pl.col("valid_from") <= on, pl.col("valid_to") > on
    )
    by_length = held.sort(pl.col("prefix").str.len_chars(), "prefix")
    found = by_length.unique("country", keep="first", maintain_order=True)
    named = dict(found.select("country", "market").iter_rows())
    return {country: named.get(country, OTHER) for country in {*drawn(), *named}}


def undrawn(names: Sequence[str], on: date) -> list[str]:
    """The markets without a country on the map, which is too coarse for small ones."""
    shown = {market for country, market in market_of_countries(on).items() if country in drawn()}
    return sorted({*names} - shown)


def world_map(
    ranked: pl.DataFrame, *, on: date, axis: str, paper: Paper = "light"
) -> dict[str, Any]:
    """Colour each country by its market: `ranked` has group (the market) and quantity.

    A market of several countries has one figure, and all of them its colour. Answers a finished
    specification: the borders are put into it last, so that they are not checked again and again.
    """
    quantities = dict(ranked.select("group", "quantity").iter_rows())
    rows = [
        {"id": country, "group": market, "quantity": quantities[market]}
        for country, market in sorted(market_of_countries(on).items())
        if market in quantities and country in drawn()
    ]
    borders = alt.TopoDataFormat(type="topojson", feature="countries")
    picked = alt.selection_point(name=PICKED, fields=["group"])
    shapes = (
        alt.Chart(alt.InlineData(values=[], format=borders))
        .transform_lookup(
            lookup="id",
            from_=alt.LookupData(
                alt.InlineData(values=rows), key="id", fields=["group", "quantity"]
            ),
        )
        .mark_geoshape(stroke="white", strokeWidth=0.3)
        .encode(
            color=alt.condition(
                "isValid(datum.quantity)",
                alt.Color(
                    "quantity:Q",
                    title=axis,
                    scale=_scale(paper, type="symlog"),
                    legend=LEGEND,
                ),
                alt.value(NOTHING_COLOR),
            ),
            opacity=alt.condition(picked, alt.value(1), alt.value(0.4)),
            tooltip=[
                alt.Tooltip("group:N", title="Market"),
                alt.Tooltip("quantity:Q", title=axis, format=","),
                alt.Tooltip("properties.name:N", title="Country"),
            ],
        )
        .add_params(picked)
        .project("equalEarth")
        .properties(height=480)
    )
    spec: dict[str, Any] = shapes.to_dict()
    spec["data"] = {"format": borders.to_dict(), "values": world()}
    spec["transform"][0]["from"]["data"] = {"values": rows}
    del spec["datasets"]
    # The framework takes data at the top for a table; those of a layer it leaves as they are.
    layer = {name: spec.pop(name) for name in LAYER_KEYS}
    return {**spec, "layer": [layer]}


def hour_grid(
    cells: pl.DataFrame,
    *,
    weekdays: Sequence[str],
    axis: str,
    titles: tuple[str, str],
    paper: Paper = "light",
) -> alt.Chart:
    """Draw hours by weekdays: `cells` has weekday (a name), hour, group (both) and quantity.

    A click picks a cell by its group.
    """
    picked = alt.selection_point(name=PICKED, fields=["group"])
    chart: alt.Chart = (
        alt.Chart(cells)
        .mark_rect()
        .encode(
            x=alt.X("hour:O", title=titles[0], axis=alt.Axis(labelAngle=0, labelOverlap="parity")),
            y=alt.Y(
                "weekday:O", title=titles[1], sort=list(weekdays), axis=alt.Axis(labelOverlap=False)
            ),
            color=alt.Color(
                "quantity:Q",
                title=axis,
                scale=_scale(paper),
                legend=LEGEND,
            ),
            opacity=alt.condition(picked, alt.value(1), alt.value(0.35)),
            tooltip=[
                alt.Tooltip("weekday:N", title=titles[1]),
                alt.Tooltip("hour:O", title=titles[0]),
                alt.Tooltip("quantity:Q", title=axis, format=","),
            ],
        )
        .add_params(picked)
        .properties(height=HEAT_HEIGHT)
    )
    return chart


def cohort_grid(
    cells: pl.DataFrame, *, titles: tuple[str, str], axis: str, paper: Paper = "light"
) -> Layers:
    """Draw cohorts by age: `cells` has cohort (a name), age, group (both), percent and active.

    A click picks a cell by its group.
    """
    picked = alt.selection_point(name=PICKED, fields=["group"])
    base = alt.Chart(cells).encode(
        x=alt.X("age:O", title=titles[0], axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("cohort:O", title=titles[1], sort=None, axis=alt.Axis(labelOverlap=False)),
    )
    boxes = base.mark_rect().encode(
        color=alt.Color("percent:Q", title=axis, scale=_scale(paper, domain=[0, 100]), legend=None),
        opacity=alt.condition(picked, alt.value(1), alt.value(0.35)),
        tooltip=[
            alt.Tooltip("cohort:N", title=titles[1]),
            alt.Tooltip("age:O", title=titles[0]),
            alt.Tooltip("active:Q", title="Active accounts", format=","),
            alt.Tooltip("percent:Q", title=axis),
        ],
    )
    labels = base.mark_text(fontSize=11).encode(
        text=alt.Text("percent:Q"),
        color=alt.condition(
            "datum.percent > 55" if paper == "light" else "datum.percent < 45",
            alt.value("white"),
            alt.value("#1c2733"),
        ),
    )
    height = 32 * cells["cohort"].n_unique() + 110  # of axes and their titles
    chart: Layers = alt.layer(boxes.add_params(picked), labels).properties(height=height)
    return chart


def _scale(paper: Paper, **options: Any) -> alt.Scale:
    """A scale of one colour that begins close to the colour of the paper."""
    return alt.Scale(scheme=SCHEME, reverse=paper == "dark", **options)
