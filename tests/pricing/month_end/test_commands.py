"""The commands of exports and of the month end, on a small book with two months."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from beancount import loader
from beancount.core import data
from click.testing import CliRunner, Result
from python_calamine import CalamineWorkbook

from metering.ingest import ingest
from metering.settings import Book
from metering.store import Store, scratch
from pricing.month_end.reconciliation import Reconciled
from tests.metering.builders import line as line_of
from tests.pricing.month_end.sample import OCTOBER, SEPTEMBER, sent, two_months
from tollbook import main

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A book that no test changes."""
    return two_months(tmp_path_factory.mktemp("books") / "book")


def call(book: Book, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--book", str(book.root)])


def json_of(book: Book, *arguments: str) -> dict[str, Any]:
    done = call(book, *arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_lines_are_csv_on_standard_output(shared: Book) -> None:
    done = call(shared, "export", "lines", "2026-10")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))

    assert [(row["account_id"], row["charge"], row["amount"]) for row in rows] == [
        ("acme", "messages", "0.47"),  # 2 x 0.10 + 5 x 0.053 = 0.465
        ("acme", "platform", "31.00"),
        ("bistro", "messages", "0.25"),
        ("bistro", "platform", "21.00"),
    ]
    assert rows[2]["payer"] == "'=Bistro"


def test_price_cells_and_workbooks_are_written_to_files(shared: Book, tmp_path: Path) -> None:
    for options, name in (
        (("--table", "details"), "new/details.csv"),
        (("--as", "xlsx"), "lines.xlsx"),
    ):
        done = call(shared, "export", "lines", "2026-10", *options, "--out", str(tmp_path / name))
        assert (done.exit_code, done.stdout) == (0, "")

    details = list(csv.DictReader((tmp_path / "new/details.csv").read_text().splitlines()))
    assert [row["amount"] for row in details][:3] == ["0.2", "0.265", "31"]
    assert CalamineWorkbook.from_path(str(tmp_path / "lines.xlsx")).sheet_names[1] == "Lines"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines.xlsx", "new"]


def test_a_workbook_needs_a_file(shared: Book) -> None:
    done = call(shared, "export", "lines", "2026-10", "--as", "xlsx")

    assert done.exit_code == 2
    assert "name a file" in done.stderr


@pytest.mark.parametrize("what", ["lines", "focus"])
def test_a_month_without_documents_cannot_be_exported(
    shared: Book, tmp_path: Path, what: str
) -> None:
    done = call(shared, "export", what, "2026-08", "--out", str(tmp_path / "file"))

    assert done.exit_code == 2
    assert "bill it: tollbook bill 2026-08" in done.stderr
    assert not [*tmp_path.iterdir()]


def test_cost_and_usage_add_up_to_the_invoices(shared: Book, tmp_path: Path) -> None:
    path = tmp_path / "focus.parquet"
    assert call(shared, "export", "focus", "2026-10", "--out", str(path)).exit_code == 0
    frame = pl.read_parquet(path)

    billed = dict(frame.group_by("InvoiceId").agg(pl.col("BilledCost").sum()).iter_rows())
    assert billed == {
        "acme/2026-10/1": Decimal("31.47"),
        "bistro/2026-10/1": Decimal("21.25"),
    }
    assert set(frame["ConsumedUnit"].drop_nulls()) == {"Deliveries"}


def test_a_journal_of_drafts_is_pending_and_read_by_beancount(shared: Book) -> None:
    done = call(shared, "export", "journal", "2026-10", "--drafts", "pending")
    entries, errors, _ = loader.load_string(done.stdout)

    assert not errors
    told = [(one.flag, one.payee) for one in entries if isinstance(one, data.Transaction)]
    assert told == [("!", "Acme"), ("!", "=Bistro")]


def test_a_journal_without_issued_documents_says_what_it_left_out(shared: Book) -> None:
    done = call(shared, "export", "journal", "2026-10", "--as", "csv")

    assert len(done.stdout.splitlines()) == 1
    assert "2 drafts are left out" in done.stderr


def test_the_variance_of_two_months_adds_up(shared: Book) -> None:
    document = json_of(shared, "variance", "2026-10")

    assert [(row["part"], row["amount"]) for row in document["rows"]] == [
        ("new accounts", "21.25"),
        ("volume", "0.23"),  # 3 more at 0.0765
        ("mix", "-0.07"),  # and all of them in the second tier
        ("rounding", "0.00"),  # 0.001
    ]
    assert document["totals"] == [
        {"currency": "USD", "before": "31.31", "after": "52.72", "change": "21.41"}
    ]
    assert sum(Decimal(row["amount"]) for row in document["rows"]) == Decimal("21.41")


def test_the_variance_of_each_account_adds_up_to_its_own(shared: Book) -> None:
    rows = json_of(shared, "variance", "2026-10", "--by", "account")["rows"]
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row["account"]] = sums.get(row["account"], Decimal(0)) + Decimal(row["amount"])

    assert sums == {"acme": Decimal("0.16"), "bistro": Decimal("21.25")}


def test_a_month_without_documents_cannot_be_compared(shared: Book) -> None:
    done = call(shared, "variance", "2026-09")

    assert done.exit_code == 2
    assert "2026-08 has no documents" in done.stderr


def test_revenue_by_period_and_plan(shared: Book) -> None:
    rows = json_of(shared, "revenue")["rows"]

    assert [(row["period"], row["plan"], row["revenue"], row["not_issued"]) for row in rows] == [
        ("2026-09", "growth", "31.31", "31.31"),
        ("2026-10", "growth", "52.72", "52.72"),
    ]
    by_kind = json_of(shared, "revenue", "2026-10", "--by", "kind")["rows"]
    assert [(row["kind"], row["revenue"]) for row in by_kind] == [
        ("fixed_fee", "52.00"),
        ("usage", "0.72"),
    ]


@pytest.mark.parametrize("by", ["colour", "plan,plan", ""])
def test_revenue_by_what_no_line_has_is_refused(shared: Book, by: str) -> None:
    done = call(shared, "revenue", "--by", by)

    assert done.exit_code == 2
    assert "use each once, of: period, plan, account, kind, charge" in done.stderr


def test_a_month_reconciles_but_for_what_nobody_owns(shared: Book) -> None:
    document = json_of(shared, "reconcile", "2026-10")
    columns = ("account", "usage", "documents", "priced", "cells", "reason")

    assert [tuple(row[name] for name in columns) for row in document["rows"]] == [
        ("acme", "7", "7", "7", "7", None),
        ("bistro", "3", "3", "3", "3", None),
        (None, "1", "0", "0", "0", "no account owns these senders: see senders.csv"),
    ]
    assert document["counts"]["unexplained"] == 0


def test_a_load_after_the_bill_is_named_as_the_reason(tmp_path: Path) -> None:
    book = two_months(tmp_path / "book")
    late = tmp_path / "late.ndjson"
    late.write_text(f"{line_of(sent(40, OCTOBER))}\n", encoding="utf-8")
    with Store.open(book, book.settings(), "write") as store, scratch(book) as folder:
        list(ingest(store, [str(late)], scratch=folder))

    row = json_of(book, "reconcile", "2026-10")["rows"][0]
    assert (row["account"], row["difference"]) == ("acme", "1")
    assert row["reason"] == "loaded since it was billed: 2"
    told = call(book, "reconcile", "2026-10")
    assert "acme" in told.stdout
    assert "bistro" not in told.stdout


def test_issued_documents_corrections_and_credit_notes_are_told_apart(tmp_path: Path) -> None:
    book = two_months(tmp_path / "book")
    for step in ("approve 2026-09", "issue 2026-09 --date 2026-10-02"):
        assert call(book, "invoice", *step.split()).exit_code == 0
    late = tmp_path / "late.ndjson"
    late.write_text(f"{line_of(sent(40, SEPTEMBER))}\n", encoding="utf-8")
    assert call(book, "ingest", str(late)).exit_code == 0
    assert call(book, "bill", "2026-10").exit_code == 0
    credit = ("credit", "INV-2026-00001", "--amount", "10.00", "--reason", "an outage")
    assert call(book, "invoice", *credit).exit_code == 0

    (row,) = json_of(book, "reconcile", "2026-09")["rows"]
    assert row["reason"].startswith("the difference is on acme/2026-10/1; loaded since")
    revenue = {one["period"]: one for one in json_of(book, "revenue")["rows"]}
    assert [revenue["2026-10"][name] for name in ("billed", "corrections")] == ["52.72", "0.05"]
    assert revenue["2026-09"]["corrections"] == "-10.00"  # a draft counts in the month it is for
    parts = {one["part"]: one["amount"] for one in json_of(book, "variance", "2026-10")["rows"]}
    assert parts["corrections"] == "10.05"
    unbilled = json_of(book, "accrual", "2026-10-31")["rows"]
    assert [(one["period"], one["account"], one["unbilled"]) for one in unbilled] == [
        ("2026-09", "acme", "0.05"),
        ("2026-10", "acme", "31.47"),
        ("2026-10", "bistro", "21.25"),
    ]
    path = tmp_path / "focus.parquet"
    assert call(book, "export", "focus", "2026-10", "--out", str(path)).exit_code == 0
    corrected = pl.read_parquet(path).filter(pl.col("ChargeClass") == "Correction")
    assert set(corrected["ChargePeriodStart"].dt.strftime("%Y-%m-%d")) == {"2026-09-01"}
    done = call(book, "export", "journal", "2026-09", "--drafts", "pending")
    issued = call(book, "export", "journal", "2026-10", "--open-accounts", "no")
    entries, errors, _ = loader.load_string(done.stdout)
    assert "2026-10-02 * " in issued.stdout
    assert 'journal-id: "INV-2026-00001"' in issued.stdout
    assert not errors
    told = {
        one.meta["journal-id"]: (one.flag, str(one.date), one.postings[1].account)
        for one in entries
        if isinstance(one, data.Transaction)
    }
    assert told == {
        "acme/2026-09/2": ("!", "2026-09-30", "Income:Credit-Notes"),
    }


def test_a_difference_without_a_known_reason_ends_with_4(
    shared: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Reconciled("acme", *map(Decimal, (8, 7, 7, 7)))  # type: ignore[arg-type]
    monkeypatch.setattr("pricing.commands.month_end.reconcile_month", lambda *_: [found])
    done = call(shared, "reconcile", "2026-10")

    assert done.exit_code == 4
    assert "not known" in done.stdout
    assert "some differences have no known reason" in done.stderr


def test_the_accrual_of_the_last_day_is_the_bill_of_the_month(shared: Book) -> None:
    totals = [json_of(shared, "accrual", f"2026-10-{day}")["totals"] for day in ("05", "15", "31")]

    # September is a draft, and so unbilled: 31.31. Of October, acme has 5.36, 15.47 and 31.47,
    # and bistro, whose fee began on the 11th, nothing, 5.25 and 21.25.
    assert [total[0]["unbilled"] for total in totals] == ["36.67", "52.03", "84.03"]


def test_the_accrual_says_what_each_account_owes_by_then(shared: Book) -> None:
    rows = json_of(shared, "accrual", "2026-10-12")["rows"]

    assert [(row["period"], row["account"], row["earned"]) for row in rows] == [
        ("2026-09", "acme", "31.31"),
        ("2026-10", "acme", "12.47"),
        ("2026-10", "bistro", "2.20"),  # two days of its fee, two messages
    ]


@pytest.mark.parametrize("day", ["2026-10", "yesterday", "2026-02-30", "1999-01-01"])
def test_a_day_must_be_a_day(shared: Book, day: str) -> None:
    done = call(shared, "accrual", day)

    assert done.exit_code == 2
    assert "write 2026-10-31" in done.stderr


@pytest.mark.parametrize("command", ["variance", "revenue", "reconcile", "accrual"])
def test_each_report_is_a_table_and_csv_too(shared: Book, command: str) -> None:
    when = "2026-10-31" if command == "accrual" else "2026-10"
    table = call(shared, command, when)
    rows = call(shared, command, when, "--format", "csv")

    assert (table.exit_code, rows.exit_code) == (0, 0)
    assert "2026-10" in table.stdout
    assert len(rows.stdout.splitlines()) > 1
