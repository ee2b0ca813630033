"""For operators: what was loaded, what was refused, which runs there were, how large all is."""

from datetime import datetime

import polars as pl
import streamlit as st

from dashboards.format import count, duration, instant, month_name, size
from dashboards.load import Generation
from dashboards.views.parts import Tile, say_empty, show_heading, show_table, show_tiles
from dashboards.words import operations as words
from dashboards.words import text

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
            Tile(words.READ_ITEMS, count(sums["read_count"])),
            *(Tile(words.PARTS[part], count(sums[f"{part}_count"])) for part in PARTS),
        ]
    )
    uneven = loads.filter(pl.sum_horizontal(counts) != pl.col("read_count"))
    if uneven.is_empty():
        st.caption(words.LOADS_ADD_UP)
    else:
        st.error(
            words.LOADS_UNEVEN.format(ids=", ".join(map(str, uneven["load_id"].to_list()[:10])))
        )
    newest = loads.sort("load_id", descending=True)
    show_table(
        newest.select(
            pl.col("load_id").alias(words.LOAD),
            pl.Series(words.LOADED_AT, [_utc(at) for at in newest["loaded_at"]], pl.String),
            pl.col("format").alias(words.FORMAT),
            pl.Series(words.SIZE, [size(number) for number in newest["size_bytes"]], pl.String),
            pl.col("read_count").alias(words.READ_ITEMS),
            *(pl.col(f"{part}_count").alias(words.PARTS[part]) for part in PARTS),
            pl.col("unknown_field_count").alias(words.UNKNOWN_FIELDS),
            pl.col("engine_version").alias(words.ENGINE),
        ),
        name="loads",
        right=(words.SIZE,),
        alt_text=words.LOADS_ALT.format(count=count(loads.height)),
    )
    _show_store(generation)


def show_runs(generation: Generation) -> None:
    """Draw every run of a bill with its sums."""
    runs = generation.operations("runs")
    if runs.is_empty():
        say_empty(words.NO_RUNS)
        return
    latest = runs.row(0, named=True)
    show_tiles(
        [
            Tile(text.RUNS, count(runs.height)),
            Tile(words.LATEST_RUN, month_name(latest["period"])),
            Tile(text.INVOICES, count(latest["invoice_count"])),
            Tile(text.BLOCKED, count(latest["blocked_count"])),
            Tile(words.UNASSIGNED_UNITS, count(latest["unassigned"]), help=words.UNASSIGNED_HELP),
        ]
    )
    show_table(
        runs.select(
            pl.col("run_id").alias(words.RUN),
            pl.Series(text.MONTH, [month_name(period) for period in runs["period"]], pl.String),
            pl.Series(words.STARTED_AT, [_utc(at) for at in runs["started_at"]], pl.String),
            pl.Series(words.TOOK, [duration(ms) for ms in runs["duration_ms"]], pl.String),
            pl.col("invoice_count").alias(text.INVOICES),
            pl.col("blocked_count").alias(text.BLOCKED),
            pl.col("unassigned").alias(words.UNASSIGNED_UNITS),
            pl.col("load_count").alias(text.LOADS),
            pl.when(pl.col("account_count") == 0)
            .then(pl.lit(text.ALL))
            .otherwise(pl.col("account_count").cast(pl.String))
            .alias(text.ACCOUNTS),
            pl.col("catalog").alias(words.CATALOG_HASH),
            pl.col("engine_version").alias(words.ENGINE),
        ),
        name="runs",
        right=(words.TOOK,),
        alt_text=words.RUNS_ALT.format(count=count(runs.height)),
    )
    st.caption(words.RUNS_HOW)


def _show_store(generation: Generation) -> None:
    tables = generation.tables()
    sizes = dict(generation.facts.get("sizes", {}))
    reports = sum(path.stat().st_size for path in generation.folder.rglob("*") if path.is_file())
    sizes[words.REPORTS] = reports
    show_heading(words.STORE_TITLE.format(size=size(sum(sizes.values()))))
    show_tiles([Tile(name, size(number)) for name, number in sizes.items()])
    show_table(
        tables.select(
            pl.col("name").alias(text.TABLE), pl.col("row_count").alias(words.ROWS_ABOUT)
        ),
        name="store",
        width="content",
        alt_text=words.STORE_ALT,
    )


def _utc(at: datetime) -> str:
    return instant(at)
