"""Free units of a month: who has used how many of them, and who will pass them when."""

import polars as pl
import streamlit as st

from dashboards.cohorts import free_tier, included_for
from dashboards.filters import Page, look_into
from dashboards.format import count, day, days, share
from dashboards.span import Span
from dashboards.views.parts import Tile, say_empty, show_heading, show_table, show_tiles
from dashboards.words import text
from metering.period import Month

FREE_ENTRY = "free_entry_point"
ROWS = 500


def show(page: Page) -> None:
    """Draw the view."""
    month = Month.of(page.known_span().last)
    span = Span(month.first_day, month.last_day)
    allowances = page.generation.allowances()
    is_on = (pl.col("effective_from") <= span.last) & (pl.col("effective_to") > span.first)
    offered = allowances.filter(is_on)
    if offered.is_empty():
        say_empty(text.NO_ALLOWANCES, span=days(span))
        return
    names = {
        text.ALLOWANCE.format(
            plan=row["plan"],
            charge=row["charge"],
            quantity=count(row["quantity"]),
            each=text.EACH[row["each"]],
        ): (row["plan"], row["charge"])
        for row in offered.iter_rows(named=True)
    }
    chosen = st.selectbox(text.INCLUDED_BY, list(names), key="tier", bind="query-params")
    plan, charge = names[chosen or next(iter(names))]
    found = _usage(page, span, plan, charge)
    if found.is_empty():
        say_empty(text.NO_USAGE, span=days(span))
        return
    _show(page, found, span)


def _usage(page: Page, span: Span, plan: str, charge: str) -> pl.DataFrame:
    """Read the daily usage that an allowance takes: key, day, quantity, included."""
    offer = included_for(
        page.generation.allowances(),
        page.generation.subscriptions(),
        plan=plan,
        charge=charge,
        on=span.last,
    )
    assert offer is not None, "the allowance was listed"
    categories, included, each, members = offer
    by = ("account", "day") if each == "account" else ("account", "sender", "day")
    where = {"category": categories} if categories else {}
    daily = page.generation.sums("usage", (*by, "pricing_type"), span, {**page.where, **where})
    is_counted = pl.col("pricing_type").fill_null("") != FREE_ENTRY
    if page.generation.is_subscribed(plan):
        is_counted &= pl.col("account").is_in(members)
    if daily.is_empty():
        return daily
    sums = daily.filter(is_counted).group_by(by).agg(pl.col("quantity").sum())
    return sums.with_columns(
        included=pl.lit(included, pl.Int64),
        key=pl.concat_str([pl.col(name).fill_null("") for name in by[:-1]], separator=" "),
    )


def _show(page: Page, daily: pl.DataFrame, span: Span) -> None:
    found = free_tier(daily, "key", span=span, known_to=page.full_to())
    passed = found.filter(pl.col("used") > pl.col("included"))
    coming = found.filter(pl.col("used") <= pl.col("included"), pl.col("passes_on").is_not_null())
    show_tiles(
        [
            Tile(text.COUNTED, count(found.height)),
            Tile(text.PASSED, count(passed.height)),
            Tile(text.WILL_PASS, count(coming.height), help=text.WILL_PASS_HELP),
        ]
    )
    names = page.names
    show_heading(text.FREE_TIER_TITLE.format(span=days(span)))
    rows = found.head(ROWS)
    shares = [
        share(used, included) for used, included in rows.select("used", "included").iter_rows()
    ]
    accounts = [key.partition(" ") for key in rows["key"]]
    table = pl.DataFrame(
        {
            text.NAME: [names.get(account, text.UNASSIGNED) for account, _, _ in accounts],
            text.ACCOUNT: [account for account, _, _ in accounts],
            text.SENDER: [sender for _, _, sender in accounts],
            text.USED: rows["used"],
            text.INCLUDED: rows["included"],
            text.SHARE: shares,
            text.PACE: rows["pace"],
            text.EXPECTED_AT_END: rows["expected"],
            text.PASSES_ON: ["" if on is None else day(on) for on in rows["passes_on"].to_list()],
        }
    )
    if not any(table[text.SENDER]):
        table = table.drop(text.SENDER)

    def look(row: int) -> None:
        if row >= 0 and accounts[row][0] in names:
            look_into("account", accounts[row][0])

    show_table(
        table,
        on_row=look,
        key=f"rows/free/{span}",
        name="free-units",
        right=(text.SHARE,),
        alt_text=text.FREE_TIER_ALT.format(span=days(span)),
    )
    st.caption(text.FREE_TIER_HOW)
