"""The journal of documents and payments: every entry balances, and beancount reads it."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core import data
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from metering.errors import BookError, SumsDisagreeError
from metering.settings import Book
from pricing.document import Document
from pricing.documents.journal import (
    Entry,
    Payment,
    Posting,
    beancount_of,
    csv_of,
    entries_of,
    opened_accounts,
)
from pricing.documents.ledger_accounts import LedgerAccounts, ledger_accounts
from pricing.starter import init_book
from tests.documents.made import MADE, detail, document, fee, line
from tollbook import main

TOGETHER = [
    made.model_copy(update={"number": None if made.number is None else f"INV-{place:05}"})
    for place, made in enumerate(MADE.values())
]
PAYMENTS = [
    Payment(date(2026, 11, 20), "acct-1", Decimal("100.00"), "EUR", "payment", "SEPA 1", "INV-1"),
    Payment(date(2026, 11, 20), "acct-1", Decimal("100.00"), "EUR", "payment", "SEPA 1", "INV-1"),
    Payment(date(2026, 11, 21), "acct-1", Decimal("5.00"), "EUR", "refund", "twice paid"),
    Payment(date(2026, 12, 31), "acct-2", Decimal("7.00"), "KWD", "write_off", "insolvent"),
]


def of_document(made: Document) -> dict[str, Decimal]:
    """What each account of the ledger gets."""
    (entry,) = entries_of([made])
    found: dict[str, Decimal] = {}
    for posting in entry.postings:
        found[posting.ledger_account] = (
            found.get(posting.ledger_account, Decimal(0)) + posting.amount
        )
    return found


def read(entries: Sequence[Entry]) -> list[Any]:
    """Read what is written for beancount; it must have no complaint."""
    found, errors, _ = loader.load_string(opened_accounts(entries) + beancount_of(entries))
    assert not errors, errors
    return [entry for entry in found if isinstance(entry, data.Transaction)]


def test_an_invoice_is_owed_by_its_account_and_earned_by_its_lines() -> None:
    made = MADE["credits used"]
    (tax,) = made.taxes or ()

    assert of_document(made) == {
        "Assets:Receivable": made.due,
        "Liabilities:Prepaid-Credits": Decimal("112.34"),
        "Income:Usage": -(made.lines[0].amount + made.lines[1].amount),
        "Income:Fees": -made.lines[2].amount,
        "Liabilities:Tax": -tax.tax,
    }


def test_a_credit_note_is_an_entry_with_the_sign_turned() -> None:
    assert of_document(MADE["credit note"]) == {
        "Assets:Receivable": Decimal("-13.46"),
        "Income:Credit-Notes": Decimal("11.31"),
        "Liabilities:Tax": Decimal("2.15"),
    }


def test_all_lines_of_a_credit_note_that_a_person_made_are_credited() -> None:
    one = line("marketing", [detail("100", "0.1131")], is_correction=True)
    by_hand, by_run = (
        document([one], kind="credit_note", reason=reason) for reason in ("an outage", None)
    )

    assert of_document(by_hand)["Income:Credit-Notes"] == Decimal("11.31")
    assert of_document(by_run)["Income:Usage"] == Decimal("11.31")


def test_each_line_is_a_posting_of_its_own_that_names_it() -> None:
    made = MADE["many kinds"]
    (entry,) = entries_of([made])
    named = {p.line_id: (p.amount, p.period) for p in entry.postings if p.line_id}

    assert named == {one.line_id: (-one.amount, one.period) for one in made.lines}


def test_what_is_not_owed_has_no_entry() -> None:
    one = [line("x", [fee("1")])]
    documents = [
        document(one, state="void"),
        document(one, state="carried", number=None, issue_date=None),
        document(one, purpose="internal"),
        MADE["draft"],
        MADE["nothing"],
    ]

    assert entries_of(documents) == []


def test_a_draft_is_pending_on_the_last_day_of_its_month() -> None:
    (entry,) = entries_of([MADE["draft"]], drafts="pending")

    assert (entry.flag, entry.date) == ("!", date(2026, 10, 31))
    assert entry.journal_id == "acct-1/2026-10/1"


def test_every_journal_balances_by_currency_and_reads_as_it_was_written() -> None:
    entries = entries_of(TOGETHER, PAYMENTS, drafts="pending")
    sums: dict[str, Decimal] = {}
    for entry in entries:
        for posting in entry.postings:
            sums[entry.currency] = sums.get(entry.currency, Decimal(0)) + posting.amount
    assert set(sums) == {"EUR", "JPY", "KWD"}
    assert not any(sums.values())

    transactions = {one.meta["journal-id"]: one for one in read(entries)}
    assert [*transactions] == [entry.journal_id for entry in entries]
    for entry in entries:
        found = transactions[entry.journal_id].postings
        assert [(p.account, p.units.number, p.units.currency) for p in found] == [
            (p.ledger_account, p.amount, entry.currency) for p in entry.postings
        ]


@pytest.mark.parametrize(
    ("kind", "debit", "credit"),
    [
        ("payment", "Assets:Bank", "Assets:Receivable"),
        ("refund", "Assets:Receivable", "Assets:Bank"),
        ("write_off", "Expenses:Bad-Debt", "Assets:Receivable"),
    ],
)
def test_money_that_comes_or_goes(kind: Any, debit: str, credit: str) -> None:
    payment = Payment(date(2026, 11, 20), "acct-1", Decimal("9.50"), "EUR", kind, "R1", "INV-7")
    (entry,) = entries_of([], [payment])

    assert entry.postings == (Posting(debit, Decimal("9.50")), Posting(credit, Decimal("-9.50")))
    assert entry.journal_id == f"{kind}/INV-7/2026-11-20/R1/9.50/EUR"


def test_what_is_exported_again_has_the_same_ids_and_two_equal_payments_have_two() -> None:
    first, again = (entries_of(TOGETHER, PAYMENTS) for _ in range(2))

    assert first == again
    ids = [entry.journal_id for entry in first if entry.journal_id.startswith("payment")]
    assert ids[1] == f"{ids[0]}#2"


def test_a_document_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(SumsDisagreeError, match="does not balance"):
        entries_of([MADE["taxed"].model_copy(update={"due": Decimal("1.00")})])


def test_the_rows_of_the_csv_have_debits_that_are_credits() -> None:
    entries = entries_of(TOGETHER, PAYMENTS, drafts="pending")
    rows = list(csv.DictReader(io.StringIO("".join(csv_of(entries)), newline="")))
    sides: dict[str, list[Decimal]] = {}
    for row in rows:
        assert (row["debit"] == "") != (row["credit"] == "")
        debit, credit = (Decimal(row[side] or 0) for side in ("debit", "credit"))
        sides.setdefault(row["journal_id"], []).append(debit - credit)

    assert len(sides) == len(entries)
    assert not any(map(sum, sides.values()))


@given(name=st.text(min_size=1), charge=st.text(min_size=1))
def test_any_name_can_be_written(name: str, charge: str) -> None:
    cells = [detail("10", "0.5")]
    made = document([line(charge, cells, plan=name, line_id=f"x#{charge}")])
    buyer = made.buyer.model_copy(update={"name": name})
    entries = entries_of([made.model_copy(update={"buyer": buyer})])

    (found,) = read(entries)
    assert len(found.postings) == 2


def test_a_book_names_its_own_accounts(tmp_path: Path) -> None:
    book = Book(tmp_path)
    assert ledger_accounts(book) == LedgerAccounts()

    (tmp_path / "ledger.toml").write_text(
        'receivable = "Assets:1400"\n[revenue]\nusage = "Income:8400-Messages"\n'
    )
    entries = entries_of([MADE["plain"]], accounts=ledger_accounts(book))

    used = {posting.ledger_account for posting in entries[0].postings}
    assert used == {"Assets:1400", "Income:8400-Messages", "Income:Fees"}


def test_an_account_that_no_ledger_takes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.toml").write_text('bank = "My bank"\nbanks = 2\n')

    with pytest.raises(BookError) as raised:
        ledger_accounts(Book(tmp_path))
    assert [problem.where for problem in raised.value.problems] == [
        "ledger.toml bank",
        "ledger.toml banks",
    ]


def test_a_check_of_a_book_reads_its_ledger_accounts(tmp_path: Path) -> None:
    init_book(tmp_path / "book")
    (tmp_path / "book" / "ledger.toml").write_text('bank = "My bank"\n')
    checked = CliRunner().invoke(main, ["check", "--book", str(tmp_path / "book")])

    assert checked.exit_code == 2
    assert "ledger.toml bank\n  'My bank' is no account of a ledger" in checked.stdout
