"""Deliveries as usage, documents and price cells count them, and why they differ."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from metering.period import Month
from pricing.document import Document
from pricing.month_end.reconciliation import Inputs, Reconciled, reconcile
from tests.documents.made import detail, document, line

OCTOBER = Month(2026, 10)
NOW = Inputs(frozenset({1, 2}), "a")


def coverage(billed: int, free: Mapping[str, int], **left: int) -> dict[str, Any]:
    counts = {"in_conversation": 0, "uncovered": 0, "unknown": 0, "removed": 0, **left}
    total = billed + sum(free.values()) + sum(counts.values())
    component = {"plan": "growth", "component": "network", "deliveries": str(total)}
    texts = {name: str(count) for name, count in {"billed": billed, **counts}.items()}
    made_free = {reason: str(count) for reason, count in free.items()}
    head = {"deliveries": str(total), "no_plan": "0", "removed": "0"}
    return {**head, "components": [{**component, **texts, "free": made_free}]}


def invoice(account_id: str = "acct-1", **changes: Any) -> Document:
    """60 billed and 40 free by an allowance; 5 free since no charge takes them, 3 removed."""
    cells = [detail("60", "0.10"), detail("40", "0")]
    given = {
        "account_id": account_id,
        "invoice_id": f"{account_id}/2026-10/1",
        "coverage": coverage(60, {"allowance": 40, "uncovered": 5}, removed=3),
    }
    lines = changes.pop("lines", [line("marketing", cells, account_id=account_id)])
    return document(lines, **{**given, **changes})


def one(
    usage: Mapping[str | None, int],
    *documents: Document,
    payers: Mapping[str, str] | None = None,
    made_of: Inputs = NOW,
) -> Reconciled:
    found = reconcile(
        OCTOBER,
        {name: Decimal(count) for name, count in usage.items()},
        documents,
        payers or {},
        made_of={document.invoice_id: made_of for document in documents},
        now=NOW,
    )
    assert len(found) == 1
    return found[0]


def test_counts_that_agree_need_no_reason() -> None:
    found = one({"acct-1": 108}, invoice())

    counts = {"usage": 108, "documented": 108, "priced": 100, "detailed": 100}
    assert {name: getattr(found, name) for name in counts} == counts
    assert found.agrees


def test_a_difference_without_a_reason_is_not_explained() -> None:
    found = one({"acct-1": 109}, invoice())

    assert found.usage_difference == Decimal(1)
    assert not found.reasons
    assert not found.is_explained


def test_a_load_after_the_bill_explains_a_difference() -> None:
    found = one({"acct-1": 109}, invoice(), made_of=Inputs(frozenset({1}), "a"))

    assert found.reasons == ("loaded since it was billed: 2",)
    assert found.is_explained


def test_files_that_changed_since_explain_a_difference() -> None:
    found = one({"acct-1": 109}, invoice(), made_of=Inputs(NOW.load_ids, "b"))

    assert found.reasons == ("the files of the book have changed since it was billed",)


def test_a_change_that_is_on_a_later_document_is_named() -> None:
    correction = line("marketing", [detail("1", "0.10")], is_correction=True)
    later = document([correction], period="2026-11", number="INV-9", coverage={})
    found = one({"acct-1": 109}, invoice(), later)

    assert found.reasons == ("the difference is on INV-9",)


def test_nothing_explains_cells_that_do_not_hold_what_the_coverage_says() -> None:
    cells = [line("marketing", [detail("59", "0.10"), detail("40", "0")])]
    found = one({"acct-1": 108}, invoice(lines=cells), made_of=Inputs(frozenset(), "b"))

    assert not found.usage_difference
    assert found.detail_difference == Decimal(1)
    assert not found.is_explained


def test_corrections_of_other_months_are_in_no_count_of_this_one() -> None:
    cells = [detail("60", "0.10"), detail("40", "0")]
    older = line("marketing", [detail("7", "0.10")], period="2026-09", is_correction=True)

    assert one({"acct-1": 108}, invoice(lines=[line("marketing", cells), older])).agrees


def test_cells_of_an_unknown_price_agree_with_themselves() -> None:
    cells = [line("marketing", [detail("60", "0.10"), detail("40", "0"), detail("2", None)])]
    known = coverage(60, {"allowance": 40}, unknown=2)

    assert one({"acct-1": 102}, invoice(lines=cells, coverage=known)).agrees


def test_what_no_account_owns_is_said() -> None:
    found = one({None: 7})

    assert found.reasons == ("no account owns these senders: see senders.csv",)
    assert found.is_explained


def test_an_account_without_a_document_is_not_explained() -> None:
    found = reconcile(
        OCTOBER,
        {"acct-1": Decimal(108), "acct-2": Decimal(4)},
        [invoice()],
        {},
        made_of={"acct-1/2026-10/1": NOW},
        now=NOW,
    )

    assert [(row.account_id, row.is_explained) for row in found] == [
        ("acct-1", True),
        ("acct-2", False),
    ]


def test_the_usage_of_an_account_is_that_of_who_pays_for_it() -> None:
    found = one({"acct-1": 100, "acct-2": 8}, invoice(), payers={"acct-2": "acct-1"})

    assert found.agrees


def test_void_documents_and_credit_notes_of_people_count_nothing() -> None:
    others = [invoice(state="void"), invoice(coverage={}, kind="credit_note")]

    assert one({"acct-1": 108}, invoice(), *others).agrees
