"""For operators: what was loaded, what was refused, which runs there were, how large all is."""

from datetime import datetime

import polars as pl
import streamlit as st

from dashboards import text
from dashboards.charts import ranked_bars
from dashboards.format import count, duration, instant, month_name, size
from dashboards.load import Generation
from dashboards.views.parts import Tile, say_empty, show_chart, show_heading, show_table, show_tiles

PARTS = ("accepted", "duplicate", "reported_again", "ignored", "quarantined")


def show_loads(generation: Generation) -> None:
    """Draw every load with its counts, which add up to what was read, and the size of the store."""
    loads = generation.operations("loads")
    if loads.is_empty():
        say_empty(text.NO_LOADS)
        return
    counts = [f"{part}_count" for part in PARTS]
    sums = {name: int(loads[name].sum()) for name in ("read_count", *counts)}
    show_tiles(
        [
            Tile(text.LOADS, count(loads.height)),
            Tile(text.READ_ITEMS, count(sums["read_count"])),
            *(Tile(text.PARTS[part], count(sums[f"{part}_count"])) for part in PARTS),
        ]
    )
    uneven = loads.filter(pl.sum_horizontal(counts) != pl.col("read_count"))
    if uneven.is_empty():
        st.caption(text.LOADS_ADD_UP)
    else:
        st.error(
            text.LOADS_UNEVEN.format(ids=", ".join(map(str, uneven["load_id"].to_list()[:10])))
        )
    newest = loads.sort("load_id", descending=True)
    show_table(
        newest.select(
            pl.col("load_id").alias(text.LOAD),
            pl.Series(text.LOADED_AT, [_utc(at) for at in newest["loaded_at"]], pl.String),
            pl.col("format").alias(text.FORMAT),
            pl.Series(text.SIZE, [size(number) for number in newest["size_bytes"]], pl.String),
            pl.col("read_count").alias(text.READ_ITEMS),
            *(pl.col(f"{part}_count").alias(text.PARTS[part]) for part in PARTS),
            pl.col("unknown_field_count").alias(text.UNKNOWN_FIELDS),
            pl.col("engine_version").alias(text.ENGINE),
        ),
        name="loads",
        right=(text.SIZE,),
        alt_text=text.LOADS_ALT.format(count=count(loads.height)),
    )
    _show_store(generation)


def show_quarantine(generation: Generation) -> None:
    """Draw how many rows were refused for which reason, and what to do; none of their text."""
    rows = generation.operations("quarantine")
    if rows.is_empty():
        st.success(text.QUARANTINE_EMPTY)
        return
    total = int(rows["row_count"].sum())
    kept = int(rows["text_count"].sum())
    show_tiles([Tile(text.ROWS_WAITING, count(total)), Tile(text.ROWS_WITH_TEXT, count(kept))])
    by_reason = (
        rows.group_by("reason")
        .agg(quantity=pl.col("row_count").sum())
        .sort("quantity", "reason", descending=[True, False])
        .rename({"reason": "group"})
    )
    show_heading(text.QUARANTINE_TITLE.format(reason=by_reason["group"][0]))
    show_chart(
        ranked_bars(by_reason, axis=text.ROWS),
        alt_text=text.QUARANTINE_ALT.format(count=count(total)),
    )
    show_table(
        rows.select(
            pl.col("reason").alias(text.REASON),
            pl.col("format").alias(text.FORMAT),
            pl.col("row_count").alias(text.ROWS),
            pl.col("text_count").alias(text.ROWS_WITH_TEXT),
            pl.col("sender_count").alias(text.SENDERS),
            pl.col("load_count").alias(text.LOADS),
            pl.Series(text.FIRST_AT, [_utc(at) for at in rows["first_at"]], pl.String),
            pl.Series(text.LAST_AT, [_utc(at) for at in rows["last_at"]], pl.String),
        ),
        name="quarantine",
        alt_text=text.QUARANTINE_ALT.format(count=count(total)),
    )
    st.markdown(text.QUARANTINE_HOW)
    st.code(text.QUARANTINE_COMMANDS, language=None)


def show_runs(generation: Generation) -> None:
    """Draw every run of a bill with its sums."""
    runs = generation.operations("runs")
    if runs.is_empty():
        say_empty(text.NO_RUNS)
        return
    latest = runs.row(0, named=True)
    show_tiles(
        [
            Tile(text.RUNS, count(runs.height)),
            Tile(text.LATEST_RUN, month_name(latest["period"])),
            Tile(text.INVOICES, count(latest["invoice_count"])),
            Tile(text.BLOCKED, count(latest["blocked_count"])),
            Tile(text.UNASSIGNED_UNITS, count(latest["unassigned"]), help=text.UNASSIGNED_HELP),
        ]
    )
    show_table(
        runs.select(
            pl.col("run_id").alias(text.RUN),
            pl.Series(text.MONTH, [month_name(period) for period in runs["period"]], pl.String),
            pl.Series(text.STARTED_AT, [_utc(at) for at in runs["started_at"]], pl.String),
            pl.Series(text.TOOK, [duration(ms) for ms in runs["duration_ms"]], pl.String),
            pl.col("invoice_count").alias(text.INVOICES),
            pl.col("blocked_count").alias(text.BLOCKED),
            pl.col("unassigned").alias(text.UNASSIGNED_UNITS),
            pl.col("load_count").alias(text.LOADS),
            pl.when(pl.col("account_count") == 0)
            .then(pl.lit(text.ALL))
            .otherwise(pl.col("account_count").cast(pl.String))
            .alias(text.ACCOUNTS),
            pl.col("catalog").alias(text.CATALOG_HASH),
            pl.col("engine_version").alias(text.ENGINE),
        ),
        name="runs",
        right=(text.TOOK,),
        alt_text=text.RUNS_ALT.format(count=count(runs.height)),
    )
    st.caption(text.RUNS_HOW)


def _show_store(generation: Generation) -> None:
    tables = generation.tables()
    sizes = dict(generation.facts.get("sizes", {}))
    reports = sum(path.stat().st_size for path in generation.folder.rglob("*") if path.is_file())
    sizes[text.REPORTS] = reports
    show_heading(text.STORE_TITLE.format(size=size(sum(sizes.values()))))
    show_tiles([Tile(name, size(number)) for name, number in sizes.items()])
    show_table(
        tables.select(pl.col("name").alias(text.TABLE), pl.col("row_count").alias(text.ROWS_ABOUT)),
        name="store",
        width="content",
        alt_text=text.STORE_ALT,
    )


def _utc(at: datetime) -> str:
    return instant(at)
