"""Reports: a small copy of what a book says, published whole, for the app to read while jobs write.

A generation is a folder `reports/gen-<id>` of Parquet files and a manifest. Its id is made of its
content, so that publishing the same twice changes nothing. `reports/CURRENT` names the current
generation and, in its second line, the one before: a reader that is midway can finish. No contact,
no message, no raw text and no name of a file is copied.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from metering.account import Accounts, load_accounts
from metering.period import Month
from metering.settings import Book, Settings
from metering.store import Store
from metering.usage import Dimension, usage_by
from pricing.archive import Archive

if sys.platform != "win32":
    import fcntl

SCHEMA = "tollbook.reports/2"
CURRENT = "CURRENT"
MANIFEST = "manifest.json"
PREFIX = "gen-"
UNFINISHED = ".unfinished-"
SQL = Path(__file__).parent / "sql"
USAGE_BY: tuple[Dimension, ...] = ("day", "account", "market", "category", "pricing_type")

USAGE = pl.Schema(
    {
        "day": pl.Date(),  # local, of the account
        "account": pl.String(),  # null where nobody owns the sender
        "market": pl.String(),
        "category": pl.String(),
        "pricing_type": pl.String(),
        "quantity": pl.Int64(),  # deliveries
    }
)
ACCOUNT = pl.Schema({"account_id": pl.String(), "name": pl.String()})


@dataclass(frozen=True)
class Contents:
    """What a generation holds: frames by name, and the facts of its manifest."""

    frames: Mapping[str, pl.DataFrame]
    facts: Mapping[str, Any]


def publish(book: Book) -> str:
    """Publish what the book says now and answer the id of the generation.

    Raises:
        LockedError: a job holds the store; the current generation stays as it is.
        BookError: the files of the book have mistakes.
    """
    settings = book.settings()
    with _one_at_a_time(book.reports):
        contents = collect(book, settings)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=book.reports))
        try:
            generation = _write(unfinished, contents)
            _move_into_place(unfinished, book.reports / generation)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        _make_current(book.reports, generation)
        _clear(book.reports)
    return generation.removeprefix(PREFIX)


def pointed_at(reports: Path) -> list[str]:
    """The folders that `CURRENT` names: the current generation and the one before; or none."""
    try:
        names = (reports / CURRENT).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []
    return [name for name in names if name.startswith(PREFIX) and "/" not in name]


def collect(book: Book, settings: Settings) -> Contents:
    """Read what a generation holds. A book that was never loaded or billed gives empty frames."""
    accounts = load_accounts(book, settings)
    frames: dict[str, pl.DataFrame] = {"accounts": _names(accounts)}
    facts: dict[str, Any] = {"schema": SCHEMA, "seller": settings.seller.name}
    if book.store_path.exists():
        with Store.open(book, settings) as store:
            frames |= _loaded(store, accounts)
            latest_at = store.frame(_sql("latest_event"))["latest_event_at"].item(0)
        facts["latest_event_at"] = _utc(latest_at)
        facts["load_count"] = frames["loads"].height
        facts["quarantined_count"] = int(frames["quarantine"]["row_count"].sum())
    if book.invoices_path.exists():
        frames |= _billed(book)
    return Contents(dict(sorted(frames.items())), facts)


def _names(accounts: Accounts) -> pl.DataFrame:
    names = {account.account_id: account.name for account in accounts.accounts}
    return pl.DataFrame(sorted(names.items()), ACCOUNT, orient="row")


def _loaded(store: Store, accounts: Accounts) -> dict[str, pl.DataFrame]:
    frames = {name: store.frame(_sql(name)) for name in ("loads", "quarantine")}
    for month in store.frame(_sql("months"))["month"].drop_nulls():
        usage = usage_by(store, accounts, Month.parse(month), "deliveries", USAGE_BY)
        if usage.height:
            frames[f"usage/{month}"] = usage.select(USAGE.names()).cast(USAGE)
    return frames


def _billed(book: Book) -> dict[str, pl.DataFrame]:
    with Archive.open(book) as archive:
        drafts = archive.drafts_of()
    periods = drafts.invoices.select("invoice_id", "period")
    lines = drafts.lines.join(periods, on="invoice_id", maintain_order="left")
    line_periods = lines.select("line_id", "period")
    details = drafts.details.join(line_periods, on="line_id", maintain_order="left")
    return {
        f"{name}/{period}": frame.filter(pl.col("period") == period)
        for name, frame in (("invoices", drafts.invoices), ("lines", lines), ("details", details))
        for period in sorted(set(periods["period"]))
    }


def _write(folder: Path, contents: Contents) -> str:
    """Write every file and then the manifest, all of it to the disk; answer the name it earns."""
    digests = {}
    for name, frame in contents.frames.items():
        path = folder / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        frame.write_parquet(path, compression="zstd")
        digests[name] = sha256(path.read_bytes()).hexdigest()
        _sync(path)
    manifest = json.dumps({**contents.facts, "files": digests}, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(manifest + "\n", encoding="utf-8")
    _sync(folder / MANIFEST)
    for path in {folder, *(folder / name for name in digests if "/" in name)}:
        _sync(path if path == folder else path.parent)
    return PREFIX + sha256(manifest.encode()).hexdigest()[:16]


def _move_into_place(unfinished: Path, target: Path) -> None:
    """Give a finished folder its name; the same content may be there from an earlier time."""
    if not is_complete(target):
        if target.exists():
            _remove(target)
        unfinished.replace(target)
        _sync(target.parent)


def is_complete(folder: Path) -> bool:
    """Say whether a generation has every file that its manifest names."""
    if not (folder / MANIFEST).is_file():
        return False
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return all((folder / f"{name}.parquet").is_file() for name in manifest["files"])


def _make_current(reports: Path, generation: str) -> None:
    named = pointed_at(reports)
    if named[:1] == [generation]:
        return
    aside = reports / f"{UNFINISHED}{CURRENT}"
    aside.write_text("".join(f"{name}\n" for name in (generation, *named[:1])), encoding="utf-8")
    _sync(aside)
    os.replace(aside, reports / CURRENT)
    _sync(reports)


def _clear(reports: Path) -> None:
    kept = set(pointed_at(reports))
    for path in reports.iterdir():
        is_old = path.name.startswith(PREFIX) and path.name not in kept
        if path.is_dir() and (is_old or path.name.startswith(UNFINISHED)):
            _remove(path)


def _remove(folder: Path) -> None:
    """Take a folder out of sight in one step, then delete it: nobody meets half of it."""
    gone = folder
    if not folder.name.startswith(UNFINISHED):
        gone = folder.with_name(UNFINISHED + folder.name)
        shutil.rmtree(gone, ignore_errors=True)
        folder.replace(gone)
    shutil.rmtree(gone, ignore_errors=True)


@contextmanager
def _one_at_a_time(reports: Path) -> Iterator[None]:
    """Let one process publish at a time; the others wait their turn."""
    reports.mkdir(exist_ok=True)
    with (reports / ".lock").open("w") as lock:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _utc(instant: datetime | None) -> str | None:
    """The store keeps UTC without a zone."""
    return None if instant is None else f"{instant.isoformat(timespec='seconds')}Z"


@cache
def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
