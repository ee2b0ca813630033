"""What is earned up to a day: the bill of a month that ended with it, and fees by the day."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.asking import asks_of
from pricing.money import exact_of
from pricing.month_end.accrual import EARNED, asks_up_to, earned_up_to, unbilled_at
from pricing.offer import AddOn, FixedFee
from pricing.plan import Plan, Version
from pricing.state import no_state
from pricing.subscription import Holding, Subscription
from tests.documents.made import document, fee, line
from tests.pricing.definition import World
from tests.pricing.messages import Message, usage_of
from tests.pricing.rated import rate
from tests.pricing.worlds import (
    OCTOBER,
    bounded_plans,
    catalog_of,
    contracts,
    fee_plans,
    holdings,
    messages,
    narrow_plans,
    plans,
    world_of,
)

DAYS = [OCTOBER.first_day + timedelta(days=n) for n in (0, 1, 9, 10, 14, 15, 16, 30)]
FEW_DAYS = [DAYS[0], DAYS[3], DAYS[6]]
BOTH = ["p", "q"]
OF_PAIRS = settings(max_examples=settings().max_examples // 2)  # a month is rated twice
Sums = dict[tuple[str, str, str], Decimal]  # by account, plan and currency


def earned(world: World, sent: Sequence[Message], day: date) -> Sums:
    catalog = catalog_of(world)
    asked = asks_up_to(asks_of(catalog, OCTOBER), day)
    usage, below = usage_of(sent, catalog, OCTOBER, asked=asked)
    frame, _ = earned_up_to(day, catalog, usage, below, no_state())
    return {tuple(key): amount for *key, amount in frame.iter_rows() if amount}


def billed(world: World, sent: Sequence[Message]) -> Sums:
    """What the bill of October says, without charges that are due in advance."""
    in_advance = {
        (name, offer.name)
        for name, plan in world.plans.items()
        for version in plan.version
        for offer in offers_of(version)
        if offer.due == "advance"
    }
    found: dict[Any, Decimal] = {}
    lines = rate(world, OCTOBER, sent).drafts.lines
    names = ("line_id", "plan", "charge", "currency", "amount_minor")
    for line_id, plan, charge, currency, minor in lines.select(names).iter_rows():
        if (plan, charge.removeprefix(f"{plan}: ")) not in in_advance:
            key = (line_id.split("/")[0], plan, currency)
            found[key] = found.get(key, Decimal(0)) + exact_of(minor, currency)
    return {key: amount for key, amount in found.items() if amount}


def offers_of(version: Version) -> list[FixedFee | AddOn]:
    return [*version.fixed_fee, *version.add_on]


@OF_PAIRS
@given(plan=plans(), other=plans("q"), held=contracts(BOTH, DAYS), sent=messages(DAYS))
def test_what_is_earned_at_the_last_day_is_the_bill_of_the_month(
    plan: Plan, other: Plan, held: list[Subscription], sent: list[Message]
) -> None:
    world = world_of([plan, other], held)

    assert earned(world, sent, OCTOBER.last_day) == billed(world, sent)


@given(plan=fee_plans("p"), other=fee_plans("q"), held=contracts(BOTH, DAYS), data=st.data())
def test_at_the_last_day_all_of_the_fees_is_earned_but_what_is_due_in_advance(
    plan: Plan, other: Plan, held: list[Subscription], data: st.DataObject
) -> None:
    world = world_of([plan, other], held, data.draw(holdings(held, DAYS)))

    assert earned(world, [], OCTOBER.last_day) == billed(world, [])


@given(plan=bounded_plans(), held=contracts(["p"], DAYS[:1]), sent=messages(DAYS))
def test_at_the_last_day_all_discounts_minima_and_commitments_are_those_of_the_bill(
    plan: Plan, held: list[Subscription], sent: list[Message]
) -> None:
    world = world_of([plan], held)

    assert earned(world, sent, OCTOBER.last_day) == billed(world, sent)


@OF_PAIRS
@given(
    plan=st.one_of(plans(), narrow_plans()),
    held=contracts(["p"], FEW_DAYS[:1]),
    sent=messages(FEW_DAYS, 40, 10),
    day=st.sampled_from([*FEW_DAYS, date(2026, 10, 9), date(2026, 10, 20)]),
)
def test_what_usage_has_earned_by_a_day_is_the_bill_of_a_log_that_ends_with_it(
    plan: Plan, held: list[Subscription], sent: list[Message], day: date
) -> None:
    world = world_of([plan], held)
    by_then = [message for message in sent if message.day <= day]

    assert earned(world, sent, day) == billed(world, by_then)


def plan_of(**version: object) -> Plan:
    return Plan.model_validate({"plan": "p", "currency": "USD", "version": [version]})


def subscription(**days: date) -> Subscription:
    return Subscription(line=1, account_id="acme", plan="p", **days)


FEE = {"name": "platform", "amount": "31.00", "proration": "by_day"}


def test_a_fee_is_earned_by_the_day() -> None:
    world = world_of([plan_of(fixed_fee=[FEE])], [subscription(effective_from=date(2025, 1, 1))])

    amounts = [earned(world, [], date(2026, 10, day)) for day in (1, 15, 31)]
    assert [*map(sum, (one.values() for one in amounts))] == [1, 15, 31]


def test_a_fee_is_earned_from_the_day_on_which_it_begins() -> None:
    held = subscription(effective_from=date(2026, 10, 11), effective_to=date(2026, 10, 21))
    world = world_of([plan_of(fixed_fee=[FEE])], [held])

    amounts = [earned(world, [], date(2026, 10, day)) for day in (10, 11, 20, 25)]
    assert [*map(sum, (one.values() for one in amounts))] == [0, 1, 10, 10]


def test_an_add_on_is_earned_while_it_is_held() -> None:
    add_on = {
        "name": "devices",
        "proration": "by_day",
        "price": {"kind": "per_unit", "unit_price": "3.10"},
    }
    held = [
        Holding(
            line=2,
            account_id="acme",
            add_on="devices",
            quantity=quantity,
            effective_from=date(2026, 10, first),
            effective_to=date(2026, 10, last),
        )
        for quantity, first, last in ((10, 1, 11), (20, 11, 21))
    ]
    since = subscription(effective_from=date(2025, 1, 1))
    world = world_of([plan_of(add_on=[add_on])], [since], held)

    amounts = [earned(world, [], date(2026, 10, day)) for day in (5, 10, 15, 30)]
    assert [*map(sum, (one.values() for one in amounts))] == [5, 10, 20, 30]


def test_a_minimum_is_earned_by_the_day_as_far_as_usage_does_not_reach_it() -> None:
    charge = {
        "name": "messages",
        "meter": "deliveries",
        "price": {"kind": "per_unit", "unit_price": "1"},
    }
    plan = plan_of(charge=[charge], minimum={"amount": "31.00"})
    world = world_of([plan], [subscription(effective_from=date(2025, 1, 1))])
    sent = [Message("acme", date(2026, 10, 5))] * 12

    amounts = [earned(world, sent, date(2026, 10, day)) for day in (4, 5, 20, 31)]
    assert [*map(sum, (one.values() for one in amounts))] == [4, 12, 20, 31]


def test_what_a_commitment_misses_is_earned_when_its_month_is_over() -> None:
    plan = plan_of(commitment={"amount": "100.00"})
    world = world_of([plan], [subscription(effective_from=date(2025, 1, 1))])

    assert earned(world, [], date(2026, 10, 30)) == {}
    assert sum(earned(world, [], date(2026, 10, 31)).values()) == 100


def frame(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    return pl.DataFrame([(*key, Decimal(amount)) for *key, amount in rows], EARNED, orient="row")


def unbilled(day: date, *documents: Any) -> list[tuple[Any, ...]]:
    of_month = frame(("acct-1", "growth", "EUR", "30.00"))
    found = unbilled_at(day, of_month, documents)
    return [(row[0], *map(str, (f"{n:.2f}" for n in row[4:]))) for row in found.iter_rows()]


def test_what_was_invoiced_by_the_day_is_taken_off_and_nothing_later() -> None:
    fees = [line("platform", [fee("20")], kind="fixed_fee")]
    early, late = (document(fees, issue_date=date(2026, 10, day)) for day in (20, 25))

    assert unbilled(date(2026, 10, 19), early) == [("2026-10", "30.00", "0.00", "30.00")]
    assert unbilled(date(2026, 10, 20), early, late) == [("2026-10", "30.00", "20.00", "10.00")]


def test_what_an_earlier_month_has_not_issued_is_unbilled_too() -> None:
    fees = [line("platform", [fee("7")], kind="fixed_fee", period="2026-09")]
    draft = document(fees, period="2026-09", number=None, issue_date=None, state="draft")
    issued = document(fees, period="2026-09", issue_date=date(2026, 10, 3))

    for other in (draft, issued):
        assert unbilled(date(2026, 10, 2), other) == [
            ("2026-09", "7.00", "0.00", "7.00"),
            ("2026-10", "30.00", "0.00", "30.00"),
        ]
    assert unbilled(date(2026, 10, 3), issued) == [("2026-10", "30.00", "0.00", "30.00")]


def test_a_correction_of_the_month_that_was_issued_is_invoiced_for_it() -> None:
    correction = line("marketing", [fee("4")], period="2026-10", is_correction=True)
    later = document([correction], period="2026-11", issue_date=date(2026, 10, 31))

    assert unbilled(date(2026, 10, 31), later) == [("2026-10", "30.00", "4.00", "26.00")]


def test_a_total_that_is_carried_again_and_again_is_unbilled_once() -> None:
    of_october = line("messages", [fee("2")], period="2026-10")
    again = line("messages", [fee("2")], period="2026-10", is_correction=True)
    carried = {"state": "carried", "number": None, "issue_date": None}
    first = document([of_october], invoice_id="acct-1/2026-10/1", **carried)
    second = document([again], invoice_id="acct-1/2026-11/1", period="2026-11", **carried)
    issued = document([again], period="2026-12", issue_date=date(2027, 1, 4))
    nothing = EARNED.to_frame()

    def unbilled(*documents: Any) -> list[tuple[str, Decimal]]:
        rows = unbilled_at(date(2026, 12, 31), nothing, documents)
        return rows.select("period", "unbilled").rows()

    assert unbilled(first) == [("2026-10", Decimal(2))]
    assert unbilled(first, second) == [("2026-10", Decimal(2))]
    assert unbilled(first, second, issued) == [("2026-10", Decimal(2))]
    paid = issued.model_copy(update={"issue_date": date(2026, 12, 31)})
    assert unbilled(first, second, paid) == []
