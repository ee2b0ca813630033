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
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from dashboards.contents import Contents, collect
from dashboards.sources import Former, former
from metering.settings import Book

if sys.platform != "win32":
    import fcntl

CURRENT = "CURRENT"
MANIFEST = "manifest.json"
PREFIX = "gen-"
UNFINISHED = ".unfinished-"


def publish(book: Book) -> str:
    """Publish what the book says now and answer the id of the generation.

    Raises:
        LockedError: a job holds the store; the current generation stays as it is.
        BookError: the files of the book have mistakes.
    """
    settings = book.settings()
    with _one_at_a_time(book.reports):
        before = _before(book.reports)
        contents = collect(book, settings, before)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=book.reports))
        try:
            generation = _write(unfinished, contents, before)
            _move_into_place(unfinished, book.reports / generation)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        _make_current(book.reports, generation)
        _clear(book.reports)
    return generation.removeprefix(PREFIX)


def pointed_at(reports: Path) -> list[str]:
    """The folders that `CURRENT` names: the current generation and the one before; or none."""
    try:
        names = (reports / CURRENT).read_text(encoding="utf-8", errors="replace").split()
    except FileNotFoundError:
        return []
    return [name for name in names if name.startswith(PREFIX) and "/" not in name]


def _before(reports: Path) -> Former | None:
    named = pointed_at(reports)
    return former(reports / named[0], MANIFEST) if named else None


def _write(folder: Path, contents: Contents, before: Former | None) -> str:
    """Write every file and then the manifest, all of it to the disk; answer the name it earns."""
    digests = _keep(folder, contents, before)
    for name, frame in contents.frames.items():
        path = folder / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        frame.write_parquet(path, compression="zstd")
        digests[name] = sha256(path.read_bytes()).hexdigest()
        _sync(path)
    files = dict(sorted(digests.items()))
    manifest = json.dumps({**contents.facts, "files": files}, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(manifest + "\n", encoding="utf-8")
    _sync(folder / MANIFEST)
    for path in {folder, *(folder / name for name in digests if "/" in name)}:
        _sync(path if path == folder else path.parent)
    return PREFIX + sha256(manifest.encode()).hexdigest()[:16]


def _keep(folder: Path, contents: Contents, before: Former | None) -> dict[str, str]:
    """Take files over from the generation before: the same bytes under a second name."""
    if before is None:
        assert not contents.kept, "there is nothing to keep them from"
        return {}
    for name in contents.kept:
        path = folder / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        try:
            os.link(before.folder / f"{name}.parquet", path)
        except OSError:  # a disk without links
            shutil.copyfile(before.folder / f"{name}.parquet", path)
    return {name: before.files[name] for name in contents.kept}


def _move_into_place(unfinished: Path, target: Path) -> None:
    """Give a finished folder its name; the same content may be there from an earlier time."""
    if not is_complete(target):
        if target.exists():
            _remove(target)
        unfinished.replace(target)
        _sync(target.parent)


def is_complete(folder: Path) -> bool:
    """Say whether a generation has every file that its manifest names, each to its end."""
    return former(folder, MANIFEST) is not None


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
