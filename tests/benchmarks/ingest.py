"""Ingest of webhook lines, beside DuckDB's bare read of the same columns, and PostgreSQL."""

from pathlib import Path
from statistics import median

from tests.benchmarks.books import (
    Figures,
    generated_log,
    line_count,
    load,
    new_book,
    read_bare,
    seconds,
)
from tests.benchmarks.postgres import bench_postgres


def bench_ingest(folder: Path, *, lines: int, rounds: int, has_postgres: bool) -> Figures:
    """Time whole loads into empty stores, process start included, against the bare read.

    Deliveries, contacts and windows are part of a load. The bare read runs before and after each.
    """
    log = generated_log(folder, lines)
    count = line_count(log)
    bare, loads, peaks = [], [], []
    for number in range(rounds):
        book = new_book(folder / f"book-{number}")
        bare.append(seconds(lambda: read_bare(log)))
        loads.append(seconds(lambda book=book: peaks.append(load(book, log))))  # type: ignore[misc]
        bare.append(seconds(lambda: read_bare(log)))
    read_s, load_s = median(bare), median(loads)
    figures: Figures = {
        "lines": count,
        "megabytes": log.stat().st_size // 1_000_000,
        "bare_read_seconds": round(read_s, 2),
        "ingest_seconds": round(load_s, 2),
        "ingest_lines_a_second": round(count / load_s),
        "speed_of_the_bare_read": round(read_s / load_s, 3),
        "peak_memory_gib": round(max(peaks), 2),
    }
    return figures | (bench_postgres(folder, log, load_s) if has_postgres else {})
