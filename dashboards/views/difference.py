"""Why the invoices of a month differ from those of the month before: each cause, by charge."""

import polars as pl
import streamlit as st

from dashboards.format import month_name, signed_amount
from dashboards.load import Generation
from dashboards.moves import moves_of_month
from dashboards.views.parts import show_heading, show_table
from dashboards.words import finance as words
from dashboards.words import text
from metering.period import Month


def show_difference_of_month(generation: Generation, month: str) -> None:
    """Offer to compare a month with the one before, and draw what moved each currency."""
    earlier = str(Month.parse(month).previous())
    label = words.COMPARE_MONTHS.format(month=month_name(earlier))
    if not st.toggle(label, key="compare", bind="query-params"):
        return
    before = generation.charged(earlier)
    if before.is_empty():
        st.caption(words.NO_MONTH_BEFORE.format(month=month_name(earlier)))
        return
    found = moves_of_month(generation.charged(month), before)
    if found.is_empty():
        st.caption(words.MONTHS_SAME.format(month=month_name(earlier)))
        return
    for currency in found["currency"].unique().sort():
        _show_currency(found.filter(currency=currency), currency, month, earlier)
    st.caption(words.MONTHS_HOW)


def _show_currency(rows: pl.DataFrame, currency: str, month: str, earlier: str) -> None:
    whole = signed_amount(int(rows["amount_minor"].sum()), currency)
    show_heading(
        words.MONTHS_TITLE.format(change=whole, currency=currency, month=month_name(earlier))
    )
    amounts = [signed_amount(minor, currency) for minor in rows["amount_minor"]]
    show_table(
        rows.select(
            pl.col("cause").replace(words.MONTH_CAUSES).alias(text.CAUSE),
            pl.col("charge").alias(text.CHARGE),
            pl.Series(text.DIFFERENCE, amounts, pl.String),
            pl.lit(currency).alias(text.CURRENCY),
            pl.col("account_count").alias(text.ACCOUNTS),
        ),
        name=f"difference-{month}-{currency}",
        right=(text.DIFFERENCE,),
        alt_text=words.MONTHS_ALT.format(month=month_name(month), currency=currency),
    )
