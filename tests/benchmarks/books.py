"""What the benchmarks share: generated logs, books, and jobs that are timed."""

import gzip
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import duckdb
import zstandard

from metering.facts import data_path
from metering.secret import ensure_secret
from metering.settings import SETTINGS, Book
from metering.sources.whatsapp import PAYLOAD, columns_of

LINES_A_MESSAGE = 2.7  # of one large log, measured
ACCOUNTS = 5000

Figures = dict[str, object]


def generated_log(folder: Path, lines: int, *, accounts: int = ACCOUNTS) -> Path:
    """Write one NDJSON file of about so many webhooks, as the sample generator makes them.

    The book that they belong to is `folder / "sample"`.
    """
    messages = max(1, round(lines / LINES_A_MESSAGE))
    script = str(data_path("generate.py"))
    owners = min(accounts, messages)
    size = ("--messages", str(messages), "--accounts", str(owners), "--seed", "3")
    subprocess.run([sys.executable, script, str(folder / "sample"), *size], check=True)
    log = folder / "log.ndjson"
    with log.open("wb") as target:
        for part in sorted((folder / "sample" / "logs").glob("whatsapp-*.ndjson*")):
            with unpacked(part) as source:
                shutil.copyfileobj(source, target)
            part.unlink()
    return log


def unpacked(path: Path) -> IO[bytes]:
    match path.suffix:
        case ".gz":
            return cast(IO[bytes], gzip.open(path))
        case ".zst":
            return cast(IO[bytes], zstandard.open(path))
        case _:
            return path.open("rb")


def line_count(log: Path) -> int:
    with log.open("rb") as file:
        return sum(1 for _ in file)


def new_book(root: Path) -> Book:
    root.mkdir()
    (root / SETTINGS).write_text(
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
    return run_command(book, "ingest", str(log))


def run_command(book: Book, *arguments: str) -> float:
    """Run a command of Tollbook on a book; answer the most memory that it used, in GiB."""
    command = [sys.executable, "-m", "tollbook", *arguments]
    environment = {**os.environ, "TOLLBOOK": str(book.root)}
    job = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(job.pid, 0)
    job.returncode = os.waitstatus_to_exitcode(status)
    assert job.returncode == 0
    return usage.ru_maxrss / 1024**2


def seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def gigabytes(path: Path) -> float:
    return round(path.stat().st_size / 1e9, 2)
