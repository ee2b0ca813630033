"""Ingest of webhook lines, beside DuckDB's bare read of the same columns, and PostgreSQL."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import duckdb

from metering.facts import data_path
from metering.secret import ensure_secret
from metering.settings import Book
from metering.sources.whatsapp import PAYLOAD, columns_of
from tests.benchmarks.postgres import bench_postgres

LINES_A_MESSAGE = 2.3  # of one large log, measured
ROUNDS = 3

Figures = dict[str, object]


def bench_ingest(folder: Path, *, lines: int) -> Figures:
    """Time whole loads into empty stores, process start included, against the bare read."""
    log = generated_log(folder, lines)
    with log.open("rb") as file:
        line_count = sum(1 for _ in file)
    bare, loads, peaks = [], [], []
    for number in range(ROUNDS):
        book = new_book(folder / f"book-{number}")
        bare.append(seconds(lambda: read_bare(log)))
        loads.append(seconds(lambda book=book: peaks.append(load(book, log))))  # type: ignore[misc]
        bare.append(seconds(lambda: read_bare(log)))
    read_s, load_s = median(bare), median(loads)
    figures: Figures = {
        "lines": line_count,
        "megabytes": log.stat().st_size // 1_000_000,
        "bare_read_seconds": round(read_s, 2),
        "ingest_seconds": round(load_s, 2),
        "ingest_lines_a_second": round(line_count / load_s),
        "speed_of_the_bare_read": round(read_s / load_s, 3),
        "peak_memory_gib": round(max(peaks), 2),
    }
    return figures | bench_postgres(folder, log, load_s)


def generated_log(folder: Path, lines: int) -> Path:
    """Write one NDJSON file of webhooks, as the sample generator makes them."""
    messages = round(lines / LINES_A_MESSAGE)
    script = str(data_path("generate.py"))
    size = ("--messages", str(messages), "--accounts", "5000", "--seed", "3")
    subprocess.run([sys.executable, script, str(folder / "sample"), *size], check=True)
    log = folder / "log.ndjson"
    with log.open("wb") as target:
        for part in sorted((folder / "sample" / "logs").glob("whatsapp-*.ndjson")):
            target.write(part.read_bytes())
    return log


def new_book(root: Path) -> Book:
    root.mkdir()
    (root / "tollbook.toml").write_text(
        '[seller]\nname = "Seller"\ncountry = "DE"\ntime_zone = "UTC"\ncurrency = "USD"\n'
    )
    ensure_secret(Book(root))
    return Book(root)


def read_bare(log: Path) -> None:
    """Read every column that ingest reads, and nothing else."""
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(
            f"""
            select bit_xor(hash(entry)) from read_ndjson(
                $path, columns = {columns_of(PAYLOAD)}, auto_detect = false, records = true
            )
            """,
            {"path": str(log)},
        ).fetchall()


def load(book: Book, log: Path) -> float:
    """Load a log in a process of its own; answer the most memory that it used, in GiB."""
    command = [sys.executable, "-m", "tollbook", "ingest", str(log)]
    environment = {**os.environ, "TOLLBOOK": str(book.root)}
    job = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(job.pid, 0)
    job.returncode = os.waitstatus_to_exitcode(status)
    assert job.returncode == 0
    return usage.ru_maxrss / 1024**2


def seconds(job: Callable[[], None]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start
