"""Generations of reports: whole, unchanging, and free of what names a person."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping

import polars as pl
import pytest
from click.testing import CliRunner

from dashboards import commands, reports
from dashboards.contents import USAGE, USAGE_BY
from dashboards.load import current
from dashboards.reports import MANIFEST, is_complete, pointed_at, publish
from dashboards.words import text
from metering.account import load_accounts
from metering.errors import LockedError
from metering.files import find_files
from metering.ingest import ingest
from metering.period import Month
from metering.settings import Book
from metering.store import Store, scratch
from metering.usage import usage_by
from pricing.archive import Archive
from pricing.run import bill
from tests.dashboards.conftest import Open

IS_DEEP = os.environ.get("TOLLBOOK_PROFILE") == "deep"
HOLD_THE_STORE = """
import sys
from pathlib import Path
from metering.settings import Book
from metering.store import Store
book = Book.at(Path(sys.argv[1]))
with Store.open(book, book.settings(), "write"):
    print("held", flush=True)
    sys.stdin.read()
"""


def rename_an_account(book: Book, name: str) -> None:
    path = book.root / "accounts.csv"
    header, first, *rest = path.read_text(encoding="utf-8").splitlines()
    cells = first.split(",")
    cells[header.split(",").index("name")] = name
    path.write_text("\n".join([header, ",".join(cells), *rest]) + "\n", encoding="utf-8")


def generations(book: Book) -> set[str]:
    return {path.name for path in book.reports.iterdir() if path.is_dir()}


@pytest.fixture
def held(own: Book) -> Iterator[Book]:
    """A book whose store another process writes to."""
    command = [sys.executable, "-c", HOLD_THE_STORE, str(own.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as job:
        assert job.stdout is not None
        assert job.stdin is not None
        assert job.stdout.readline() == b"held\n"
        yield own
        job.stdin.close()


def test_publishing_twice_gives_the_same_generation_and_writes_nothing(own: Book) -> None:
    first = publish(own)
    before = {path: path.stat().st_mtime_ns for path in own.reports.rglob("*") if path.is_file()}

    assert publish(own) == first
    after = {path: path.stat().st_mtime_ns for path in own.reports.rglob("*") if path.is_file()}
    unlocked = own.reports / ".lock"
    assert {**after, unlocked: 0} == {**before, unlocked: 0}


def test_the_generation_before_stays_readable_and_older_ones_go(own: Book) -> None:
    seen = []
    for name in ("One", "Two", "Three"):
        rename_an_account(own, name)
        seen.append(f"gen-{publish(own)}")

    assert len(set(seen)) == 3
    assert pointed_at(own.reports) == [seen[2], seen[1]]
    assert generations(own) == {seen[1], seen[2]}
    assert all(is_complete(own.reports / name) for name in generations(own))


def test_a_former_generation_can_become_current_again(own: Book) -> None:
    rename_an_account(own, "One")
    one = publish(own)
    rename_an_account(own, "Two")
    publish(own)
    rename_an_account(own, "One")

    assert publish(own) == one
    assert pointed_at(own.reports)[0] == f"gen-{one}"
    assert is_complete(own.reports / f"gen-{one}")


@pytest.mark.parametrize("step", ["collect", "_write", "_move_into_place", "_make_current"])
def test_what_breaks_a_publication_leaves_the_current_generation(
    own: Book, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pointed_at(own.reports)
    rename_an_account(own, "Other")

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(reports, step, fail)
        with pytest.raises(OSError, match="disk is full"):
            publish(own)
    assert pointed_at(own.reports) == before
    assert is_complete(own.reports / before[0])

    publish(own)
    assert generations(own) == set(pointed_at(own.reports)), "the next one clears what was left"


def test_a_reader_meets_only_whole_generations_while_others_are_published(own: Book) -> None:
    is_done = threading.Event()
    names = set()

    def read() -> None:
        while not is_done.is_set():
            generation = current(own.reports)
            assert generation is not None
            names.add(generation.folder.name)
            assert is_complete(generation.folder)

    failures: list[BaseException] = []

    def watch() -> None:
        try:
            read()
        except BaseException as error:
            failures.append(error)

    reader = threading.Thread(target=watch)
    reader.start()
    for number in range(6):
        rename_an_account(own, f"Name {number}")
        publish(own)
    is_done.set()
    reader.join()
    assert not failures
    assert len(names) > 1


def test_usage_of_a_generation_is_what_the_command_counts(sample: Book) -> None:
    generation = current(sample.reports)
    assert generation is not None
    settings = sample.settings()
    accounts = load_accounts(sample, settings)
    with Store.open(sample, settings) as store:
        months = store.frame("select distinct strftime(delivered_at, '%Y-%m') as m from deliveries")
        for month in months["m"].drop_nulls():
            counted = usage_by(store, accounts, Month.parse(month), "deliveries", USAGE_BY)
            found = generation.usage(month)
            assert found.schema == USAGE
            assert found.sort(USAGE_BY, nulls_last=True).rows() == counted.rows()


def test_invoices_of_a_generation_are_those_of_the_archive(sample: Book) -> None:
    generation = current(sample.reports)
    assert generation is not None
    with Archive.open(sample) as archive:
        drafts = archive.drafts_of(period="2026-10")

    assert generation.invoices("2026-10").equals(drafts.invoices.drop("parties"))
    for invoice_id in drafts.invoices["invoice_id"]:
        lines = generation.lines("2026-10", invoice_id)
        assert lines.equals(drafts.lines.filter(pl.col("invoice_id") == invoice_id))
        for line_id in lines["line_id"]:
            details = drafts.details.filter(pl.col("line_id") == line_id)
            assert generation.details("2026-10", line_id).equals(details)


def test_no_file_of_a_generation_holds_a_phone_number_or_a_path(
    sample: Book, numbers: set[str]
) -> None:
    paths = list(sample.reports.rglob("*.parquet"))
    assert paths
    for path in paths:
        texts = pl.read_parquet(path).select(pl.col(pl.String))
        said = "\n".join(text for column in texts for text in column.drop_nulls())
        assert not [number for number in numbers if number in said]
        assert str(sample.root) not in said


def test_a_job_that_holds_the_store_is_named_and_the_current_figures_stay(held: Book) -> None:
    before = pointed_at(held.reports)

    with pytest.raises(LockedError):
        publish(held)
    assert pointed_at(held.reports) == before
    result = CliRunner().invoke(commands.reports, ["--book", str(held.root)])
    assert result.exit_code == LockedError.exit_code
    assert "another job holds the store" in result.stderr


def test_the_dashboard_goes_on_with_the_figures_of_before_while_a_job_runs(
    held: Book, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.refresh(held)

    assert "showing the figures that were published before" in capsys.readouterr().err


def test_a_new_book_can_be_published(empty: Book) -> None:
    result = CliRunner().invoke(commands.reports, ["--book", str(empty.root)])

    assert result.exit_code == 0, result.output
    generation = current(empty.reports)
    assert generation is not None
    assert generation.months == []
    assert not empty.store_path.exists(), "reading a book makes no store"


def published_afresh(book: Book) -> str:
    shutil.rmtree(book.reports)
    return publish(book)


def files_of(book: Book) -> dict[str, int]:
    """The inode of each file of the current generation: a file that was kept has its old one."""
    folder = book.reports / pointed_at(book.reports)[0]
    return {
        path.relative_to(folder).as_posix(): path.stat().st_ino
        for path in folder.rglob("*.parquet")
    }


def test_a_new_name_counts_no_message_again(own: Book) -> None:
    publish(own)
    before = files_of(own)
    rename_an_account(own, "Other")
    publish(own)
    after = files_of(own)

    again = {name for name in after if after[name] != before.get(name)}
    assert "usage/2026-10.parquet" in before
    assert not {name for name in again if "/" in name}, "no month was counted again"
    assert "accounts.parquet" in again


@pytest.mark.parametrize("change", ["load", "zone", "bill"] if IS_DEEP else ["load", "bill"])
def test_what_is_kept_of_the_generation_before_is_what_would_be_made_afresh(
    own: Book, change: str
) -> None:
    publish(own)
    before = pointed_at(own.reports)
    CHANGES[change](own)
    published = publish(own)

    assert pointed_at(own.reports)[0] != before[0]
    assert published_afresh(own) == published


def load_a_message(book: Book) -> None:
    """A second report of a known sender, weeks after the others."""
    with Store.open(book, book.settings()) as store:
        sender_id, waba_id = store.frame(
            "select sender_id, waba_id from deliveries where waba_id is not null limit 1"
        ).row(0)
    status = {
        **{"id": "wamid.late", "status": "delivered", "timestamp": "1791374400"},
        "recipient_id": "5511987654321",
        "pricing": {
            **{"billable": True, "pricing_model": "PMP"},
            **{"category": "utility", "type": "regular"},
        },
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"phone_number_id": sender_id, "display_phone_number": "15550000000"},
        "statuses": [status],
    }
    entry = {"id": waba_id, "changes": [{"field": "messages", "value": value}]}
    path = book.root / "late.json"
    text = json.dumps({"object": "whatsapp_business_account", "entry": [entry]})
    path.write_text(text + "\n", encoding="utf-8")
    with Store.open(book, book.settings(), "write") as store, scratch(book) as folder:
        (load,) = ingest(store, find_files([str(path)]), scratch=folder)
    assert load.accepted == 1


def move_an_account(book: Book) -> None:
    path = book.root / "accounts.csv"
    text = path.read_text(encoding="utf-8")
    zone = next(cell for cell in text.splitlines()[1].split(",") if "/" in cell)
    path.write_text(text.replace(zone, "Pacific/Auckland", 1), encoding="utf-8")


def bill_without_a_fee(book: Book) -> None:
    path = book.root / "add_ons.csv"
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    bill(book, Month.parse("2026-10"))


CHANGES: Mapping[str, Callable[[Book], None]] = {
    "load": load_a_message,
    "zone": move_an_account,
    "bill": bill_without_a_fee,
}


@pytest.mark.parametrize("content", [b"{bad", b"{}", b"[]", b"\xff"])
def test_a_damaged_manifest_is_as_none_and_publishing_again_repairs_it(
    own: Book, open_app: Open, content: bytes
) -> None:
    found = current(own.reports)
    assert found is not None
    (found.folder / MANIFEST).write_bytes(content)

    assert current(own.reports) is None
    assert open_app(own).subheader[0].value == text.DAMAGED[0]
    publish(own)
    assert current(own.reports) == found


def test_a_damaged_file_of_figures_is_said_with_what_helps(own: Book, open_app: Open) -> None:
    found = current(own.reports)
    assert found is not None
    for path in found.folder.glob("usage*/*"):
        path.write_bytes(b"junk")
    app = open_app(own)

    assert not app.exception
    assert app.subheader[0].value == text.DAMAGED[0]
    publish(own)
    assert current(own.reports) == found
