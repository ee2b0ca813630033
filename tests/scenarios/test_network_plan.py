"""The network's own plan through the eras of its prices, as a bookkeeper would check it.

The examples are those of the network's pricing pages; the rates are those of the cards that ship,
in dollars. `rate` bills usage, `office` a log of webhooks.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pricing.catalog import check_book
from tests.metering.builders import BRAZIL, GERMANY, change, entry, message, payload
from tests.scenarios.office import (
    COST,
    Invoice,
    Rate,
    details_of,
    in_currency,
    invoices,
    lines_of,
    load,
    on_plan,
    reasons_of,
    write_book,
)

AD: dict[str, Any] = {
    "referral": {"source_type": "ad", "source_id": "1", "source_url": "https://example.com"}
}
CONVERSATION = {"meter": "conversations", "pricing_model": "CBP"}
TWO_ACCOUNTS = {
    "accounts.csv": "account_id,name\nacme,Acme\nbistro,Bistro\n",
    "senders.csv": "sender_id,account_id\n1,acme\n2,bistro\n",
    "subscriptions.csv": "account_id,plan\nacme,whatsapp\nbistro,whatsapp\n",
}
# The first instants of months, in UTC.
MARCH_2022, JANUARY_2024 = 1_646_092_800, 1_704_067_200
JULY_2025, OCTOBER_2026 = 1_751_328_000, 1_790_812_800


def hours(count: int) -> int:
    return count * 3600


def sent(
    message_id: str,
    at: int,
    category: str,
    *,
    conversation: str | None = None,
    sender: str = "1",
    waba: str | None = "w1",
    to: str = BRAZIL,
    **pricing: Any,
) -> Any:
    """A message that was delivered, with what the network says of its price.

    With a conversation it is priced by conversations, and by messages without one.
    """
    model = "PMP" if conversation is None else "CBP"
    status: dict[str, Any] = {"id": message_id, "status": "delivered", "recipient_id": to}
    status["timestamp"] = str(at)
    status["pricing"] = {"pricing_model": model, "category": category, **pricing}
    if conversation is not None:
        status["conversation"] = {"id": conversation, "origin": {"type": category}}
    return payload(entry(change(status, sender=sender), waba=waba))


def received(
    message_id: str, at: int, *, sender: str = "1", user: str = BRAZIL, **given: object
) -> Any:
    """A message of a user."""
    inbound = message(message_id, timestamp=str(at), **{"from": user}, **given)
    return payload(entry(change(sender=sender, messages=[inbound]), waba="w1"))


def billed(
    tmp_path: Path, month: str, *log: object, plan: str = "whatsapp", **files: str
) -> Invoice:
    book = write_book(tmp_path / "book", on_plan(plan, **files))
    load(book, *log)
    return invoices(book, month)["acme"]


# 2022-02-01: conversations that users and businesses open


def test_2022_the_first_thousand_conversations_of_a_waba_are_free_whoever_opens_them(
    rate: Rate,
) -> None:
    business, user = {"category": "business_initiated"}, {"category": "user_initiated"}
    invoice = rate(
        "2022-03",
        "whatsapp",
        (700, {**CONVERSATION, "waba_id": "w1", **business}),
        (500, {**CONVERSATION, "waba_id": "w1", **user}),
        (1000, {**CONVERSATION, "waba_id": "w2", **business}),
    )

    # Of w1 all 700 of the business and 300 of users are free: 200 x 0.03. Of w2 all are.
    assert lines_of(invoice) == {"conversations": ("2200", "6.00"), "total": ("", "6.00")}


def test_2022_a_free_entry_point_is_free_and_uses_nothing_up(rate: Rate) -> None:
    by_ad = {"category": "referral_conversion", "pricing_type": "free_entry_point"}
    invoice = rate(
        "2022-03",
        "whatsapp",
        (300, {**CONVERSATION, "waba_id": "w1", **by_ad}),
        (1001, {**CONVERSATION, "waba_id": "w1", "category": "business_initiated"}),
    )

    assert lines_of(invoice)["conversations"] == ("1301", "0.05")  # one of 1,001 x 0.05


def test_2022_messages_of_one_conversation_are_charged_once(tmp_path: Path) -> None:
    """The network says `billable` of free ones too: nothing but its allowance makes them free."""
    invoice = billed(
        tmp_path,
        "2022-03",
        *(
            sent(f"m{n}", MARCH_2022 + n, "business_initiated", conversation="c1", billable=True)
            for n in range(3)
        ),
    )
    (component,) = invoice["coverage"]["components"]

    assert lines_of(invoice)["conversations"] == ("1", "0.00")
    assert details_of(invoice, "conversations")[0]["note"] == "free: allowance"
    assert component["in_conversation"] == component["deliveries"] == "3"


def test_2022_a_waba_that_the_log_does_not_name_is_one_of_its_account_alone(
    tmp_path: Path,
) -> None:
    """Each has 600 conversations: together they would exceed the thousand."""
    book = write_book(tmp_path / "book", on_plan("whatsapp", **TWO_ACCOUNTS))
    load(
        book,
        *(
            sent(
                *(f"m{n}", MARCH_2022 + n, "business_initiated"),
                conversation=f"c{sender}-{n}",
                sender=sender,
                waba=None,
                billable=True,
            )
            for sender in ("1", "2")
            for n in range(600)
        ),
    )
    found = invoices(book, "2022-03")

    assert {name: invoice["total"] for name, invoice in found.items()} == {
        "acme": "0.00",
        "bistro": "0.00",
    }


# 2023-06-01: conversations by category


def test_2023_the_examples_of_the_network_open_the_conversations_that_it_says(
    tmp_path: Path,
) -> None:
    a, b, c = (JANUARY_2024 + hours(24 * day) for day in (1, 5, 10))
    templates: dict[str, Any] = {"billable": True}
    invoice = billed(
        tmp_path,
        "2024-01",
        # A: marketing, then utility opens its own, and another utility message opens none
        sent("a0", a, "marketing", conversation="A1", **templates),
        sent("a4", a + hours(4), "utility", conversation="A2", **templates),
        sent("a10", a + hours(10), "utility", conversation="A2", **templates),
        # B: answers inside the marketing conversation open none, after it one of service
        sent("b0", b, "marketing", conversation="B1", **templates),
        received("b4", b + hours(4)),
        sent("b5", b + hours(5), "marketing", conversation="B1", **templates),
        sent("b25", b + hours(25), "service", conversation="B2", **templates),
        sent("b26", b + hours(26), "service", conversation="B2", **templates),
        # C: an ad message at 10:00 and its answer at 22:00
        received("c10", c + hours(10), **AD),
        sent("c22", c + hours(22), "referral_conversion", conversation="C1", billable=False),
    )

    # 2 of marketing x 0.0625 + 1 of utility x 0.035; the one of service is among the first 1,000
    assert lines_of(invoice)["conversations"] == ("5", "0.16")
    assert {
        (detail["category"], detail["status"], detail["amount"])
        for detail in details_of(invoice, "conversations")
    } == {
        ("marketing", "billed", "0.125"),
        ("utility", "billed", "0.035"),
        ("service", "free", "0"),
        ("referral_conversion", "free", "0"),
    }


def test_2023_the_first_thousand_of_service_are_free_for_a_waba_over_all_its_numbers(
    rate: Rate,
) -> None:
    service = {**CONVERSATION, "category": "service"}
    invoice = rate(
        "2024-01",
        "whatsapp",
        (600, {**service, "waba_id": "w1", "market": "Germany", "country": "DE"}),
        (450, {**service, "waba_id": "w1"}),
        (1000, {**service, "waba_id": "w2"}),
        (10, {**CONVERSATION, "waba_id": "w1", "category": "marketing"}),
    )

    # 50 x 0.03 of service to Brazil, which came last; 10 x 0.0625 of marketing
    assert lines_of(invoice)["conversations"] == ("2060", "2.13")


# 2024-11-01: service is free


def test_2024_service_conversations_are_free_without_limit(rate: Rate) -> None:
    invoice = rate(
        "2024-11",
        "whatsapp",
        (5000, {**CONVERSATION, "waba_id": "w1", "category": "service"}),
        (100, {**CONVERSATION, "waba_id": "w1", "category": "utility"}),
    )

    assert lines_of(invoice)["conversations"] == ("5100", "0.80")  # 100 x 0.008


# 2025-07-01: messages


@pytest.mark.parametrize("source", ["network", "derived"])
def test_2025_the_example_of_the_network_charges_two_of_four(tmp_path: Path, source: str) -> None:
    start = JULY_2025 + hours(24 * 9)
    regular: dict[str, Any] = {"type": "regular", "billable": True}
    free: dict[str, Any] = {"type": "free_customer_service", "billable": False}
    settings = f'pricing_source = "{source}"\n' + on_plan("whatsapp")["tollbook.toml"]
    invoice = billed(
        tmp_path,
        "2025-07",
        sent("h0", start, "marketing", **regular),
        received("h2", start + hours(2)),
        sent("h3", start + hours(3), "service", **free),
        sent("h4", start + hours(4), "utility", **free),  # the window is open until h26
        sent("h30", start + hours(30), "utility", **regular),
        **{"tollbook.toml": settings},
    )

    assert lines_of(invoice) == {
        "marketing": ("1", "0.06"),  # 0.0625
        "utility": ("2", "0.01"),  # one free, one at 0.0068
        "service": ("1", "0.00"),
        "total": ("", "0.07"),
    }


def test_2025_a_conversation_that_was_open_is_not_charged_again(tmp_path: Path) -> None:
    evening, morning = JULY_2025 - hours(4), JULY_2025 + hours(4)
    book = write_book(tmp_path / "book", on_plan("whatsapp"))
    load(
        book,
        sent("m1", evening, "utility", conversation="c1", billable=True),
        sent("m2", morning, "utility", conversation="c1", billable=False),
        sent("m3", morning, "marketing", type="regular", billable=True),
    )
    june, july = (invoices(book, month)["acme"] for month in ("2025-06", "2025-07"))
    (component,) = july["coverage"]["components"]

    assert lines_of(june) == {"conversations": ("1", "0.01"), "total": ("", "0.01")}  # 0.008
    assert lines_of(july) == {"marketing": ("1", "0.06"), "total": ("", "0.06")}
    assert (component["in_conversation"], component["billed"]) == ("1", "1")


def test_2025_without_known_bounds_of_tiers_the_list_rate_holds(rate: Rate) -> None:
    invoice = rate("2025-07", "whatsapp", (2_000_000, {"category": "utility"}))

    assert lines_of(invoice)["utility"] == ("2000000", "13600.00")  # x 0.0068
    assert details_of(invoice, "utility")[0]["tier"] is None


def test_a_gap_of_a_card_is_named_and_blocks_only_the_account_that_meets_it(
    tmp_path: Path,
) -> None:
    book = write_book(tmp_path / "book", on_plan("whatsapp", **TWO_ACCOUNTS))
    load(
        book,
        sent("m1", JULY_2025, "marketing", type="regular", to="34600000000"),
        sent("m2", JULY_2025, "marketing", type="regular", sender="2"),
    )
    found = invoices(book, "2025-07")

    assert reasons_of(found["acme"]) == [
        (
            "unknown_price",
            "price unknown: card 'whatsapp' has no USD rate for Spain/marketing on 2025-07-01: the"
            " card of 2025-07-01 has no such market",
        )
    ]
    assert (reasons_of(found["bistro"]), found["bistro"]["total"]) == ([], "0.06")


# 2026-10-01: service messages are charged


@pytest.mark.parametrize(
    ("market", "category", "quantity", "exact", "amount"),
    [
        # 500,000 x 0.0068 + 100,000 x 0.0065
        ("Brazil", "authentication", 600_000, "4050", "4050.00"),
        # 25,000,000 x 0.0014 + 25,000,000 x 0.0013 + 10,000,000 x 0.0012
        ("India", "utility", 60_000_000, "79500", "79500.00"),
        # 80,000 x 0.0034 + 1 x 0.0032
        ("North America", "utility", 80_001, "272.0032", "272.00"),
        # 100,000 x 0.0008 + 900,000 x 0.0008 + 500,000 x 0.0007
        ("Colombia", "utility", 1_500_000, "1150", "1150.00"),
        ("Indonesia", "authentication_international", 2_500_000, "324700", "324700.00"),
    ],
)
def test_2026_volume_tiers_give_the_worked_amounts(
    rate: Rate, market: str, category: str, quantity: int, exact: str, amount: str
) -> None:
    invoice = rate("2026-10", "whatsapp", (quantity, {"market": market, "category": category}))
    charge = category.removesuffix("_international")
    parts = [Decimal(detail["amount"]) for detail in details_of(invoice, charge)]

    assert lines_of(invoice) == {charge: (str(quantity), amount), "total": ("", amount)}
    assert sum(parts) == Decimal(exact)


def test_2026_authentication_and_international_fill_one_counter(rate: Rate) -> None:
    india = {"market": "India", "country": "IN"}
    invoice = rate(
        "2026-10",
        "whatsapp",
        (750_000, {**india, "category": "authentication"}),
        (1, {**india, "category": "authentication_international"}),
    )
    tiers = {detail["category"]: detail["tier"] for detail in details_of(invoice, "authentication")}

    assert tiers == {"authentication": 1, "authentication_international": 2}


def test_2026_a_message_with_a_max_price_costs_what_the_network_reports(tmp_path: Path) -> None:
    """Of the same message and market; what is free stays free, whatever is reported."""
    regular: dict[str, Any] = {"type": "regular", "billable": True}
    reported = {"amount": 0.0415, "currency": "USD"}
    log = [
        sent("a", OCTOBER_2026, "marketing_lite", **regular, cost=reported),
        sent("b", OCTOBER_2026 + 1, "marketing_lite", **regular, cost=reported),
        sent("c", OCTOBER_2026 + 2, "marketing", **regular),
        sent("d", OCTOBER_2026 + 3, "marketing", type="free_entry_point", cost=reported),
    ]
    invoice = billed(tmp_path, "2026-10", *log)
    details = {
        (row["category"], row["status"]): (row["quantity"], row["unit_price"], row["note"])
        for row in details_of(invoice, "marketing")
    }

    assert details == {
        ("marketing_lite", "billed"): ("2", "0.0415", "0.0415 (reported by the network)"),
        ("marketing", "billed"): ("1", "0.0625", "0.0625 (whatsapp card of 2026-10-01)"),
        ("marketing", "free"): ("1", "0", "free: free_entry_point"),
    }
    # 2 x 0.0415 + 0.0625
    assert lines_of(invoice)["marketing"] == ("4", "0.15")


@pytest.mark.parametrize(
    "cost",
    [{"amount": 0.05, "currency": "EUR"}, {"amount": "x", "currency": "USD"}, {"amount": -1}],
)
def test_2026_a_reported_cost_that_is_no_price_blocks_and_is_never_the_rate_of_the_card(
    tmp_path: Path, cost: dict[str, Any]
) -> None:
    log = sent("a", OCTOBER_2026, "marketing", type="regular", cost=cost)
    invoice = billed(tmp_path, "2026-10", log)

    [(reason, what)] = reasons_of(invoice)
    assert reason == "unknown_price"
    assert "the network reports a cost of" in what
    assert invoice["total"] == "0.00"


def test_2026_groups_and_marketing_messages_cost_what_their_plain_ones_do(rate: Rate) -> None:
    names = ("marketing", "marketing_lite", "group_marketing", "utility", "group_utility")
    invoice = rate("2026-10", "whatsapp", *((1000, {"category": name}) for name in names))

    assert lines_of(invoice) == {
        "marketing": ("3000", "187.50"),  # x 0.0625
        "utility": ("2000", "13.60"),  # x 0.0068
        "total": ("", "201.10"),
    }


@pytest.mark.parametrize("source", ["network", "derived"])
def test_2026_answers_and_utility_inside_the_window_are_charged(
    tmp_path: Path, source: str
) -> None:
    """The thousand free ones of the month were sent in its first hour."""
    start = OCTOBER_2026 + hours(9)
    settings = f'pricing_source = "{source}"\n' + on_plan("whatsapp")["tollbook.toml"]
    free: dict[str, Any] = {"type": "free_customer_service", "billable": False}
    regular: dict[str, Any] = {"type": "regular", "billable": True}
    invoice = billed(
        tmp_path,
        "2026-10",
        *(sent(f"f{n}", OCTOBER_2026 + n, "service", **free) for n in range(1000)),
        received("h0", start),
        sent("h1", start + hours(1), "service", **regular),
        sent("h2", start + hours(2), "utility", **regular),
        **{"tollbook.toml": settings},
    )

    assert lines_of(invoice) == {
        "utility": ("1", "0.01"),  # 0.0068
        "service": ("1001", "0.01"),  # one at 0.0068
        "total": ("", "0.02"),
    }


def test_2026_each_number_has_a_thousand_free_answers_to_one_and_in_groups_together(
    tmp_path: Path,
) -> None:
    """The network says no type: it is derived from the windows, and the thousand are counted."""
    invoice = billed(
        tmp_path,
        "2026-10",
        received("i1", OCTOBER_2026),
        received("i2", OCTOBER_2026, sender="2"),
        received("i3", OCTOBER_2026, user=GERMANY, **AD),
        # inside the free entry point of the ad message
        *(sent(f"e{n}", OCTOBER_2026 + 60 + n, "service", to=GERMANY) for n in range(50)),
        *(sent(f"a{n}", OCTOBER_2026 + 600 + n, "service") for n in range(900)),
        *(sent(f"g{n}", OCTOBER_2026 + 1600 + n, "group_service") for n in range(300)),
        *(sent(f"b{n}", OCTOBER_2026 + 600 + n, "service", sender="2") for n in range(1000)),
        **{"senders.csv": "sender_id,account_id\n1,acme\n2,acme\n"},
    )
    charged = [d for d in details_of(invoice, "service") if d["status"] == "billed"]

    # 50 + 900 + 300 + 1,000; the last 200 of number 1 were to the group: 200 x 0.0068
    assert lines_of(invoice) == {"service": ("2250", "1.36"), "total": ("", "1.36")}
    assert [(d["category"], d["quantity"]) for d in charged] == [("group_service", "200")]
    assert invoice["blocked"] == []


def test_2026_what_the_network_calls_free_is_not_given_twice(rate: Rate) -> None:
    service = {"category": "service", "sender_id": "1", "pricing_opinion": "network"}
    invoice = rate(
        "2026-10",
        "whatsapp",
        (1000, {**service, "pricing_type": "free_customer_service"}),
        (500, service),
    )

    assert lines_of(invoice)["service"] == ("1500", "3.40")  # 500 x 0.0068


PASSED_ON = """\
plan = "passed-on"
currency = "USD"

[[version]]
uncovered = "free"

[[version.charge]]
name = "calls"
component = "calls"
meter = "call-minutes"
price = { kind = "network_cost" }
"""


@pytest.mark.parametrize("plan", ["whatsapp", "passed-on"])
def test_2026_a_call_that_crosses_a_tier_costs_the_lower_rate_as_a_whole(
    tmp_path: Path, plan: str
) -> None:
    """The tiers are made up: those of the network are not known."""
    card = (
        "card,effective_from,currency,rates,market,category,unit,up_to,rate,evidence\n"
        "whatsapp-calls,2026-10-01,USD,tiered,Germany,call,minute,10,0.05,assumed\n"
        "whatsapp-calls,2026-10-01,USD,tiered,Germany,call,minute,,0.04,assumed\n"
    )
    invoice = billed(
        tmp_path,
        "2026-10",
        *(called(f"c{n}", OCTOBER_2026 + hours(n), 8 * 60) for n in range(1, 3)),
        plan=plan,
        **{"rate_cards/calls.csv": card, "plans/passed-on.toml": PASSED_ON},
        **COST,
    )

    # 8 minutes x 0.05; the second call crosses the tenth minute: 8 x 0.04
    assert lines_of(invoice)["calls"] == ("16", "0.72")


def test_a_cost_that_the_network_does_not_charge_cannot_be_passed_on(tmp_path: Path) -> None:
    plan = PASSED_ON.replace("call-minutes", "call-pulses")
    book = write_book(tmp_path, on_plan("passed-on", **COST, **{"plans/passed-on.toml": plan}))
    problems, _ = check_book(book)

    assert [problem.what for problem in problems] == [
        "passes on a cost, and 'whatsapp' takes no 'call-pulses' to a card"
    ]


def called(call_id: str, at: int, length: int) -> Any:
    ended = {"id": call_id, "to": GERMANY, "from": "15550000000", "event": "terminate"}
    ended |= {"direction": "BUSINESS_INITIATED", "timestamp": str(at), "status": "COMPLETED"}
    call: dict[str, Any] = {**ended, "duration": length}
    return payload(entry(change(sender="1", field="calls", calls=[call])))


def test_a_message_of_an_ai_provider_has_no_published_rate_and_blocks(rate: Rate) -> None:
    invoice = rate("2026-10", "whatsapp", (1, {"category": "general_purpose_ai"}))

    assert reasons_of(invoice) == [
        (
            "uncovered",
            "no charge of component 'network' of plan 'whatsapp' takes deliveries of"
            " general_purpose_ai, regular",
        )
    ]


# Currencies


def test_the_plan_is_in_the_currency_of_each_account(rate: Rate) -> None:
    euros = in_currency("EUR")
    invoice = rate("2026-07", "whatsapp", (1000, {}), files=euros)

    assert (invoice["currency"], invoice["total"]) == ("EUR", "51.80")  # x 0.0518
    assert invoice["lines"][0]["currency"] == "EUR"


def test_past_the_end_of_its_card_a_currency_is_named_and_nothing_is_carried_on(
    rate: Rate,
) -> None:
    euros = in_currency("EUR")
    invoice = rate("2026-10", "whatsapp", (1000, {}), files=euros)

    assert reasons_of(invoice) == [
        (
            "unknown_price",
            "price unknown: card 'whatsapp' has no EUR rate for Brazil/marketing on 2026-10-01: the"
            " last EUR card ends 2026-10-01",
        )
    ]


def test_a_currency_without_a_card_is_refused_by_name(tmp_path: Path) -> None:
    kronor = in_currency("SEK")
    problems, _ = check_book(write_book(tmp_path, on_plan("whatsapp", **kronor)))

    assert [problem.what for problem in problems] == [
        "account 'acme' is invoiced in SEK, and card 'whatsapp' has no SEK rates at all"
    ]


def test_the_cards_that_end_or_lack_a_currency_are_warned_of_while_the_plan_is_in_use(
    tmp_path: Path,
) -> None:
    euros = in_currency("EUR")
    _, warnings = check_book(write_book(tmp_path / "euros", on_plan("whatsapp", **euros)))
    _, in_dollars = check_book(write_book(tmp_path / "dollars", on_plan("whatsapp")))

    assert {(warning.where, warning.what) for warning in warnings} >= {
        (
            "plan 'whatsapp' charge 'utility'",
            "card 'whatsapp' has EUR rates until 2026-10-01 and none after it",
        ),
        ("plan 'whatsapp' charge 'calls'", "card 'whatsapp-calls' has no EUR rates at all"),
    }
    # Of calls the shipped card has one market: each of the others blocks an invoice that needs it.
    (gaps,) = in_dollars
    assert gaps.where == "plan 'whatsapp' charge 'calls'"
    assert "card 'whatsapp-calls' has no USD rate from 2026-10-01 on for 46" in gaps.what
