"""The journals of all months together have everything that was booked, each thing once."""

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.pricing.life.office import Office

MONTHS = [f"2026-{number:02}" for number in range(7, 13)]
VOID = "may_void = true\n"


def journal(office: Office, month: str) -> list[dict[str, str]]:
    text = office.run("export", "journal", month, "--as", "csv").stdout
    return [*csv.DictReader(io.StringIO(text))]


def ids(office: Office, month: str) -> set[str]:
    return {row["journal_id"] for row in journal(office, month)}


def test_a_credit_note_is_in_the_journal_of_the_month_of_its_issue(office: Office) -> None:
    office.load(office.send(10, "2026-07-10"))
    office.close("2026-07")
    before = journal(office, "2026-08")
    office.credit_and_issue("INV-2026-00001", on="2026-10-05")

    assert ids(office, "2026-07") == set()
    assert journal(office, "2026-08") == before != []
    assert ids(office, "2026-10") == {"CN-2026-00001"}
    assert {row["period"] for row in journal(office, "2026-10")} == {"", "2026-07"}
    rows = office.rows("revenue", "2026-10")
    assert [(row["period"], row["revenue"]) for row in rows] == [("2026-10", "-1.00")]


def test_a_void_document_is_taken_back_on_the_day_on_which_it_became_void(office: Office) -> None:
    office.invoicing(VOID)
    office.load(office.send(10, "2026-07-10"))
    office.close("2026-07")
    before = journal(office, "2026-08")
    office.run("invoice", "void", "INV-2026-00001", "--reason", "a test")
    # 23:30 UTC in August is September in Berlin.
    office.tamper(
        "update trail set happened_at = '2026-08-31 23:30:00+00' where action like '%void%'"
    )

    assert journal(office, "2026-08") == before
    back = journal(office, "2026-09")
    assert {(row["journal_id"], row["date"]) for row in back} == {
        ("INV-2026-00001/void", "2026-09-01")
    }
    sides = [(row["ledger_account"], row["credit"], row["debit"]) for row in back]
    assert sides == [(row["ledger_account"], row["debit"], row["credit"]) for row in before]


def test_a_month_without_documents_exports_what_there_is(office: Office) -> None:
    office.load(office.send(10, "2026-07-10"))
    office.close("2026-07")
    nothing = office.run("export", "journal", "2026-12", "--as", "csv")

    assert nothing.stdout.count("\n") == 1
    assert "nothing was booked in 2026-12" in nothing.stderr


# Whenever things happen


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Three invoices, one of which is void, two credit notes and two payments."""
    office = Office(tmp_path_factory.mktemp("busy") / "book")
    office.invoicing(VOID)
    office.load(office.send(100, "2026-07-10"), office.send(50, "2026-07-10", sender="2"))
    office.load(office.send(30, "2026-08-10"))
    office.close("2026-07")
    office.close("2026-08")
    office.run("payment", "add", "INV-2026-00001", "3.00", "--on", "2026-09-10")
    office.run("invoice", "write-off", "INV-2026-00001", "--reason", "x", "--on", "2026-09-11")
    for _ in range(2):
        office.credit_and_issue("INV-2026-00002", "--amount", "1.00", on="2026-09-12")
    office.run("invoice", "void", "INV-2026-00003", "--reason", "a test")
    return office


days = st.dates(date(2026, 7, 1), date(2026, 12, 31))


# An example opens the book ten times: one that fails is not made smaller.
@settings(
    max_examples=4,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(issued=st.lists(days, min_size=5, max_size=5), paid=days, voided=days)
def test_the_journals_of_all_months_have_each_document_and_payment_once(
    busy: Office, issued: list[date], paid: date, voided: date
) -> None:
    with duckdb.connect(str(busy.book.invoices_path)) as connection:
        numbers = connection.execute("select number from issued order by number").fetchall()
        for (number,), day in zip(numbers, issued, strict=True):
            connection.execute("update invoices set issue_date = ? where number = ?", [day, number])
        connection.execute("update payments set paid_on = ?", [paid])
        noon = datetime(voided.year, voided.month, voided.day, 12, tzinfo=UTC)
        connection.execute(
            "update trail set happened_at = ? where action = 'invoice.voided'", [noon]
        )
    found: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for month in MONTHS:
        rows = journal(busy, month)
        found.update({row["journal_id"] for row in rows})
        for row in rows:
            amount = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
            sums[row["ledger_account"]] += int(amount * 100)

    documents = {number for (number,) in numbers}
    assert set(found.values()) == {1}
    assert {name for name in found if "/" not in name} == documents
    assert {name for name in found if name.endswith("/void")} == {"INV-2026-00003/void"}
    assert len(found) == len(documents) + 1 + 2
    owed = busy.rows("receivables", "--as-of", "2026-12-31", name="totals")
    assert sums["Assets:Receivable"] == sum(int(Decimal(row["total"]) * 100) for row in owed)
    revenue = busy.rows("revenue")
    earned = sum(int(Decimal(row["revenue"]) * 100) for row in revenue)
    assert -sum(cents for name, cents in sums.items() if name.startswith("Income")) == earned
