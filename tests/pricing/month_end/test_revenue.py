"""Revenue by period, plan and more: each line once, corrections where they are issued."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from metering.errors import UsageError
from metering.period import Month
from metering.settings import Book
from pricing.document_reading import documents_counted_in
from pricing.month_end.revenue import By, revenue_of
from tests.documents.made import MADE, document, fee, line


def rows(documents: list[Any], *by: By, period: str | None = None) -> list[tuple[Any, ...]]:
    frame = revenue_of(documents, by, period=period)
    return [tuple(f"{v:.2f}" if isinstance(v, Decimal) else v for v in row) for row in frame.rows()]


PLATFORM = line("platform", [fee("10")], kind="fixed_fee")


def test_lines_add_up_by_period_and_plan() -> None:
    other = line("platform", [fee("5")], kind="fixed_fee", plan="starter")
    documents = [
        document([PLATFORM, other]),
        document([PLATFORM], period="2026-09", number=None, issue_date=None, state="draft"),
    ]

    assert rows(documents, "period", "plan") == [
        ("2026-09", "growth", "EUR", "10.00", "0.00", "10.00", "10.00"),
        ("2026-10", "growth", "EUR", "10.00", "0.00", "10.00", "0.00"),
        ("2026-10", "starter", "EUR", "5.00", "0.00", "5.00", "0.00"),
    ]


def test_a_correction_counts_in_the_period_of_the_document_that_it_is_on() -> None:
    late = line("late", [fee("3")], period="2026-08", is_correction=True)

    assert rows([document([PLATFORM, late])], "period") == [
        ("2026-10", "EUR", "10.00", "3.00", "13.00", "0.00")
    ]


def test_a_credit_note_of_a_person_counts_in_the_month_of_its_issue() -> None:
    note = MADE["credit note"].model_copy(update={"issue_date": date(2026, 12, 4)})

    assert rows([MADE["plain"], note], "period")[1] == (
        ("2026-12", "EUR", "0.00", "-11.31", "-11.31", "0.00")
    )


def test_the_months_that_are_compared_have_the_documents_that_are_their_revenue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note = MADE["credit note"].model_copy(update={"issue_date": date(2026, 12, 4)})
    later = document([PLATFORM], period="2026-12")
    everything = [MADE["plain"], note, later]
    monkeypatch.setattr("pricing.document_reading.documents_of", lambda _: everything)
    book, (october, december) = Book(Path()), (Month(2026, 10), Month(2026, 12))

    assert documents_counted_in(book, october, december) == [[MADE["plain"]], [note, later]]
    with pytest.raises(UsageError, match="2026-11 has no documents"):
        documents_counted_in(book, october, Month(2026, 11))


def test_amounts_of_a_credit_note_of_a_run_are_negative() -> None:
    note = document([PLATFORM], kind="credit_note")

    assert rows([note], "kind") == [("fixed_fee", "EUR", "-10.00", "0.00", "-10.00", "0.00")]


def test_what_nobody_has_to_pay_is_no_revenue() -> None:
    states = [document([PLATFORM], state=state) for state in ("void", "carried")]

    assert rows([*states, document([PLATFORM], purpose="test")], "period") == []


def test_currencies_are_never_added_up() -> None:
    found = rows([MADE["yen"], MADE["dinar"]], "period")

    assert [row[1] for row in found] == ["JPY", "KWD"]


def test_a_period_can_be_asked_for_alone() -> None:
    documents = [document([PLATFORM]), document([PLATFORM], period="2026-09")]

    assert [row[0] for row in rows(documents, "period", period="2026-09")] == ["2026-09"]


@pytest.mark.parametrize("name", MADE)
def test_revenue_is_net_of_tax(name: str) -> None:
    made = MADE[name]
    sign = -1 if made.kind == "credit_note" else 1
    found = revenue_of([made], ["period"])["revenue"].sum() or Decimal(0)

    assert found == sign * made.net
