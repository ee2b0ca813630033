"""Quarantine for operators: how many rows wait and why, the rows themselves, and another try."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st

from dashboards.charts import ranked_bars
from dashboards.filters import choose_named
from dashboards.finance import publish_now
from dashboards.format import count, instant, moment, plain
from dashboards.load import Generation
from dashboards.refused import Refused, refused_rows, retry
from dashboards.views.parts import (
    Tile,
    say_problem,
    show_chart,
    show_heading,
    show_table,
    show_tiles,
)
from dashboards.words import operations as words
from dashboards.words import text
from metering.errors import TollbookError
from metering.load import Load
from metering.settings import Book

ASKED, OUTCOME = "retry/asked", "retry/outcome"
NO_REASON = "none"


def show(generation: Generation, book: Book) -> None:
    """Draw the view: counts of the reports, and the rows of one reason out of the store."""
    _say_outcome()
    rows = generation.operations("quarantine")
    if rows.is_empty():
        st.success(words.QUARANTINE_EMPTY)
        return
    total = int(rows["row_count"].sum())
    kept = int(rows["text_count"].sum())
    show_tiles([Tile(words.ROWS_WAITING, count(total)), Tile(words.ROWS_WITH_TEXT, count(kept))])
    by_reason = (
        rows.group_by("reason")
        .agg(quantity=pl.col("row_count").sum())
        .sort("quantity", "reason", descending=[True, False])
        .rename({"reason": "group"})
    )
    show_heading(words.QUARANTINE_TITLE.format(reason=by_reason["group"][0]))
    show_chart(
        ranked_bars(by_reason, axis=words.ROWS),
        alt_text=words.QUARANTINE_ALT.format(count=count(total)),
        key="chart/reasons",
        on_pick=_choose_reason,
    )
    show_table(
        rows.select(
            pl.col("reason").alias(text.REASON),
            pl.col("format").alias(words.FORMAT),
            pl.col("row_count").alias(words.ROWS),
            pl.col("text_count").alias(words.ROWS_WITH_TEXT),
            pl.col("sender_count").alias(words.SENDERS),
            pl.col("load_count").alias(text.LOADS),
            pl.Series(words.FIRST_AT, [instant(at) for at in rows["first_at"]], pl.String),
            pl.Series(words.LAST_AT, [instant(at) for at in rows["last_at"]], pl.String),
        ),
        name="quarantine",
        alt_text=words.QUARANTINE_ALT.format(count=count(total)),
    )
    _show_rows(book, by_reason["group"].to_list())
    st.markdown(words.QUARANTINE_HOW)
    st.code(words.QUARANTINE_COMMANDS, language=None)


def _choose_reason(reason: str) -> None:
    st.session_state["reason"] = st.query_params["reason"] = reason


def _show_rows(book: Book, reasons: Sequence[str]) -> None:
    """Draw the rows of the reason that is chosen, and offer to try them again."""
    reason = choose_named(
        words.ROWS_OF,
        [NO_REASON, *reasons],
        key="reason",
        first=NO_REASON,
        name_of=lambda one: words.CHOOSE_REASON if one == NO_REASON else one,
        is_labelled=True,
    )
    if reason == NO_REASON:
        _offer(words.RETRY_ALL, {"reason": None}, key="retry/all")
    else:
        try:
            found = refused_rows(book, reason)
        except TollbookError as error:
            say_problem(error)
            return
        row_id = _show_refused(found, reason)
        with st.container(horizontal=True):
            if found.retriable:
                label = words.RETRY_REASON.format(count=count(found.retriable))
                _offer(label, {"reason": reason}, key="retry/reason")
            if row_id is not None:
                given = {"reason": reason, "quarantine_id": row_id}
                _offer(words.RETRY_ROW.format(id=row_id), given, key="retry/row")
    _ask(book)


def _show_refused(found: Refused, reason: str) -> int | None:
    """Draw rows; answer the one that is selected, if it can be tried again."""
    rows = found.rows
    key = f"table/refused/{reason}"
    can_retry = pl.when("can_retry").then(pl.lit(words.YES)).otherwise(pl.lit(words.NO))
    show_table(
        rows.select(
            pl.col("quarantine_id").alias(words.ROW_ID),
            pl.col("file").alias(words.FILE),
            pl.col("line").alias(words.LINE),
            pl.col("position").fill_null("").alias(words.POSITION),
            pl.col("text").fill_null(words.TEXT_CLEARED).alias(words.TEXT),
            pl.col("sender_id").fill_null("").alias(text.SENDER),
            can_retry.alias(words.CAN_RETRY),
            pl.col("load_id").alias(words.LOAD),
            pl.Series(words.SINCE, map(moment, rows["quarantined_at"]), pl.String),
        ),
        name=f"refused-{reason}",
        key=key,
        on_row=lambda _: None,
        alt_text=words.REFUSED_ALT.format(count=count(rows.height), reason=reason),
    )
    st.caption(words.REFUSED_HOW.format(count=count(rows.height)))
    chosen = st.session_state[key]["selection"]["rows"]
    if not chosen or chosen[0] >= rows.height:
        return None
    row = rows.row(chosen[0], named=True)
    return int(row["quarantine_id"]) if row["can_retry"] else None


def _offer(label: str, given: dict[str, Any], *, key: str) -> None:
    st.button(label, key=key, icon=":material/replay:", on_click=_open, args=({**given},))


def _open(asked: dict[str, Any] | None) -> None:
    st.session_state[ASKED] = asked


def _ask(book: Book) -> None:
    """Ask before rows are tried again, and do it when that is confirmed."""
    asked = st.session_state.get(ASKED)
    if asked is None:
        return
    with st.container(border=True, key="confirmation"):
        st.markdown(words.ASK_RETRY)
        with st.container(horizontal=True):
            is_confirmed = st.button(words.CONFIRM_RETRY, type="primary", key="confirm")
            st.button(words.CANCEL, key="cancel", on_click=_open, args=(None,))
        if not is_confirmed:
            return
        try:
            with st.spinner(words.RETRYING):
                told = _told(retry(book, **asked))
        except TollbookError as error:
            say_problem(error)
            return
        try:
            with st.spinner(words.PUBLISHING):
                publish_now(book)
        except TollbookError as error:
            what = plain(error.problems[0].what)
            told.append(("warning", words.RETRY_NOT_PUBLISHED.format(what=what)))
    _open(None)
    st.session_state[OUTCOME] = told
    st.rerun()


def _told(loads: Sequence[Load]) -> list[tuple[str, str]]:
    """Say what became of the rows."""
    refused = [(words.REFUSED_AGAIN.format(why=plain(one.why))) for one in loads if one.why]
    accepted = sum(one.accepted for one in loads)
    again = sum(one.duplicates + one.reported_again + sum(one.ignored.values()) for one in loads)
    still = sum(sum(one.quarantined.values()) for one in loads)
    said = words.RETRIED.format(accepted=count(accepted), again=count(again), still=count(still))
    kind = "success" if accepted + again and not still else "warning"
    return [(kind, said), *(("warning", why) for why in refused)]


def _say_outcome() -> None:
    """Say once what became of what was tried."""
    for kind, said in st.session_state.pop(OUTCOME, []):
        {"success": st.success, "warning": st.warning}[kind](said)
