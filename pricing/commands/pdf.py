"""The command that prints documents: `tollbook invoice pdf`."""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from metering.errors import Problem, TollbookError, UsageError
from metering.output import (
    BLOCKED,
    Format,
    book_option,
    errors_for_people,
    format_option,
    print_rows,
    progress,
    say,
)
from metering.period import Month
from metering.settings import Book
from pricing.archive import Archive
from pricing.document import Document
from pricing.life.issued import document_of, read_documents

if TYPE_CHECKING:
    from pricing.documents.pdf_files import Printed

SCHEMA = "tollbook.pdf/1"
COLUMNS = ("invoice_id", "number", "outcome", "file")
PROBLEMS_MAX = 10
FEW = 50  # documents for which no other process is started


@click.command("pdf")
@click.argument("invoice", metavar="[INVOICE_ID|NUMBER]", required=False)
@click.option("--all", "month", metavar="MONTH", help="Print all documents of a month.")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=lambda: len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
    show_default="one for each core",
    help="How many processes print.",
)
@book_option
@format_option
def print_documents(
    invoice: str | None,
    *,
    month: str | None,
    workers: int,
    book_path: Path,
    output_format: Format,
) -> None:
    """Print a document, or all of a month, into the folder documents of the book.

    What is there and whole is kept, so that it can be stopped at any time and called again. A draft
    is printed as such, and anew when it has changed.
    """
    # Other commands do not wait for Typst.
    from pricing.documents.pdf_files import print_all  # noqa: PLC0415

    with errors_for_people():
        if (invoice is None) == (month is None):
            raise UsageError(
                "it is not clear what to print",
                where="INVOICE_ID",
                hint="name one document, or a month with --all, like --all 2026-10",
            )
        book = Book.at(book_path)
        period = None if month is None else str(Month.parse(month))
        printed = []
        with (
            _documents(book, period, invoice) as (count, found),
            progress("printing", count) as step,
        ):
            # To start a process takes longer than to print a few documents.
            processes = min(workers, -(-count // FEW)) or 1
            for one in print_all(found, book, workers=processes):
                printed.append(one)
                step()
        if period is None and printed[0].problem:
            _raise(printed[0].problem)
    _print_outcome(book, period, printed, output_format)


INVOICE_COMMANDS: list[click.Command] = [print_documents]
COMMANDS: list[click.Command] = []


@contextmanager
def _documents(
    book: Book, period: str | None, invoice: str | None
) -> Iterator[tuple[int, Iterator[Document]]]:
    """Find the documents to print: how many, and one after the other while the archive is open."""
    with Archive.open(book) as archive:
        if invoice is None:
            query = "select count(*) from invoices where period = $period"
            count = archive.value(query, {"period": period})
            yield int(count), read_documents(archive, period=period)
        else:
            content = document_of(archive, archive.invoice_id_of(invoice))
            yield 1, iter([Document.of(content)])


def _raise(problem: Problem) -> NoReturn:
    raise TollbookError(problem.what, where=problem.where, hint=problem.hint)


def _print_outcome(
    book: Book, period: str | None, printed: Sequence["Printed"], output_format: Format
) -> None:
    listed = sorted(printed, key=lambda one: (str(one.file.parent), one.file.name))
    rows = [
        {
            "invoice_id": one.invoice_id,
            "number": one.number,
            "outcome": one.outcome,
            "file": None if one.problem else one.file.relative_to(book.root).as_posix(),
        }
        for one in listed
    ]
    if period is None or output_format != "table":
        document = {"schema": SCHEMA, "period": period, "rows": rows}
        print_rows(document, columns=COLUMNS, output_format=output_format)
    if period is not None:
        counts = Counter(one.outcome for one in printed)
        outcomes = ", ".join(f"{counts[name]:,} {name}" for name in ("written", "kept"))
        count = "1 document" if len(printed) == 1 else f"{len(printed):,} documents"
        folders = sorted({one.file.parent for one in printed if not one.problem})
        where = f", in {' and '.join(map(str, folders))}" if folders else ""
        say(f"{count} of {period}: {outcomes}{where}")
    problems = sorted({one.problem for one in printed if one.problem})
    if problems:
        say("\n\n".join(map(str, problems[:PROBLEMS_MAX])))
        count = "1 document" if len(problems) == 1 else f"{len(problems):,} documents"
        say(f"\n{count} could not be printed")
        sys.exit(BLOCKED)
