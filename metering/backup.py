"""Backup: a consistent copy of a book in one file, and back."""

import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from metering.errors import TollbookError, UsageError
from metering.settings import COPIES, SETTINGS, Book
from metering.store import copy_database

LEFT_OUT = {".scratch", COPIES, ".job.lock", "reports"}  # all are made anew


def back_up(book: Book, target: Path) -> None:
    """Copy `book` into a new tar file while nothing else writes.

    Raises:
        UsageError: `target` exists, or lies inside the book.
        LockedError: another job holds the store.
    """
    if target.exists():
        raise UsageError(f"'{target}' exists", where="TARGET", hint="name a new file")
    if target.resolve().is_relative_to(book.root.resolve()):
        raise UsageError("a backup inside the book", where="TARGET", hint="name another folder")
    unfinished = target.with_name(target.name + ".unfinished")
    settings = book.settings()
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        copies = [Path(folder) / path.name for path in sorted(book.root.glob("*.duckdb"))]
        for copy in copies:
            copy_database(book.root / copy.name, copy, settings)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
            for copy in copies:
                tar.add(copy, arcname=copy.name)
            for path in _files(book):
                tar.add(path, arcname=str(path.relative_to(book.root)))
    unfinished.replace(target)


def restore_backup(source: Path, target: Path) -> None:
    """Unpack a backup into a folder that does not exist yet.

    Raises:
        UsageError: `target` exists.
        TollbookError: `source` is not a complete backup.
    """
    if target.exists():
        raise UsageError(f"'{target}' exists", where="TARGET", hint="name a new folder")
    unfinished = target.with_name(target.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        with tarfile.open(source) as tar:
            tar.extractall(unfinished, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise TollbookError(
            f"is not a complete backup: {str(error).partition(chr(10))[0]}",
            where=source.name,
            hint="use another copy",
        ) from error
    if not (unfinished / SETTINGS).is_file():
        raise TollbookError(
            f"is no backup of a book: it has no {SETTINGS}",
            where=source.name,
            hint="give a file that tollbook backup made",
        )
    unfinished.replace(target)


def _files(book: Book) -> Iterator[Path]:
    """The files of a book but for its stores, which are copied as the engine sees them."""
    for path in sorted(book.root.rglob("*")):
        inside = path.relative_to(book.root)
        is_store = inside.name.endswith((".duckdb", ".duckdb.wal"))
        if path.is_file() and not is_store and not LEFT_OUT & set(inside.parts):
            yield path
