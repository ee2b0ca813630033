"""What blocks the invoices of a month: each reason with how many it blocks, and what to do."""

import json
from collections.abc import Iterator
from decimal import Decimal

import polars as pl
import streamlit as st

from dashboards.format import count, exact, month_name, plain
from dashboards.views.parts import show_table
from dashboards.words import finance as words
from dashboards.words import text
from metering.event import QUANTITY

REASON = pl.Schema(
    {
        "what": pl.String(),
        "reason": pl.String(),
        "account_id": pl.String(),
        "quantity": QUANTITY,
    }
)


def show_blocked_of_month(month: str, invoices: pl.DataFrame, *, is_named: bool = False) -> None:
    """Draw what is to be repaired before the rest of a month can be approved, the most first."""
    blocked = invoices.filter("is_blocked")
    if blocked.is_empty():
        return
    reasons = blocking(blocked)
    title = words.BLOCKING_OF if is_named else words.BLOCKING
    with st.expander(title.format(count=count(blocked.height), month=month_name(month))):
        show_table(
            reasons.select(
                pl.col("what").alias(words.WHAT_BLOCKS),
                pl.col("invoice_count").alias(text.INVOICES),
                pl.Series(text.QUANTITY, map(exact, reasons["quantity"]), pl.String),
                pl.col("first").alias(words.FOR_EXAMPLE),
                pl.Series(words.WHAT_HELPS, map(_remedy, reasons["reason"]), pl.String),
            ),
            name=f"blocked-{month}",
            right=(text.QUANTITY,),
            alt_text=words.BLOCKING_ALT.format(
                count=count(blocked.height), month=plain(month_name(month))
            ),
        )
        st.caption(text.THEN_BILL.format(month=month))


def blocking(blocked: pl.DataFrame) -> pl.DataFrame:
    """Add up what blocks invoices: a row for each reason and what it is about, the most first."""
    found = pl.DataFrame([*_reasons(blocked)], REASON, orient="row")
    return (
        found.group_by("what", "reason")
        .agg(
            invoice_count=pl.col("account_id").n_unique(),
            quantity=pl.col("quantity").sum(),
            first=pl.col("account_id").min(),
        )
        .sort("invoice_count", "what", "reason", descending=[True, False, False])
    )


def _reasons(blocked: pl.DataFrame) -> Iterator[tuple[object, ...]]:
    for account_id, told in blocked.select("account_id", "blocked").iter_rows():
        for one in json.loads(told):
            yield one["what"], one["reason"], account_id, Decimal(one["quantity"])


def _remedy(reason: str) -> str:
    return text.REMEDIES.get(reason, text.OTHER_REMEDY)
