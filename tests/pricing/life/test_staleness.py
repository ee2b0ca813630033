"""Documents that correct a month are issued only while what they took off is what was invoiced."""

import pytest

from tests.pricing.life.office import Office
from tests.pricing.life.test_corrections import dollars_from_october


def test_late_usage_is_charged_once_when_an_earlier_month_is_billed_after_a_later_one(
    office: Office,
) -> None:
    office.load(office.send(10, "2026-08-10"), office.send(5, "2026-09-10"))
    office.close("2026-08")
    office.bill("2026-09")
    office.bill("2026-10")
    office.load(office.send(1, "2026-08-11"))
    office.bill("2026-10")
    said = office.run("bill", "2026-09").stderr

    assert office.lines("acme/2026-09/1")["2026-08.messages"] == 10
    assert office.lines("acme/2026-10/1")["2026-08.messages"] == 10
    assert (
        "1 document is out of date by it, like acme/2026-10/1: bill 2026-10 again, in this order"
        in said
    )
    assert office.approve("acme/2026-10/1", exit_code=3) == {"acme/2026-10/1": "skipped"}
    assert office.approve("acme/2026-09/1") == {"acme/2026-09/1": "approved"}
    office.issue("acme/2026-09/1", on="2026-11-03")
    office.bill("2026-10")
    assert office.lines("acme/2026-10/1") == {}


def test_an_earlier_month_takes_off_what_is_approved_of_a_later_one(office: Office) -> None:
    """Only one of two drafts with the same correction can be approved, whichever is first."""
    office.load(office.send(10, "2026-08-10"), office.send(5, "2026-09-10"))
    office.close("2026-08")
    office.bill("2026-09")
    office.load(office.send(1, "2026-08-11"))
    office.bill("2026-10")
    office.approve("acme/2026-10/1")
    office.bill("2026-09")

    assert "2026-08.messages" not in office.lines("acme/2026-09/1")
    assert office.approve("acme/2026-09/1") == {"acme/2026-09/1": "approved"}
    assert office.issue("acme/2026-09/1", "acme/2026-10/1", on="2026-11-03") == {
        "acme/2026-09/1": "INV-2026-00002",
        "acme/2026-10/1": "INV-2026-00003",
    }


def test_what_corrects_a_month_that_is_void_by_now_is_not_approved(office: Office) -> None:
    office.invoicing("may_void = true\n")
    office.load(office.send(10, "2026-09-10"))
    office.close("2026-09")
    office.load(office.send(1, "2026-09-11"), office.send(1, "2026-10-11"))
    office.bill("2026-10")
    said = office.run("invoice", "void", "INV-2026-00001", "--reason", "wrong").stderr
    before = office.approve("2026-10", exit_code=3)
    office.bill("2026-09")
    after = office.approve("2026-10", exit_code=3)
    office.bill("2026-10")

    assert "1 document is out of date by it, like acme/2026-10/1: bill 2026-10 again" in said
    assert before["acme/2026-10/1"] == after["acme/2026-10/1"] == "skipped"
    assert office.lines("acme/2026-09/2") == {"messages": 110}
    assert office.lines("acme/2026-10/1") == {"messages": 10}


def test_months_that_were_computed_on_each_other_are_issued_in_one_call(office: Office) -> None:
    """October went by the draft of September: issued together, neither makes the other stale."""
    office.load(office.send(10, "2026-08-10"), office.send(5, "2026-09-10"))
    office.close("2026-08")
    office.load(office.send(1, "2026-08-11"))
    office.bill("2026-09")
    office.load(office.send(2, "2026-08-12"), office.send(1, "2026-10-12"))
    office.bill("2026-10")
    office.approve("2026-10")
    office.approve("2026-09")

    assert office.lines("acme/2026-09/1")["2026-08.messages"] == 10
    assert office.lines("acme/2026-10/1")["2026-08.messages"] == 20
    alone = office.rows(
        *("invoice", "issue", "acme/2026-10/1", "--date", "2026-11-03"), exit_code=3
    )
    assert alone[0]["why"].startswith("goes by acme/2026-09/1, not issued yet")
    assert office.issue("acme/2026-09/1", "acme/2026-10/1", on="2026-11-03") == {
        "acme/2026-09/1": "INV-2026-00002",
        "acme/2026-10/1": "INV-2026-00003",
    }


def test_who_is_not_concerned_is_approved(office: Office) -> None:
    office.load(office.send(10, "2026-08-10"), office.send(10, "2026-08-10", "2"))
    office.close("2026-08")
    office.load(office.send(1, "2026-08-11"), office.send(1, "2026-08-11", "2"))
    office.bill("2026-09")
    note_id = office.credit("acme/2026-08/1", "--bill-again")

    assert note_id == "acme/2026-08/2"
    assert office.approve("2026-09", exit_code=3) == {
        "acme/2026-09/1": "skipped",
        "bistro/2026-09/1": "approved",
    }


def test_a_correction_on_a_document_of_its_own_goes_stale_as_any_other(office: Office) -> None:
    dollars_from_october(office)
    office.load(office.send(10, "2026-09-10"), office.send(5, "2026-10-10"))
    office.close("2026-09")
    office.bill("2026-10")
    office.bill("2026-11")
    office.load(office.send(1, "2026-09-11"), office.send(1, "2026-11-11"))
    office.bill("2026-11")
    office.bill("2026-10")

    assert office.lines("acme/2026-10/2") == office.lines("acme/2026-11/2")
    assert office.approve("acme/2026-11/2", exit_code=3) == {"acme/2026-11/2": "skipped"}
    assert office.approve("acme/2026-10/2") == {"acme/2026-10/2": "approved"}
    office.issue("acme/2026-10/2", on="2026-12-03")
    assert office.approve("acme/2026-11/2", exit_code=3) == {"acme/2026-11/2": "skipped"}


@pytest.mark.parametrize("own", [("bistro", ""), ("", "acme")])
def test_a_payer_who_changes_while_a_month_is_billed_makes_nobody_pay_twice(
    office: Office, own: tuple[str, str]
) -> None:
    """One document is approved with usage of both; then each pays for itself."""
    accounts = "account_id,name,payer_id\nacme,Acme,{}\nbistro,Bistro,{}\n"
    office.write("accounts.csv", accounts.format(*own))
    office.load(office.send(10, "2026-09-10"), office.send(3, "2026-09-11", "2"))
    office.bill("2026-09")
    (there,) = office.approve("2026-09")
    office.write("accounts.csv", accounts.format("", ""))
    office.bill("2026-09")
    (left,) = office.rows("invoice", "approve", "2026-09", exit_code=3)

    assert left["outcome"] == "skipped"
    assert f"has usage that is on {there}, too" in left["why"]
    office.run("invoice", "reopen", there, "--reason", "each pays for itself")
    office.close("2026-09")
    assert sorted(total for *_, total in office.documents().values()) == [30, 100]
