"""Thousands of files are written whole, once, and go on where a job was stopped."""

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from facturx import get_xml_from_pdf

from metering.errors import LockedError, TollbookError
from metering.settings import Book
from pricing.document import Document
from pricing.documents.en16931 import to_xml
from pricing.documents.pdf import to_pdf
from pricing.documents.pdf_files import Printed, electronic, is_of, path_of, print_all, write_whole
from pricing.documents.pdf_page import fingerprint
from tests.documents.made import BUYER, MADE, document, fee, line, styled

ROOT = Path(__file__).parents[3]
# A job of its own, as `tollbook invoice pdf --all` starts one; the test may kill it.
JOB = """\
import sys
from pathlib import Path
from metering.settings import Book
from pricing.documents.pdf_files import print_all
from tests.documents.pdf.test_pdf_files import numbered

if __name__ == "__main__":
    count, workers, root = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    for one in print_all(numbered(count), Book(root), workers=workers):
        print(one.outcome, flush=True)
"""


def numbered(count: int) -> Iterator[Document]:
    for number in range(1, count + 1):
        named = {"number": f"INV/2026/{number:05}", "invoice_id": f"acct-{number}/2026-10/1"}
        yield MADE["yen"].model_copy(update=named)


def outcomes(printed: Iterator[Printed]) -> list[str]:
    return [one.outcome for one in printed]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def files(book: Book) -> dict[str, bytes]:
    found = (book.root / "documents").rglob("*.pdf*")
    return {path.name: path.read_bytes() for path in found if path.name != ".pdf.lock"}


def test_an_issued_document_lies_under_its_year_and_number_and_a_draft_under_its_id(
    book: Book,
) -> None:
    issued = MADE["plain"].model_copy(update={"number": "A/2026/7"})
    documents = book.root / "documents"

    assert path_of(issued, book) == documents / "2026" / "A-2026-7.pdf"
    assert path_of(MADE["draft"], book) == documents / "drafts" / "acct-1-2026-10-1.pdf"


def test_what_is_there_is_kept_and_the_rest_is_written(book: Book) -> None:
    assert outcomes(print_all(numbered(3), book)) == ["written"] * 3
    before = files(book)
    (book.root / "documents" / "2026" / "INV-2026-00002.pdf").unlink()

    assert outcomes(print_all(numbered(3), book)) == ["kept", "written", "kept"]
    assert files(book) == before


@pytest.mark.parametrize("harm", [b"", b"%PDF-1.7\n", None], ids=["empty", "begun", "cut"])
def test_a_file_that_is_not_whole_is_written_again(book: Book, harm: bytes | None) -> None:
    outcomes(print_all(numbered(1), book))
    (path,) = (book.root / "documents" / "2026").glob("*.pdf")
    whole = path.read_bytes()
    path.write_bytes(whole[:-200] if harm is None else harm)

    assert outcomes(print_all(numbered(1), book)) == ["written"]
    assert path.read_bytes() == whole


def test_a_draft_that_changed_is_printed_again(book: Book) -> None:
    changed = MADE["draft"].model_copy(update={"name": "Juniper Two"})

    assert outcomes(print_all([MADE["draft"]], book)) == ["written"]
    assert outcomes(print_all([MADE["draft"]], book)) == ["kept"]
    assert outcomes(print_all([changed], book)) == ["written"]
    assert is_of(path_of(changed, book), changed)
    assert not is_of(path_of(changed, book), MADE["draft"])


def test_the_file_of_a_draft_is_removed_when_its_document_is_issued(book: Book) -> None:
    issued = MADE["draft"].model_copy(
        update={"number": "INV-1", "issue_date": MADE["plain"].issue_date}
    )
    outcomes(print_all([MADE["draft"]], book))
    outcomes(print_all([issued], book))

    assert list(files(book)) == ["INV-1.pdf"]


def test_a_key_that_a_later_version_knows_does_not_print_an_issued_document_again(
    book: Book,
) -> None:
    """What was stored then is read now: the new key is not in it."""
    content = MADE["plain"].model_dump(by_alias=True, mode="json", exclude={"lines"})
    lines = [made.model_dump(mode="json") for made in MADE["plain"].lines]
    then = [{name: made[name] for name in made if name != "account_name"} for made in lines]
    stored = Document.of({**content, "lines": then})
    now = Document.of({**content, "lines": lines})

    assert fingerprint(stored) != fingerprint(now)
    assert stored == now
    assert fingerprint(Document.of({**content, "lines": then})) == fingerprint(stored)


def test_an_issued_document_stays_as_it_was_sent_when_the_logo_changes(book: Book) -> None:
    issued = styled(MADE["plain"], logo="logo.svg")
    square = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="{}"/></svg>'
    (book.root / "logo.svg").write_text(square.format("M0 0H9V9z"))
    outcomes(print_all([issued], book))
    before = files(book)
    (book.root / "logo.svg").write_text(square.format("M0 0H5V5z"))

    assert outcomes(print_all([issued], book)) == ["kept"]
    assert files(book) == before


def test_several_processes_write_the_same_files_as_one(book: Book, tmp_path: Path) -> None:
    other = Book(tmp_path / "other")
    other.root.mkdir()
    outcomes(print_all(numbered(20), book))
    listed = list(print_all(numbered(20), other, workers=2))

    assert sorted(one.file.name for one in listed) == sorted(files(book))
    assert files(other) == files(book)


def test_a_document_that_cannot_be_printed_does_not_stop_the_others(book: Book) -> None:
    foreign = document(
        [line("messages", [fee("1")])],
        number="INV-9",
        buyer=BUYER.model_copy(update={"name": "東京"}),
    )
    first, second, third = print_all([MADE["plain"], foreign, MADE["credit note"]], book)

    assert [first.outcome, second.outcome, third.outcome] == ["written", "failed", "written"]
    assert second.problem is not None
    assert second.problem.where == "INV-9"
    assert not second.file.exists()


def test_a_logo_that_is_not_there_is_named(book: Book) -> None:
    (failed,) = print_all([styled(MADE["plain"], logo="gone.png")], book)

    assert failed.problem is not None
    assert failed.problem.what == "the logo 'gone.png' cannot be read: No such file or directory"


def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing_behind(book: Book) -> None:
    taken = path_of(MADE["plain"], book)
    taken.mkdir(parents=True)
    failed, written = print_all([MADE["plain"], MADE["credit note"]], book)

    assert written.outcome == "written"
    assert failed.problem is not None
    assert failed.problem.where == "documents/2026/INV-2026-00042.pdf"
    assert failed.problem.what == "cannot be written: Is a directory"
    assert sorted(path.name for path in taken.parent.iterdir()) == [
        *("CN-2026-00003.pdf", "INV-2026-00042.pdf")
    ]


def test_fonts_of_the_book_print_what_those_of_tollbook_cannot(book: Book) -> None:
    """The folder may hold any font; one of ours stands for it here."""
    (book.root / "fonts").mkdir()
    ours = ROOT / "pricing" / "documents" / "fonts" / "NotoSans-Regular.ttf"
    (book.root / "fonts" / "mine.ttf").write_bytes(ours.read_bytes())

    assert outcomes(print_all(numbered(1), book)) == ["written"]


def test_a_second_job_says_that_the_first_one_prints(book: Book) -> None:
    running = print_all(numbered(2), book)
    next(running)
    with pytest.raises(LockedError):
        next(print_all(numbered(2), book))

    assert outcomes(running) == ["written"]


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    (tmp_path / "taken.pdf").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_whole(tmp_path / "taken.pdf", b"x")
    write_whole(tmp_path / "a" / "b.pdf", b"y")

    assert (tmp_path / "a" / "b.pdf").read_bytes() == b"y"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.pdf"]


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_in_the_middle_and_started_again_it_ends_where_an_unbroken_job_does(
    book: Book, tmp_path: Path, workers: int
) -> None:
    count = 60
    script = tmp_path / "job.py"
    script.write_text(JOB)
    (tmp_path / "killed").mkdir()
    killed = Book(tmp_path / "killed")
    call = [sys.executable, str(script), str(count), str(workers), str(killed.root)]
    kill_after(call, lines=10)

    # By name alone: a worker of the killed job may yet rename what it writes.
    assert [*(killed.root / "documents").rglob("*.pdf*")]
    again = run_again(killed, count)
    assert again.count("kept") + again.count("written") == count
    assert "kept" in again

    outcomes(print_all(numbered(count), book))
    assert files(killed) == files(book)


def kill_after(call: list[str], *, lines: int) -> None:
    """Start a job, and kill it with SIGKILL when it has said that many lines."""
    with subprocess.Popen(call, cwd=ROOT, stdout=subprocess.PIPE, env={"PYTHONPATH": "."}) as job:
        assert job.stdout is not None
        for _ in range(lines):
            assert job.stdout.readline(), "the job is done too early to be killed"
        job.kill()


def run_again(book: Book, count: int) -> list[str]:
    """Print what is missing; a process of the job that was killed may end a moment later."""
    for _ in range(50):
        try:
            return outcomes(print_all(numbered(count), book))
        except (LockedError, TollbookError):
            time.sleep(0.1)
    raise AssertionError("the killed job still holds the lock")


def test_a_process_that_is_killed_from_outside_is_an_error_that_says_what_to_do(
    book: Book,
) -> None:
    running = print_all(numbered(200), book, workers=2)
    next(running)
    for process in multiprocessing.active_children():
        process.kill()
    with pytest.raises(TollbookError, match="ended from outside"):
        outcomes(running)

    assert "kept" in outcomes(print_all(numbered(20), book))


def test_the_kept_file_is_the_one_of_the_document(book: Book) -> None:
    (one,) = print_all([MADE["taxed"]], book)

    assert one.file.read_bytes() == to_pdf(MADE["taxed"], xml=electronic(MADE["taxed"]))


def test_an_issued_document_has_the_electronic_invoice_in_it_where_one_is_possible(
    book: Book,
) -> None:
    """Three decimals are more than EN 16931 knows; a draft is no invoice."""
    named = [MADE[name] for name in ("taxed", "dinar", "draft")]
    taxed, dinar, draft = (one.file.read_bytes() for one in print_all(named, book))

    assert get_xml_from_pdf(taxed, check_xsd=True) == (
        *("factur-x.xml", to_xml(MADE["taxed"], "facturx")),
    )
    assert electronic(MADE["dinar"]) is None
    assert b"factur-x.xml" not in dinar
    assert b"factur-x.xml" not in draft
