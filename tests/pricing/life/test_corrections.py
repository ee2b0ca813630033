"""What is known late of an invoiced month: it stands on a later invoice, and only once."""

from tests.pricing.life.office import Office, per_unit, plan

MESSAGES = 'name = "messages"\nmeter = "deliveries"\n'
SINCE_SEPTEMBER = "account_id,plan,effective_from\nacme,plain,2026-09-01\nbistro,plain,2026-09-01\n"
TIERS = (
    'price = { kind = "graduated", over = "contract",'
    " tiers = [{ up_to = 10, unit_price = 0.10 }, { unit_price = 0.01 }] }"
)


def test_late_usage_is_a_correction_on_the_next_invoice_and_on_no_other(office: Office) -> None:
    office.load(office.send(10, "2026-09-10"), office.send(5, "2026-09-11", sender="2"))
    office.close("2026-09")
    office.load(office.send(3, "2026-09-20"), office.send(7, "2026-10-04"))
    office.close("2026-10")
    office.load(office.send(1, "2026-11-04"))
    office.close("2026-11")

    assert office.lines("acme/2026-09/1") == {"messages": 100}
    assert office.lines("acme/2026-10/1") == {"messages": 70, "2026-09.messages": 30}
    assert office.lines("acme/2026-11/1") == {"messages": 10}
    assert office.lines("bistro/2026-10/1") == {}


def test_a_sender_that_was_moved_back_in_time_is_corrected_for_both_accounts(
    office: Office,
) -> None:
    """What is left of the account that had it is negative: a credit note that names the invoice."""
    office.load(office.send(10, "2026-09-10"), office.send(5, "2026-09-20", sender="2"))
    numbers = office.close("2026-09")
    office.write(
        "senders.csv",
        "sender_id,account_id,valid_from,valid_to\n1,acme,,\n2,bistro,,2026-09-15\n"
        "2,acme,2026-09-15,\n",
    )
    given = office.close("2026-10")

    assert office.lines("acme/2026-10/1") == {"2026-09.messages": 50}
    assert office.lines("bistro/2026-10/1") == {"2026-09.messages": -50}
    assert given["bistro/2026-10/1"] == "CN-2026-00001"
    note = office.document("CN-2026-00001")
    assert (note["kind"], note["total"]) == ("credit_note", "0.50")
    assert note["corrects"] == [{"number": numbers["bistro/2026-09/1"], "issue_date": "2026-10-03"}]


def test_a_corrected_price_of_a_plan_or_card_is_charged_for_what_was_invoiced(
    office: Office,
) -> None:
    card = (
        "card,effective_from,effective_to,currency,rates,market,category,unit,up_to,rate,evidence,"
        "note\nnet,2026-01-01,,EUR,list,Brazil,marketing,message,,{},published,\n"
    )
    office.write("rate_cards/net.csv", card.format("0.05"))
    office.write(
        "plans/carded.toml",
        plan(MESSAGES + 'price = { kind = "rate_card", card = "net" }', name="carded"),
    )
    office.write("subscriptions.csv", "account_id,plan\nacme,plain\nbistro,carded\n")
    office.load(office.send(10, "2026-09-10"), office.send(10, "2026-09-10", "2"))
    office.close("2026-09")
    office.write("plans/plain.toml", plan(MESSAGES + per_unit("0.12")))
    office.write("rate_cards/net.csv", card.format("0.04"))
    office.close("2026-10")

    assert office.lines("bistro/2026-09/1") == {"messages": 50}
    assert office.lines("acme/2026-10/1") == {"2026-09.messages": 20}
    assert office.lines("bistro/2026-10/1") == {"2026-09.messages": -10}


def test_a_late_event_moves_the_tiers_of_all_months_after_it(office: Office) -> None:
    office.write("plans/plain.toml", plan(MESSAGES + TIERS))
    office.write("subscriptions.csv", SINCE_SEPTEMBER)
    office.load(office.send(8, "2026-09-10"), office.send(8, "2026-10-10"))
    office.close("2026-09")
    office.close("2026-10")
    office.load(office.send(1, "2026-09-12"), office.send(1, "2026-11-04"))
    office.close("2026-11")

    assert office.lines("acme/2026-10/1") == {"messages": 26}  # 2 x 0.10 and 6 x 0.01
    # September takes a message of the first tier, which October has no longer.
    assert office.lines("acme/2026-11/1") == {
        "messages": 1,
        "2026-09.messages": 10,
        "2026-10.messages": -9,
    }


def test_discounts_and_minimums_of_an_invoiced_month_are_corrected_with_it(office: Office) -> None:
    head = "minimum = { amount = 2.00 }\n"
    tail = '[[version.discount]]\nname = "ten percent"\nratio = 0.1\n'
    office.write("plans/plain.toml", plan(head=head, tail=tail))
    office.load(office.send(10, "2026-09-10"))
    office.close("2026-09")
    office.load(office.send(30, "2026-09-11"))
    office.close("2026-10")

    assert office.lines("acme/2026-09/1") == {"messages": 100, "ten-percent": -10, "minimum": 110}
    assert office.lines("acme/2026-10/1") == {
        "minimum": 200,
        "2026-09.messages": 300,
        "2026-09.ten-percent": -30,
        "2026-09.minimum": -110,
    }


def test_what_is_two_months_late_and_of_an_account_that_left_still_comes(office: Office) -> None:
    office.write(
        "subscriptions.csv",
        "account_id,plan,effective_from,effective_to\nacme,plain,,2026-10-01\nbistro,plain,,\n",
    )
    office.load(office.send(10, "2026-09-10"))
    office.close("2026-09")
    assert "acme/2026-10/1" not in office.close("2026-10")
    office.load(office.send(3, "2026-09-11"))
    office.close("2026-11")

    assert office.lines("acme/2026-11/1") == {"2026-09.messages": 30}
    assert office.document("acme/2026-11/1")["state"] == "issued"


def test_corrections_are_taxed_by_the_rule_of_the_month_that_they_are_for(office: Office) -> None:
    office.write("accounts.csv", "account_id,name,country\nacme,Acme,DE\nbistro,Bistro,DE\n")
    office.write(
        "taxes.csv",
        "treatment,rate_ratio,name,country,effective_from,effective_to\n"
        "standard,0.19,VAT,DE,,2026-10-01\nstandard,0.16,VAT,DE,2026-10-01,\n",
    )
    office.load(office.send(100, "2026-09-10"))
    office.close("2026-09")
    office.load(office.send(100, "2026-09-11"), office.send(50, "2026-10-11"))
    office.close("2026-10")

    taxes = office.document("acme/2026-10/1")["taxes"]
    assert [(tax["rate_ratio"], tax["taxable"], tax["tax"]) for tax in taxes] == [
        ("0.19", "10.00", "1.90"),
        ("0.16", "5.00", "0.80"),
    ]


def test_a_month_that_cannot_be_priced_any_more_holds_back_the_next_invoice_of_its_account_alone(
    office: Office,
) -> None:
    where = 'where = { category = ["marketing"] }\n'
    office.write("plans/plain.toml", plan(MESSAGES + where + per_unit("0.10")))
    office.load(office.send(10, "2026-09-10"), office.send(10, "2026-09-10", "2"))
    office.close("2026-09")
    late = office.send(1, "2026-09-11", category="utility")
    office.load(late, office.send(1, "2026-10-11"), office.send(1, "2026-10-11", "2"))
    office.bill("2026-10", exit_code=3)
    done = office.approve("2026-10", exit_code=3)

    assert done == {"acme/2026-10/1": "skipped", "bistro/2026-10/1": "approved"}
    assert "2026-09" in office.document("acme/2026-10/1")["blocked"][0]["what"]


def test_charges_that_were_renamed_are_taken_off_and_charged_anew(office: Office) -> None:
    """Both names may be written the same in the id of a line."""
    office.load(office.send(10, "2026-09-10"))
    office.close("2026-09")
    charge = 'name = "Messages"\nmeter = "deliveries"\n'
    office.write("plans/plain.toml", plan(charge + per_unit("0.12")))
    office.close("2026-10")

    assert sorted(office.lines("acme/2026-10/1").values()) == [-100, 120]
    assert office.verdict("acme/2026-10/1") == "same bytes"


def dollars_from_october(office: Office) -> None:
    """Acme pays in dollars from October on; September was in euro."""
    office.write("plans/dollars.toml", plan(name="dollars").replace("EUR", "USD"))
    office.write(
        "accounts.csv",
        "account_id,effective_from,name,currency\nacme,,Acme,EUR\nacme,2026-10-01,Acme,USD\n"
        "bistro,,Bistro,EUR\n",
    )
    office.write(
        "subscriptions.csv",
        "account_id,plan,effective_from,effective_to\nacme,plain,,2026-10-01\n"
        "acme,dollars,2026-10-01,\nbistro,plain,,\n",
    )


def test_a_month_in_another_currency_is_corrected_on_a_document_of_its_own(office: Office) -> None:
    """Nothing is converted, nothing is added up, and nothing is held back."""
    dollars_from_october(office)
    office.load(office.send(10, "2026-09-10"))
    numbers = office.close("2026-09")
    office.load(office.send(2, "2026-09-11"), office.send(4, "2026-10-11"))
    given = office.close("2026-10")

    assert office.lines("acme/2026-10/1") == {"messages": 40}
    assert office.lines("acme/2026-10/2") == {"2026-09.messages": 20}
    of_month, correction = (office.document(f"acme/2026-10/{n}") for n in (1, 2))
    assert (of_month["currency"], of_month["total"], of_month["corrects"]) == ("USD", "0.40", [])
    assert (correction["currency"], correction["total"]) == ("EUR", "0.20")
    assert [one["number"] for one in correction["corrects"]] == [numbers["acme/2026-09/1"]]
    assert correction["coverage"]["deliveries"] == "0"
    assert {given["acme/2026-10/1"], given["acme/2026-10/2"]} == {
        "INV-2026-00002",
        "INV-2026-00003",
    }
    assert office.verdict("acme/2026-10/1") == office.verdict("acme/2026-10/2") == "same bytes"
    office.load(office.send(1, "2026-11-11"))
    office.close("2026-11")
    assert office.lines("acme/2026-11/1") == {"messages": 10}
    assert office.lines("acme/2026-11/2") == {}


def test_less_in_another_currency_is_a_credit_note_of_its_own(office: Office) -> None:
    dollars_from_october(office)
    office.load(office.send(10, "2026-09-10"))
    numbers = office.close("2026-09")
    office.write("plans/plain.toml", plan(MESSAGES + per_unit("0.07")))
    office.load(office.send(4, "2026-10-11"))
    given = office.close("2026-10")

    note = office.document(given["acme/2026-10/2"])
    assert (note["kind"], note["currency"], note["total"]) == ("credit_note", "EUR", "0.30")
    assert [one["number"] for one in note["corrects"]] == [numbers["acme/2026-09/1"]]


def test_the_two_documents_of_a_month_are_replaced_and_kept_each_by_itself(office: Office) -> None:
    dollars_from_october(office)
    office.load(office.send(10, "2026-09-10"))
    office.close("2026-09")
    office.load(office.send(2, "2026-09-11"), office.send(4, "2026-10-11"))
    office.bill("2026-10")
    office.approve("acme/2026-10/1")
    office.load(office.send(3, "2026-09-12"))
    office.bill("2026-10")
    assert office.lines("acme/2026-10/1") == {"messages": 40}
    assert office.lines("acme/2026-10/2") == {"2026-09.messages": 50}

    office.run("invoice", "reopen", "acme/2026-10/1", "--reason", "a mistake")
    office.approve("acme/2026-10/2")
    office.load(office.send(1, "2026-10-12"), office.send(1, "2026-09-13"))
    office.bill("2026-10")
    made = {name: office.lines(name) for name in office.documents() if "acme/2026-10" in name}
    assert sorted(made.values(), key=str) == [{"2026-09.messages": 50}, {"messages": 50}]

    office.approve("2026-10")
    office.issue("2026-10")
    office.close("2026-11")
    assert office.lines("acme/2026-11/1") == {}
    assert office.lines("acme/2026-11/2") == {"2026-09.messages": 10}


def test_a_correction_goes_to_who_pays_for_the_month_that_it_is_for(office: Office) -> None:
    """Bistro paid for acme in September; from October on acme pays for itself."""
    office.write(
        "accounts.csv",
        "account_id,effective_from,name,payer_id\nacme,,Acme,bistro\nacme,2026-10-01,Acme,\n"
        "bistro,,Bistro,\n",
    )
    office.load(office.send(10, "2026-09-10"))
    numbers = office.close("2026-09")
    office.load(office.send(2, "2026-09-11"), office.send(4, "2026-10-11"))
    office.close("2026-10")

    assert office.lines("acme/2026-10/1") == {"messages": 40}
    assert office.lines("bistro/2026-10/1") == {"acme.2026-09.messages": 20}
    document = office.document("bistro/2026-10/1")
    assert document["lines"][0]["account_name"] == "Acme"
    assert document["corrects"] == [
        {"number": numbers["bistro/2026-09/1"], "issue_date": "2026-10-03"}
    ]


def test_a_payer_that_is_another_by_now_is_told_who_got_what_is_corrected(office: Office) -> None:
    """The file says by now that bistro paid for acme in September; acme was invoiced for it."""
    office.load(office.send(10, "2026-09-10"), office.send(1, "2026-09-10", "2"))
    numbers = office.close("2026-09")
    office.write("accounts.csv", "account_id,name,payer_id\nacme,Acme,bistro\nbistro,Bistro,\n")
    office.load(office.send(2, "2026-09-11"))
    office.close("2026-10")

    assert office.lines("bistro/2026-10/1") == {"acme.2026-09.messages": 20}
    assert office.document("bistro/2026-10/1")["corrects"] == [
        {"number": numbers["acme/2026-09/1"], "issue_date": "2026-10-03", "account_id": "acme"},
        {"number": numbers["bistro/2026-09/1"], "issue_date": "2026-10-03"},
    ]
    shown = office.run("invoice", "show", "bistro/2026-10/1").stdout
    assert "of 2026-10-03, which acme got" in shown


def test_the_details_of_a_correction_add_up_to_what_it_is_rounded_from(office: Office) -> None:
    """Two cells of 0.004 are 0.01 together, of which the first was invoiced as nothing."""
    office.write("plans/plain.toml", plan(MESSAGES + per_unit("0.004")))
    office.load(office.send(1, "2026-09-10"))
    office.close("2026-09")
    office.load(office.send(1, "2026-09-11"))
    office.close("2026-10")
    office.load(office.send(1, "2026-09-12"))
    office.close("2026-11")

    (line,) = office.document("acme/2026-10/1")["lines"]
    assert line["amount"] == "0.01"
    assert [(one["amount"], one["note"]) for one in line["details"]] == [
        ("0.004", None),
        ("0.006", "rounding of what was invoiced"),
    ]
    # 0.012 are 0.01, too: the third is nothing, and takes that rounding back.
    (line,) = office.document("acme/2026-11/1")["lines"]
    assert line["amount"] == "0.00"
    assert sorted(one["amount"] for one in line["details"]) == ["-0.006", "0.004"]


def test_a_note_that_corrects_a_small_total_names_the_document_that_took_it(
    office: Office,
) -> None:
    office.invoicing("carry_below = { EUR = 1.00 }\n")
    office.load(office.send(5, "2026-09-10"))
    assert office.close("2026-09")["acme/2026-09/1"] == "carried"
    office.load(office.send(20, "2026-10-10"))
    numbers = office.close("2026-10")
    office.write("senders.csv", "sender_id,account_id,valid_from\n1,acme,2026-10-01\n2,bistro,\n")
    office.invoicing("")
    office.close("2026-11")

    assert office.lines("acme/2026-11/1") == {"2026-09.messages": -50}
    assert office.document("acme/2026-11/1")["corrects"] == [
        {"number": numbers["acme/2026-10/1"], "issue_date": "2026-11-03"}
    ]


def test_a_small_total_that_waits_longer_takes_no_other_old_month_along(office: Office) -> None:
    """Bistro's September is out of reach when its small total comes; acme's stays as it is."""
    small = "months_back = 1\ncarry_below = { EUR = 1.00 }\n"
    office.invoicing(small)
    allowance = "allowance = { quantity = 10, carry_over_months = 1 }\n"
    office.write("plans/plain.toml", plan(MESSAGES + allowance + per_unit("0.10")))
    office.write("subscriptions.csv", SINCE_SEPTEMBER)
    office.load(office.send(30, "2026-09-10"), office.send(12, "2026-09-10", "2"))
    office.close("2026-09")
    office.load(office.send(20, "2026-10-10"))
    office.close("2026-10")
    office.load(office.send(7, "2026-09-12"), office.send(30, "2026-11-10", "2"))
    office.close("2026-11")

    assert office.lines("bistro/2026-11/1") == {"messages": 100, "2026-09.messages": 20}
    assert office.lines("acme/2026-11/1") == {}
    assert office.verdict("bistro/2026-11/1") == "same bytes"


def test_a_blocked_draft_holds_no_correction_back(office: Office) -> None:
    where = 'where = { category = ["marketing"] }\n'
    office.write("plans/plain.toml", plan(MESSAGES + where + per_unit("0.10")))
    office.load(office.send(10, "2026-09-10"))
    office.close("2026-09")
    strange = office.send(1, "2026-10-11", category="utility")
    office.load(office.send(2, "2026-09-11"), office.send(3, "2026-10-11"), strange)
    office.bill("2026-10", exit_code=3)
    assert office.lines("acme/2026-10/1")["2026-09.messages"] == 20
    office.bill("2026-11")
    assert office.lines("acme/2026-11/1") == {"2026-09.messages": 20}

    # Unblocked before November is approved, October has it, and November is to be billed again.
    office.write("plans/plain.toml", plan(MESSAGES + per_unit("0.10")))
    said = office.run("bill", "2026-10").stderr
    assert "bill 2026-11 again" in said
    office.bill("2026-11")
    assert office.lines("acme/2026-10/1") == {"messages": 40, "2026-09.messages": 20}
    assert office.lines("acme/2026-11/1") == {}


def test_an_account_with_documents_is_not_taken_out_of_the_book(office: Office) -> None:
    office.load(office.send(10, "2026-09-10"), office.send(2, "2026-09-10", "2"))
    office.close("2026-09")
    office.write("accounts.csv", "account_id,name\nbistro,Bistro\n")
    office.write("senders.csv", "sender_id,account_id\n2,bistro\n")
    office.write("subscriptions.csv", "account_id,plan\nbistro,plain\n")
    refused = office.run("bill", "2026-10", exit_code=2)

    assert "account 'acme' has documents and is not in accounts.csv" in refused.stderr


def test_a_month_is_said_to_lack_the_accounts_that_got_usage_in_it_later(office: Office) -> None:
    """They have no document that a later one could correct: their month has to be billed."""
    office.load(office.send(10, "2026-09-10"))
    office.write("subscriptions.csv", "account_id,plan\nacme,plain\n")
    office.close("2026-09")
    office.write("subscriptions.csv", "account_id,plan\nacme,plain\nbistro,plain\n")
    office.load(office.send(3, "2026-09-11", "2"), office.send(1, "2026-10-11", "2"))
    said = office.run("bill", "2026-10").stderr

    assert "1 account has something to pay for 2026-09 and no document of it" in said
    assert "like bistro: tollbook bill 2026-09" in said
    assert "tollbook bill 2026-09" in said


def test_a_month_that_is_too_far_back_hands_on_what_it_was_known_to_when_it_was_last_rated(
    office: Office,
) -> None:
    """October began with what September handed on with its late usage, and still does."""
    office.invoicing("months_back = 1\n")
    allowance = "allowance = { quantity = 10, carry_over_months = 1 }\n"
    office.write("plans/plain.toml", plan(MESSAGES + allowance + per_unit("0.10")))
    office.write("subscriptions.csv", SINCE_SEPTEMBER)
    office.load(office.send(4, "2026-09-10"))
    office.close("2026-09")
    office.load(office.send(3, "2026-09-11"), office.send(16, "2026-10-10"))
    office.close("2026-10")
    too_late = office.send(5, "2026-09-13")
    office.load(office.send(1, "2026-10-12"), too_late)
    office.close("2026-11")

    assert office.lines("acme/2026-10/1") == {"messages": 30, "2026-09.messages": 0}
    assert office.lines("acme/2026-11/1") == {"2026-10.messages": 10}
    assert office.verdict("acme/2026-11/1") == "same bytes"
    assert office.verdict("acme/2026-09/1") == "same bytes"
