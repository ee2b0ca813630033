"""A history that nobody rewrites: what was issued stays, and can be computed again."""

import json
from pathlib import Path

import pytest

from tests.pricing.life.office import Office, per_unit, plan

LATER = plan('name = "messages"\nmeter = "deliveries"\n' + per_unit("0.20"))


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """September and October, issued; October corrects September. There is more to be known."""
    office = Office(tmp_path_factory.mktemp("begun") / "book")
    office.load(office.send(10, "2026-09-10"), office.send(5, "2026-09-11", "2"))
    office.close("2026-09")
    office.load(office.send(2, "2026-09-12"), office.send(4, "2026-10-11"))
    office.close("2026-10")
    office.load(office.send(1, "2026-09-13"), office.send(1, "2026-10-13"))
    return office


@pytest.fixture
def told(begun: Office, tmp_path: Path) -> Office:
    return begun.copy(tmp_path / "told")


def test_documents_are_computed_again_whatever_came_after_them(told: Office) -> None:
    """Loads, other prices, documents of later months: the bytes are those that were issued."""
    before = told.contents()
    told.close("2026-11")
    told.write("plans/plain.toml", LATER)
    told.bill("2026-12")
    told.approve("2026-12")
    told.run("invoice", "reopen", "acme/2026-12/1", "--reason", "not yet")

    assert told.lines("acme/2026-11/1") == {"2026-09.messages": 10, "2026-10.messages": 10}
    names = ("acme/2026-09/1", "acme/2026-10/1", "acme/2026-11/1", "acme/2026-12/1")
    assert {name: told.verdict(name) for name in names} == dict.fromkeys(names, "same bytes")
    assert {name: told.contents()[name] for name in before} == before
    assert "0 problems" in told.run("verify").stderr


def test_a_month_as_of_a_load_is_what_was_billed_then(told: Office) -> None:
    told.close("2026-11")
    september = told.rows("bill", "2026-09", "--as-of", "1")
    october = told.rows("bill", "2026-10", "--as-of", "2")
    differences = told.rows("bill", "2026-10", "--as-of", "2", name="differences")
    right_after = told.rows("bill", "2026-11", "--dry-run", name="differences")
    now = told.rows("bill", "2026-10", "--as-of", "3", name="differences")

    assert [row["total"] for row in september] == ["1.00", "0.50"]
    assert [row["total"] for row in october] == ["0.60", "0.00"]
    assert (differences, right_after) == ([], [])
    assert [(row["account_id"], row["charge"], row["amount"]) for row in now] == [
        ("acme", "messages", "0.10")
    ]


def test_a_dry_run_says_how_a_month_differs_from_its_documents(told: Office) -> None:
    assert told.rows("bill", "2026-09", "--dry-run", name="differences")[0]["amount"] == "0.30"
    october = told.rows("bill", "2026-10", "--dry-run", name="differences")

    assert {(row["period"], row["amount"]) for row in october} == {
        ("2026-09", "0.10"),
        ("2026-10", "0.10"),
    }


def test_a_document_is_computed_again_though_a_draft_that_it_counted_on_is_another_now(
    office: Office,
) -> None:
    """November leaves to October what October's draft has; then that draft is written anew."""
    office.load(office.send(10, "2026-09-10"))
    office.close("2026-09")
    office.load(office.send(2, "2026-09-12"), office.send(4, "2026-10-11"))
    office.bill("2026-10")
    office.close("2026-11")
    office.load(office.send(5, "2026-09-13"), office.send(1, "2026-12-01"))
    office.bill("2026-10")

    assert office.lines("acme/2026-11/1") == {}
    assert office.lines("acme/2026-10/1")["2026-09.messages"] == 70
    assert office.verdict("acme/2026-11/1") == "same bytes"


def test_the_trail_says_who_did_what_and_why(office: Office) -> None:
    office.load(office.send(10, "2026-09-10"))
    office.bill("2026-09", "--by", "ann")
    office.run("invoice", "approve", "acme/2026-09/1", "--by", "ben", "--reason", "looks right")
    office.run("invoice", "reopen", "acme/2026-09/1", "--by", "cleo", "--reason", "it is not")
    office.write("plans/plain.toml", LATER)
    office.bill("2026-09", "--by", "ann")
    rows = office.rows("trail")

    assert [(row["actor"], row["action"], row["reason"]) for row in rows] == [
        ("ann", "catalog.changed", None),
        ("ann", "run.finished", None),
        ("ben", "invoice.approved", "looks right"),
        ("cleo", "invoice.reopened", "it is not"),
        ("ann", "catalog.changed", None),
        ("ann", "run.finished", None),
    ]
    assert json.loads(rows[4]["facts"])["files"] == ["plans/plain.toml"]
    assert rows[3]["previous_sha256"] == rows[2]["sha256"]


# tollbook verify


TAMPERED = {
    "an amount": "update invoices set total_minor = 1, due_minor = 1 where number is not null",
    "a line": "update lines set amount_minor = 1 where invoice_id = 'acme/2026-09/1'",
    "a detail": "update details set unit_price = 1 where line_id like 'acme/2026-09/1%'",
    "a tax": "update taxes set tax_minor = 1 where invoice_id = 'acme/2026-09/1'",
    "a line that is gone": "delete from lines where invoice_id = 'acme/2026-09/1'",
    "a state": "update invoices set state = 'draft' where invoice_id = 'acme/2026-09/1'",
    "a state of void": "update invoices set state = 'void' where invoice_id = 'acme/2026-09/1'",
    "a content": "update issued set content = 'x' where invoice_id = 'acme/2026-09/1'",
    "a content and its hash": "update issued set content = (select content from issued"
    " where sequence = 2), sha256 = (select sha256 from issued where sequence = 2)"
    " where sequence = 1",
    "a gap": "delete from issued where sequence = 1; delete from invoices"
    " where invoice_id = 'acme/2026-09/1'",
    "the last number": "delete from issued where sequence = 2; delete from invoices"
    " where invoice_id = 'bistro/2026-09/1'",
    "a row of the trail": "delete from trail where sequence = 3",
    "a word of the trail": "update trail set actor = 'eve' where sequence = 2",
    "a document that nobody issued": "insert into issued select 'x/2026-09/1', 'INV-2026-00003',"
    " series, year, 3, issued_at, sha256, content from issued where sequence = 2",
}


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """September, issued; for tests that change a copy of its documents."""
    office = Office(tmp_path_factory.mktemp("issued") / "book")
    office.write("accounts.csv", "account_id,name,country\nacme,Acme,DE\nbistro,Bistro,DE\n")
    office.write("taxes.csv", "treatment,rate_ratio,name,country\nstandard,0.2,VAT,DE\n")
    office.load(office.send(10, "2026-09-10"), office.send(5, "2026-09-11", "2"))
    office.close("2026-09")
    return office


def test_nothing_is_wrong_with_what_nobody_touched(issued: Office) -> None:
    result = issued.run("verify", "--format", "json")

    assert json.loads(result.stdout)["rows"] == []


@pytest.mark.parametrize("what", TAMPERED)
def test_what_is_changed_behind_the_back_of_the_product_is_found(
    issued: Office, tmp_path: Path, what: str
) -> None:
    office = issued.copy(tmp_path / "copy")
    for statement in TAMPERED[what].split("; "):
        office.tamper(statement)

    assert office.rows("verify", exit_code=4), what
