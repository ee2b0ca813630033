"""Each benchmark runs at a small size and reports; no figure of time is ever asserted."""

import json
import os
from pathlib import Path

import pytest

from metering.files import find_files
from metering.ingest import ingest
from metering.learn import LEARNED, relearn
from metering.settings import Book
from metering.store import Store, scratch
from tests.benchmarks.__main__ import BENCHMARKS, main
from tests.benchmarks.books import generated_log, line_count, new_book
from tests.benchmarks.growth import grow_deliveries, grow_events
from tests.benchmarks.ingest import bench_ingest
from tests.benchmarks.late_load import split

SIZES = {
    "ingest_large": ("--large-lines", "1500"),
    "late_load": ("--events", "2500", "--late-lines", "300", "--rounds", "1"),
    "usage": ("--deliveries", "3000", "--rounds", "1"),
    "bill": ("--billed", "3000", "--rounds", "1"),
    "documents": ("--documents", "3", "--rounds", "1"),
    "views": ("--accounts", "60", "--months", "3", "--usage-rows", "4000", "--rounds", "2"),
}
IS_DEEP = os.environ.get("TOLLBOOK_PROFILE") == "deep"
QUICK = ("documents", "usage")  # the others build large books, however few rows they count
SHOWN = {
    "ingest_large": {"lines", "speed_of_the_bare_read", "peak_memory_gib"},
    "late_load": {"events_before", "lines", "times_the_load_into_an_empty_store"},
    "usage": {"deliveries", "times_the_bare_count"},
    "bill": {"deliveries", "times_the_bare_count", "peak_memory_gib"},
    "documents": {"documents", "pdfs_a_second", "kilobytes_of_a_pdf"},
    "views": {"accounts", "cold_p50_ms", "cold_p95_ms", "cold_growth_of_p95", "warm_p95_ms"},
}


@pytest.mark.parametrize("name", sorted(SIZES) if IS_DEEP else QUICK)
def test_a_benchmark_runs_and_writes_its_figures(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([name, *SIZES[name], "--folder", str(tmp_path), "--results", str(tmp_path / "results")])

    (path,) = (tmp_path / "results").iterdir()
    report = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == f"{name}.json"
    assert report["benchmark"] == name
    assert set(report) >= SHOWN[name] | {"python", "duckdb", "minutes"}
    assert all(report[figure] > 0 for figure in SHOWN[name])
    printed = capsys.readouterr().out
    assert all(figure in printed for figure in SHOWN[name])


def test_ingest_is_measured_as_often_as_was_asked_for(tmp_path: Path) -> None:
    figures = bench_ingest(tmp_path, lines=500, rounds=2, has_postgres=False)

    assert len(list(tmp_path.glob("book-*"))) == 2
    assert 350 < int(str(figures["lines"])) < 800


def test_every_benchmark_has_a_small_run_but_that_with_postgresql() -> None:
    assert {*SIZES, "ingest"} == set(BENCHMARKS)


def test_a_log_is_cut_without_loss(tmp_path: Path) -> None:
    log = generated_log(tmp_path, 600)
    whole = log.read_bytes()
    parts = list(split(log, tmp_path, parts=2, lines=100))

    assert [line_count(part) for part in parts[1:]] == [100, 100]
    assert b"".join(part.read_bytes() for part in parts) == whole


@pytest.fixture
def loaded(tmp_path: Path) -> Book:
    book = new_book(tmp_path / "book")
    log = generated_log(tmp_path, 1500)
    with Store.open(book, book.settings(), "write") as store, scratch(book) as folder:
        list(ingest(store, find_files([str(log)]), scratch=folder))
    return book


def test_a_grown_store_knows_what_its_events_say(loaded: Book) -> None:
    """Else the load that is timed would repair it, or be spared something."""
    count = grow_events(loaded, events=9000)

    with Store.open(loaded, loaded.settings(), "write") as store:
        assert count == store.value("select count(*) from events") >= 9000
        assert store.value("select count(distinct message_key) from deliveries") == (
            store.value("select count(*) from deliveries")
        )
        assert store.value(
            "select min(occurred_at) < '2026-07-01' from events where direction = 'outbound'"
        )
        known = {table: store.frame(f"from {table} order by all") for table in LEARNED}
        relearn(store)
        for table in LEARNED:
            assert known[table].equals(store.frame(f"from {table} order by all")), table


def test_grown_deliveries_are_other_messages_of_the_month(loaded: Book) -> None:
    count = grow_deliveries(loaded, deliveries=4000)

    with Store.open(loaded, loaded.settings()) as store:
        assert count >= 4000
        distinct = "select count(distinct message_key) from deliveries"
        assert store.value(distinct) == store.value("select count(*) from deliveries")
        months = (
            "select count(*) filter (delivered_at >= '2026-10-01' and delivered_at < '2026-11-01')"
        )
        assert store.value(f"{months} from deliveries") > 0.9 * count
