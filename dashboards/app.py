"""The app: a header, and the view that the address names. Started by `tollbook dashboard`.

The book is the folder that TOLLBOOK names. The app reads the current generation of its reports and
nothing else; each rerun looks for a newer one.
"""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

import streamlit as st

from dashboards import text
from dashboards.filters import choose_month, choose_view, say_refused_month
from dashboards.format import count, instant, month_name, plain
from dashboards.load import Generation, current
from dashboards.views import invoices, usage
from dashboards.views.empty import say_empty
from metering.errors import UsageError
from metering.period import Month
from metering.settings import Book

Color = Literal["blue", "violet", "green", "gray"]
# The framework leaves room for a toolbar that this app has not, and shouts its titles.
STYLE = """<style>
.stMainBlockContainer {padding-top: 2.25rem; padding-bottom: 3rem}
.stHeading h1 {font-size: 1.75rem}
.stHeading h3 {font-size: 1.25rem}
</style>"""
VIEWS: Mapping[str, Callable[[Generation, str], None]] = {
    text.INVOICES: invoices.show,
    text.USAGE: usage.show,
}


def main() -> None:
    """Draw the page."""
    st.set_page_config(page_title=text.TITLE, page_icon=":material/receipt_long:", layout="wide")
    st.html(STYLE)
    try:
        book = Book.at(Path(os.environ.get("TOLLBOOK", ".")))
    except UsageError:
        say_empty(text.NO_BOOK)
        return
    try:
        generation = current(book.reports)
        if generation is None:
            say_empty(text.NO_REPORTS)
            return
        draw(generation)
    except FileNotFoundError:
        # Two newer generations were published since this run began: what it read was cleared.
        st.info(text.RELOAD)


def draw(generation: Generation) -> None:
    """Draw the header and a view of one generation."""
    if not generation.months:
        st.title(text.TITLE, anchor=False)
        say_empty(text.NO_DELIVERIES if generation.load_count else text.NO_LOADS)
        return
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        view = choose_view()
        month = choose_month(generation)
    title = text.TITLE_OF.format(view=view, month=month_name(month))
    st.title(title, anchor=False)
    _show_state(generation, month)
    say_refused_month(month)
    VIEWS[view](generation, month)


def _show_state(generation: Generation, month: str) -> None:
    """Say how far the data reach, and in which state the month is."""
    seller, latest_at = plain(generation.seller), generation.latest_event_at
    if latest_at is None:
        st.caption(text.NO_DATA_UP_TO.format(seller=seller))
    else:
        st.caption(text.DATA_UP_TO.format(seller=seller, instant=instant(latest_at)))
    found = generation.invoices(month)
    with st.container(horizontal=True, gap="xsmall"):
        if found.is_empty():
            st.badge(text.NOT_BILLED, color="gray")
        for state, number in found["state"].value_counts().sort("state").iter_rows():
            color = cast(Color, text.STATE_COLORS.get(state, "gray"))
            st.badge(text.STATE.format(count=count(number), state=state), color=color)
        blocked = int(found["is_blocked"].sum())
        if blocked:
            st.badge(text.BLOCKED_COUNT.format(count=count(blocked)), color="orange")
        if generation.quarantined_count:
            number = count(generation.quarantined_count)
            st.badge(text.QUARANTINED.format(count=number), color="gray")
        if latest_at is not None and latest_at < _end(month):
            st.badge(text.MONTH_OPEN, color="yellow", help=text.MONTH_OPEN_HELP)


def _end(month: str) -> datetime:
    return Month.parse(month).bounds("UTC")[1].astimezone(UTC)


if __name__ == "__main__":
    main()
