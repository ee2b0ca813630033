"""The app: who is asking, a header, and the view that the address names.

Started by `tollbook dashboard`. The book is the folder that TOLLBOOK names. The app reads the
current generation of its reports; each rerun looks for a newer one.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Literal, cast

import polars as pl
import streamlit as st

from dashboards.access import (
    NEEDS_LOGIN,
    DashboardSettings,
    Role,
    Viewer,
    read_dashboard_settings,
    viewer_of,
)
from dashboards.filters import (
    Page,
    account_of,
    asked_by_address,
    choose_month,
    choose_rows,
    choose_span,
    say_left_out,
    say_refused,
)
from dashboards.finance import Desk
from dashboards.format import count, days, instant, month_name, plain
from dashboards.load import Generation, current
from dashboards.marks import write_for
from dashboards.reports import pointed_at
from dashboards.span import Span
from dashboards.views import (
    add_ons,
    cohorts,
    conversations,
    forecast,
    free_tier,
    funnel,
    hours,
    invoices,
    margin,
    markets,
    operations,
    overview,
    prices,
    quarantine,
    receivables,
    unbilled,
    usage,
)
from dashboards.views.parts import say_empty, say_problem
from dashboards.views.saved import show_saved
from dashboards.words import text
from metering.errors import BookError, TollbookError, UsageError
from metering.period import Month
from metering.settings import Book

LOG = logging.getLogger(__name__)
Color = Literal["blue", "violet", "green", "gray"]
# The framework leaves room for a toolbar that this app has not, and shouts its titles.
STYLE = """<style>
.stMainBlockContainer {padding-top: 2.25rem; padding-bottom: 3rem}
.stHeading h1 {font-size: 1.75rem}
.stHeading h3 {font-size: 1.25rem}
section[data-testid="stSidebar"] .stButton button {
    justify-content: flex-start; min-height: 2.1rem; padding: .25rem .75rem; border-width: 1px
}
section[data-testid="stSidebar"] .stButton button > div {justify-content: flex-start}
section[data-testid="stSidebar"] [data-testid="stVerticalBlock"] {gap: .3rem}
[data-testid="stCaptionContainer"] {opacity: 1; color: inherit}
[data-testid="stCaptionContainer"] p {opacity: .82}
.st-key-map-box {flex: none; height: 480px}
.st-key-map-box .stElementContainer {flex: none; height: 100%}
@media (max-width: 640px) {
    .stMainBlockContainer {padding-top: 4.25rem}
    .st-key-map-box {height: 290px}
}
</style>"""
# A picture of our own: an icon by name would be fetched from the network.
ICON = Path(__file__).parent / "assets" / "icon.svg"
LOOKERS: tuple[Role, ...] = ("product", "finance", "operator", "account-reader")
OWNERS: tuple[Role, ...] = ("product", "finance", "operator")


@dataclass(frozen=True)
class View:
    """A view: what it is drawn from, in which part of the list it stands, and who may see it."""

    show: Callable[..., None]
    of: Literal["page", "all_months", "month", "generation", "book"]
    section: str
    icon: str
    roles: tuple[Role, ...]


VIEWS = {
    text.OVERVIEW: View(overview.show, "page", text.PRODUCT, "space_dashboard", LOOKERS),
    text.USAGE: View(usage.show, "page", text.PRODUCT, "bar_chart", LOOKERS),
    text.MARKETS: View(markets.show, "page", text.PRODUCT, "public", LOOKERS),
    text.HOURS: View(hours.show, "page", text.PRODUCT, "schedule", LOOKERS),
    text.FUNNEL: View(funnel.show, "page", text.PRODUCT, "filter_alt", LOOKERS),
    text.CONVERSATIONS: View(conversations.show, "page", text.PRODUCT, "forum", LOOKERS),
    text.COHORTS: View(cohorts.show, "all_months", text.PRODUCT, "groups", OWNERS),
    text.FREE_TIER: View(free_tier.show, "page", text.PRODUCT, "savings", LOOKERS),
    text.ADD_ONS: View(add_ons.show, "page", text.PRODUCT, "extension", LOOKERS),
    text.FORECAST: View(forecast.show, "page", text.PRODUCT, "trending_up", LOOKERS),
    text.INVOICES: View(
        invoices.show, "month", text.FINANCE, "receipt_long", ("finance", "account-reader")
    ),
    text.RECEIVABLES: View(
        receivables.show, "book", text.FINANCE, "account_balance_wallet", ("finance",)
    ),
    text.UNBILLED: View(unbilled.show, "book", text.FINANCE, "pending_actions", ("finance",)),
    text.MARGIN: View(margin.show, "month", text.FINANCE, "balance", ("finance",)),
    text.PRICES: View(prices.show, "book", text.FINANCE, "sell", ("finance", "operator")),
    text.RUNS: View(
        operations.show_runs, "generation", text.OPERATIONS, "history", ("finance", "operator")
    ),
    text.LOADS: View(
        operations.show_loads, "generation", text.OPERATIONS, "upload_file", ("operator",)
    ),
    text.QUARANTINE: View(quarantine.show, "book", text.OPERATIONS, "block", ("operator",)),
}


def main() -> None:
    """Draw the page."""
    st.set_page_config(page_title=text.TITLE, page_icon=str(ICON), layout="wide")
    st.html(STYLE)
    write_for(st.context.locale)
    try:
        book = Book.at(Path(os.environ.get("TOLLBOOK", ".")))
        settings = read_dashboard_settings(book)
    except UsageError:
        say_empty(text.NO_BOOK)
        return
    except BookError as error:
        st.error(text.BAD_SETTINGS)
        st.code(str(error), language=None)
        return
    if settings.login is None and os.environ.get(NEEDS_LOGIN):
        # It may be reached from other machines: nobody is let in for a table that was removed.
        st.error(text.LOGIN_GONE)
        return
    viewer = viewer_of(settings, claims())
    if viewer is None:
        ask_to_log_in(settings)
        return
    generation = current(book.reports)
    if generation is None:
        say_empty(text.DAMAGED if pointed_at(book.reports) else text.NO_REPORTS)
        return
    seen = generation if viewer.account_id is None else generation.only(viewer.account_id)
    try:
        draw(seen, viewer, book)
    except (FileNotFoundError, pl.exceptions.ComputeError):
        newer = current(book.reports)
        if newer is None or newer.folder == generation.folder:
            LOG.exception("A file of the published figures cannot be read")
            say_empty(text.DAMAGED)
        else:
            # Two newer generations were published since this run began: what it read was cleared.
            st.info(text.RELOAD)
    except TollbookError as error:
        say_problem(error)


def claims() -> dict[str, Any]:
    """What the identity provider says of who is asking; empty where nobody is asked."""
    return dict(st.user.to_dict())


def ask_to_log_in(settings: DashboardSettings) -> None:
    """Offer the login; who is logged in and sees nothing has no role, or a login that is old."""
    st.title(text.TITLE, anchor=False)
    if claims().get("is_logged_in"):
        st.warning(text.NO_ROLE.format(email=plain(str(claims().get("email") or "?"))))
        st.button(text.LOG_OUT, on_click=st.logout, icon=":material/logout:")
        return
    st.markdown(text.LOG_IN_FIRST)
    arguments = [settings.provider] if settings.provider else []
    st.button(text.LOG_IN, on_click=st.login, args=arguments, icon=":material/login:")


def draw(generation: Generation, viewer: Viewer, book: Book) -> None:
    """Draw the list of views, the header, and a view of one generation."""
    asked = asked_by_address()
    name = choose_view(viewer, book)
    notes = st.container()
    _draw(name, VIEWS[name], generation, viewer, book)
    with notes:
        say_left_out(asked)


def _draw(name: str, view: View, generation: Generation, viewer: Viewer, book: Book) -> None:
    if not generation.months and view.of in ("page", "all_months", "month"):
        st.title(name, anchor=False)
        say_empty(text.NO_DELIVERIES if generation.load_count else text.NO_LOADS)
        return
    match view.of:
        case "month":
            month = choose_month(generation)
            _say_what(name, month_name(month), generation, Month.parse(month))
            view.show(generation, month, Desk.of(book, viewer))
        case "page" | "all_months" if not generation.used_months:
            st.title(name, anchor=False)
            say_empty(text.NO_DELIVERIES)
        case "page" | "all_months":
            with st.container(horizontal=True, vertical_alignment="bottom"):
                # Which days a preset means depends on the account, whose filter stands behind it.
                before_filters = st.container(width="content")
                where = choose_rows(generation)
                with before_filters:
                    span = choose_span(generation, account_of(generation, where))
            page = Page(generation, span, where)
            is_of_span = view.of == "page"
            when = days(span) if is_of_span else text.ALL_MONTHS
            _say_what(name, when, generation, _month_of(span) if is_of_span else None, _zone(page))
            _say_filters(page)
            view.show(page)
        case "book":
            _say_what(name, None, generation, None)
            view.show(generation, book)
        case "generation":
            _say_what(name, None, generation, None)
            view.show(generation)


def choose_view(viewer: Viewer, book: Book) -> str:
    """Draw the list of views that a person may see, and answer the one in the address."""
    seen = [name for name, view in VIEWS.items() if viewer.may(*view.roles)]
    asked = st.query_params.get("view")
    chosen = asked if asked in seen else seen[0]
    with st.sidebar:
        section = None
        for name in seen:
            if VIEWS[name].section != section:
                section = VIEWS[name].section
                st.caption(section)
            st.button(
                name,
                key=f"view/{name}",
                icon=f":material/{VIEWS[name].icon}:",
                type="secondary" if name == chosen else "tertiary",
                width="stretch",
                on_click=_go,
                args=(name,),
            )
        show_saved(book, viewer)
        st.caption(text.NOT_LOGGED_IN if viewer.email is None else plain(viewer.email))
        if viewer.email is not None:
            st.button(text.LOG_OUT, on_click=st.logout, icon=":material/logout:", type="tertiary")
    if asked is not None and asked not in seen:
        st.info(text.VIEW_UNKNOWN.format(shown=chosen))
    return chosen


def _go(name: str) -> None:
    st.query_params["view"] = name


def _month_of(span: Span) -> Month | None:
    """The month that a span is, None for any other days."""
    month = Month.of(span.first)
    return month if span == Span(month.first_day, month.last_day) else None


def _zone(page: Page) -> str:
    """Say in which zone the days of a page are."""
    zone = page.generation.zone_of(page.account_id)
    is_one = page.account_id is not None or {*page.generation.zones.values()} <= {zone}
    return (text.DAYS_OF_ONE if is_one else text.DAYS_OF_ALL).format(zone=plain(zone))


def _say_what(
    name: str,
    when: str | None,
    generation: Generation,
    month: Month | None,
    zone: str | None = None,
) -> None:
    """Say which view of what this is, how far the data reach, and in which state a month is."""
    st.title(name if when is None else text.TITLE_OF.format(view=name, when=when), anchor=False)
    seller, latest_at = plain(generation.seller), generation.latest_event_at
    if latest_at is None:
        st.caption(text.NO_DATA_UP_TO.format(seller=seller))
    else:
        said = text.DATA_UP_TO.format(seller=seller, instant=instant(latest_at))
        st.caption(said if zone is None else f"{said} · {zone}")
    if month is not None:
        _show_state(generation, month)
    say_refused()


def _show_state(generation: Generation, month: Month) -> None:
    found = generation.invoices(str(month))
    latest_at = generation.latest_event_at
    with st.container(horizontal=True, gap="xsmall"):
        if found.is_empty():
            st.badge(text.NOT_BILLED, color="gray")
        for state, number in found["state"].value_counts().sort("state").iter_rows():
            color = cast(Color, text.STATE_COLORS.get(state, "gray"))
            st.badge(text.STATE.format(count=count(number), state=state), color=color)
        blocked = int(found["is_blocked"].sum())
        if blocked:
            st.badge(text.BLOCKED_COUNT.format(count=count(blocked)), color="orange")
        # What was refused is of all accounts: no matter of who reads one.
        if generation.quarantined_count and generation.account_id is None:
            number = count(generation.quarantined_count)
            st.badge(text.QUARANTINED.format(count=number), color="gray")
        if latest_at is not None and latest_at < month.bounds("UTC")[1].astimezone(UTC):
            st.badge(text.MONTH_OPEN, color="yellow", help=text.MONTH_OPEN_HELP)


def _say_filters(page: Page) -> None:
    """Say which rows count, where not all do."""
    said = [
        f"{text.DIMENSIONS[name]}: {', '.join(plain(value or text.UNKNOWN) for value in values)}"
        for name, values in page.where.items()
    ]
    if said:
        st.caption(text.ONLY.format(filters=" · ".join(said)))


if __name__ == "__main__":
    main()
