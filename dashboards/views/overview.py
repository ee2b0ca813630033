"""The overview: this period beside the one before, what changed, and what is unusual."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import accumulate

import polars as pl
import streamlit as st

from dashboards.anomalies import find_anomalies
from dashboards.charts import now_and_before
from dashboards.figures import compared, drivers, filled_days, labelled, moves_of
from dashboards.filters import Page, look_into
from dashboards.format import change, count, days, plain, share, short, signed
from dashboards.span import Span
from dashboards.views.forecast import JUDGED_DAYS_MAX, anomaly_table, read_groups
from dashboards.views.parts import (
    Tile,
    begins_in,
    say_begins,
    say_empty,
    show_chart,
    show_heading,
    show_legend_of,
    show_table,
    show_tiles,
    values_of,
)
from dashboards.words import text

DRIVERS = 8
CAUSES = ("market", "category", "account")
FREE_TYPES_BEGIN = "free"


def show(page: Page) -> None:
    """Draw the view."""
    span = page.full_span()
    before = span.before()
    now, then = (page.sums("usage", ("day",), part) for part in (span, before))
    if now.is_empty():
        say_empty(text.NO_USAGE, span=days(page.span))
        return
    if span != page.span:
        st.caption(text.SO_FAR.format(span=days(span), before=days(before)))
    # A few days of a month beside a whole one would be a growth that nobody had.
    is_known = begins_in(page, before) is None
    tiles, shares = _tiles(page, span, before if is_known else None)
    show_tiles(tiles)
    show_tiles(shares)
    _show_course(now, then if is_known else then.clear(), span, before)
    if not is_known:
        say_begins(page, before)
    elif then.is_empty():
        st.info(text.NOTHING_BEFORE.format(before=days(before)))
    else:
        _show_changes(page, span, before)
    _show_unusual(page, span)


def _tiles(page: Page, span: Span, before: Span | None) -> tuple[list[Tile], list[Tile]]:
    tiles = []
    figures = _measured(page, span)
    earlier = {} if before is None else _measured(page, before)
    for label, is_bad in text.TILES.items():
        now, course = figures[label]
        then, _ = earlier.get(label, (None, ()))
        tiles.append(Tile(label, short(now), now, then, course, is_bad=is_bad))
    return tiles, _rates(figures)


def _measured(page: Page, span: Span) -> dict[str, tuple[int, Sequence[int]]]:
    """The figure of each tile, and its course over the days."""
    usage = page.sums("usage", ("day", "pricing_type"), span)
    is_free = pl.col("pricing_type").str.starts_with(FREE_TYPES_BEGIN).fill_null(value=False)
    accounts = page.sums("usage", ("account",), span)
    funnel = page.sums("funnel", ("day",), span, "account", "market", "category")
    series = {
        text.DELIVERIES: _by_day(usage, "quantity"),
        text.FREE: _by_day(usage.filter(is_free), "quantity"),
        text.SENT: _by_day(funnel, "sent"),
        text.READ: _by_day(funnel, "read"),
        text.FAILED: _by_day(funnel, "failed"),
    }
    figures: dict[str, tuple[int, Sequence[int]]] = {
        label: (int(frame["quantity"].sum()), filled_days(frame, span))
        for label, frame in series.items()
    }
    active = accounts.filter(pl.col("account").is_not_null()).height if accounts.height else 0
    return {**figures, text.ACCOUNTS_USED: (active, ())}


def _by_day(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    if frame.is_empty():
        return pl.DataFrame(schema={"day": pl.Date, "quantity": pl.Int64})
    return frame.group_by("day").agg(quantity=pl.col(column).sum())


def _rates(figures: Mapping[str, tuple[int, Sequence[int]]]) -> list[Tile]:
    """Shares beside their parts: whole numbers are compared, shares are shown."""
    now = {label: figure for label, (figure, _) in figures.items()}
    rows = (
        (text.FREE_SHARE, now[text.FREE], now[text.DELIVERIES], text.FREE_SHARE_HELP),
        (text.READ_SHARE, now[text.READ], now[text.SENT], text.READ_SHARE_HELP),
    )
    return [Tile(label, share(part, whole), help=words) for label, part, whole, words in rows]


def _show_course(now: pl.DataFrame, then: pl.DataFrame, span: Span, before: Span) -> None:
    names = [days(span), days(before)]
    rows = [
        (number, name, total)
        for name, frame, part in zip(names, (now, then), (span, before), strict=True)
        for number, total in enumerate(accumulate(filled_days(frame, part)), 1)
        if frame.height
    ]
    total, earlier = (int(frame["quantity"].sum()) if frame.height else 0 for frame in (now, then))
    moved = text.COURSE_TITLE.format(moved=_moved(total, earlier), before=names[1])
    alone = text.COURSE_ALONE.format(total=count(total), span=names[0])
    show_heading(moved if then.height else alone)
    show_legend_of(names if then.height else names[:1])
    show_chart(
        now_and_before(rows, names=names, axis=text.DELIVERIES_SO_FAR, time_axis=text.DAY_NUMBER),
        alt_text=text.COURSE_ALT.format(
            now=names[0], total=count(total), before=names[1], earlier=count(earlier)
        ),
    )


def _moved(now: int, before: int) -> str:
    words = text.MORE if now > before else text.LESS if now < before else text.SAME
    return words.format(change=change(now, before).lstrip("+-"))


def _show_changes(page: Page, span: Span, before: Span) -> None:
    """Say which markets, categories and accounts moved most, in words and as a table."""
    parts = []
    values = {}
    why = ""
    for column in CAUSES:
        unknown = text.UNASSIGNED if column == "account" else text.UNKNOWN
        names = page.names if column == "account" else {}
        frames = [
            labelled(page.sums("usage", (column,), part), column, names=names, unknown=unknown)
            for part in (span, before)
        ]
        both = compared(*frames)
        if column == "account" and both.height > 1:
            why = _why(both)
        moved = drivers(both, DRIVERS)
        parts.append(moved.with_columns(cause=pl.lit(text.DIMENSIONS[column])))
        keys = pl.concat([frame.select(column) for frame in frames])
        values[text.DIMENSIONS[column]] = (column, values_of(keys, column, page.generation))
    table = pl.concat(parts)
    show_heading(text.CHANGES_TITLE)
    st.markdown(" ".join([*_sentences(parts), why]))
    ordered = table.sort(pl.col("change").abs(), descending=True, maintain_order=True)
    causes = ordered.select("cause", "group").rows()

    def look(row: int) -> None:
        if row >= 0:
            cause, group = causes[row]
            column, keys_of = values[cause]
            look_into(column, keys_of[group])

    changes = [change(*row) for row in ordered.select("quantity", "before").iter_rows()]
    show_table(
        ordered.select(
            pl.col("cause").alias(text.DIMENSION),
            pl.col("group").alias(text.GROUP),
            pl.col("change").alias(text.CHANGE),
            pl.Series(text.CHANGE_SHARE, changes, pl.String),
            pl.col("quantity").alias(text.DELIVERIES),
            pl.col("before").alias(days(before)),
        ),
        name="what-changed",
        right=(text.CHANGE_SHARE,),
        alt_text=text.CHANGES_ALT.format(span=days(span), before=days(before)),
        on_row=look,
        key=f"rows/changes/{span}",
    )
    st.caption(text.LOOK_INTO)


def _why(accounts: pl.DataFrame) -> str:
    """Say how much of the whole change is due to accounts that are new, gone, larger, smaller."""
    said = [
        text.MOVES[kind].format(count=count(number), change=signed(moved))
        for kind, (number, moved) in moves_of(accounts).items()
        if number
    ]
    return text.WHY_IN_ALL.format(moves=", ".join(said)) if said else ""


def _sentences(parts: Sequence[pl.DataFrame]) -> list[str]:
    """Name what moved most in each dimension."""
    sentences = []
    for moved in parts:
        if moved.height:
            row = moved.row(0, named=True)
            sentences.append(
                text.CHANGE_SENTENCE.format(
                    cause=row["cause"].lower(),
                    group=plain(row["group"]),
                    change=signed(row["change"]),
                    now=count(row["quantity"]),
                    before=count(row["before"]),
                )
            )
    return sentences


def _show_unusual(page: Page, span: Span) -> None:
    recent = Span(max(span.first, span.last - timedelta(days=JUDGED_DAYS_MAX - 1)), span.last)
    judged = [day for day in recent.days() if day <= page.full_to()]
    found = find_anomalies(read_groups(page, recent), judged)
    show_heading(text.UNUSUAL_TITLE.format(count=count(len(found))))
    if found:
        anomaly_table(page, found, name="unusual-days")
    else:
        st.caption(text.NOTHING_UNUSUAL)
