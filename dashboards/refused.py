"""What operators see of refused rows, and trying them again; the store is open for a moment.

Nobody sees a phone number: a text is masked as the command masks it, and then every long run of
digits that is left. Names of files may hold anything, and are masked as well.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from dashboards.contents import sql
from dashboards.finance import OPTIONS, check_store, one_at_a_time
from metering.ingest import retry_rows
from metering.load import Load
from metering.quarantine import masked
from metering.settings import Book
from metering.store import Store, scratch
from pricing.job import run_job

ROWS_SHOWN = 200
TEXT_LENGTH = 400
# Digits as numbers are written; a day like 2026-10-31 is none.
NUMBER = re.compile(r"(?<!\d)(?!(?:19|20)\d\d-\d\d-\d\d(?!\d))\d(?:[ ()./-]*\d){6,}")
DAY = re.compile(r"20\d\d[01]\d[0-3]\d")


@dataclass(frozen=True)
class Refused:
    """Rows that wait for one reason, the first of them, without what names a person."""

    rows: pl.DataFrame  # sql/refused.sql with `text` in the place of `raw`
    retriable: int  # how many of the reason can be tried again, those that are not listed too


def refused_rows(book: Book, reason: str) -> Refused:
    """Read the rows of a reason; raises `LockedError` while a job holds the store."""
    check_store(book)
    with one_at_a_time(), Store.open(book, book.settings()) as store:
        given = {"reason": reason, "limit": ROWS_SHOWN}
        found = store.frame(sql("refused"), given)
        ids = store.frame(sql("retriable"), {"reason": reason})
    texts = [None if raw is None else shown_text(raw) for raw in found["raw"]]
    files = [file_name(name) for name in found["file"]]
    shown = found.drop("raw").with_columns(
        file=pl.Series(files, dtype=pl.String), text=pl.Series(texts, dtype=pl.String)
    )
    return Refused(shown, ids.height)


def retry(book: Book, reason: str | None, quarantine_id: int | None = None) -> list[Load]:
    """Try refused rows again as one job: one row, those of a reason, or all.

    Raises:
        LockedError: another job is at work.
        UsageError: the row is gone, or cannot be tried.
    """
    options, name = OPTIONS, "quarantine retry"
    with (
        one_at_a_time(),
        run_job(book, name, "", options),
        Store.open(book, book.settings(), "write") as store,
        scratch(book) as folder,
    ):
        ids: Sequence[int] | None = None if quarantine_id is None else [quarantine_id]
        if reason is not None and quarantine_id is None:
            ids = store.frame(sql("retriable"), {"reason": reason})["quarantine_id"].to_list()
        return [] if ids == [] else retry_rows(store, ids, scratch=folder)


def shown_text(raw: str) -> str:
    """Write the text of a refused row for people: masked, and not too long.

    Example:
        >>> shown_text('{"timestamp": "5511987654321", "status": "sent"}')
        '{"timestamp": "55…21", "status": "sent"}'
        >>> shown_text('{"type": "on 2026-10-31, call +55 (11) 98765-4321"}')
        '{"type": "on 2026-10-31, call +55…21"}'
    """
    text = without_numbers(masked(raw))
    return text if len(text) <= TEXT_LENGTH else f"{text[:TEXT_LENGTH]}…"


def file_name(name: str) -> str:
    """Write the name of a file, in which a day may stand without hyphens.

    Example:
        >>> file_name("of_5511987654321_20261031.ndjson")
        'of_55…21_20261031.ndjson'
    """
    return NUMBER.sub(lambda one: one[0] if DAY.fullmatch(one[0]) else _masked(one), name)


def without_numbers(text: str) -> str:
    """Mask runs of digits that could be a phone number.

    Example:
        >>> without_numbers("2026-10-31: 20261031, 5511 98765-4321")
        '2026-10-31: 20…31, 55…21'
    """
    return NUMBER.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    return f"{found[0][:2]}…{found[0][-2:]}"
