"""Documents from draft to issued: what is approved, how it is numbered, what is carried."""

import pytest

from tests.pricing.life.office import Office, plan

FEE = plan(tail='[[version.fixed_fee]]\nname = "fee"\namount = 1.00\n')


@pytest.fixture
def paid(office: Office) -> Office:
    """Two accounts that owe a fee of one euro a month."""
    office.write("plans/plain.toml", FEE)
    return office


def test_what_is_approved_stays_and_what_is_reopened_is_replaced(paid: Office) -> None:
    paid.bill("2026-09")
    paid.approve("acme/2026-09/1")
    paid.load(paid.send(1, "2026-09-10"), paid.send(1, "2026-09-10", "2"))
    paid.bill("2026-09")
    totals = paid.documents()
    paid.run("invoice", "reopen", "acme/2026-09/1", "--reason", "one is missing")
    paid.bill("2026-09")

    assert totals == {
        "acme/2026-09/1": ("invoice", "approved", 100),
        "bistro/2026-09/1": ("invoice", "draft", 110),
    }
    assert paid.documents()["acme/2026-09/1"] == ("invoice", "draft", 110)


def test_what_was_changed_after_it_was_approved_is_not_issued(paid: Office) -> None:
    paid.bill("2026-09")
    paid.approve("2026-09")
    paid.tamper("update lines set amount_minor = 1 where invoice_id like 'bistro/%'")
    refused = paid.run("invoice", "issue", "2026-09", "--date", "2026-10-03", exit_code=1)

    assert "'bistro/2026-09/1' is not what was approved" in refused.stderr
    assert paid.contents() == {}, "all of a call are issued, or none"
    assert paid.issue("acme/2026-09/1") == {"acme/2026-09/1": "INV-2026-00001"}


def test_who_drafted_does_not_approve_where_makers_are_checked(paid: Office) -> None:
    paid.invoicing("maker_checker = true\n")
    paid.bill("2026-09", "--by", "ann")
    by_ann = paid.rows("invoice", "approve", "2026-09", "--by", "ann", exit_code=3)
    by_ben = paid.rows("invoice", "approve", "2026-09", "--by", "ben")
    paid.issue("2026-09")
    note_id = paid.credit("INV-2026-00001", "--by", "ben")

    assert {row["outcome"] for row in by_ann} == {"skipped"}
    assert {row["outcome"] for row in by_ben} == {"approved"}
    by_its_maker = paid.rows("invoice", "approve", note_id, "--by", "ben", exit_code=3)
    assert by_its_maker[0]["outcome"] == "skipped"
    paid.run("invoice", "issue", note_id, exit_code=3)  # it waits for its approval
    assert paid.rows("invoice", "approve", note_id, "--by", "ann")[0]["outcome"] == "approved"


def test_documents_are_not_issued_before_the_days_of_grace_are_over(paid: Office) -> None:
    paid.invoicing("grace_days = 4\n")
    paid.bill("2026-09")
    paid.approve("2026-09")
    refused = paid.run("invoice", "issue", "2026-09", "--date", "2026-10-04", exit_code=2)

    assert "documents of 2026-09 may not be issued before 2026-10-05" in refused.stderr
    assert paid.issue("2026-09", on="2026-10-05")["acme/2026-09/1"] == "INV-2026-00001"


def test_numbers_follow_accounts_months_and_the_calendar_and_begin_anew_each_year(
    paid: Office,
) -> None:
    paid.bill("2026-11")
    paid.bill("2026-12")
    paid.approve("2026-11")
    paid.approve("2026-12")
    first = paid.issue("bistro/2026-11/1", on="2026-12-05")
    early = paid.run("invoice", "issue", "2026-11", "--date", "2026-12-04", exit_code=2)
    rest = paid.issue("bistro/2026-12/1", "acme/2026-12/1", "acme/2026-11/1", on="2027-01-05")

    assert first == {"bistro/2026-11/1": "INV-2026-00001"}
    assert "was issued on 2026-12-05, which is after 2026-12-04" in early.stderr
    assert rest == {
        "acme/2026-11/1": "INV-2027-00001",
        "acme/2026-12/1": "INV-2027-00002",
        "bistro/2026-12/1": "INV-2027-00003",
    }


def test_a_series_goes_on_where_another_system_ended(paid: Office) -> None:
    paid.bill("2026-11")
    paid.approve("2026-11")
    paid.write("series.csv", "series,year,last_number\ninvoice,2026,418\n")
    paid.run("openings", "import", str(paid.book.root / "series.csv"))

    assert paid.issue("acme/2026-11/1") == {"acme/2026-11/1": "INV-2026-00419"}
    assert paid.issue("bistro/2026-11/1", on="2027-01-02") == {"bistro/2026-11/1": "INV-2027-00001"}
    assert "0 problems" in paid.run("verify").stderr


def test_a_document_that_is_named_twice_is_issued_once(paid: Office) -> None:
    paid.bill("2026-09")
    paid.approve("acme/2026-09/1", "acme/2026-09/1", "bistro/2026-09/1")

    assert paid.issue("acme/2026-09/1", "acme/2026-09/1") == {"acme/2026-09/1": "INV-2026-00001"}
    assert paid.issue("2026-09") == {"bistro/2026-09/1": "INV-2026-00002"}


def test_accounts_for_internal_use_and_tests_are_rated_and_never_invoiced(paid: Office) -> None:
    paid.write(
        "accounts.csv",
        "account_id,name,purpose,payer_id\nacme,Acme,internal,bistro\nbistro,Bistro,customer,\n",
    )
    paid.load(paid.send(5, "2026-09-10"))
    paid.bill("2026-09")

    assert paid.documents()["acme/2026-09/1"][2] == 150
    assert paid.approve("2026-09") == {
        "acme/2026-09/1": "skipped",
        "bistro/2026-09/1": "approved",
    }
    assert paid.lines("bistro/2026-09/1") == {"fee": 100}
    listed = paid.rows("invoice", "list", "2026-09", name="totals")
    assert listed == [{"currency": "EUR", "total": "1.00"}]


def test_a_void_document_keeps_its_number_and_its_month_is_billed_again(paid: Office) -> None:
    numbers = paid.close("2026-09")
    number = numbers["acme/2026-09/1"]
    refused = paid.run("invoice", "void", number, "--reason", "wrong buyer", exit_code=2)
    paid.invoicing("may_void = true\n")
    paid.run("invoice", "void", number, "--reason", "wrong buyer")
    paid.write("accounts.csv", "account_id,name\nacme,Acme Ltd\nbistro,Bistro\n")
    again = paid.close("2026-09")

    assert "invoicing.may_void" in refused.stderr
    assert again == {"acme/2026-09/2": "INV-2026-00003"}
    assert paid.documents()["acme/2026-09/1"] == ("invoice", "void", 100)
    assert paid.document("acme/2026-09/2")["buyer"]["name"] == "Acme Ltd"
    assert "0 problems" in paid.run("verify").stderr
    assert paid.verdict("acme/2026-09/2") == "same bytes"


def test_what_a_later_document_corrects_is_not_made_void(paid: Office) -> None:
    """Its month would be billed whole, and the correction would count on top."""
    paid.invoicing("may_void = true\n")
    number = paid.close("2026-09")["acme/2026-09/1"]
    paid.load(paid.send(77, "2026-09-20"))
    paid.close("2026-10")
    refused = paid.run("invoice", "void", number, "--reason", "wrong buyer", exit_code=2)

    assert "corrections on a later document" in refused.stderr


def test_a_date_of_issue_that_has_not_come_is_refused(
    paid: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slip of the pen would keep every other document from being issued before it."""
    monkeypatch.setenv("TOLLBOOK_TODAY", "2026-10-03")
    paid.run("bill", "2026-09")
    paid.run("invoice", "approve", "2026-09")
    refused = paid.run("invoice", "issue", "2026-09", "--date", "2026-10-04", exit_code=2)

    assert "2026-10-04 has not come yet: today is 2026-10-03, in Europe/Berlin" in refused.stderr
    assert paid.issue("2026-09", on="2026-10-03")["acme/2026-09/1"] == "INV-2026-00001"


def test_a_month_that_has_not_ended_is_neither_approved_nor_issued(
    paid: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is still to come of it would be on no document of it."""
    monkeypatch.setenv("TOLLBOOK_TODAY", "2026-09-30")
    paid.run("bill", "2026-09")
    skipped = paid.rows("invoice", "approve", "2026-09", exit_code=3)
    monkeypatch.setenv("TOLLBOOK_TODAY", "2026-10-01")

    assert {row["why"] for row in skipped} == {"is of 2026-09, which has not ended yet"}
    assert {*paid.approve("2026-09").values()} == {"approved"}


def test_where_nothing_is_left_to_do_it_says_what_was_done(paid: Office) -> None:
    paid.invoicing("carry_below = { EUR = 1.05 }\n")
    paid.load(paid.send(1, "2026-09-10", "2"))
    paid.close("2026-09")
    issued = paid.run("invoice", "issue", "2026-09", "--date", "2026-10-03").stderr
    unknown = paid.run("invoice", "approve", "2026-10").stderr

    assert "of 2026-09 there are 1 carried, 1 issued" in issued
    assert "2026-10 was never billed" in unknown


def test_a_month_whose_document_is_void_is_named_until_it_is_billed_again(paid: Office) -> None:
    paid.invoicing("may_void = true\n")
    number = paid.close("2026-09")["acme/2026-09/1"]
    paid.run("invoice", "void", number, "--reason", "wrong buyer")
    october, november = (paid.run("bill", month).stderr for month in ("2026-10", "2026-11"))
    paid.bill("2026-09")

    for said in (october, november):
        assert "1 account has something to pay for 2026-09 and no document of it" in said
        assert "like acme: tollbook bill 2026-09" in said
    assert "2026-09" not in paid.run("bill", "2026-10").stderr


# Small totals


@pytest.fixture
def small(office: Office) -> Office:
    """A book whose totals below half a euro wait for the next invoice."""
    office.invoicing("carry_below = { EUR = 0.50 }\n")
    office.write("accounts.csv", "account_id,name,country\nacme,Acme,DE\nbistro,Bistro,DE\n")
    office.write("taxes.csv", "treatment,rate_ratio,name,country\nstandard,0.2,VAT,DE\n")
    return office


def test_small_totals_come_with_the_next_invoice_that_is_large_enough(small: Office) -> None:
    """With their taxes, computed on the sum; and a total may be carried twice."""
    small.load(small.send(1, "2026-09-10"), small.send(2, "2026-10-10"))
    assert small.close("2026-09")["acme/2026-09/1"] == "carried"
    assert small.close("2026-10")["acme/2026-10/1"] == "carried"
    small.load(small.send(1, "2026-09-11"), small.send(1, "2026-11-10"))
    number = small.close("2026-11")["acme/2026-11/1"]
    small.load(small.send(10, "2026-12-10"))
    small.close("2026-12")

    assert number.startswith("INV-")
    assert small.lines("acme/2026-11/1") == {
        "messages": 10,
        "2026-09.messages": 20,
        "2026-10.messages": 20,
    }
    assert small.document(number)["taxes"][0]["tax"] == "0.10"
    assert small.lines("acme/2026-12/1") == {"messages": 100}


def test_a_correction_that_was_carried_comes_even_if_its_month_is_too_far_back(
    small: Office,
) -> None:
    small.invoicing("carry_below = { EUR = 0.50 }\nmonths_back = 1\n")
    small.load(small.send(10, "2026-09-10"))
    small.close("2026-09")
    small.load(small.send(1, "2026-09-11"))
    assert small.close("2026-10")["acme/2026-10/1"] == "carried"
    small.load(small.send(10, "2026-11-11"))
    small.close("2026-11")

    assert small.lines("acme/2026-11/1") == {"messages": 100, "2026-09.messages": 10}


def test_a_small_total_whose_next_invoice_is_approved_already_is_not_lost(small: Office) -> None:
    """A correction of its month is on that invoice, which says nothing of the rest."""
    small.load(small.send(1, "2026-09-10"))
    small.bill("2026-09")
    small.approve("2026-09")
    small.load(small.send(2, "2026-09-11"), small.send(10, "2026-10-10"))
    small.bill("2026-10")
    small.approve("2026-10")
    small.issue("2026-09")
    small.issue("2026-10")
    small.load(small.send(10, "2026-11-10"))
    small.close("2026-11")

    billed = small.query(
        "select sum(amount_minor)::bigint from lines join invoices using (invoice_id)"
        " where state = 'issued' and invoices.account_id = 'acme'"
    )
    assert billed == [(230,)]


# Who pays


def test_one_pays_for_another_and_for_what_is_corrected_of_it(paid: Office) -> None:
    paid.write("accounts.csv", "account_id,name,payer_id\nacme,Acme,\nbistro,Bistro,acme\n")
    paid.load(paid.send(1, "2026-09-10"), paid.send(2, "2026-09-10", "2"))
    assert paid.close("2026-09") == {"acme/2026-09/1": "INV-2026-00001"}
    paid.load(paid.send(3, "2026-09-11", "2"))
    paid.close("2026-10")

    assert paid.lines("acme/2026-09/1") == {
        **{"messages": 10, "fee": 100},
        **{"bistro.messages": 20, "bistro.fee": 100},
    }
    assert paid.lines("acme/2026-10/1") == {
        **{"fee": 100, "bistro.fee": 100},
        "bistro.2026-09.messages": 30,
    }


def test_an_account_that_pays_for_itself_from_a_day_on_is_charged_once(paid: Office) -> None:
    paid.write(
        "accounts.csv",
        "account_id,effective_from,name,payer_id\nacme,,Acme,\nbistro,,Bistro,acme\n"
        "bistro,2026-10-01,Bistro,\n",
    )
    paid.load(paid.send(2, "2026-09-10", "2"))
    paid.close("2026-09")
    paid.load(paid.send(3, "2026-09-11", "2"), paid.send(1, "2026-10-11", "2"))
    paid.close("2026-10")
    paid.close("2026-11")

    assert paid.lines("acme/2026-10/1") == {"fee": 100, "bistro.2026-09.messages": 30}
    assert paid.lines("bistro/2026-10/1") == {"messages": 10, "fee": 100}
    assert paid.lines("bistro/2026-11/1") == {"fee": 100}


def test_a_small_total_that_waits_gets_a_number_once_if_nothing_is_to_be_carried(
    small: Office,
) -> None:
    """Of an account that ended; the last document that was carried has all that waits."""
    small.load(small.send(1, "2026-09-10"), small.send(2, "2026-10-10"))
    small.close("2026-09")
    small.close("2026-10")
    small.load(small.send(1, "2026-11-02"))
    small.bill("2026-11")
    ended = "account_id,plan,effective_to\nacme,plain,2026-12-01\nbistro,plain,\n"
    small.write("subscriptions.csv", ended)
    names = ("acme/2026-09/1", "acme/2026-10/1")
    steps = small.run("invoice", "issue", *names, "--date", "2026-11-03", "--no-carry")
    issued = {row[0]: row[1] for row in small.query("select invoice_id, number from issued")}

    assert issued == {"acme/2026-10/1": "INV-2026-00001"}
    assert "a later document has its lines" in steps.stdout
    assert "1 document is out of date by it, like acme/2026-11/1" in steps.stderr
    assert small.lines("acme/2026-10/1") == {"messages": 20, "2026-09.messages": 10}
    small.bill("2026-11")
    assert small.lines("acme/2026-11/1") == {"messages": 10}
    small.approve("2026-11")
    small.run("invoice", "issue", "2026-11", "--date", "2026-12-03", "--no-carry")
    small.bill("2026-12")
    assert small.lines("acme/2026-12/1") == {}
    small.run("verify")
