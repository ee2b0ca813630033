"""Markets: the world coloured by deliveries, and every market in a list."""

import streamlit as st

from dashboards.figures import compared, labelled, ranked
from dashboards.filters import Page, narrow
from dashboards.format import count, days
from dashboards.grids import undrawn, world_map
from dashboards.views.parts import (
    comparison_table,
    paper,
    say_begins,
    say_empty,
    show_chart,
    show_heading,
    show_table,
    values_of,
)
from dashboards.words import text

MAP_BOX = "map-box"  # as high as the style of the app says: less where the page is narrow


def show(page: Page) -> None:
    """Draw the view."""
    span = page.known_span()
    before = span.before()
    now, then = (
        labelled(page.sums("usage", ("market",), part), "market", names={}, unknown=text.UNKNOWN)
        for part in (span, before)
    )
    if now.is_empty():
        say_empty(text.NO_USAGE, span=days(span))
        return
    values = values_of(now, "market", page.generation)
    sums = ranked(now)
    largest, most = sums.row(0)
    show_heading(text.MAP_TITLE.format(market=largest, count=count(most), span=days(span)))
    with st.container(key=MAP_BOX):
        show_chart(
            world_map(sums, on=span.last, axis=text.DELIVERIES, paper=paper()),
            key="map",
            on_pick=lambda label: narrow("market", values[label], None),
            alt_text=text.MAP_ALT.format(span=days(span), market=largest, count=count(most)),
            fills=True,
        )
    missing = undrawn(sums["group"].to_list(), span.last)
    st.caption(text.MAP_HOW + (text.MAP_MISSES.format(names=", ".join(missing)) if missing else ""))
    comparison = compared(now, then)
    labels = comparison["group"].to_list()

    def narrow_to(row: int) -> None:
        if row >= 0 and labels[row] in values:
            narrow("market", values[labels[row]], None)

    say_begins(page, before)
    show_table(
        comparison_table(
            comparison, text.MARKET, measure=text.DELIVERIES, names=("", days(before))
        ),
        name="markets",
        right=(text.SHARE, text.CHANGE_SHARE),
        alt_text=text.GROUPS_ALT.format(span=days(span), group=text.MARKET.lower()),
        on_row=narrow_to,
        key=f"rows/markets/{span}",
    )
