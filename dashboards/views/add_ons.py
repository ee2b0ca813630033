"""Add-ons: how many of each are held, by how many accounts, how that moved, and who holds one."""

from datetime import date, timedelta

import polars as pl
import streamlit as st

from dashboards.charts import ranked_bars
from dashboards.figures import bins_of, labelled, top
from dashboards.filters import Page, choose_part, narrow, pick
from dashboards.format import count, day, days, exact
from dashboards.views.parts import (
    say_empty,
    say_ignored,
    show_chart,
    show_days,
    show_heading,
    show_table,
)
from dashboards.words import text

KNOWS = ("account",)


def show(page: Page) -> None:
    """Draw the view."""
    say_ignored(page.ignored(*KNOWS))
    held = page.generation.add_ons()
    if "account" in page.where:
        held = held.filter(pl.col("account_id").is_in(list(page.where["account"])))
    if held.is_empty():
        say_empty(text.NO_ADD_ONS)
        return
    span = page.known_span()
    daily = held_on(held, bins_of(span, "day"))
    if daily.is_empty():
        say_empty(text.NO_ADD_ONS_THEN, span=days(span))
        return
    words = labelled(daily, "add_on", names={}, unknown=text.UNKNOWN)
    shown = top(words.rename({"day": "bin", "accounts": "quantity"}), other=text.OTHER)
    last = daily["day"].max()
    assert isinstance(last, date), "there is a row"
    now = daily.filter(pl.col("day") == last).sort("accounts", "add_on", descending=[True, False])
    names = now["add_on"].to_list()
    choose = pick("add_on", names)
    show_heading(text.ADD_ONS_TITLE)
    show_days(
        shown,
        span,
        look="lines",
        axis=text.ACCOUNTS_HOLDING,
        time_axis=text.DAY,
        alt_text=text.ADD_ONS_ALT.format(span=days(span)),
        key="chart/add_ons",
        on_pick=choose,
    )
    chosen = choose_part(text.ADD_ON, names, key="add_on", hint=text.ADD_ON_HINT)
    if chosen is not None:
        _show_holders(page, held, chosen, last)
    show_heading(text.ADD_ONS_ON.format(day=day(last)))
    show_table(
        now.select(
            pl.col("add_on").alias(text.ADD_ON),
            pl.col("accounts").alias(text.ACCOUNTS_HOLDING),
            pl.Series(text.HELD, [exact(number) for number in now["held"]], pl.String),
        ),
        name="add-ons",
        right=(text.HELD,),
        width="content",
        alt_text=text.ADD_ONS_ALT.format(span=count(now.height)),
        on_row=lambda row: choose(names[row]) if row >= 0 else None,
        key=f"rows/add_ons/{last}",
    )


def _show_holders(page: Page, held: pl.DataFrame, add_on: str, on: date) -> None:
    """Draw who holds an add-on on a day; a click narrows the page down to the account."""
    own = _in_force(held, [on]).filter(pl.col("add_on") == add_on)
    own = own.sort("quantity", "account_id", descending=[True, False])
    keys = own["account_id"].to_list()
    labels = [f"{page.names[key]} ({key})" if key in page.names else key for key in keys]
    number = count(own["account_id"].n_unique())
    said = text.HOLDERS_TITLE.format(count=number, add_on=add_on, day=day(on))

    def narrow_to(label: str) -> None:
        if label in labels and page.generation.account_id is None:
            narrow("account", keys[labels.index(label)], None)

    show_heading(said)
    whole = own["quantity"].cast(pl.Int64)
    # Charts know no decimals, and would draw the digits of one as a whole number.
    if (whole == own["quantity"]).all():
        show_chart(
            ranked_bars(pl.DataFrame({"group": labels, "quantity": whole}), axis=text.HELD),
            alt_text=said,
            key="chart/holders",
            on_pick=narrow_to,
        )
    until = [
        text.NOT_ENDED if end == date.max else day(end - timedelta(days=1))
        for end in own["effective_to"]
    ]
    show_table(
        pl.DataFrame(
            {
                text.ACCOUNT: labels,
                text.HELD: [exact(number) for number in own["quantity"]],
                text.HELD_SINCE: [day(since) for since in own["effective_from"]],
                text.HELD_UNTIL: until,
            }
        ),
        name=f"holders-of-{add_on}",
        right=(text.HELD,),
        alt_text=said,
        on_row=lambda row: narrow_to(labels[row]) if row >= 0 else None,
        key=f"rows/holders/{add_on}/{on}",
    )
    st.caption(text.NARROW_HERE)


def held_on(held: pl.DataFrame, every: list[date]) -> pl.DataFrame:
    """Count what is held on each day: day, add_on, accounts, held."""
    sums = (
        _in_force(held, every)
        .group_by("day", "add_on")
        .agg(accounts=pl.col("account_id").n_unique().cast(pl.Int64), held=pl.col("quantity").sum())
    )
    return sums.sort("day", "add_on")


def _in_force(held: pl.DataFrame, every: list[date]) -> pl.DataFrame:
    """Name what is held on each day: a row for each day and holding."""
    return held.join(pl.DataFrame({"day": every}, {"day": pl.Date}), how="cross").filter(
        pl.col("effective_from") <= pl.col("day"),
        pl.col("effective_to") > pl.col("day"),
        pl.col("quantity") > 0,
    )
