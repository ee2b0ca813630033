"""The files of printed documents in a book: where they lie, and how thousands are written.

A file is written aside, put on the disk and only then given its name, so that what has the name of
a document is whole. What is there is kept when its content says that it is of the same document:
an issued document that was sent is never printed anew, though the logo or Tollbook changed since.
"""

import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from metering.errors import LockedError, Problem, TollbookError
from metering.settings import Book
from pricing.document import Document
from pricing.documents.en16931 import to_xml
from pricing.documents.en16931_check import check_xml
from pricing.documents.en16931_refusal import NotCarriedError
from pricing.documents.pdf import Printer
from pricing.documents.pdf_page import fingerprint

if sys.platform != "win32":
    import fcntl

Outcome = Literal["written", "kept", "failed"]
LOCK = ".pdf.lock"
UNFINISHED = ".part"
CHUNK = 16  # documents that a process is handed at once
CHUNKS_AHEAD = 3  # for each process


@dataclass(frozen=True)
class Printed:
    """What became of a document; `problem` says why there is no file of it."""

    invoice_id: str
    number: str | None
    file: Path
    outcome: Outcome
    problem: Problem | None = None


class Shop:
    """Prints documents into the folder of a book."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._printer = Printer(book.root / "fonts")
        self._logos: dict[str, bytes] = {}

    def print(self, document: Document) -> Printed:
        """Write the file of a document, unless it is there; that of its draft is removed."""
        path = path_of(document, self._book)
        problem = None
        outcome: Outcome = "kept"
        if not is_of(path, document):
            try:
                write_whole(path, self._content(document))
                outcome = "written"
                self._remove_draft(document)
            except TollbookError as error:
                (problem, *_), outcome = error.problems, "failed"
            except OSError as error:
                problem, outcome = _unwritable(path, error), "failed"
        return Printed(document.invoice_id, document.number, path, outcome, problem)

    def _remove_draft(self, document: Document) -> None:
        if document.number is not None:
            _draft_path(document, self._book).unlink(missing_ok=True)

    def _content(self, document: Document) -> bytes:
        logo = self._logo(document.style.logo)
        return self._printer.print(document, logo=logo, xml=electronic(document))

    def _logo(self, name: str) -> bytes | None:
        if name and name not in self._logos:
            self._logos[name] = _read_logo(self._book.root / name)
        return self._logos.get(name)


def electronic(document: Document) -> bytes | None:
    """Write what `tollbook invoice xml` writes; None for a draft, and where it cannot be carried.

    Raises:
        SumsDisagreeError: what was written does not add up.
    """
    if document.number is None:
        return None
    try:
        content = to_xml(document, "facturx")
    except NotCarriedError:
        return None
    check_xml(content, document)
    return content


def path_of(document: Document, book: Book) -> Path:
    """Name the file of a document: an issued one by its number, a draft by the invoice's id."""
    if document.number is None or document.issue_date is None:
        return _draft_path(document, book)
    folder = book.root / "documents"
    return folder / str(document.issue_date.year) / f"{document.number.replace('/', '-')}.pdf"


def _draft_path(document: Document, book: Book) -> Path:
    name = f"{document.invoice_id.replace('/', '-')}.pdf"
    return book.root / "documents" / "drafts" / name


def is_of(path: Path, document: Document) -> bool:
    """Say whether a file is the whole PDF of this very document, by what is in it."""
    if not path.is_file():
        return False
    content = path.read_bytes()
    end = re.search(rb"startxref\s+(\d+)\s+%%EOF\s*\Z", content)
    is_whole = content.startswith(b"%PDF-") and end is not None and int(end[1]) < end.start()
    return is_whole and fingerprint(document).encode() in content


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it has its name only once all of it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def print_all(documents: Iterable[Document], book: Book, *, workers: int = 1) -> Iterator[Printed]:
    """Print documents on several processes, and say of each what became of it as it is done.

    One that cannot be printed does not stop the others.

    Args:
        documents: Read as far as the processes get, not all at once.
        book: Whose folder they go to.
        workers: How many processes; with 1, this one.

    Raises:
        LockedError: another job prints documents of this book.
    """
    with _one_job(book):
        if workers == 1:
            shop = Shop(book)
            yield from (shop.print(document) for document in documents)
        else:
            yield from _on_processes(iter(documents), book, workers)
        _put_on_disk(book.root / "documents")


def _on_processes(documents: Iterator[Document], book: Book, workers: int) -> Iterator[Printed]:
    pool = ProcessPoolExecutor(
        workers,
        # Threads of the engines do not survive a fork.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_open_shop,
        initargs=(book,),
    )
    running: set[Future[list[Printed]]] = set()
    try:
        while True:
            while len(running) < workers * CHUNKS_AHEAD:
                chunk = list(islice(documents, CHUNK))
                if not chunk:
                    break
                running.add(pool.submit(_print_chunk, chunk))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()
    except BrokenProcessPool as error:
        raise TollbookError(
            "a process that prints was ended from outside",
            where="--workers",
            hint="see that there is memory for each of them, then run this again: it goes on",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_shop: list[Shop] = []  # of a process that prints


def _open_shop(book: Book) -> None:
    os.environ["RAYON_NUM_THREADS"] = "1"  # of Typst: there is a process for each core already
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the first process that is interrupted
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _shop.append(Shop(book))


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for work forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "only other processes watch"
    parent.join()
    os._exit(1)


def _print_chunk(documents: list[Document]) -> list[Printed]:
    return [_shop[0].print(document) for document in documents]


def _read_logo(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TollbookError(
            f"the logo '{path.name}' cannot be read: {error.strerror}",
            where="tollbook.toml invoicing.logo",
            hint="put the picture into the folder of the book, or leave the key empty",
        ) from error


def _unwritable(path: Path, error: OSError) -> Problem:
    return Problem(
        f"documents/{path.parent.name}/{path.name}",
        f"cannot be written: {error.strerror}",
        "check the space on the disk and the rights of the folder, then run this again",
    )


@contextmanager
def _one_job(book: Book) -> Iterator[None]:
    """Let one job print at a time; the files that one left unfinished are removed."""
    folder = book.root / "documents"
    folder.mkdir(exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        if sys.platform != "win32":
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise LockedError(
                    "another job prints the documents",
                    where=f"documents/{LOCK}",
                    hint="wait until it has finished, then run this again",
                ) from error
        _remove_unfinished(folder)
        yield
        # A process of a job that was killed may have begun one since, before it ended too.
        _remove_unfinished(folder)


def _remove_unfinished(folder: Path) -> None:
    for left in folder.glob(f"*/.*.pdf.*{UNFINISHED}"):
        left.unlink(missing_ok=True)


def _put_on_disk(folder: Path) -> None:
    """Make the names last: those of the files, and of the folders that they are in."""
    if os.name == "nt":
        return
    for place in (folder, *(path for path in folder.iterdir() if path.is_dir())):
        descriptor = os.open(place, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
