"""Credit notes that people write, and what is billed again."""

import polars as pl
import pytest

from metering.errors import UsageError
from pricing.life.credit_note import line_named
from tests.pricing.life.office import Office, plan

FEES = plan(
    tail='[[version.fixed_fee]]\nname = "fee"\namount = 5.00\n'
    '[[version.discount]]\nname = "rebate"\nratio = 0.2\n'
)


def billed(office: Office, account: str = "acme") -> dict[str, int]:
    """What issued documents say of each charge of each month, in cents."""
    rows = office.query(
        "select lines.period || ' ' || charge, sum(amount_minor)::bigint from lines"
        " join invoices using (invoice_id) where state = 'issued'"
        f" and invoices.account_id = '{account}' group by all order by all"
    )
    return {name: cents for name, cents in rows if cents}


def test_what_is_credited_stays_credited_when_later_months_are_billed(office: Office) -> None:
    office.load(office.send(10, "2026-09-10"))
    number = office.close("2026-09")["acme/2026-09/1"]
    note = office.document(office.credit_and_issue(number, "--amount", "0.30"))
    office.load(office.send(1, "2026-09-11"))
    office.close("2026-10")

    assert (note["kind"], note["total"], note["reason"]) == ("credit_note", "0.30", "a complaint")
    assert note["corrects"] == [{"number": number, "issue_date": "2026-10-03"}]
    assert office.lines("acme/2026-10/1") == {"2026-09.messages": 10}


def test_what_is_billed_again_is_charged_once_more_though_nothing_else_has_changed(
    office: Office,
) -> None:
    office.load(office.send(10, "2026-09-10"))
    number = office.close("2026-09")["acme/2026-09/1"]
    office.credit_and_issue(number, "--amount", "0.30", "--bill-again", on="2026-10-04")
    office.close("2026-10")
    after_one = billed(office)
    office.credit_and_issue(number, "--bill-again", on="2026-11-20")
    office.close("2026-11")

    assert after_one == {"2026-09 messages": 100}
    assert office.lines("acme/2026-10/1") == {"2026-09.messages": 30}
    assert office.lines("acme/2026-11/1") == {"2026-09.messages": 70}
    assert billed(office) == {"2026-09 messages": 100}


def test_a_credit_note_is_computed_again_from_what_was_asked_of_its_invoice(office: Office) -> None:
    """Also when another was written after it, or has the name of one that was discarded."""
    office.write("plans/plain.toml", FEES)
    office.load(office.send(10, "2026-09-10"))
    number = office.close("2026-09")["acme/2026-09/1"]
    office.run("invoice", "discard", office.credit(number, "--amount", "1.00"), "--reason", "no")
    notes = [
        office.credit_and_issue(number, "--line", "fee", "--amount", "0.30"),
        office.credit(number, "--line", "messages"),
        office.credit(number),
    ]

    assert [office.verdict(note) for note in notes] == ["same bytes"] * 3


def test_what_went_by_a_credit_note_that_is_discarded_is_not_issued(office: Office) -> None:
    office.load(office.send(10, "2026-09-10"))
    office.close("2026-09")
    note_id = office.credit("acme/2026-09/1", "--bill-again")
    office.bill("2026-10")
    office.approve("2026-10")
    said = office.run("invoice", "discard", note_id, "--reason", "it was right").stderr
    skipped = office.rows("invoice", "issue", "2026-10", "--date", "2026-11-03", exit_code=3)

    assert "1 document is out of date by it, like acme/2026-10/1" in said
    assert office.lines("acme/2026-10/1") == {"2026-09.messages": 100}
    assert [row["outcome"] for row in skipped] == ["skipped"]
    assert skipped[0]["why"] == (
        "is out of date: what is invoiced of 2026-09 has changed since; tollbook invoice reopen"
        " acme/2026-10/1 --reason ..., then tollbook bill 2026-10"
    )


def test_what_goes_by_a_credit_note_is_issued_with_it_and_not_before(office: Office) -> None:
    office.load(office.send(10, "2026-09-10"), office.send(5, "2026-10-10"))
    office.close("2026-09")
    note_id = office.credit("acme/2026-09/1", "--bill-again")
    office.bill("2026-10")
    office.approve(note_id, "acme/2026-10/1")
    (skipped,) = office.rows(
        *("invoice", "issue", "acme/2026-10/1", "--date", "2026-11-03"), exit_code=3
    )
    issued = office.issue("acme/2026-10/1", note_id, on="2026-11-03")

    assert skipped["why"] == (
        "goes by acme/2026-09/2, not issued yet: issue it before, or in the same call"
    )
    assert issued == {note_id: "CN-2026-00001", "acme/2026-10/1": "INV-2026-00002"}


def test_no_more_is_credited_than_what_an_invoice_comes_to(office: Office) -> None:
    """A line may be larger than its invoice, whose discount takes a part of it off."""
    office.write("plans/plain.toml", FEES)
    office.close("2026-09")
    lines = office.lines("acme/2026-09/1")
    line = "acme/2026-09/1#fee"
    too_much = office.run(
        "invoice", "credit", "acme/2026-09/1", "--line", line, "--reason", "no", exit_code=2
    )
    of_discount = office.run(
        *("invoice", "credit", "acme/2026-09/1", "--line", "acme/2026-09/1#rebate"),
        *("--reason", "no"),
        exit_code=2,
    )
    note_id = office.credit_and_issue("acme/2026-09/1", "--line", line, "--amount", "4.00")
    none_left = office.run("invoice", "credit", "acme/2026-09/1", "--reason", "no", exit_code=2)

    assert lines == {"fee": 500, "rebate": -100}
    assert "4.00 EUR is left" in too_much.stderr
    assert "cannot be credited" in of_discount.stderr
    assert office.documents()["acme/2026-09/2"] == ("credit_note", "issued", -400)
    assert note_id.startswith("CN-")
    assert "left" in none_left.stderr


def test_a_credit_note_is_not_dated_before_the_invoice_that_it_corrects(office: Office) -> None:
    office.load(office.send(10, "2026-09-10"))
    office.close("2026-09")
    note_id = office.credit("acme/2026-09/1")
    office.approve(note_id)
    refused = office.run("invoice", "issue", note_id, "--date", "2026-10-02", exit_code=2)

    assert "2026-10-03" in refused.stderr
    assert office.issue(note_id, on="2026-10-03") == {note_id: "CN-2026-00001"}


def test_only_issued_invoices_are_credited_and_those_with_credit_notes_are_not_void(
    office: Office,
) -> None:
    office.invoicing("may_void = true\n")
    office.load(office.send(10, "2026-09-10"))
    office.bill("2026-09")
    of_draft = office.call("invoice", "credit", "acme/2026-09/1", "--reason", "no")
    office.approve("2026-09")
    office.issue("2026-09")
    note_id = office.credit("acme/2026-09/1", "--amount", "0.10")
    of_note = office.call("invoice", "credit", note_id, "--reason", "no")
    void = office.call("invoice", "void", "acme/2026-09/1", "--reason", "no")

    assert (of_draft.exit_code, of_note.exit_code, void.exit_code) == (2, 2, 2)
    assert "is no issued invoice" in of_draft.stderr
    assert "has payments, credit notes, or corrections" in void.stderr


def test_a_line_is_meant_by_its_short_name_as_long_as_that_is_of_one_line() -> None:
    """A correction has the charge of the line of the month, and an id of its own."""
    known = {"a/1#messages": "messages", "a/1#2026-09.messages": "messages", "a/1#fee": "Base fee"}
    lines = pl.DataFrame({"line_id": [*known], "charge": [*known.values()]})

    assert line_named(lines, "a/1#messages") == "a/1#messages"
    assert line_named(lines, "2026-09.messages") == "a/1#2026-09.messages"
    assert line_named(lines, "fee") == line_named(lines, "Base fee") == "a/1#fee"
    with pytest.raises(UsageError, match="'messages' may be 2 lines") as many:
        line_named(lines, "messages")
    assert "give one of these: a/1#messages, a/1#2026-09.messages" in str(many.value)
    with pytest.raises(UsageError, match="there is no line 'ee'"):
        line_named(lines, "ee")
