"""Prepaid credits of documents that are credited or void: they come back, and are never money."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.period import Month
from pricing.credit import Credit
from pricing.ledger import CREDIT_LEDGER, MAY_RESTORE, MOVES, RESTORED, pay
from pricing.state import STATE
from tests.pricing.life.office import Office

HEAD = "credit_id,account_id,kind,amount,effective_from\n"
GIFT = HEAD + "gift,acme,granted,5.00,2026-07-01\n"
VOID = "may_void = true\n"


@pytest.fixture
def paid_by_gift(office: Office) -> Office:
    """An invoice of 11.00 for July, of which a gift of 5.00 paid a part; 6.00 is due."""
    office.write("credits.csv", GIFT)
    office.load(office.send(110, "2026-07-10"))
    office.close("2026-07")
    return office


def moved(office: Office, month: str, credit_id: str = "gift") -> dict[str, str]:
    """What moved a credit in a month; what did not is left out."""
    rows = office.rows("credits", month)
    found = [row for row in rows if row["credit_id"] == credit_id]
    return {move: found[0][move] for move in MOVES if Decimal(found[0][move])} if found else {}


def balance(office: Office, number: str = "INV-2026-00001") -> dict[str, Any]:
    rows = office.rows("receivables", "--by", "document")
    found = [row for row in rows if row["number"] == number]
    return {name: found[0][name] for name in ("due", "credited", "paid", "open")} if found else {}


def of_document(office: Office, name: str) -> tuple[Any, ...]:
    document = office.document(name)
    return document["total"], document["credits"], document["due"]


def test_a_whole_credit_note_gives_a_gift_back_and_no_money(paid_by_gift: Office) -> None:
    note = paid_by_gift.credit_and_issue("INV-2026-00001", on="2026-08-05")
    before = paid_by_gift.run("credits").stdout
    refund = ("payment", "add", "INV-2026-00001", "5.00", "--kind", "refund", "--on", "2026-08-06")
    refused = paid_by_gift.run(*refund, exit_code=2)
    statement = paid_by_gift.rows("statement", "acme")
    paid_by_gift.close("2026-08")

    gift = [{"credit_id": "gift", "amount": "5.00"}]
    assert of_document(paid_by_gift, note) == ("11.00", gift, "6.00")
    assert "gift of acme gets 5.00 EUR back in the next month" in " ".join(before.split())
    assert "back in the next month" not in " ".join(paid_by_gift.run("credits").stdout.split())
    assert "cannot be paid back" in refused.stderr
    assert balance(paid_by_gift) == {}
    assert [row["balance"] for row in statement] == ["0.00", "6.00", "0.00", "0.00"]
    assert moved(paid_by_gift, "2026-08") == {"restored": "5.00", "closing": "5.00"}


def test_what_is_open_is_credited_first_then_what_credits_paid_then_money(
    paid_by_gift: Office,
) -> None:
    paid_by_gift.run("payment", "add", "INV-2026-00001", "2.00", "--on", "2026-08-04")
    notes = [
        paid_by_gift.credit_and_issue("INV-2026-00001", *given, on="2026-08-05")
        for given in (("--amount", "3.00"), ("--amount", "4.00"), ())
    ]
    credited = [of_document(paid_by_gift, note)[1:] for note in notes]
    refund = ("payment", "add", "INV-2026-00001", "--kind", "refund", "--on", "2026-08-06")

    def back(amount: str) -> list[dict[str, str]]:
        return [{"credit_id": "gift", "amount": amount}]

    assert credited == [([], "3.00"), (back("3.00"), "1.00"), (back("2.00"), "2.00")]
    assert balance(paid_by_gift)["open"] == "-2.00"
    paid_by_gift.run(*refund, "2.01", exit_code=2)
    paid_by_gift.run(*refund, "2.00")


def test_the_credit_that_paid_last_gets_back_first(office: Office) -> None:
    office.write("credits.csv", GIFT + "top-up,acme,bought,4.00,2026-07-01\n")
    office.load(office.send(110, "2026-07-10"))
    office.close("2026-07")
    note = office.credit_and_issue("INV-2026-00001", "--amount", "7.00", on="2026-08-05")

    back = [
        {"credit_id": "top-up", "amount": "4.00"},
        {"credit_id": "gift", "amount": "1.00"},
    ]
    assert of_document(office, note) == ("7.00", back, "2.00")


def test_a_draft_gives_nothing_back_and_neither_does_one_that_is_discarded(
    paid_by_gift: Office,
) -> None:
    note = paid_by_gift.credit("INV-2026-00001")
    paid_by_gift.bill("2026-08")
    drafted = moved(paid_by_gift, "2026-08")
    paid_by_gift.run("invoice", "discard", note, "--reason", "wrong")
    left = paid_by_gift.query("select count(*) from credits_used where amount_minor < 0")

    assert drafted == {}
    assert left == [(0,)]


def test_a_void_invoice_gives_back_what_credits_paid(office: Office) -> None:
    office.invoicing(VOID)
    office.write("credits.csv", GIFT.replace("5.00", "50.00"))
    office.load(office.send(110, "2026-07-10"), office.send(10, "2026-08-10"))
    office.close("2026-07")
    office.run("invoice", "void", "INV-2026-00001", "--reason", "a test")
    office.close("2026-08")
    august = moved(office, "2026-08")
    office.bill("2026-07")
    office.approve("2026-07")
    office.issue("2026-07", on="2026-09-04")
    office.bill("2026-09")

    assert august == {"opening": "39.00", "restored": "11.00", "used": "1.00", "closing": "49.00"}
    # July was billed again after August was issued: what it uses is taken off in the next month.
    assert moved(office, "2026-09") == {
        "opening": "49.00",
        "restored": "-11.00",
        "closing": "38.00",
    }
    assert office.verdict("acme/2026-08/1") == "same bytes"


def test_a_void_month_that_is_billed_again_at_once_uses_its_credits_once(office: Office) -> None:
    office.invoicing(VOID)
    office.write("credits.csv", GIFT.replace("5.00", "50.00"))
    office.load(office.send(110, "2026-07-10"))
    office.close("2026-07")
    office.run("invoice", "void", "INV-2026-00001", "--reason", "a test")
    office.close("2026-07")
    office.bill("2026-08")

    assert moved(office, "2026-07") == {"added": "50.00", "used": "11.00", "closing": "39.00"}
    assert moved(office, "2026-08") == {"opening": "39.00", "closing": "39.00"}


def test_a_credit_note_of_a_run_gives_back_what_credits_paid_first(office: Office) -> None:
    office.write("credits.csv", GIFT)
    office.load(office.send(110, "2026-07-10"))
    office.close("2026-07")
    office.write("senders.csv", "sender_id,account_id\n1,bistro\n2,acme\n")
    office.close("2026-08")

    note = office.document("acme/2026-08/1")
    assert (note["kind"], note["total"], note["due"]) == ("credit_note", "11.00", "6.00")
    assert note["credits"] == [{"credit_id": "gift", "amount": "5.00"}]
    assert moved(office, "2026-08") == {"restored": "5.00", "closing": "5.00"}
    assert office.verdict("acme/2026-08/1") == "same bytes"


def test_the_journal_owes_a_credit_again_that_comes_back(paid_by_gift: Office) -> None:
    paid_by_gift.credit_and_issue("INV-2026-00001", on="2026-08-05")
    text = paid_by_gift.run("export", "journal", "2026-08").stdout

    note = text.partition('"Credit note')[2]
    assert "Assets:Receivable  -6.00 EUR" in note
    assert "Liabilities:Prepaid-Credits  -5.00 EUR" in note


PAYS_FOR = "account_id,name,payer_id\nacme,Acme,\nbistro,Bistro,acme\n"
OF_BISTRO = HEAD + "cb,bistro,bought,{},2026-07-01\n"
TAXES = "country,tax_category,treatment,rate_ratio,name,legal_note\n,,standard,0.19,VAT,\n"


@pytest.mark.parametrize(
    ("amount", "used", "due"), [("3.00", "3.00", "6.52"), ("9.00", "5.95", "3.57")]
)
def test_a_credit_of_an_account_that_another_pays_for_pays_its_own_lines(
    office: Office, amount: str, used: str, due: str
) -> None:
    office.write("accounts.csv", PAYS_FOR)
    office.write("taxes.csv", TAXES)
    office.write("credits.csv", OF_BISTRO.format(amount))
    office.load(office.send(30, "2026-07-10"), office.send(50, "2026-07-10", sender="2"))
    office.close("2026-07")

    document = office.document("acme/2026-07/1")
    assert (document["total"], document["due"]) == ("9.52", due)
    assert document["credits"] == [{"credit_id": "cb", "amount": used}]
    assert moved(office, "2026-07", "cb")["used"] == used
    assert office.verdict("acme/2026-07/1") == "same bytes"


def test_credits_of_who_is_paid_for_come_before_those_of_the_payer(office: Office) -> None:
    office.write("accounts.csv", PAYS_FOR)
    office.write("credits.csv", OF_BISTRO.format("9.00") + "ca,acme,granted,9.00,2026-07-01\n")
    office.load(office.send(30, "2026-07-10"), office.send(50, "2026-07-10", sender="2"))
    office.bill("2026-07", "--account", "acme")
    alone = office.rows("credits", "2026-07")
    office.close("2026-07")

    document = office.document("acme/2026-07/1")
    assert [tuple(one.values()) for one in document["credits"]] == [("cb", "5.00"), ("ca", "3.00")]
    assert office.rows("credits", "2026-07") == alone
    office.bill("2026-08")
    assert moved(office, "2026-08", "cb") == {"opening": "4.00", "closing": "4.00"}


# The ledger, whatever comes back

AUGUST = Month(2026, 8)
cents = st.integers(0, 300)
TOTALS = {"account_id": pl.String(), "invoice_id": pl.String(), "total_minor": pl.Int64()}


@given(
    total=st.integers(-400, 400),
    opening=st.lists(cents, min_size=3, max_size=3),
    restored=st.lists(st.integers(-300, 300), min_size=3, max_size=3),
    paid=st.lists(cents, min_size=3, max_size=3),
)
def test_the_ledger_balances_whatever_comes_back(
    total: int, opening: list[int], restored: list[int], paid: list[int]
) -> None:
    names = [f"c{number}" for number in range(3)]
    state = [
        ("acme", kind, name, Decimal(minor).scaleb(-2))
        for kind, values in (("credit", opening), (RESTORED, restored), (MAY_RESTORE, paid))
        for name, minor in zip(names, values, strict=True)
    ]
    state += [("acme", "credit_entered", name, Decimal(9)) for name in names]
    row = {"account_id": "acme", "kind": "granted", "amount": "9", "effective_from": "2026-07-01"}
    rows = [Credit.model_validate({**row, "credit_id": name, "line": 2}) for name in names]
    totals = pl.DataFrame([("acme", "acme/2026-08/1", total)], TOTALS, orient="row")
    found = pay(
        AUGUST,
        rows,
        {"acme": "EUR"},
        totals=totals,
        opening=pl.DataFrame(state, STATE, orient="row"),
    )

    assert found.ledger.schema == CREDIT_LEDGER
    amounts = found.used["amount_minor"].to_list()
    there = [max(one + back, 0) for one, back in zip(opening, restored, strict=True)]
    # A credit note gives back what credits paid, and an invoice takes what they hold, first.
    least, most = (-min(-total, sum(paid)), 0) if total < 0 else (0, min(total, sum(there)))
    assert sum(amounts) == (least if total < 0 else most)
    taken = dict(found.used.select("credit_id", "amount_minor").rows())
    left = dict(found.ledger.select("credit_id", "closing_minor").rows())
    for name, before in zip(names, there, strict=True):
        assert left.get(name, 0) == before - taken.get(name, 0) >= 0
