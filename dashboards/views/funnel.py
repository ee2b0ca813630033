"""The funnel: how many of the messages that were sent arrived, were read, or failed."""

import polars as pl
import streamlit as st

from dashboards.figures import binned, labelled
from dashboards.filters import Page, choose_group, look_into, narrow
from dashboards.format import count, days, share
from dashboards.views.parts import (
    Tile,
    say_empty,
    say_ignored,
    show_bars,
    show_days,
    show_heading,
    show_table,
    show_tiles,
    values_of,
)
from dashboards.words import text

KNOWS = ("account", "market", "category")
# What the usage view calls the messages of each step.
MEASURES = {
    "sent": text.SENT,
    "delivered": text.DELIVERIES,
    "read": text.READ,
    "failed": text.FAILED,
}
STEPS = tuple(MEASURES)


def show(page: Page) -> None:
    """Draw the view."""
    span = page.known_span()
    say_ignored(page.ignored(*KNOWS))
    daily = page.sums("funnel", ("day",), span, *KNOWS)
    if daily.is_empty():
        say_empty(text.NO_USAGE, span=days(span))
        return
    now = _totals(daily)
    then = _totals(page.sums("funnel", ("day",), span.before(), *KNOWS))
    show_tiles(
        [
            Tile(
                text.STEPS[step],
                count(now[step]),
                now[step],
                then.get(step),
                daily.sort("day")[step].to_list(),
                is_bad=step == "failed",
            )
            for step in STEPS
        ]
    )
    show_heading(
        text.FUNNEL_TITLE.format(
            delivered=share(now["delivered"], now["sent"]),
            read=share(now["read"], now["delivered"]),
            failed=share(now["failed"], now["sent"]),
        )
    )
    measures = {text.STEPS[step]: measure for step, measure in MEASURES.items()}
    show_bars(
        [(text.STEPS[step], now[step]) for step in STEPS],
        axis=text.MESSAGES,
        alt_text=text.FUNNEL_ALT.format(
            span=days(span), **{step: count(now[step]) for step in STEPS}
        ),
        key="chart/funnel",
        on_pick=lambda label: look_into(None, None, measure=measures[label]),
    )
    st.caption(text.FUNNEL_CLICK)
    _show_ends(daily, page)
    _show_groups(page)
    st.caption(text.FUNNEL_HOW)


def _totals(frame: pl.DataFrame) -> dict[str, int]:
    return {step: int(frame[step].sum()) for step in STEPS} if frame.height else {}


def _show_ends(daily: pl.DataFrame, page: Page) -> None:
    """Part each day into messages by the furthest that they came."""
    ends = {
        "read": pl.col("read"),
        "delivered": pl.col("delivered") - pl.col("read"),
        "open": pl.col("sent") - pl.col("delivered") - pl.col("failed"),
        "failed": pl.col("failed"),
    }
    shown = pl.concat(
        [
            binned(daily, "day").select(
                "bin",
                group=pl.lit(text.ENDS[end]),
                rank=pl.lit(rank, pl.Int64),
                quantity=counted,
            )
            for rank, (end, counted) in enumerate(ends.items())
        ]
    )
    show_heading(text.ENDS_TITLE)
    show_days(
        shown,
        page.known_span(),
        look="share",
        axis=text.SHARE_OF_MESSAGES,
        time_axis=text.FIRST_REPORT_AXIS,
        alt_text=text.ENDS_ALT.format(span=days(page.span)),
    )


def _show_groups(page: Page) -> None:
    word, group = choose_group(without=("pricing_type", "entry_point", "sender"))
    names = page.names if group == "account" else {}
    unknown = text.UNASSIGNED if group == "account" else text.UNKNOWN
    frame = page.sums("funnel", (group,), page.known_span(), *KNOWS)
    rows = labelled(frame, group, names=names, unknown=unknown).sort("sent", descending=True)
    labels, values = rows["group"].to_list(), values_of(frame, group, page.generation)

    def narrow_to(row: int) -> None:
        if row >= 0:
            narrow(group, values[labels[row]], None)

    shares = {
        text.STEP_SHARES[step]: [
            share(part, whole) for part, whole in rows.select(step, base).iter_rows()
        ]
        for step, base in (("delivered", "sent"), ("read", "delivered"), ("failed", "sent"))
    }
    show_table(
        rows.select(
            pl.col("group").alias(word),
            *(pl.col(step).alias(text.STEPS[step]) for step in STEPS),
            *(pl.Series(name, values, pl.String) for name, values in shares.items()),
        ),
        name=f"funnel-by-{group}",
        right=list(shares),
        alt_text=text.GROUPS_ALT.format(span=days(page.span), group=word.lower()),
        on_row=narrow_to,
        key=f"rows/funnel/{group}/{page.span}",
    )
