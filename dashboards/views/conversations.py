"""Conversations: how users began to write, how soon they were answered, and for how long."""

import polars as pl
import streamlit as st

from dashboards.figures import binned, labelled, ranked, top
from dashboards.filters import Page, choose_one, choose_part, narrow, pick
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
)
from dashboards.words import text

KNOWS = ("account", "entry_point")


def show(page: Page) -> None:
    """Draw the view."""
    span = page.known_span()
    say_ignored(page.ignored(*KNOWS))
    rule_word = choose_one(text.WINDOW_RULE, list(text.RULES), key="rule")
    rule = text.RULES[rule_word]
    frame = page.sums(
        "windows", ("day", "rule", "entry_point", "answer", "days_open"), span, *KNOWS
    )
    opened = frame.filter(pl.col("rule") == rule) if frame.height else frame
    if opened.is_empty():
        say_empty(text.NO_WINDOWS, span=days(span), rule=rule_word.lower())
        return
    total = int(opened["window_count"].sum())
    answered = int(opened.filter(pl.col("answer") != "none")["window_count"].sum())
    network = page.sums("conversations", (), span, "account", "category")
    named = int(network["quantity"].sum()) if network.height else 0
    show_tiles(
        [
            Tile(rule_word, count(total)),
            Tile(text.ANSWERED, share(answered, total), help=text.ANSWERED_HELP),
            Tile(text.NAMED, count(named), help=text.NAMED_HELP),
        ]
    )
    _show_entries(opened, page)
    _show_answers(opened, page, total, rule)
    _show_lengths(opened, page)


def _show_entries(opened: pl.DataFrame, page: Page) -> None:
    words = labelled(
        opened.with_columns(pl.col("entry_point").replace(text.ENTRY_POINTS)),
        "entry_point",
        names={},
        unknown=text.UNKNOWN,
    ).rename({"window_count": "quantity"})
    shown = top(binned(words, "day"), other=text.OTHER)
    largest, most = ranked(words).row(0)
    values = {label: value for value, label in text.ENTRY_POINTS.items()}

    def narrow_to(label: str) -> None:
        if label != text.OTHER:
            value = None if label == text.UNKNOWN else values.get(label, label)
            narrow("entry_point", value, None)

    show_heading(text.ENTRIES_TITLE.format(entry=largest, count=count(most)))
    show_days(
        shown,
        page.known_span(),
        look="stacked",
        axis=text.WINDOWS_OPENED,
        time_axis=text.DAY_AXIS,
        alt_text=text.ENTRIES_ALT.format(span=days(page.span), entry=largest, count=count(most)),
        key="chart/entries",
        on_pick=narrow_to,
    )


def _show_answers(opened: pl.DataFrame, page: Page, total: int, rule: str) -> None:
    sums = dict(opened.group_by("answer").agg(pl.col("window_count").sum()).iter_rows())
    words = list(text.ANSWERS.values())
    rows = [(word, sums.get(name, 0)) for name, word in text.ANSWERS.items()]
    soon = sum(sums.get(name, 0) for name in ("1 minute", "5 minutes"))
    show_heading(text.ANSWERS_TITLE.format(share=share(soon, total)))
    show_bars(
        rows,
        axis=text.WINDOWS_OPENED,
        alt_text=text.ANSWERS_ALT.format(span=days(page.span), share=share(soon, total)),
        key="chart/answers",
        on_pick=pick("answer", words),
    )
    st.caption(text.ANSWERS_HOW)
    if page.account_id is None:
        chosen = choose_part(text.ANSWER_PART, words, key="answer", hint=text.ANSWER_HINT)
        if chosen is not None:
            _show_whose(page, rule, chosen, total)


def _show_whose(page: Page, rule: str, chosen: str, total: int) -> None:
    """List the accounts whose windows were answered so, beside all that they had."""
    answer = next(name for name, words in text.ANSWERS.items() if words == chosen)
    frame = page.sums("windows", ("account", "rule", "answer"), page.known_span(), *KNOWS)
    is_so = pl.col("answer") == answer
    found = (
        labelled(
            frame.filter(pl.col("rule") == rule),
            "account",
            names=page.names,
            unknown=text.UNASSIGNED,
        )
        .group_by("group", "account")
        .agg(
            so=pl.col("window_count").filter(is_so).sum(),
            all=pl.col("window_count").sum(),
        )
        .filter(pl.col("so") > 0)
        .sort("so", "group", descending=[True, False])
    )
    number = int(found["so"].sum())
    keys = found["account"].to_list()
    title = text.ANSWER_TITLE.format(answer=chosen, count=count(number), share=share(number, total))

    def narrow_to(row: int) -> None:
        if row >= 0 and keys[row] is not None:
            narrow("account", keys[row], None)

    show_heading(title)
    shares = [share(*row) for row in found.select("so", "all").iter_rows()]
    show_table(
        found.select(
            pl.col("group").alias(text.ACCOUNT),
            pl.col("so").alias(text.WINDOWS_OPENED),
            pl.Series(text.OF_ITS_WINDOWS, shares, pl.String),
        ),
        name=f"answered-{answer}",
        right=(text.OF_ITS_WINDOWS,),
        alt_text=title,
        on_row=narrow_to,
        key=f"rows/answered/{rule}/{answer}/{page.span}",
    )
    st.caption(text.NARROW_HERE)


def _show_lengths(opened: pl.DataFrame, page: Page) -> None:
    sums = opened.group_by("days_open", "entry_point").agg(pl.col("window_count").sum())
    rows = sums.sort("days_open", "entry_point")
    table = rows.select(
        pl.col("days_open").alias(text.DAYS_OPEN),
        pl.col("entry_point").replace(text.ENTRY_POINTS).alias(text.ENTRY_POINT),
        pl.col("window_count").alias(text.WINDOWS_OPENED),
    )
    show_heading(text.LENGTHS_TITLE)
    show_table(
        table,
        name="windows",
        alt_text=text.LENGTHS_ALT.format(span=days(page.span)),
        width="content",
    )
