"""What holds of every price that a plan writes, against its definition in plain Python."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from metering.account import Account
from metering.meter import shipped_meters
from metering.period import Month
from pricing.charge import charge
from pricing.coverage import take_usage
from pricing.plan import Plan
from pricing.price import Price, Tier
from pricing.rate_card import CARD_CATEGORIES, RATES
from pricing.subscription import Subscription, stretches_in
from pricing.terms import Terms
from pricing.terms_writer import terms_of

PRICE = TypeAdapter[Price](Price)
OCTOBER = Month(2026, 10)

quantities = st.decimals(0, 10**9, places=6)
unit_prices = st.decimals(0, 10**3, places=12)
bounds = st.lists(st.decimals("0.000001", 10**9, places=6), unique=True, max_size=4).map(sorted)


@st.composite
def prices(draw: st.DrawFn, kinds: tuple[str, ...] = ("per_unit", "graduated", "volume")) -> Any:
    kind = draw(st.sampled_from(kinds))
    if kind == "per_unit":
        return {"kind": kind, "unit_price": draw(unit_prices)}
    tiers = [Tier(up_to=up_to, unit_price=draw(unit_prices)) for up_to in [*draw(bounds), None]]
    return {"kind": kind, "tiers": [tier.model_dump() for tier in tiers]}


def rated(
    usage: pl.DataFrame, price: Any, allowance: Decimal | None = None
) -> tuple[pl.DataFrame, Terms]:
    offer = {"name": "messages", "meter": "deliveries", "price": price}
    if allowance:
        offer["allowance"] = {"quantity": allowance}
    plan = Plan.model_validate({"plan": "p", "currency": "USD", "version": [{"charge": [offer]}]})
    names = sorted(usage["account_id"].unique())
    facts = {name: Account(line=2, account_id=name, name=name) for name in names}
    subscriptions = [Subscription(line=2, account_id=name, plan="p") for name in names]
    terms = terms_of(
        OCTOBER,
        [plan],
        facts,
        meters=shipped_meters(),
        rates=RATES.to_frame(),
        categories=CARD_CATEGORIES.to_frame(),
        below=lambda *_: pytest.fail("a price of the plan's own needs no order of time"),
    )
    units, _ = take_usage(
        usage, stretches_in(OCTOBER, subscriptions, {"p": plan}), {"p": plan}, terms
    )
    return charge(units, terms)[0], terms


def amount_by_definition(quantity: Decimal, price: Any) -> Decimal:
    """One quantity in plain Python: the meaning of a price, and the oracle."""
    tiers = price.get("tiers") or [{"up_to": None, "unit_price": price["unit_price"]}]
    amount = over = Decimal(0)
    with localcontext(prec=60):
        for tier in tiers:
            reached = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
            if reached > over:
                in_tier = (reached - over) * tier["unit_price"]
                amount = (
                    quantity * tier["unit_price"] if price["kind"] == "volume" else amount + in_tier
                )
            over = tier["up_to"] or over
    return amount


@given(
    parts=st.lists(quantities, min_size=1, max_size=5),
    price=prices(),
    allowance=quantities,
    data=st.data(),
)
def test_each_account_is_charged_by_the_definition(
    *,
    parts: list[Decimal],
    price: Any,
    allowance: Decimal,
    data: st.DataObject,
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
) -> None:
    markets = [f"Market {number}" for number in range(len(parts))]
    rows = [usage_row("acme", part, market=name) for part, name in zip(parts, markets, strict=True)]
    shuffled = data.draw(st.permutations(rows))
    details, _ = rated(usage_frame(rows), price, allowance)

    with localcontext(prec=60):
        total = sum(parts, Decimal(0))
        assert details["amount"].sum() == amount_by_definition(
            max(total - allowance, Decimal(0)), price
        )
    assert details["quantity"].sum() == total
    assert details.equals(rated(usage_frame(shuffled), price, allowance)[0])


@given(pair=st.tuples(quantities, quantities).map(sorted), price=prices(kinds=("graduated",)))
def test_more_usage_never_costs_less_when_graduated(
    pair: list[Decimal],
    price: Any,
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
) -> None:
    less, more = (
        rated(usage_frame([usage_row("acme", quantity)]), price)[0]["amount"].sum()
        for quantity in pair
    )

    assert less <= more


@given(prices())
def test_a_price_survives_the_trip_through_its_file(price: Any) -> None:
    made = PRICE.validate_python(price)

    assert PRICE.validate_json(PRICE.dump_json(made)) == made


@pytest.mark.parametrize(
    ("kind", "quantity", "amounts"),
    [
        ("graduated", "100", ["0"]),  # the bound belongs to the lower tier
        ("graduated", "100.25", ["0", "0.005"]),
        ("graduated", "2500", ["0", "18", "15"]),
        ("volume", "1000", ["20"]),
        ("volume", "1000.000001", ["10.00000001"]),  # a little more can cost less: volume jumps
    ],
)
def test_worked_examples(
    kind: str,
    quantity: str,
    amounts: list[str],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
) -> None:
    tiers = [
        {"up_to": Decimal(100), "unit_price": Decimal(0)},
        {"up_to": Decimal(1000), "unit_price": Decimal("0.02")},
        {"unit_price": Decimal("0.01")},
    ]
    usage = usage_frame([usage_row("acme", quantity)])
    details, _ = rated(usage, {"kind": kind, "tiers": tiers})

    assert details["amount"].to_list() == [*map(Decimal, amounts)]


@pytest.mark.parametrize(
    ("tiers", "hint"),
    [
        ([], "0 tiers"),
        ([{"up_to": "10", "unit_price": "1"}], "leave out its up_to alone"),
        ([{"unit_price": "1"}, {"unit_price": "1"}], "leave out its up_to alone"),
        ([{"unit_price": "1"}, {"up_to": "9", "unit_price": "1"}], "leave out its up_to alone"),
        ([{"up_to": up_to, "unit_price": "1"} for up_to in ("9", "9", None)], "does not rise"),
        ([{"unit_price": 0.02}], "write it as text: '0.02'"),
        ([{"unit_price": "-1"}], "greater than or equal to 0"),
        ([{"unit_price": "1", "flat_fee": "5"}], "Extra inputs are not permitted"),
    ],
)
def test_a_price_that_could_mischarge_is_refused(tiers: list[object], hint: str) -> None:
    with pytest.raises(ValidationError, match=hint):
        PRICE.validate_python({"kind": "graduated", "tiers": tiers})
