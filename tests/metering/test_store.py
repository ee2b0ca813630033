"""The store: one writer, one key, one schema; copied whole, and holding no number."""

import base64
import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from metering.account import load_accounts
from metering.backup import back_up, restore_backup
from metering.erasure import erase
from metering.errors import LockedError, TollbookError, UsageError
from metering.ingest import ingest
from metering.learn import LEARNED, relearn
from metering.period import Month
from metering.secret import VARIABLE
from metering.settings import Book
from metering.store import SCHEMA_VERSION, Store, rewrite, scratch
from metering.usage import measure
from tests.metering.builders import (
    BRAZIL,
    GERMANY,
    MARKETING,
    NOON,
    Desk,
    line,
    message,
    status,
    webhook,
)

WAMID = "wamid." + base64.b64encode(b"\x1d\x07" + BRAZIL.encode() + b"\x15\x02").decode()
USER = "BR.13491208655302741918"
LOG = (
    webhook(
        status(WAMID, pricing=MARKETING),
        status("other", recipient_id=GERMANY, pricing=MARKETING),
        contacts=[{"wa_id": BRAZIL, "user_id": USER, "profile": {"name": "Maria Silva"}}],
        messages=[message("wamid.inbound", text={"body": "Hello World"})],
    ),
    webhook(
        status(
            "g", recipient_id="group-77", recipient_type="group", recipient_participant_id=BRAZIL
        )
    ),
)


@pytest.fixture(autouse=True)
def no_secret_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@contextmanager
def writing(book: Book) -> Iterator[Store]:
    with Store.open(book, book.settings(), "write") as store:
        yield store


def load(book: Book, *lines: object) -> None:
    path = book.root.parent / "log.ndjson"
    path.write_text("\n".join(map(line, lines)) + "\n")
    with writing(book) as store, scratch(book) as folder:
        (done,) = ingest(store, [str(path)], scratch=folder)
    assert done.state == "loaded", done.why


def usage(book: Book) -> list[dict[str, Any]]:
    with Store.open(book, book.settings()) as store:
        accounts = load_accounts(book, book.settings())
        return measure(
            store, accounts, Month(2026, 10), "deliveries", changes=[date(2026, 10, 9)]
        ).to_dicts()


def at_rest(book: Book) -> bytes:
    """The bytes of the store, after everything was written to its file."""
    with writing(book) as store:
        store.execute("checkpoint")
    return b"".join(path.read_bytes() for path in sorted(book.root.glob("tollbook.duckdb*")))


# Backup


def test_a_restored_backup_has_the_same_usage_and_files(book: Book, tmp_path: Path) -> None:
    load(book, *LOG)
    back_up(book, tmp_path / "backup.tar.gz")
    restore_backup(tmp_path / "backup.tar.gz", tmp_path / "restored")

    restored = Book.at(tmp_path / "restored")

    assert usage(restored) == usage(book) != []
    for name in ("tollbook.toml", "accounts.csv", "senders.csv", "secret.key"):
        assert (restored.root / name).read_bytes() == (book.root / name).read_bytes()
    load(restored, webhook(status("later", pricing=MARKETING)))
    assert sum(row["quantity"] for row in usage(restored)) == 4


def test_a_backup_is_for_its_owner_alone_and_overwrites_nothing(book: Book, tmp_path: Path) -> None:
    target = tmp_path / "backup.tar.gz"
    back_up(book, target)

    assert target.stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError, match="exists"):
        back_up(book, target)
    with pytest.raises(UsageError, match="inside the book"):
        back_up(book, book.root / "backup.tar.gz")
    with pytest.raises(UsageError, match="exists"):
        restore_backup(target, book.root)


@pytest.mark.parametrize("cut", [0, 50, -200])
def test_a_backup_that_is_not_whole_is_refused_and_leaves_no_book(
    book: Book, tmp_path: Path, cut: int
) -> None:
    whole = tmp_path / "backup.tar.gz"
    back_up(book, whole)
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(whole.read_bytes()[:cut])

    with pytest.raises(TollbookError, match="backup"):
        restore_backup(broken, tmp_path / "restored")

    assert not (tmp_path / "restored").exists()


def test_after_a_broken_restore_a_whole_backup_restores_only_itself(
    book: Book, tmp_path: Path
) -> None:
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w") as tar:
        entry = tarfile.TarInfo("stray.txt")
        tar.addfile(entry, io.BytesIO())
    with pytest.raises(TollbookError, match="no backup of a book"):
        restore_backup(other, tmp_path / "restored")
    back_up(book, tmp_path / "backup.tar.gz")

    restore_backup(tmp_path / "backup.tar.gz", tmp_path / "restored")

    assert not (tmp_path / "restored" / "stray.txt").exists()


def test_restoring_writes_nothing_outside_its_folder(tmp_path: Path) -> None:
    evil = tmp_path / "evil.tar"
    with tarfile.open(evil, "w") as tar:
        tar.addfile(tarfile.TarInfo("../escaped.txt"), io.BytesIO())

    with pytest.raises(TollbookError):
        restore_backup(evil, tmp_path / "in" / "restored")

    assert not list(tmp_path.rglob("escaped.txt"))


# Migration


def test_a_store_of_the_first_schema_becomes_what_a_new_one_would_be(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (*LOG, webhook(messages=[message(timestamp=str(NOON - 60))]))
    load(book, *lines)
    with writing(book) as store:
        learned = {table: store.frame(f"from {table}") for table in LEARNED}
    newer = book.store_path.rename(book.root / "newer.duckdb")
    monkeypatch.setattr("metering.store.SCHEMA_VERSION", 1)
    monkeypatch.setattr(Store, "_is_learned", lambda _: True)  # the first schema learned nothing
    with writing(book) as store:
        store.execute(f"attach '{newer}' as newer (read_only)")
        store.execute("insert into loads from newer.loads")
        store.execute(
            "insert into events"
            " select * exclude (linked_key, duration_seconds, data, reported_cost)"
            " from newer.events"
        )
    monkeypatch.undo()

    with Store.open(book, book.settings()) as store:
        for table, frame in learned.items():
            found = store.frame(f"from {table}")
            known = [
                name for name in frame.columns if name != "id_key"
            ]  # of no event that was kept
            assert found.select(known).sort(known).equals(frame.select(known).sort(known)), table


def test_what_the_first_schema_ignored_may_be_loaded_again(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metering.store.SCHEMA_VERSION", 1)
    monkeypatch.setattr(Store, "_is_learned", lambda _: True)  # the first schema learned nothing
    with writing(book) as store:
        store.execute(
            """
            insert into loads by name
            select
                1 as load_id, 'old' as content_sha256, 1 as size_bytes, 'log' as name,
                'webhooks' as format, 1 as read_count, 0 as accepted_count, 0 as duplicate_count,
                0 as reported_again_count, '{"calls": 1}' as ignored, '{}' as quarantined,
                '{}' as unknown_fields, '0' as engine_version, now()::timestamp as loaded_at
            """
        )
    monkeypatch.undo()

    with Store.open(book, book.settings()) as store:
        assert store.value("select content_sha256 from loads") == "schema 1: old"


def test_windows_last_as_the_book_says_once_it_says_so(book: Book) -> None:
    hour = 3_600
    load(
        book,
        webhook(messages=[message(timestamp=str(NOON))]),
        webhook(status("a", timestamp=str(NOON + 30 * hour))),
    )
    is_inside = "select in_service_window from deliveries"
    with Store.open(book, book.settings()) as store:
        assert store.value(is_inside) is False

    settings = book.root / "tollbook.toml"
    settings.write_text(
        settings.read_text()
        + '[[window_length]]\nrule = "service_window"\neffective_from = 2026-10-01\nhours = 48\n'
    )

    with Store.open(book, book.settings()) as store:
        assert store.value(is_inside) is True


# What a store refuses


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_store_of_a_newer_schema_is_left_alone(book: Book, mode: Any) -> None:
    with writing(book) as store:
        store.execute("update store_facts set schema_version = $new", {"new": SCHEMA_VERSION + 1})

    with (
        pytest.raises(TollbookError, match=f"schema {SCHEMA_VERSION + 1}"),
        Store.open(book, book.settings(), mode),
    ):
        pass


@pytest.mark.parametrize("mode", ["read", "write"])
def test_another_key_is_refused(book: Book, monkeypatch: pytest.MonkeyPatch, mode: Any) -> None:
    load(book, *LOG)
    monkeypatch.setenv(VARIABLE, "another key that is long enough for it")

    with (
        pytest.raises(TollbookError, match="another key"),
        Store.open(book, book.settings(), mode),
    ):
        pass


@pytest.mark.parametrize("key", ["", "short"])
def test_a_missing_key_is_refused_and_not_made_anew(book: Book, key: str) -> None:
    book.secret_path.write_text(key)

    with pytest.raises(TollbookError, match="key of the book"), writing(book):
        pass

    assert book.secret_path.read_text() == key


def test_a_file_that_is_no_store_is_refused_with_a_hint(book: Book) -> None:
    book.store_path.write_bytes(b"not a store " * 1000)

    with pytest.raises(TollbookError, match="cannot be opened"), writing(book):
        pass


def test_a_second_job_is_told_that_another_holds_the_store(book: Book) -> None:
    with writing(book):
        pass
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True);"
            " sys.stdin.read()",
            str(book.store_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        for mode in ("read", "write"):
            with (
                pytest.raises(LockedError, match="another job"),
                Store.open(book, book.settings(), mode),
            ):
                pass
    finally:
        holder.communicate()

    with writing(book):
        pass


def test_a_load_that_breaks_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("metering.load._record", fail)
    with pytest.raises(KeyboardInterrupt):
        desk.load(webhook(status("a"), status("b", timestamp="x")))
    monkeypatch.undo()
    shutil.rmtree(desk.scratch)
    desk.scratch.mkdir()

    for table in ("events", "deliveries", "quarantine", "loads"):
        assert desk.rows(f"select count(*) from {table}") == [(0,)]
    assert desk.load(webhook(status("a"), status("b", timestamp="x"))).accepted == 1


# No number at rest


def test_no_number_no_message_id_and_no_name_is_in_the_file(book: Book) -> None:
    load(book, *LOG)

    content = at_rest(book)

    for word in (BRAZIL, GERMANY, WAMID, WAMID[6:20], USER, "Maria", "Hello World", "group-77"):
        assert word.encode() not in content, word


def test_only_the_row_that_was_refused_keeps_its_text(book: Book) -> None:
    load(book, *LOG, webhook(status("refused", timestamp="x", recipient_id="4917655544433")))

    content = at_rest(book)

    assert b"4917655544433" in content
    assert BRAZIL.encode() not in content


def test_no_copy_of_a_log_is_left_beside_the_store(book: Book) -> None:
    load(book, *LOG)

    left = [path for path in book.root.rglob("*") if path.is_file()]

    assert [path for path in left if BRAZIL.encode() in path.read_bytes()] == []
    assert not (book.root / ".scratch").exists()


# Erasure


def names_of(desk: Desk, kind: str, name: str) -> int:
    """Count the rows of the store that hold the keyed hash of a name, in any column."""
    key = desk.store.value("select key_of($kind, $name)::varchar", {"kind": kind, "name": name})
    return sum(
        desk.store.value(
            f"select count(*) from {table} as t where contains(t::varchar, $key)", {"key": key}
        )
        for table in ("events", *LEARNED)
    )


def test_erasing_a_contact_removes_its_names_and_leaves_windows_and_counts(desk: Desk) -> None:
    desk.load(*LOG, webhook(messages=[message(timestamp=str(NOON - 60))]))
    placed = "select in_service_window, count(*) from deliveries group by all order by all"
    before = desk.usage("2026-10", "account", "market", "category"), desk.rows(placed)
    assert names_of(desk, "contact", BRAZIL) > 0

    assert erase(desk.store, "+55 (11) 98765-4321") > 0

    assert names_of(desk, "contact", BRAZIL) == 0
    assert names_of(desk, "contact", GERMANY) > 0
    assert (desk.usage("2026-10", "account", "market", "category"), desk.rows(placed)) == before
    assert erase(desk.store, BRAZIL) == 0


def test_what_is_erased_stays_one_contact_that_nobody_can_name(desk: Desk) -> None:
    desk.load(
        webhook(status("a")), webhook(status("b")), webhook(status("c", recipient_id=GERMANY))
    )

    erase(desk.store, BRAZIL)
    relearn(desk.store)

    assert desk.rows("select count(*), count(distinct contact_key) from deliveries") == [(3, 2)]


@pytest.mark.parametrize("name", [BRAZIL, USER])
def test_erasing_finds_what_was_sent_to_the_same_person_by_the_other_name(
    desk: Desk, name: str
) -> None:
    by_user = status("b", recipient_id="", recipient_user_id=USER)
    desk.load(webhook(status("a"), contacts=[{"wa_id": BRAZIL, "user_id": USER}]), webhook(by_user))
    assert names_of(desk, "user", USER) > 0

    erase(desk.store, name)

    assert names_of(desk, "contact", BRAZIL) == names_of(desk, "user", USER) == 0


def test_erasing_clears_the_refused_rows_that_name_the_contact(desk: Desk) -> None:
    bad = status("a", timestamp="x")
    desk.load(webhook(bad), webhook(status("b", timestamp="x", recipient_id=GERMANY)))

    assert erase(desk.store, BRAZIL) == 1

    assert desk.rows("select raw is null from quarantine order by quarantine_id") == [
        (True,),
        (False,),
    ]


def test_what_was_erased_is_gone_from_the_file_too(book: Book) -> None:
    load(book, webhook(status("a", timestamp="x", recipient_id="4917655544433")))
    assert b"4917655544433" in at_rest(book)

    with writing(book) as store:
        erase(store, "4917655544433")
    rewrite(book, book.settings())

    assert b"4917655544433" not in at_rest(book)


@pytest.mark.parametrize("contact", ["12", "", "+", "1234567890123456"])
def test_erasing_needs_a_number_or_a_user_id(desk: Desk, contact: str) -> None:
    with pytest.raises(UsageError):
        erase(desk.store, contact)


def test_the_books_of_two_sellers_name_the_same_person_differently(
    make_book: Callable[[Path], Book], tmp_path: Path
) -> None:
    one, other = make_book(tmp_path / "one"), make_book(tmp_path / "other")
    other.secret_path.write_text("fedcba9876543210" * 4)
    found = []
    for book in (one, other):
        load(book, *LOG)
        with Store.open(book, book.settings()) as store:
            found.append(set(store.frame("select message_key::varchar from events").to_series()))

    assert found[0].isdisjoint(found[1])
