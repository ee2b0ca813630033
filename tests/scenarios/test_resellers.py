"""The plans of resellers that ship, one month of each, as a bookkeeper would check it.

The network's rates to Brazil in October 2026, in dollars: marketing 0.0625, utility 0.0068.
"""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.metering.builders import BRAZIL, GERMANY, change, cloud_event, entry, payload, status
from tests.scenarios.office import (
    COST,
    Rate,
    Row,
    counted,
    details_of,
    figure,
    in_currency,
    invoices,
    lines_of,
    load,
    on_plan,
    reasons_of,
    write_book,
)

INDIA = {"market": "India", "country": "IN"}
CREDITS = "credit_id,account_id,kind,amount,effective_from\n"


def messages(count: int, category: str = "marketing", **given: object) -> Row:
    """Messages to Brazil, which the network charges unless said otherwise."""
    return count, {"category": category, **given}


def conversations(count: int, category: str, **given: object) -> Row:
    return count, {"meter": "conversations", "category": category, "pricing_model": "CBP", **given}


def test_twilio_takes_a_fee_for_each_message_in_and_out(rate: Rate) -> None:
    invoice = rate(
        "2026-10",
        "reseller-twilio",
        messages(1000),
        counted(400, "inbound-messages"),
        counted(50, "failed-messages"),
        counted(1200, "link-clicks"),
    )

    assert lines_of(invoice) == {
        "marketing": ("1000", "62.50"),  # the network's, x 0.0625
        "messages to users": ("1000", "5.00"),  # x 0.005
        "messages from users": ("400", "2.00"),  # x 0.005
        "failed messages": ("50", "0.05"),  # x 0.001
        "short links": ("1200", "3.00"),  # 1,000 are free: 200 x 0.015
        "total": ("", "72.55"),
    }


def test_twilio_conversations_are_priced_by_active_users(rate: Rate) -> None:
    invoice = rate("2026-10", "reseller-twilio-conversations", figure(6000, "active-contacts"))

    # 200 are free, 4,800 x 0.05 = 240.00, 1,000 x 0.0475 = 47.50
    assert lines_of(invoice)["active users"] == ("6000", "287.50")


def test_360dialog_charges_a_licence_for_the_days_that_a_number_has_it(rate: Rate) -> None:
    held = "account_id,add_on,quantity,effective_from\n"
    held += "acme,regular licence,2,\nacme,premium licence,1,2026-10-17\n"
    invoice = rate("2026-10", "reseller-360dialog", messages(100), files={"add_ons.csv": held})

    assert lines_of(invoice) == {
        "marketing": ("100", "6.25"),  # no markup
        "regular licence": ("2", "50.00"),  # 2 x 25
        "premium licence": ("1", "23.71"),  # 49 x 15 / 31
        "total": ("", "79.96"),
    }


def test_sleekflow_keeps_its_rates_at_five_decimals_and_sells_contacts_in_packages(
    rate: Rate,
) -> None:
    held = "account_id,add_on,quantity\n"
    held += "acme,extra seats,2\nacme,extra numbers,1\nacme,extra contacts,4500\n"
    plan = "reseller-sleekflow-premium"
    invoice = rate("2026-10", plan, messages(1000), files={"add_ons.csv": held})

    assert lines_of(invoice) == {
        "messages": ("1000", "71.88"),  # 0.0625 x 1.15 = 0.071875, at 5 decimals 0.07188
        "premium": ("1", "349.00"),
        "extra seats": ("2", "78.00"),  # 2 x 39
        "extra numbers": ("1", "29.00"),
        "extra contacts": ("4500", "147.00"),  # 3 packages x 49
        "total": ("", "674.88"),
    }


def test_manychat_cuts_its_rates_after_four_decimals(rate: Rate) -> None:
    invoice = rate("2026-10", "reseller-manychat", messages(1000), messages(1000, "utility"))

    # 0.071875 is cut to 0.0718, 0.00782 to 0.0078
    assert lines_of(invoice)["messages"] == ("2000", "79.60")  # 71.80 + 7.80


def test_eazybe_adds_ten_percent_and_gives_the_first_dollar(rate: Rate) -> None:
    files = {"credits.csv": f"{CREDITS}starter,acme,granted,1.00,2026-10-01\n"}
    invoice = rate("2026-10", "reseller-eazybe", messages(100), files=files)

    # 100 x 0.06875 = 6.875
    assert (invoice["total"], invoice["due"]) == ("6.88", "5.88")


def test_chatalog_added_a_fifth_to_each_conversation(rate: Rate) -> None:
    argentina = {"market": "Argentina", "country": "AR"}
    opened = conversations(1000, "business_initiated", **argentina)
    invoice = rate("2022-03", "reseller-chatalog-2022", opened)

    assert lines_of(invoice)["conversations"] == ("1000", "63.12")  # 0.0526 x 1.2 = 0.06312


def test_aircall_puts_a_fifth_of_the_rate_on_a_line_of_its_own(rate: Rate) -> None:
    invoice = rate(
        "2026-10",
        "reseller-aircall",
        messages(1000),
        messages(1000, "utility"),
        messages(10, "service", pricing_type="free_customer_service"),
    )

    assert lines_of(invoice) == {
        "marketing": ("1000", "62.50"),
        "utility": ("1000", "6.80"),
        "service": ("10", "0.00"),
        # 0.0625 x 0.2 = 0.0125; 0.0068 x 0.2 = 0.00136, at 4 decimals 0.0014
        "usage fee": ("2000", "13.90"),
        "total": ("", "83.20"),
    }


def test_aisensy_has_prices_in_rupees_and_the_tax_comes_on_top(rate: Rate) -> None:
    tax = "treatment,rate_ratio,name,legal_note,effective_from\nstandard,0.18,GST,,2017-07-01\n"
    invoice = rate(
        "2026-09",
        "reseller-aisensy-india",
        messages(1000, **INDIA),
        messages(1000, "utility", **INDIA),
        messages(500, "service", pricing_type="free_customer_service", **INDIA),
        files={**in_currency("INR"), "taxes.csv": tax},
    )

    assert lines_of(invoice) == {
        "messages": ("2000", "1235.00"),  # 1,000 x 1.09 + 1,000 x 0.145
        "free by the network": ("500", "0.00"),
        "total": ("", "1457.30"),  # and 18 percent: 222.30
    }


def test_aisensy_had_two_prices_of_conversations_in_2022(rate: Rate) -> None:
    user, business = (
        conversations(100, name, **INDIA) for name in ("user_initiated", "business_initiated")
    )
    invoice = rate("2022-03", "reseller-aisensy-india", user, business, files=in_currency("INR"))

    assert lines_of(invoice)["conversations"] == ("200", "90.00")  # 100 x 0.35 + 100 x 0.55


def test_aisensy_has_no_price_for_another_country(rate: Rate) -> None:
    plan = "reseller-aisensy-india"
    invoice = rate("2026-09", plan, messages(1), files=in_currency("INR"))

    assert [reason for reason, _ in reasons_of(invoice)] == ["unknown_price"]


def test_interakt_includes_two_thousand_active_contacts_and_has_no_price_for_more(
    rate: Rate,
) -> None:
    plan, rupees = "reseller-interakt-starter", in_currency("INR")
    within = rate("2026-10", plan, figure(2000, "active-contacts"), files=rupees)
    beyond = rate("2026-10", plan, figure(2001, "active-contacts"), files=rupees)

    assert lines_of(within) == {
        "starter": ("1", "999.00"),
        "active contacts": ("2000", "0.00"),
        "total": ("", "999.00"),
    }
    assert within["blocked"] == []
    assert [reason for reason, _ in reasons_of(beyond)] == ["unknown_price"]


def test_tyntec_charges_each_active_contact_over_a_thousand(rate: Rate) -> None:
    plan, euros = "reseller-tyntec-starter", in_currency("EUR")
    invoice = rate("2026-10", plan, figure(1250, "active-contacts"), files=euros)

    assert lines_of(invoice)["active contacts"] == ("1250", "22.50")  # 250 x 0.09


def test_wati_returns_the_activation_as_credits(rate: Rate) -> None:
    files = {
        **in_currency("INR"),
        "subscriptions.csv": (
            "account_id,plan,effective_from\nacme,reseller-wati-pay-as-you-go,2026-10-05\n"
        ),
        "credits.csv": f"{CREDITS}activation,acme,granted,999.00,2026-11-01\n",
    }
    since = date(2026, 10, 5)
    plan = "reseller-wati-pay-as-you-go"
    october = rate("2026-10", plan, messages(1000, rate_date=since, **INDIA), files=files)
    november = rate("2026-11", plan, messages(1000, **INDIA), files=files)

    assert lines_of(october) == {
        "marketing": ("1000", "863.10"),  # x 0.8631
        "activation": ("1", "999.00"),
        "total": ("", "1862.10"),
    }
    assert (october["due"], november["total"], november["due"]) == ("1862.10", "863.10", "0.00")


def test_gupshup_takes_its_fee_and_the_network_s_from_a_wallet(rate: Rate) -> None:
    """Its own example: (0.0010 + 0.0042) x 200 templates to India = 1.04."""
    invoice = rate(
        "2024-01",
        "reseller-gupshup",
        messages(200, "utility", pricing_model="CBP", **INDIA),
        conversations(200, "utility", waba_id="w1", **INDIA),
        files={"credits.csv": f"{CREDITS}wallet,acme,bought,10.00,2024-01-01\n"},
    )

    assert lines_of(invoice) == {
        "conversations": ("200", "0.84"),  # x 0.0042
        "platform fee": ("200", "0.20"),  # x 0.001
        "total": ("", "1.04"),
    }
    assert invoice["credits"] == [{"credit_id": "wallet", "amount": "1.04"}]
    assert invoice["due"] == "0.00"


def test_salesmartly_rents_numbers_by_two_and_passes_the_cost_on(rate: Rate) -> None:
    america = {"market": "North America", "country": "US"}
    invoice = rate(
        "2026-10",
        "reseller-salesmartly",
        messages(1000, **america),
        figure(3, "phone-numbers"),
        files=COST,
    )

    assert lines_of(invoice) == {
        "messages": ("1000", "25.00"),  # x 0.0250
        "message fee": ("1000", "5.00"),  # x 0.005
        "numbers": ("3", "24.00"),  # 2 groups x 12
        "total": ("", "54.00"),
    }


@pytest.mark.parametrize(
    ("tier", "amount", "devices"),
    [
        ("standard", "111000.00", 4),
        ("plus", "225000.00", 6),
        ("premium", "605000.00", 8),
        ("max", "1759000.00", 10),
    ],
)
def test_meta_verified_costs_so_much_a_month_and_allows_so_many_devices(
    rate: Rate, tier: str, amount: str, devices: int
) -> None:
    plan = f"reseller-meta-verified-indonesia-{tier}"
    held = {"add_ons.csv": "account_id,add_on,quantity\nacme,verified numbers,1\n"}
    files = {**in_currency("IDR"), **held}
    within = rate("2026-10", plan, figure(devices, "linked-devices"), files=files)
    beyond = rate("2026-10", plan, figure(devices + 1, "linked-devices"), files=files)

    assert lines_of(within) == {
        "verified numbers": ("1", amount),
        "linked devices": (str(devices), "0.00"),
        "total": ("", amount),
    }
    assert within["blocked"] == []
    assert [reason for reason, _ in reasons_of(beyond)] == ["unknown_price"]


def test_the_agent_of_the_network_is_charged_by_the_million_tokens(tmp_path: Path) -> None:
    """20,000 to 25,000 tokens an answer: 0.04 to 0.05."""
    book = write_book(tmp_path / "book", on_plan("reseller-meta-business-agent"))
    replies = [
        cloud_event(f"e{n}", type="agent.replied", source="/agent", data={"tokens": tokens})
        for n, tokens in enumerate([20_000, 25_000, 1_000_000])
    ]
    load(book, *replies)
    invoice = invoices(book, "2026-10")["acme"]

    # 1,045,000 x 2.00 / 1,000,000
    assert lines_of(invoice)["agent tokens"] == ("1045000", "2.09")
    assert details_of(invoice, "agent tokens")[0]["amount"] == "2.09"


def test_chative_charges_each_number(rate: Rate) -> None:
    invoice = rate("2026-10", "reseller-chative", figure(3, "phone-numbers"))

    assert lines_of(invoice)["numbers"] == ("3", "57.00")  # 3 x 19


def test_1msg_is_cheaper_for_a_year(rate: Rate) -> None:
    held = "account_id,add_on,quantity\nacme,channels,2\nacme,channels for a year,1\n"
    invoice = rate("2026-10", "reseller-1msg", messages(100), files={"add_ons.csv": held})

    assert lines_of(invoice) == {
        "marketing": ("100", "6.25"),
        "channels": ("2", "78.00"),  # 2 x 39
        "channels for a year": ("1", "30.00"),
        "total": ("", "114.25"),
    }


def test_intelli_counts_the_contacts_that_were_written_to(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book", on_plan("reseller-intelli-20"))
    told: dict[str, Any] = {"pricing_model": "PMP", "category": "marketing", "type": "regular"}
    sent = [
        status(f"m{n}", recipient_id=to, pricing=told)
        for n, to in enumerate([BRAZIL, BRAZIL, GERMANY])
    ]
    load(book, payload(entry(change(*sent, sender="1"))))
    invoice = invoices(book, "2026-10")["acme"]

    assert lines_of(invoice) == {
        "marketing": ("3", "0.26"),  # 2 x 0.0625 + 1 x 0.1365
        "broadcasts": ("1", "20.00"),
        "contacts": ("2", "0.00"),  # of 2,000 that are included
        "total": ("", "20.26"),
    }
