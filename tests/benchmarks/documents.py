"""Documents to PDF on one core, beside documents without lines and large ones."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from metering.settings import Book
from pricing.document import Document
from pricing.documents.pdf import Printer
from pricing.documents.pdf_files import print_all
from tests.benchmarks.books import Figures
from tests.documents.made import MADE, VAT, detail, document, fee, line

LINES = 10


def bench_documents(folder: Path, *, documents: int, rounds: int) -> Figures:
    """Time PDFs of ten lines and of a large account, in memory and as files of a book."""
    small = _numbered(_of_lines(LINES), documents)
    large = _numbered(MADE["many lines"], max(documents // 10, 1))
    empty = _numbered(document([], days=()), documents)
    printer = Printer()
    printer.print(small[0])
    book = Book(folder)
    written = _cpu_seconds(lambda: sum(1 for _ in print_all(small, book)))
    kept = _cpu_seconds(lambda: sum(1 for _ in print_all(small, book)))
    return {
        "documents": len(small),
        "lines": LINES,
        "pdfs_a_second": _rate(printer, small, rounds),
        "pdfs_a_second_without_lines": _rate(printer, empty, rounds),
        "pdfs_a_second_with_124_lines": _rate(printer, large, rounds),
        "files_written_a_second": round(len(small) / written, 1),
        "files_kept_a_second": round(len(small) / kept, 1),
        "kilobytes_of_a_pdf": round(len(printer.print(small[0])) / 1024),
    }


def _rate(printer: Printer, documents: Sequence[Document], rounds: int) -> float:
    def print_them() -> None:
        for made in documents:
            printer.print(made)

    return round(len(documents) / median(_cpu_seconds(print_them) for _ in range(rounds)), 1)


def _cpu_seconds(work: Callable[[], object]) -> float:
    """One core at work: other work of the machine does not count."""
    began = time.process_time()
    work()
    return time.process_time() - began


def _of_lines(count: int) -> Document:
    lines = [
        line(f"charge {number}", [detail(str(1000 + number), "0.0625")], tax=VAT)
        for number in range(count - 1)
    ]
    return document([*lines, line("platform", [fee("49")], kind="fixed_fee", tax=VAT)])


def _numbered(made: Document, count: int) -> list[Document]:
    numbers = [f"INV-2026-{number:05}" for number in range(1, count + 1)]
    return [made.model_copy(update={"number": number}) for number in numbers]
