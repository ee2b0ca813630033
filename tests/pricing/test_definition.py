"""The engine agrees with the slow definition, for random plans, contracts and messages."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.output import to_json
from metering.period import Month
from pricing.billing import Rated, rate_month
from pricing.document_writer import documents
from pricing.plan import Plan
from pricing.state import no_state
from pricing.subscription import Subscription
from tests.pricing.definition import ZERO, Line, Memory, Told, World, charges_of
from tests.pricing.definition_lines import adjust, fees_of, minor
from tests.pricing.messages import Message, usage_of
from tests.pricing.rated import adjustments, amounts, free_units, rate
from tests.pricing.worlds import (
    BOOK,
    DECEMBER,
    NOVEMBER,
    OCTOBER,
    OFTEN,
    bounded_plans,
    catalog_of,
    contracts,
    fee_plans,
    holdings,
    message_of,
    messages,
    narrow_plans,
    plans,
    world_of,
)

DAYS = [OCTOBER.first_day + timedelta(days=n) for n in (0, 1, 9, 10, 14, 15, 16, 30)]
FEW_DAYS = [DAYS[0], DAYS[3], DAYS[6]]
QUARTER = (OCTOBER, NOVEMBER, DECEMBER)
LONG = [month.first_day + timedelta(days=n) for month in QUARTER for n in (0, 10, 29)]
BOTH = ["p", "q"]
NOTHING = Plan.model_validate({"plan": "q", "currency": "USD", "version": [{"uncovered": "free"}]})
# A quarter takes three times as long as a month, and what is rated twice takes twice.
OF_QUARTERS, OF_PAIRS = (settings(max_examples=settings().max_examples // n) for n in (3, 2))


def clock(account_id: str, day: date) -> int:
    return int(BOOK.midnight(account_id, day).timestamp())


def text_of(rated: Rated) -> str:
    return to_json({"all": [*documents(rated.drafts)]})


def without_zeros(found: dict[Any, Any]) -> dict[Any, Any]:
    return {key: amount for key, amount in found.items() if amount}


def assert_same_month(world: World, sent: Sequence[Message]) -> tuple[Rated, Told]:
    rated = rate(world, OCTOBER, sent)
    told, _ = charges_of(world, OCTOBER, sent, Memory())
    assert without_zeros(amounts(rated)) == without_zeros(told.amounts)
    return rated, told


@given(
    plan=plans(),
    other=plans("q"),
    held=contracts(BOTH, DAYS),
    sent=messages(DAYS),
)
def test_a_month_costs_what_the_definition_says(
    plan: Plan, other: Plan, held: list[Subscription], sent: list[Message]
) -> None:
    assert_same_month(world_of([plan, other], held), sent)


@given(plan=narrow_plans(), held=contracts(["p"], FEW_DAYS[1:2]), sent=messages(FEW_DAYS, 40, 20))
def test_what_accounts_share_is_used_in_the_order_of_time(
    plan: Plan, held: list[Subscription], sent: list[Message]
) -> None:
    rated, told = assert_same_month(world_of([plan], held), sent)

    assert free_units(rated) == without_zeros(told.free)


@OF_PAIRS
@given(
    plan=plans(),
    held=contracts(["p"], FEW_DAYS[1:2]),
    sent=messages(FEW_DAYS, 40, 20),
    data=st.data(),
)
def test_each_unit_is_charged_once_and_its_order_in_the_usage_does_not_matter(
    plan: Plan, held: list[Subscription], sent: list[Message], data: st.DataObject
) -> None:
    catalog = catalog_of(world_of([plan], held))
    usage, below = usage_of(sent, catalog, OCTOBER)
    rated = rate_month(catalog, OCTOBER, usage, below, no_state())
    order = data.draw(st.permutations(range(usage.height)))
    again = rate_month(catalog, OCTOBER, usage[order], below, no_state())

    assert to_json({"all": [*documents(rated.drafts)]}) == to_json(
        {"all": [*documents(again.drafts)]}
    )
    assert rated.closing.equals(again.closing)
    _, units = charges_of(world_of([plan], held), OCTOBER, sent, Memory())
    asked: Counter[Line] = Counter()
    for unit in units:
        if unit.message.meter == "deliveries":
            asked[unit.line] += 1
    counted: Counter[Line] = Counter()
    named = rated.drafts.details.join(rated.drafts.lines, on="line_id", suffix="_of_line")
    for row in named.filter(pl.col("meter") == "deliveries").iter_rows(named=True):
        counted[row["line_id"].split("/")[0], row["plan"], row["charge"]] += row["quantity"]
    assert without_zeros(counted) == asked


@OF_QUARTERS
@given(
    plan=plans(change=date(2026, 11, 11)),
    held=contracts(["p"], LONG),
    sent=messages(LONG, 30, 10),
)
def test_months_in_a_row_hand_on_what_the_definition_remembers(
    plan: Plan, held: list[Subscription], sent: list[Message]
) -> None:
    world, memory, opening = world_of([plan], held), Memory(), no_state()
    for month in QUARTER:
        rated = rate(world, month, sent, opening)
        told, _ = charges_of(world, month, sent, memory)
        remember_deliveries(memory, month, sent)
        opening = rated.closing

        assert without_zeros(amounts(rated)) == without_zeros(told.amounts)


def test_free_units_of_a_contract_are_for_its_own_messages() -> None:
    """The plan was taken anew on 11 December: the first contract gives nothing any more."""
    charge = {"name": "c", "meter": "deliveries", "price": {"kind": "per_unit", "unit_price": "1"}}
    gift = {"name": "gift", "free_units": "2", "lines": ["c"], "months": 1}
    version = {"uncovered": "free", "charge": [charge], "discount": [gift]}
    plan = Plan.model_validate({"plan": "p", "currency": "USD", "version": [version]})
    begun, renewal = date(2026, 10, 1), date(2026, 12, 11)
    days_of = {"effective_from": begun, "effective_to": renewal}
    held = [
        Subscription(line=2, account_id="acme", plan="p", **days_of),
        Subscription(line=3, account_id="acme", plan="p", effective_from=renewal),
    ]
    first = message_of(0, LONG)
    days = (date(2026, 12, 1), date(2026, 12, 11), date(2026, 12, 30))
    sent = [replace(first, account_id="acme", meter="deliveries", day=day) for day in days]
    rated = rate(world_of([plan], held), DECEMBER, sent)

    assert without_zeros(amounts(rated)) == {("acme", "p", "c"): 1}


def remember_deliveries(memory: Memory, month: Month, sent: Sequence[Message]) -> None:
    for message in sent:
        if message.meter == "deliveries" and Month.of(message.day) == month:
            key = (message.account_id, month.index)
            memory.deliveries[key] = memory.deliveries.get(key, ZERO) + 1


@OF_QUARTERS
@given(plan=fee_plans("p"), other=fee_plans("q"), held=contracts(BOTH, LONG), data=st.data())
def test_fees_and_add_ons_cost_what_their_days_cost(
    plan: Plan, other: Plan, held: list[Subscription], data: st.DataObject
) -> None:
    world = world_of([plan, other], held, data.draw(holdings(held, LONG)))
    memory, opening = Memory(), no_state()
    for month in QUARTER:
        rated = rate(world, month, [], opening)
        told = fees_of(world, month, memory, clock)
        opening = rated.closing

        assert without_zeros(amounts(rated)) == without_zeros(told.amounts)


@OF_QUARTERS
@given(plan=bounded_plans(), held=contracts(["p"], LONG), sent=messages(LONG, 30))
def test_lines_are_adjusted_as_the_definition_says(
    plan: Plan, held: list[Subscription], sent: list[Message]
) -> None:
    world, memory, opening = world_of([plan], held), Memory(), no_state()
    for month in QUARTER:
        rated = rate(world, month, sent, opening)
        told, _ = charges_of(world, month, sent, memory)
        for line, amount in fees_of(world, month, memory, clock).amounts.items():
            told.add(line, amount)
        opening = rated.closing

        assert without_zeros(amounts(rated)) == without_zeros(told.amounts)
        lines = {line: minor(amount) for line, amount in told.amounts.items()}
        assert adjustments(rated) == adjust(world, month, lines, memory)


@OF_PAIRS
@given(
    plan=narrow_plans(), held=contracts(["p"], []), sent=messages(FEW_DAYS, 30, 10), data=st.data()
)
def test_accounts_that_share_nothing_cost_the_same_apart_as_together(
    plan: Plan, held: list[Subscription], sent: list[Message], data: st.DataObject
) -> None:
    """acme and bistro are one portfolio, corner is its own."""
    whole = amounts(rate(world_of([plan], held), OCTOBER, sent))
    parts: dict[Line, Decimal] = {}
    for names in ({"acme", "bistro"}, {"corner"}):
        own = [message for message in sent if message.account_id in names]
        parts |= amounts(
            rate(world_of([plan], [s for s in held if s.account_id in names]), OCTOBER, own)
        )

    assert without_zeros(whole) == without_zeros(parts)


@OF_PAIRS
@given(
    sent=messages(FEW_DAYS, 30),
    more=messages(FEW_DAYS, 5),
    over=st.sampled_from(["month", "day", "contract"]),
    each=st.sampled_from(OFTEN),
    included=st.sampled_from([None, "2", "2.5", "100"]),
)
def test_graduated_never_costs_less_for_more(
    sent: list[Message], more: list[Message], over: str, each: list[str], included: str | None
) -> None:
    bounds = [("3", "1"), ("7", "0.5"), (None, "0.1")]
    tiers = [{"up_to": up_to, "unit_price": price} for up_to, price in bounds]
    price = {"kind": "graduated", "each": each, "over": over, "tiers": tiers}
    charge: dict[str, Any] = {"name": "c", "meter": "deliveries", "price": price}
    if included is not None:
        charge["allowance"] = {"quantity": included}
    plan = Plan.model_validate({"plan": "p", "currency": "USD", "version": [{"charge": [charge]}]})
    held = [
        Subscription(line=2, account_id=name, plan="p") for name in ("acme", "bistro", "corner")
    ]
    both = sorted([*sent, *more], key=lambda message: message.day)
    with localcontext(prec=60):
        less, greater = (
            sum(amounts(rate(world_of([plan], held), OCTOBER, each_sent)).values(), ZERO)
            for each_sent in (sent, both)
        )

    assert less <= greater
