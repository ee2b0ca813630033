"""`tollbook invoice pdf` prints one document or a month, and says what became of each."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pypdf import PdfReader

from metering.settings import Book
from pricing.commands import pdf as pdf_commands
from pricing.document import Document
from tests.documents.made import BUYER, MADE, styled
from tollbook import main

SETTINGS = """\
[seller]
name = "Parcel Cloud"
country = "DE"
time_zone = "Europe/Berlin"
currency = "EUR"
"""
FOREIGN = MADE["taxed"].model_copy(
    update={
        "number": "INV-2026-00099",
        "buyer": BUYER.model_copy(update={"name": "東京", "country": "JP"}),
    }
)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "tollbook.toml").write_text(SETTINGS)
    return tmp_path


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[Document]:
    """The documents of the book: what a test puts into the list."""
    listed = [MADE["plain"], MADE["credit note"], MADE["draft"]]

    @contextmanager
    def found(
        _: Book, period: str | None, invoice: str | None
    ) -> Iterator[tuple[int, Iterator[Document]]]:
        chosen = [made for made in listed if invoice in (None, made.number, made.invoice_id)]
        assert period in (None, "2026-10")
        yield len(chosen), iter(chosen)

    monkeypatch.setattr(pdf_commands, "_documents", found)
    return listed


def run(book: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["invoice", "pdf", *arguments, "--book", str(book)])


def test_one_document_is_printed_by_its_number(book: Path, stored: list[Document]) -> None:
    assert stored
    result = run(book, "CN-2026-00003")

    assert result.exit_code == 0
    assert result.stdout.split()[-4:] == [
        *("acct-1/2026-10/2", "CN-2026-00003", "written", "documents/2026/CN-2026-00003.pdf")
    ]
    assert (book / "documents/2026/CN-2026-00003.pdf").read_bytes().startswith(b"%PDF-")


def test_a_month_is_printed_and_then_kept(book: Path, stored: list[Document]) -> None:
    first = run(book, "--all", "2026-10", "--format", "json")
    again = run(book, "--all", "2026-10")

    rows = json.loads(first.stdout)["rows"]
    assert [row["file"] for row in rows] == [
        "documents/2026/CN-2026-00003.pdf",
        "documents/2026/INV-2026-00042.pdf",
        "documents/drafts/acct-1-2026-10-1.pdf",
    ]
    assert all((book / row["file"]).is_file() for row in rows)
    assert again.stdout == ""
    places = [str(book / "documents" / name) for name in ("2026", "drafts")]
    assert again.stderr == (
        f"{len(stored)} documents of 2026-10: 0 written, 3 kept, in {' and '.join(places)}\n"
    )


def test_a_month_with_a_document_that_cannot_be_printed_ends_with_3(
    book: Path, stored: list[Document]
) -> None:
    stored.append(FOREIGN)
    result = run(book, "--all", "2026-10")

    assert result.exit_code == 3
    assert "4 documents of 2026-10: 3 written, 0 kept" in result.stderr
    assert result.stderr.endswith(
        "INV-2026-00099\n  no font has a letter for '東'\n"
        "  Hint: put a font that has it, as TTF or OTF, into the folder fonts of the book\n\n"
        "1 document could not be printed\n"
    )


def test_one_that_cannot_be_printed_ends_with_1(book: Path, stored: list[Document]) -> None:
    stored[:] = [FOREIGN, styled(MADE["plain"], logo="gone.svg")]

    assert run(book, "INV-2026-00099").exit_code == 1
    result = run(book, "INV-2026-00042")
    assert result.exit_code == 1
    assert result.stderr.startswith("tollbook.toml invoicing.logo\n  the logo 'gone.svg' cannot")
    assert result.stdout == ""


def test_what_to_print_is_said_once(book: Path) -> None:
    for arguments in ([], ["INV-1", "--all", "2026-10"]):
        result = run(book, *arguments)
        assert result.exit_code == 2
        assert "it is not clear what to print" in result.stderr


def test_a_document_that_is_not_there_is_named(book: Path) -> None:
    result = run(book, "INV-7")

    assert result.exit_code == 2
    assert result.stderr.startswith("INVOICE_ID\n  there is no invoice 'INV-7'\n")


def test_a_month_is_billed_issued_and_printed(tmp_path: Path) -> None:
    book = tmp_path / "demo"
    runner = CliRunner()
    where = ("--book", str(book))
    for call in (
        ["demo", str(book), "--accounts", "3", "--messages", "300"],
        ["invoice", "pdf", "--all", "2026-10", *where],
        ["invoice", "approve", "2026-10", *where],
        ["invoice", "issue", "2026-10", "--date", "2026-11-03", *where],
        ["invoice", "pdf", "--all", "2026-10", *where],
    ):
        assert runner.invoke(main, call, catch_exceptions=False).exit_code == 0, call

    printed = sorted((book / "documents").rglob("*.pdf"))
    assert [path.relative_to(book).as_posix() for path in printed] == [
        f"documents/2026/INV-2026-0000{number}.pdf" for number in (1, 2, 3)
    ]
    shown = runner.invoke(main, ["invoice", "show", "INV-2026-00001", "--format", "json", *where])
    document = json.loads(shown.stdout)
    text = PdfReader(printed[0]).pages[0].extract_text()
    assert f"${document['due']}" in text
    assert all(line["amount"] in text for line in document["lines"])
