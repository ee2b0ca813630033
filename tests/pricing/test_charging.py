"""What plans mean where two of their rules meet, in amounts that a pencil can check."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from metering.period import Month
from pricing.checks import check_charges
from pricing.plan import Plan
from pricing.state import no_state
from pricing.subscription import Subscription
from tests.pricing.messages import Message
from tests.pricing.rated import adjustments, amounts, rate
from tests.pricing.worlds import METERS, NOVEMBER, OCTOBER, world_of

ZERO = Decimal(0)
FIRST = OCTOBER.first_day
MESSAGE = Message("acme", FIRST, sender_id="a1")
GRADUATED = {
    "kind": "graduated",
    "tiers": [{"up_to": "1", "unit_price": "1"}, {"unit_price": "0.1"}],
}


def plan_of(charge: dict[str, Any], *later: dict[str, Any], **given: Any) -> Plan:
    """A plan with one charge on deliveries, and other versions of it from 16 October on."""
    written = [
        {"uncovered": "free", "charge": [{"name": "c", "meter": "deliveries", **offer}], **given}
        for offer in (charge, *later)
    ]
    for version in written[1:]:
        version["effective_from"] = date(2026, 10, 16)
    return Plan.model_validate({"plan": "p", "currency": "USD", "version": written})


def months(
    plan: Plan,
    sent: Sequence[Message],
    since: date = date(2026, 9, 20),
    until: date = date(2027, 1, 1),
) -> list[tuple[Decimal, int]]:
    """What October and November come to, and what is added to their lines."""
    on = Subscription(line=2, account_id="acme", plan="p", effective_from=since, effective_to=until)
    found, state = [], no_state()
    for month in (OCTOBER, NOVEMBER):
        rated = rate(world_of([plan], [on]), month, sent, state)
        state = rated.closing
        found.append((sum(amounts(rated).values(), Decimal(0)), sum(adjustments(rated).values())))
    return found


def october(plan: Plan, sent: Sequence[Message], **given: Any) -> Decimal:
    return months(plan, sent, **given)[0][0]


def test_tiers_of_a_portfolio_begin_after_all_that_an_allowance_took() -> None:
    """The allowance looks at all markets, the tiers at one: it takes one of each, as they come."""
    price = {**GRADUATED, "each": ["portfolio", "market"]}
    india = replace(MESSAGE, market="India", country="IN")
    utility = replace(MESSAGE, category="utility")
    world = world_of(
        [plan_of({"allowance": {"quantity": "2"}, "price": price})],
        [Subscription(line=2, account_id="acme", plan="p")],
    )
    details = rate(world, OCTOBER, [india, MESSAGE, utility, MESSAGE]).drafts.details
    charged = details.filter(details["status"] == "billed").select("category", "amount").rows()

    assert dict(charged) == {"utility": Decimal(1), "marketing": Decimal("0.1")}


def test_one_account_of_a_portfolio_alone_pays_tier_by_tier() -> None:
    plan = plan_of({"price": {**GRADUATED, "each": "portfolio"}})

    assert october(plan, [MESSAGE] * 3) == Decimal("1.2")


def test_a_sender_of_two_accounts_has_tiers_for_each() -> None:
    plan = plan_of({"price": {**GRADUATED, "each": "sender"}})
    on = [Subscription(line=2, account_id=name, plan="p") for name in ("acme", "bistro")]
    theirs = replace(MESSAGE, account_id="bistro", day=date(2026, 10, 16))
    found = amounts(rate(world_of([plan], on), OCTOBER, [MESSAGE, theirs]))

    assert [*found.values()] == [1, 1]


def test_tiers_of_a_contract_go_on_when_its_version_changes() -> None:
    charge = {"price": {**GRADUATED, "over": "contract"}}
    sent = [
        MESSAGE,
        replace(MESSAGE, day=date(2026, 10, 16)),
        replace(MESSAGE, day=date(2026, 11, 2)),
    ]
    (first, _), (second, _) = months(plan_of(charge, charge), sent)

    assert (first, second) == (Decimal("1.1"), Decimal("0.1"))


def test_a_contract_fills_up_the_package_that_it_began() -> None:
    price = {"kind": "package", "package_size": "3", "package_price": "5", "over": "contract"}
    sent = [MESSAGE, MESSAGE, replace(MESSAGE, day=date(2026, 11, 2))]

    assert [amount for amount, _ in months(plan_of({"price": price}), sent)] == [5, 0]


@pytest.mark.parametrize(("sent", "amount"), [(0, "7"), (2, "7"), (3, "8")])
def test_what_is_due_unused_is_due_too_if_an_allowance_takes_all(sent: int, amount: str) -> None:
    tiers = [{"unit_price": "1", "flat_amount": "7"}]
    price = {"kind": "graduated", "tiers": tiers, "when_unused": "charge"}
    plan = plan_of({"allowance": {"quantity": "2"}, "price": price})

    assert october(plan, [MESSAGE] * sent) == Decimal(amount)


def test_what_is_due_unused_is_due_if_the_trial_ends_within_the_month() -> None:
    price = {"kind": "flat", "amount": "7", "when_unused": "charge"}
    plan = plan_of({"price": price}, trial={"days": 14})

    assert [amount for amount, _ in months(plan, [], since=FIRST)] == [7, 7]


def test_what_the_network_gives_free_uses_up_what_would_be_carried_over() -> None:
    allowance = {"quantity": "3", "carry_over_months": 1}
    plan = plan_of({"allowance": allowance, "price": {"kind": "rate_card", "card": "net"}})
    free = replace(MESSAGE, pricing_type="free_entry_point")
    november = replace(MESSAGE, day=date(2026, 11, 2))

    # Two of three are used in October, one is left over: 4 of 5 are included in November.
    assert months(plan, [free, MESSAGE, *[november] * 5])[1][0] == Decimal("0.011")


def test_what_is_carried_over_is_used_once_by_the_versions_of_a_month() -> None:
    allowance = {"quantity": "1", "carry_over_months": 1}
    charge = {"allowance": allowance, "price": {"kind": "per_unit", "unit_price": "1"}}
    plan = plan_of(charge, charge)
    later = plan.model_copy(
        update={
            "version": (
                plan.version[0],
                plan.version[1].model_copy(update={"effective_from": date(2026, 11, 16)}),
            )
        }
    )
    sent = [replace(MESSAGE, day=day) for day in [date(2026, 11, 2)] * 2 + [date(2026, 11, 20)] * 2]

    # One each of October and of the first version; of the second its own alone.
    assert months(later, sent)[1][0] == 1


def test_a_contract_that_ends_with_the_month_owes_what_is_missing() -> None:
    price = {"kind": "per_unit", "unit_price": "1"}
    plan = plan_of({"price": price}, commitment={"amount": "10", "months": 12})

    found = months(plan, [MESSAGE], since=FIRST, until=NOVEMBER.first_day)
    assert found == [(Decimal(1), 900), (Decimal(0), 0)]


def test_in_a_month_that_is_all_trial_no_minimum_is_due() -> None:
    price = {"kind": "per_unit", "unit_price": "1"}
    bounds = {"minimum": {"amount": "10"}, "trial": {"days": 31}}
    plan = plan_of({"price": price, "minimum": "3"}, **bounds)

    assert months(plan, [], since=FIRST) == [(ZERO, 0), (ZERO, 1000)]


def test_a_share_of_nothing_still_has_its_minimum_and_its_fixed_amount() -> None:
    price = {"kind": "percentage", "ratio": "0", "unit_minimum": "0.5", "fixed_amount": "0.1"}
    sent = [replace(MESSAGE, meter="payments", value=Decimal(9))] * 2

    assert october(plan_of({"meter": "payments", "price": price}), sent) == Decimal("1.2")


def test_each_sender_has_its_dearest_units_free_whatever_a_price_looks_at() -> None:
    allowance = {"quantity": "1", "each": "sender", "order": "dearest"}
    plan = plan_of({"allowance": allowance, "price": {"kind": "per_unit", "unit_price": "1"}})

    assert october(plan, [MESSAGE, replace(MESSAGE, sender_id="a2"), MESSAGE]) == 1


@pytest.mark.parametrize(
    ("charge", "given", "what"),
    [
        (
            {"meter": "payments", "price": {**GRADUATED, "each": "market"}},
            {},
            "'c' counts for each market, which the meter 'payments' does not tell apart",
        ),
        (
            {
                "meter": "payments",
                "allowance": {"quantity": "1"},
                "price": {
                    **{"kind": "graduated_percentage", "tiers": [{"ratio": "0.01"}]},
                    "fixed_amount": "0.1",
                },
            },
            {},
            "the allowance of 'c' would count amounts and units alike",
        ),
        (
            {
                **{"meter": "call-minutes", "allowance": {"quantity": "2.5"}},
                "price": {
                    "kind": "rate_card",
                    "card": "net",
                    "rates": "tiered",
                    "crossing": "after",
                },
            },
            {},
            "the allowance of 'c' cuts units that its tiers take whole",
        ),
        (
            {"allowance": {"quantity": "1", "each": "sender"}, "price": GRADUATED},
            {"discount": [{"name": "gift", "free_units": "5", "lines": ["c"]}]},
            "'gift' gives units a month and account, and what 'c' includes is shared or counts"
            " otherwise",
        ),
    ],
)
def test_a_plan_that_would_count_two_things_as_one_is_refused(
    charge: dict[str, Any], given: dict[str, Any], what: str
) -> None:
    problems = [*check_charges(plan_of(charge, **given), METERS, "p.toml")]

    assert [problem.what for problem in problems] == [what]


def test_a_charge_may_ask_whose_word_a_type_is() -> None:
    plan = plan_of({"where": {"pricing_opinion": ["derived"]}, "price": GRADUATED})

    assert not [*check_charges(plan, METERS, "p.toml")]
    assert october(plan, [MESSAGE, replace(MESSAGE, pricing_opinion="derived")]) == 1


def test_the_months_of_a_fee_in_advance_cost_what_its_days_cost() -> None:
    """Billed ahead in full, and corrected when the contract ends within the month."""
    fee = {"name": "fee", "amount": "31", "due": "advance", "proration": "by_day"}
    price = {"kind": "per_unit", "unit_price": "1"}
    plan = plan_of({"price": price}, fixed_fee=[fee])
    open_ended = Subscription(
        line=2, account_id="acme", plan="p", effective_from=date(2026, 10, 22)
    )
    ended = open_ended.model_copy(update={"effective_to": date(2026, 11, 7)})
    first = rate(world_of([plan], [open_ended]), OCTOBER, [])
    second = rate(world_of([plan], [ended]), NOVEMBER, [], first.closing)
    third = rate(world_of([plan], [ended]), Month(2026, 12), [], second.closing)

    assert [sum(amounts(rated).values()) for rated in (first, second)] == [
        Decimal(10 + 31),
        Decimal("6.2") - 31,
    ]
    assert amounts(third) == {}
