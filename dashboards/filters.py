"""The controls of the pages. Each is bound to the address of the page, so that a link keeps it."""

import re
from typing import cast, get_args

import polars as pl
import streamlit as st

from dashboards import text
from dashboards.figures import Group, Order, Readiness, choose
from dashboards.format import month_name
from dashboards.load import Generation

VIEWS = (text.INVOICES, text.USAGE)

assert set(text.READINESS_OPTIONS.values()) == set(get_args(Readiness))
assert set(text.ORDER_OPTIONS.values()) == set(get_args(Order))
assert set(text.GROUPS.values()) == set(get_args(Group))


def choose_view() -> str:
    chosen = st.segmented_control(
        text.VIEW,
        VIEWS,
        default=text.INVOICES,
        required=True,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen or text.INVOICES


def choose_month(generation: Generation) -> str:
    """Ask for a month; at first the latest that was billed, else the latest with usage."""
    months = generation.months
    first = max(generation.billed_months or months)
    asked = st.query_params.get("month")
    chosen = st.selectbox(
        text.MONTH,
        months,
        index=months.index(first),
        key="month",
        bind="query-params",
        label_visibility="collapsed",
        width=130,
    )
    assert chosen is not None, "a month is always chosen"
    if asked is not None and asked not in months:
        st.session_state["refused_month"] = asked
    return chosen


def say_refused_month(shown: str) -> None:
    """Say once that the address asked for a month that is not there."""
    refused = st.session_state.pop("refused_month", None)
    if refused is not None:
        asked = re.sub(r"[^\w-]", "", refused)[:20]
        st.info(text.MONTH_UNKNOWN.format(month=asked, shown=month_name(shown)))


def choose_invoices(invoices: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Ask which invoices to show; answer them, and a name of this selection."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.text_input(
            text.SEARCH,
            key="q",
            bind="query-params",
            placeholder=text.SEARCH_HINT,
            icon=":material/search:",
            width=280,
        )
        readiness = st.segmented_control(
            text.READINESS,
            list(text.READINESS_OPTIONS),
            default="All",
            required=True,
            key="show",
            bind="query-params",
        )
        order = st.selectbox(
            text.ORDER, list(text.ORDER_OPTIONS), key="sort", bind="query-params", width=160
        )
    chosen = choose(
        invoices,
        text=wanted or "",
        readiness=cast(Readiness, text.READINESS_OPTIONS[readiness or "All"]),
        order=cast(Order, text.ORDER_OPTIONS[order or "Account"]),
    )
    return chosen, f"{wanted}/{readiness}/{order}"


def choose_group() -> tuple[str, Group]:
    """Ask by what usage is grouped; answer the word for it and the column."""
    chosen = st.segmented_control(
        text.GROUP_BY,
        list(text.GROUPS),
        default="Category",
        required=True,
        key="by",
        bind="query-params",
    )
    word = chosen or "Category"
    return word, cast(Group, text.GROUPS[word])
