"""What is unbilled at the end of a day, what blocks it, and what corrects earlier months."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import streamlit as st

from dashboards.finance import unbilled
from dashboards.format import amount, count, day, exact, month_name
from dashboards.load import Generation
from dashboards.views.blocked import show_blocked_of_month
from dashboards.views.parts import (
    Tile,
    say_empty,
    say_problem,
    show_heading,
    show_table,
    show_tiles,
)
from dashboards.words import finance as words
from dashboards.words import text
from metering.errors import TollbookError
from metering.period import Month
from metering.settings import Book
from pricing.money import minor_of
from pricing.month_end.accrual import Accrual

ASKED = "unbilled/asked"
AMOUNTS = {"earned": words.EARNED, "invoiced": words.INVOICED, "unbilled": words.UNBILLED}


def show(generation: Generation, book: Book) -> None:
    """Draw the view, at first as of the last day of which all is known."""
    complete_to = generation.complete_to
    if complete_to is None:
        say_empty(words.NOTHING_TO_ACCRUE)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        full = complete_to - timedelta(days=1)
        at = st.date_input(words.AS_OF, full, key="unbilled_at", width=220, bind="query-params")
        # Rating a month takes its time, and holds the store: nobody starts that by looking.
        if st.button(words.WORK_OUT, type="primary", key="work_out"):
            st.session_state[ASKED] = at
    st.caption(words.WORK_OUT_HOW)
    if st.session_state.get(ASKED) == at:
        try:
            with st.spinner(words.WORKING_OUT.format(day=day(at))):
                found = unbilled(book, at)
        except TollbookError as error:
            say_problem(error)
        else:
            _show_accrual(generation, found)
    _show_blocked(generation, at)
    _show_adjustments(generation, at)


def _show_accrual(generation: Generation, found: Accrual) -> None:
    rows = found.rows
    open_rows = rows.filter(pl.col("unbilled") != 0)
    if open_rows.is_empty():
        st.success(words.NOTHING_UNBILLED.format(day=day(found.day)))
    else:
        sums = open_rows.group_by("currency").agg(pl.col("unbilled").sum()).sort("currency")
        tiles = [
            Tile(words.UNBILLED_IN.format(currency=currency), _amount(total, currency))
            for currency, total in sums.iter_rows()
        ]
        accounts = open_rows["account_id"].n_unique()
        show_tiles([*tiles, Tile(words.UNBILLED_ACCOUNTS, count(accounts))])
        _show_accounts(generation, open_rows, found.day)
    if found.unpriced:
        units, month = exact(found.unpriced), month_name(str(Month.of(found.day)))
        st.warning(words.UNPRICED_UNITS.format(units=units, month=month))


def _show_accounts(generation: Generation, rows: pl.DataFrame, at: date) -> None:
    names = generation.account_names
    ordered = rows.sort("currency", "unbilled", "account_id", descending=[False, True, False])
    state = pl.when("is_blocked").then(pl.lit(words.BLOCKED_STATE)).otherwise("state")
    states = pl.concat(
        [
            generation.states(period).select("account", state=state, period=pl.lit(period))
            for period in ordered["period"].unique().sort()
        ]
    )
    stands = ordered.join(
        states,
        left_on=["account_id", "period"],
        right_on=["account", "period"],
        how="left",
        maintain_order="left",
    )["state"].fill_null(words.NO_INVOICE_YET)
    amounts = {
        label: [_amount(*row) for row in ordered.select(name, "currency").iter_rows()]
        for name, label in AMOUNTS.items()
    }
    show_heading(words.UNBILLED_TITLE.format(day=day(at), count=count(rows.height)))
    show_table(
        pl.DataFrame(
            {
                text.NAME: [names.get(one, one) for one in ordered["account_id"]],
                text.MONTH: [month_name(period) for period in ordered["period"]],
                **amounts,
                text.CURRENCY: ordered["currency"],
                words.STANDS: stands,
                text.PLAN: ordered["plan"].fill_null(""),
                text.ACCOUNT: ordered["account_id"],
            }
        ),
        name=f"unbilled-{at}",
        right=(*amounts,),
        alt_text=words.UNBILLED_ALT.format(count=count(rows.height), day=day(at)),
    )


def _show_blocked(generation: Generation, at: date) -> None:
    """Say what keeps the invoices of the month and the one before from being issued."""
    months = _months(at)
    blocked = [month for month in months if generation.invoices(month)["is_blocked"].any()]
    for month in blocked:
        show_blocked_of_month(month, generation.invoices(month), is_named=True)
    if not blocked:
        st.caption(words.NOTHING_BLOCKS.format(months=_named(months)))


def _show_adjustments(generation: Generation, at: date) -> None:
    months = _months(at)
    lines = pl.concat([generation.adjustments(month) for month in months])
    if lines.is_empty():
        st.caption(words.NO_ADJUSTMENTS.format(months=_named(months)))
        return
    is_note = pl.col("document") == "credit_note"
    kinds = pl.when(is_note).then(pl.lit(words.CREDIT_NOTE)).otherwise(pl.lit(words.LATE_USAGE))
    amounts = [amount(*row) for row in lines.select("amount_minor", "currency").iter_rows()]
    show_heading(words.ADJUSTMENTS_TITLE.format(months=_named(months), count=count(lines.height)))
    show_table(
        lines.select(
            pl.col("name").alias(text.NAME),
            kinds.alias(words.ADJUSTMENT),
            pl.Series(words.OF_MONTH, map(month_name, lines["period"]), pl.String),
            pl.col("charge").alias(text.CHARGE),
            pl.Series(text.QUANTITY, map(exact, lines["quantity"]), pl.String),
            pl.Series(text.AMOUNT, amounts, pl.String),
            pl.col("currency").alias(text.CURRENCY),
            pl.col("state").alias(text.STATE_NAME),
            pl.col("reason").fill_null("").alias(text.REASON),
            pl.col("invoice_id").alias(words.DOCUMENT),
        ),
        name=f"adjustments-{months[0]}",
        right=(text.QUANTITY, text.AMOUNT),
        alt_text=words.ADJUSTMENTS_ALT.format(count=count(lines.height)),
    )
    st.caption(words.ADJUSTMENTS_HOW)


def _months(at: date) -> list[str]:
    month = Month.of(at)
    return [str(month), str(month.previous())]


def _named(months: list[str]) -> str:
    return text.AND.join(month_name(month) for month in reversed(months))


def _amount(number: Decimal, currency: str) -> str:
    return amount(minor_of(number, currency), currency)
