"""Add-ons: how many of each are held, by how many accounts, and how that moved."""

from datetime import date

import polars as pl

from dashboards.figures import bins_of, labelled, top
from dashboards.filters import Page
from dashboards.format import count, day, days, exact
from dashboards.views.parts import (
    say_empty,
    say_ignored,
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
    show_heading(text.ADD_ONS_TITLE)
    show_days(
        shown,
        span,
        look="lines",
        axis=text.ACCOUNTS_HOLDING,
        time_axis=text.DAY,
        alt_text=text.ADD_ONS_ALT.format(span=days(span)),
    )
    show_heading(text.ADD_ONS_ON.format(day=day(last)))
    now = daily.filter(pl.col("day") == last).sort("accounts", descending=True)
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
    )


def held_on(held: pl.DataFrame, every: list[date]) -> pl.DataFrame:
    """Count what is held on each day: day, add_on, accounts, held."""
    in_force = held.join(pl.DataFrame({"day": every}, {"day": pl.Date}), how="cross").filter(
        pl.col("effective_from") <= pl.col("day"),
        pl.col("effective_to") > pl.col("day"),
        pl.col("quantity") > 0,
    )
    sums = in_force.group_by("day", "add_on").agg(
        accounts=pl.col("account_id").n_unique().cast(pl.Int64), held=pl.col("quantity").sum()
    )
    return sums.sort("day", "add_on")
