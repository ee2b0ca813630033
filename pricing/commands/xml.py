"""The command that writes documents as electronic invoices: `tollbook invoice xml`."""

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from metering.errors import SumsDisagreeError, TollbookError, UsageError
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
from pricing.documents.en16931 import to_xml
from pricing.documents.en16931_check import check_xml
from pricing.documents.en16931_codes import Profile
from pricing.documents.en16931_refusal import NotCarriedError
from pricing.life.issued import document_of

SCHEMA = "tollbook.xml/1"
COLUMNS = ("invoice_id", "number", "outcome", "file", "reason")
ENDINGS: dict[Profile, str] = {"facturx": ".xml", "peppol": ".peppol.xml"}


@dataclass(frozen=True)
class _Writer:
    """Writes documents as a profile; what does not add up raises, unless nobody wants to know."""

    profile: Profile
    is_checked: bool

    def content_of(self, document: Document) -> bytes:
        content = to_xml(document, self.profile)
        if self.is_checked:
            check_xml(content, document)
        return content


@click.command("xml")
@click.argument("invoice", metavar="[INVOICE_ID|NUMBER]", required=False)
@click.option("--all", "month", metavar="MONTH", help="Every issued document of a month.")
@click.option(
    "--profile",
    type=click.Choice(["facturx", "peppol"]),
    default="facturx",
    show_default=True,
    help="Factur-X (ZUGFeRD) in CII, or Peppol BIS Billing 3.0 in UBL.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file to write; with --all, the folder. Else standard output, or the book.",
)
@click.option(
    "--check/--no-check",
    "is_checked",
    default=True,
    show_default=True,
    help="Add up again what was written, and write nothing that is wrong.",
)
@book_option
@format_option
def invoice_xml(
    invoice: str | None,
    *,
    month: str | None,
    profile: Profile,
    out: Path | None,
    is_checked: bool,
    book_path: Path,
    output_format: Format,
) -> None:
    """Write a document, or all of a month, as electronic invoices of EN 16931.

    What EN 16931 cannot carry is refused with the reason: exit code 3, and nothing is written of
    it. What does not add up is not written either: exit code 4.
    """
    with errors_for_people():
        if (invoice is None) == (month is None):
            raise UsageError(
                "what is to be written is not said, or said twice",
                where="INVOICE_ID|NUMBER",
                hint="name one document, or a month with --all",
            )
        book, writer = Book.at(book_path), _Writer(profile, is_checked)
        if month is None:
            with Archive.open(book) as archive:
                document = _document(archive, str(invoice))
            _print_or_keep(writer.content_of(document), out)
            return
        period, folder = str(Month.parse(month)), out or book.root / "documents"
        with Archive.open(book) as archive:
            rows = _write_all(archive, period, writer, folder)
    heading: dict[str, object] = {"schema": SCHEMA, "period": period, "profile": profile}
    _print_outcome(heading, rows, output_format)


def file_of(document: Document, profile: Profile, folder: Path) -> Path:
    """Name the file of an issued document: its year, and its number without slashes."""
    assert document.number is not None
    assert document.issue_date is not None
    name = document.number.replace("/", "-") + ENDINGS[profile]
    return folder / str(document.issue_date.year) / name


def _document(archive: Archive, name: str) -> Document:
    """Read a document by its id or number; `void` is no part of what was issued, and said here."""
    invoice_id = archive.invoice_id_of(name)
    query = "select state from invoices where invoice_id = $invoice_id"
    state = archive.value(query, {"invoice_id": invoice_id})
    return Document.of(document_of(archive, invoice_id)).model_copy(update={"state": state})


def _write_all(
    archive: Archive, period: str, writer: _Writer, folder: Path
) -> list[dict[str, Any]]:
    """Write every document that has a number, one after the other; say what became of each."""
    numbered, left_out = _numbered(archive, period)
    rows = []
    with progress("electronic invoices", len(numbered)) as advance:
        for invoice_id in numbered:
            document = _document(archive, invoice_id)
            rows.append(_row(document, writer, file_of(document, writer.profile, folder)))
            advance()
    if left_out:
        states = ", ".join(f"{count} {state}" for state, count in sorted(left_out.items()))
        say(f"not written, since they are not issued: {states}")
    return rows


def _numbered(archive: Archive, period: str) -> tuple[list[str], Counter[str]]:
    """Find the documents of a month that stand, and count the others by their state."""
    query = (
        "select invoice_id, state, number is not null and state <> 'void' as stands"
        " from invoices where period = $period order by account_id, invoice_id"
    )
    found = archive.frame(query, {"period": period}).rows()
    left_out = Counter(state for _, state, stands in found if not stands)
    return [invoice_id for invoice_id, _, stands in found if stands], left_out


def _row(document: Document, writer: _Writer, path: Path) -> dict[str, Any]:
    row = {"invoice_id": document.invoice_id, "number": document.number}
    try:
        _keep(writer.content_of(document), path)
    except NotCarriedError as error:
        return {**row, "outcome": "refused", "file": None, "reason": _reason(error)}
    except SumsDisagreeError as error:
        return {**row, "outcome": "wrong", "file": None, "reason": _reason(error)}
    return {**row, "outcome": "written", "file": str(path), "reason": None}


def _reason(error: TollbookError) -> str:
    return "; ".join(problem.what for problem in error.problems)


def _print_outcome(
    heading: dict[str, object], rows: list[dict[str, Any]], output_format: Format
) -> None:
    """List what was not written; a program gets all of it. End with what was wrong, if anything."""
    outcomes = [row["outcome"] for row in rows]
    shown = rows if output_format != "table" else [r for r in rows if r["outcome"] != "written"]
    if shown or output_format != "table":
        document = {**heading, "rows": shown}
        print_rows(document, columns=COLUMNS, output_format=output_format)
    said = ", ".join(f"{outcomes.count(name)} {name}" for name in ("written", "refused", "wrong"))
    say(said)
    if "wrong" in outcomes:
        sys.exit(SumsDisagreeError.exit_code)
    if "refused" in outcomes:
        sys.exit(BLOCKED)


def _print_or_keep(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
    else:
        _keep(content, out)
        say(f"{out} is written")


def _keep(content: bytes, path: Path) -> None:
    """Write a file aside and move it into its place, so that a half-written one is never taken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(path)


COMMANDS: list[click.Command] = []
INVOICE_COMMANDS: list[click.Command] = [invoice_xml]
