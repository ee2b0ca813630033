"""Small worlds as Hypothesis draws them: plans of every kind of price, contracts, and messages."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import polars as pl
from hypothesis import currently_in_test_context, reject
from hypothesis import strategies as st

from metering.account import FIRST_DAY, LAST_DAY, Account, Accounts
from metering.facts import data_path
from metering.meter import Meter, shipped_meters
from metering.period import Month
from metering.settings import Seller, Settings
from pricing.catalog import Catalog
from pricing.checks import check_charges
from pricing.fx import FX_RATES
from pricing.money import UNIT_PRICE
from pricing.plan import Plan, check_dates, check_plan
from pricing.price import OWNERS
from pricing.rate_card import RateRow, frame_of, read_categories
from pricing.subscription import Holding, Subscription, check_holdings, check_subscriptions
from tests.pricing.definition import World
from tests.pricing.messages import Message

OCTOBER = Month(2026, 10)
NOVEMBER = Month(2026, 11)
DECEMBER = Month(2026, 12)
MARKETS = ("Brazil", "India")
COUNTRIES = {"Brazil": "BR", "India": "IN"}
CATEGORIES = ("marketing", "utility", "authentication", "authentication_international")
PAYMENTS = Meter.model_validate(
    {
        **{"meter": "payments", "unit": "usd"},
        "source": {"kind": "cloud_events", "type": "paid"},
        "aggregation": {"kind": "sum", "of": "data.amount"},
    }
)
METERS = {**shipped_meters(), "payments": PAYMENTS}
# acme and bistro are one portfolio; corner has grown large.
ACCOUNTS = {
    "acme": Account(
        line=2, account_id="acme", name="A", employee_count=200, country="DE", currency="USD",
        portfolio_id="group", segment="shop", effective_from=date(2026, 9, 3),
    ),
    "bistro": Account(
        line=3, account_id="bistro", name="B", employee_count=9, country="IN", currency="USD",
        portfolio_id="group", segment="food",
    ),
    "corner": Account(line=4, account_id="corner", name="C", currency="USD"),
}  # fmt: skip
BOOK = Accounts(tuple(ACCOUNTS.values()), (), "Europe/Berlin")
SENDERS = {"acme": ("a1", "a2"), "bistro": ("b1",), "corner": ("c1",)}
VERSION_DAY, RATE_DAY = date(2026, 10, 16), date(2026, 10, 11)
EXCHANGE = Decimal("1.07")


def _card() -> tuple[RateRow, ...]:
    rows: list[RateRow] = []
    for number, (start, end) in enumerate(((FIRST_DAY, RATE_DAY), (RATE_DAY, LAST_DAY))):
        for market in MARKETS:
            for place, category in enumerate((*CATEGORIES, "call")):
                rate = Decimal(place + 1) / 100 + Decimal(number) / 1000
                unit = "minute" if category == "call" else "message"
                cell = {
                    **{"line": 2, "card": "net", "effective_from": start, "effective_to": end},
                    **{"market": market, "category": category, "unit": unit},
                    **{"evidence": "published", "currency": "USD"},
                }
                if (market, category) != ("India", "utility"):  # of which no price is known
                    rows.append(RateRow(**cell, rates="list", rate=rate))
                    euro = {**cell, "currency": "EUR"}
                    rows.append(RateRow(**euro, rates="list", rate=rate + Decimal("0.00333333")))
                if market == "Brazil" and category != "utility":
                    for up_to, part in ((3 + number, 1), (7, 2), (None, 3)):
                        lower = (rate / part).quantize(Decimal("0.00000001"))
                        rows.append(RateRow(**cell, rates="tiered", up_to=up_to, rate=lower))
    return tuple(rows)


CARD = _card()
RATES = frame_of(CARD)
CARD_CATEGORIES, _ = read_categories(data_path("card_categories.csv"))
FX = pl.DataFrame(
    [("EUR", "USD", FIRST_DAY, EXCHANGE, " x 1.07")],
    {**FX_RATES, "fx_rate": UNIT_PRICE},
    orient="row",
)


def world_of(
    plans: Sequence[Plan],
    subscriptions: Sequence[Subscription],
    holdings: Sequence[Holding] = (),
) -> World:
    return World(
        plans={plan.plan: plan for plan in plans},
        subscriptions=subscriptions,
        facts=ACCOUNTS,
        meters=METERS,
        holdings=holdings,
        card=CARD,
        fx={("EUR", "USD"): EXCHANGE},
        first_days={name: account.effective_from for name, account in ACCOUNTS.items()},
    )


def catalog_of(world: World) -> Catalog:
    """Write a world as the catalog of a book; what `tollbook check` refuses is never drawn."""
    problems = [
        problem
        for plan in world.plans.values()
        for found in (
            check_dates(plan, "p"),
            check_plan(plan, "p"),
            check_charges(plan, METERS, "p"),
        )
        for problem in found
    ]
    problems += check_subscriptions(world.subscriptions, world.plans, set(ACCOUNTS))
    problems += check_holdings(world.holdings, world.subscriptions, world.plans, set(ACCOUNTS))
    if problems:
        assert currently_in_test_context(), problems
        reject()
    return Catalog(
        settings=Settings(
            seller=Seller(name="S", country="DE", time_zone="Europe/Berlin", currency="USD")
        ),
        accounts=BOOK,
        meters=METERS,
        plans=world.plans,
        rates=RATES,
        categories=CARD_CATEGORIES,
        fx=FX,
        coupons={},
        redemptions=(),
        subscriptions=tuple(world.subscriptions),
        holdings=tuple(world.holdings),
        taxes=None,
        credits=(),
        files={},
    )


# Prices

unit_prices = st.sampled_from(["0", "0.01", "0.005", "1", "0.333333333333", "2.5"]).map(Decimal)
amounts = st.sampled_from(["0", "1", "2.50", "10", "0.015"]).map(Decimal)
sizes = st.sampled_from(["1", "2", "3", "5", "2.5"]).map(Decimal)
ratios = st.sampled_from(["0", "0.01", "0.029", "1"]).map(Decimal)
bounds = st.lists(
    st.sampled_from(["1", "2", "3", "4", "6", "9", "2.5"]).map(Decimal), unique=True, max_size=3
).map(sorted)
scopes = st.sampled_from(
    [
        ["account"],
        ["account"],
        ["sender"],
        ["waba"],
        ["portfolio"],
        ["account", "market"],
        ["portfolio", "market"],
        ["category"],
        ["sender", "country"],
    ]
)
overs = st.sampled_from(["month", "month", "day", "contract"])


@st.composite
def tiers(draw: st.DrawFn, price: str = "unit_price") -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    for up_to in [*draw(bounds), None]:
        tier: dict[str, Any] = {"up_to": up_to}
        if price == "amount":
            tier["amount"] = draw(amounts)
        elif price == "ratio":
            tier["ratio"] = draw(ratios)
        else:
            tier["unit_price"] = draw(unit_prices)
        if price != "amount" and draw(st.integers(0, 2)) == 0:
            tier["flat_amount"] = draw(amounts)
        if price == "unit_price" and draw(st.integers(0, 4)) == 0:
            tier["package_size"] = draw(sizes)
        written.append(tier)
    return written


@st.composite
def prices(draw: st.DrawFn, kinds: Sequence[str]) -> dict[str, Any]:
    kind = draw(st.sampled_from(kinds))
    if kind in ("per_unit", "percentage", "matrix", "rate_card"):
        return {"kind": kind, **draw(uncounted(kind))}
    price = {"kind": kind, "each": draw(scopes), "over": draw(overs), **draw(counted(kind))}
    if kind in ("volume", "stairstep") and price["over"] == "contract":
        price["over"] = "day"
    if kind in ("graduated", "volume", "flat", "stairstep") and draw(st.integers(0, 4)) == 0:
        price |= {"when_unused": "charge", "each": ["account"], "over": "month"}
    if price["each"][0] == "portfolio" and kind in ("flat", "package", "stairstep"):
        price["each"] = ["account"]
    for tier in price.get("tiers", []) if price["each"][0] == "portfolio" else []:
        tier.pop("flat_amount", None)
        tier.pop("package_size", None)
    return price


@st.composite
def counted(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """What a price of units that count together says beside its scope."""
    match kind:
        case "flat":
            return {"amount": draw(amounts)}
        case "package":
            partial = draw(st.sampled_from(["up", "down", "exact"]))
            price = {"package_size": draw(sizes), "package_price": draw(amounts)}
            return {**price, "partial": partial}
        case "stairstep":
            return {"tiers": draw(tiers("amount"))}
        case "graduated_percentage":
            fixed = draw(st.sampled_from([{}, {"fixed_amount": Decimal("0.1")}]))
            return {"tiers": draw(tiers("ratio")), **fixed}
        case _:
            return {"tiers": draw(tiers())}


@st.composite
def uncounted(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """What a price says whose units do not count together, or as a card counts them."""
    match kind:
        case "per_unit":
            return {"unit_price": draw(unit_prices)}
        case "percentage":
            low, high = sorted(draw(st.tuples(amounts, amounts.filter(bool))))
            high = max(high, Decimal("0.015"))
            both = {"unit_minimum": low, "unit_maximum": high}
            bounded: list[dict[str, Any]] = [
                {},
                {"unit_minimum": low},
                {"unit_maximum": high},
                both,
            ]
            fixed = draw(st.sampled_from([{}, {"fixed_amount": Decimal("0.1")}]))
            return {"ratio": draw(ratios), **draw(st.sampled_from(bounded)), **fixed}
        case "matrix":
            cells = draw(st.lists(st.sampled_from(CELLS), unique_by=str, min_size=1, max_size=4))
            cells.sort(key=lambda cell: -len(cell))
            return {"cells": [{**cell, "unit_price": draw(unit_prices)} for cell in cells]}
        case _:
            price = {"card": "net", "rates": draw(rates), **draw(markups)}
            if draw(st.integers(0, 3)) == 0:
                price |= {"currency": "EUR", "rates": "list"}
            return {**price, "crossing": draw(st.sampled_from(["split", "after"]))}


CELLS: list[dict[str, str]] = [
    {},
    {"market": "Brazil"},
    {"category": "utility"},
    {"category": "marketing"},
    {"market": "India", "category": "marketing"},
    {"pricing_type": "regular", "country": "BR"},
]
rates = st.sampled_from(["list", "tiered", "tiered"])
markups: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {"markup_ratio": Decimal("0.15")},
        {"rate_ratio": Decimal("0.2"), "markup_amount": Decimal("0.000000000001")},
        {"markup_ratio": Decimal("0.0333"), "round": {"decimals": 3, "mode": "half_even"}},
        {"markup_amount": Decimal("0.0025"), "round": {"decimals": 3, "mode": "truncate"}},
        {"markup_ratio": Decimal("-0.1"), "round": {"decimals": 4}},
    ]
)
wheres = st.sampled_from(
    [
        {},
        {},
        {"category": ["marketing", "utility"]},
        {"market": ["Brazil"]},
        {"pricing_type": ["regular"]},
        {"category": ["authentication"], "country": ["BR"]},
        {"pricing_opinion": ["network"]},
    ]
)
conditions = st.sampled_from(
    [
        {"employee_count_max": 9},
        {"segment": ["food", "shop"], "country": ["DE"]},
        {"account_age_months_max": 2},
        {"deliveries_max": 3, "deliveries_months": 2},
    ]
)


@st.composite
def allowances(draw: st.DrawFn) -> dict[str, Any]:
    allowance: dict[str, Any] = {
        "quantity": draw(st.sampled_from(["1", "2", "5", "30", "2.5"]).map(Decimal)),
        "each": draw(scopes),
        "over": draw(st.sampled_from(["month", "month", "day"])),
        "order": draw(st.sampled_from(["time", "time", "time", "dearest", "cheapest"])),
    }
    if draw(st.integers(0, 3)) == 0:
        allowance["where"] = draw(wheres)
    if draw(st.integers(0, 2)) == 0:
        allowance |= {
            "each": ["account"],
            "over": "month",
            "carry_over_months": draw(st.integers(1, 2)),
        }
    return allowance


KINDS = {
    "deliveries": (
        "per_unit",
        "flat",
        "graduated",
        "graduated",
        "volume",
        "package",
        "stairstep",
        "matrix",
        "rate_card",
        "rate_card",
    ),
    "payments": ("percentage", "graduated_percentage", "graduated", "package"),
    "call-minutes": ("graduated", "rate_card", "per_unit"),
}


@st.composite
def charges(draw: st.DrawFn, number: int, shared: bool) -> dict[str, Any]:
    meter = draw(st.sampled_from(["deliveries"] * 4 + ["payments", "call-minutes"]))
    charge: dict[str, Any] = {"name": f"charge {number}", "meter": meter}
    price = charge["price"] = draw(prices(KINDS[meter]))
    charge["component"] = "shared" if shared else f"component {number}"
    if meter == "deliveries" and draw(st.booleans()):
        charge["where"] = draw(wheres)
    is_plain = meter == "deliveries"
    if not is_plain and "each" in price:
        price["each"] = [word for word in price["each"] if word in OWNERS] or ["account"]
    if draw(st.booleans()) and not price.keys() & UNIT_BOUNDS:
        charge["allowance"] = draw(allowances())
        if price["kind"] not in ("per_unit", "matrix") and price.get("rates") != "list":
            charge["allowance"]["order"] = "time"
        if not is_plain:
            price.pop("crossing", None)  # of what is cut, no tier takes a whole
            charge["allowance"] |= {"each": ["account"]}
            charge["allowance"].pop("where", None)
    if draw(st.integers(0, 4)) == 0:
        charge["free_for"] = draw(conditions)
    return charge


UNIT_BOUNDS = {"fixed_amount", "unit_minimum", "unit_maximum"}


@st.composite
def versions(draw: st.DrawFn, start: date | None) -> dict[str, Any]:
    written = [draw(charges(number, False)) for number in range(draw(st.integers(1, 3)))]
    version: dict[str, Any] = {"charge": written, "uncovered": "free"}
    if start is not None:
        version["effective_from"] = start
    if draw(st.integers(0, 2)) == 0:  # two charges of one meter and component, one allowance
        for place, category in enumerate(CATEGORIES[:2]):
            charge = draw(charges(place + 10, True))
            charge["meter"], charge["where"] = "deliveries", {"category": [category]}
            charge["price"] = draw(prices(KINDS["deliveries"]))
            charge["allowance"] = "together"
            written.append(charge)
        together = {"name": "together", **draw(allowances())}
        if any(c["price"]["kind"] not in ("per_unit", "matrix") for c in written[-2:]):
            together["order"] = "time"
        version["allowance"] = [together]
    if draw(st.integers(0, 3)) == 0:
        version["trial"] = {"days": draw(st.sampled_from([3, 14, 40]))}
    own = written[0].get("allowance", {"each": ["account"], "over": "month"})
    is_fit = own["each"] == ["account"] and own["over"] == "month" and not own.get("where")
    if is_fit and not written[0]["price"].keys() & UNIT_BOUNDS and draw(st.integers(0, 2)) == 0:
        gift: dict[str, Any] = {"name": "gift", "free_units": Decimal(2), "lines": ["charge 0"]}
        gift |= draw(st.sampled_from([{}, {"months": 1}]))
        version["discount"] = [gift]
    return version


@st.composite
def plans(draw: st.DrawFn, name: str = "p", change: date | None = VERSION_DAY) -> Plan:
    first = draw(versions(None))
    written = [first]
    if change is not None and draw(st.booleans()):
        # The same names, some of them at other prices.
        second = (
            draw(versions(change)) if draw(st.booleans()) else {**first, "effective_from": change}
        )
        written.append(second)
    return Plan.model_validate({"plan": name, "currency": "USD", "version": written})


# Contracts and messages


@st.composite
def contracts(draw: st.DrawFn, names: Sequence[str], days: Sequence[date]) -> list[Subscription]:
    """Each account is on one plan after the other, or on none, from some days on."""
    made: list[Subscription] = []
    for account_id in ACCOUNTS:
        inside = (
            sorted(draw(st.lists(st.sampled_from(days), unique=True, max_size=2))) if days else []
        )
        marks = [draw(st.sampled_from([FIRST_DAY, date(2026, 9, 20)])), *inside, LAST_DAY]
        for start, end in pairwise(marks):
            plan = draw(st.sampled_from([*names, None])) if made else names[0]
            if plan is not None:
                made.append(
                    Subscription(
                        line=2, account_id=account_id, plan=plan,
                        effective_from=start, effective_to=end,
                    )
                )  # fmt: skip
    return made


def messages(
    days: Sequence[date], most: int = 24, least: int = 0
) -> st.SearchStrategy[list[Message]]:
    """Draw messages in their order of time; each is one number, so that many are quickly drawn."""
    count = len(days) * len(PLACES) * len(MARKETS) * len(CATEGORIES) * len(TYPES) * len(VALUES)
    numbers = st.lists(st.integers(0, count - 1), min_size=least, max_size=most)
    return numbers.map(lambda drawn: sorted((message_of(n, days) for n in drawn), key=_day))


PLACES = [(account_id, sender) for account_id, senders in SENDERS.items() for sender in senders]
TYPES = ("regular", "regular", "regular", "free_entry_point", "exempt")
# None is a delivery; the others are a call of so many seconds, or a payment.
VALUES = (None, None, None, None, "60", "6.01", "0", "0.01", "100", "250.5")


def _day(message: Message) -> date:
    return message.day


def message_of(number: int, days: Sequence[date]) -> Message:
    def take(options: Sequence[Any]) -> Any:
        nonlocal number
        number, index = divmod(number, len(options))
        return options[index]

    value, market, day = take(VALUES), take(MARKETS), take(days)
    (account_id, sender_id), category, kind = take(PLACES), take(CATEGORIES), take(TYPES)
    given: dict[str, Any] = {
        **{"account_id": account_id, "sender_id": sender_id, "waba_id": f"w-{account_id}"},
        **{"day": day, "market": market, "country": COUNTRIES[market]},
    }
    if value is None:
        return Message(**given, category=category, pricing_type=kind)
    unknown = ("category", "pricing_model", "pricing_type", "pricing_opinion")
    given |= {**dict.fromkeys(unknown), "value": Decimal(value)}
    if value in ("60", "6.01"):
        return Message(**given, meter="call-minutes")
    given |= dict.fromkeys(("channel", "market", "country"))
    return Message(**given, meter="payments")


# Few charges and many messages, so that allowances and tiers are reached


OFTEN = (["account"], ["sender"], ["portfolio"], ["account", "market"])


@st.composite
def narrow_plans(draw: st.DrawFn) -> Plan:
    """A plan whose tiers are shared by accounts, with an allowance in front of them."""
    allowance = {
        "quantity": draw(st.sampled_from(["1", "2", "5", "2.5"])),
        "each": draw(
            st.sampled_from([["account"], ["sender"], ["portfolio"], ["account", "market"]])
        ),
        "where": draw(st.sampled_from([{}, {"market": ["Brazil"]}])),
        "over": draw(st.sampled_from(["month", "day"])),
    }
    is_shared = draw(st.booleans())
    written = []
    for number, listed in enumerate((["marketing"], ["utility", "authentication"])):
        charge = {"name": f"charge {number}", "meter": "deliveries", "where": {"category": listed}}
        charge["price"] = draw(shared_prices())
        charge["allowance"] = "together" if is_shared else allowance
        written.append(charge)
    version: dict[str, Any] = {"uncovered": "free", "charge": written}
    if is_shared:
        version["allowance"] = [{"name": "together", **allowance}]
    later = [{**version, "effective_from": VERSION_DAY}] if draw(st.integers(0, 2)) == 0 else []
    return Plan.model_validate({"plan": "p", "currency": "USD", "version": [version, *later]})


@st.composite
def shared_prices(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"kind": "rate_card", "card": "net", "rates": "tiered"}
    first = draw(st.sampled_from(["1", "2", "3"]))
    return {
        "kind": "graduated",
        "each": draw(
            st.sampled_from([["portfolio"], ["portfolio", "market"], ["portfolio", "category"]])
        ),
        "over": draw(overs),
        "tiers": [
            {"up_to": first, "unit_price": "1"},
            {"up_to": "5", "unit_price": "0.1"},
            {"unit_price": "0.01"},
        ],
    }


# Fees, add-ons, discounts and bounds

fees = st.fixed_dictionaries(
    {
        "amount": st.sampled_from(["49", "10.01", "0.015"]),
        "every": st.sampled_from(["month", "month", "month", "year", "once"]),
        "due": st.sampled_from(["arrears", "advance"]),
        "proration": st.sampled_from(["none", "by_day", "by_second"]),
    }
)


@st.composite
def fee_versions(draw: st.DrawFn, start: date | None) -> dict[str, Any]:
    version: dict[str, Any] = {"uncovered": "free", "fixed_fee": [], "add_on": []}
    for number in range(draw(st.integers(0, 2))):
        fee = {"name": f"fee {number}", **draw(fees)}
        if fee["every"] != "month":
            fee |= {"due": "arrears", "proration": "none"}
        version["fixed_fee"].append(fee)
    kind = draw(st.sampled_from(["per_unit", "graduated", "package", "stairstep", "volume"]))
    price = {"unit_price": "5.01"} if kind == "per_unit" else draw(counted(kind))
    version["add_on"] = [
        {
            **{"name": "devices", "included": draw(st.sampled_from(["0", "2"]))},
            "price": {"kind": kind, **price},
            "due": draw(st.sampled_from(["arrears", "advance"])),
            "proration": draw(st.sampled_from(["none", "by_day", "by_second"])),
        }
    ]
    if draw(st.integers(0, 3)) == 0:
        version["trial"] = {"days": draw(st.sampled_from([3, 14, 40]))}
    return version if start is None else {**version, "effective_from": start}


@st.composite
def fee_plans(draw: st.DrawFn, name: str) -> Plan:
    first = draw(fee_versions(None))
    later = []
    if draw(st.booleans()):
        # What is due in advance is so in every version: else a month would be in both.
        second = draw(fee_versions(VERSION_DAY))
        for kind in ("fixed_fee", "add_on"):
            for one, other in zip(first[kind], second[kind], strict=False):
                other |= {key: one[key] for key in ("due", "every", "proration") if key in one}
        later = [second]
    return Plan.model_validate({"plan": name, "currency": "USD", "version": [first, *later]})


@st.composite
def holdings(draw: st.DrawFn, held: Sequence[Subscription], days: Sequence[date]) -> list[Holding]:
    made: list[Holding] = []
    for account_id in sorted({subscription.account_id for subscription in held}):
        marks = sorted(draw(st.lists(st.sampled_from(days), unique=True, max_size=3)))
        for start, end in pairwise([*marks, LAST_DAY]):
            quantity = draw(st.sampled_from(["0", "1", "3", "7"]))
            made.append(
                Holding(
                    line=2, account_id=account_id, add_on="devices", quantity=Decimal(quantity),
                    effective_from=start, effective_to=end,
                )
            )  # fmt: skip
    return made


@st.composite
def conditions_of_plans(draw: st.DrawFn) -> dict[str, Any]:
    """Discounts, bounds and a commitment of a version."""
    charges_named = st.sampled_from([None, ["charge 0"], ["charge 1", "fee"]])
    written: dict[str, Any] = {"discount": []}
    for number in range(draw(st.integers(0, 2))):
        lines = draw(charges_named)
        much = draw(st.sampled_from([{"ratio": "0.15"}, {"ratio": "1"}, {"amount": "2.005"}]))
        months = draw(st.sampled_from([{}, {"months": 1}, {"months": 2}]))
        discount = {"name": f"coupon {number}", **much, **months}
        written["discount"].append(discount if lines is None else {**discount, "lines": lines})
    written["discounts_are_of"] = draw(st.sampled_from(["remainder", "list"]))
    bound = {"amount": draw(st.sampled_from(["3", "20.01"]))}
    bound["proration"] = draw(st.sampled_from(["none", "by_day"]))
    written |= draw(st.sampled_from([{}, {"minimum": bound}, {"maximum": bound}]))
    if draw(st.booleans()):
        written["commitment"] = {
            **{"amount": draw(st.sampled_from(["5", "60.01"])), "months": draw(st.integers(1, 3))},
            "true_up": draw(st.booleans()),
            "overage_ratio": draw(st.sampled_from(["1", "1.5", "2.333333"])),
        }
    return written


@st.composite
def bounded_plans(draw: st.DrawFn) -> Plan:
    """A plan of plain prices with everything that is done to its lines."""
    written = [
        {
            **{"name": f"charge {number}", "component": f"component {number}"},
            **{"meter": "deliveries", "price": {"kind": "per_unit", "unit_price": unit_price}},
            **draw(st.sampled_from([{}, {"minimum": "1.5"}, {"maximum": "2"}])),
        }
        for number, unit_price in enumerate(("1.005", "0.333"))
    ]
    version: dict[str, Any] = {"uncovered": "free", "charge": written}
    version["fixed_fee"] = [{"name": "fee", "amount": draw(st.sampled_from(["0", "10.01"]))}]
    first = {**version, **draw(conditions_of_plans())}
    if draw(st.integers(0, 3)) == 0:
        first["trial"] = {"days": draw(st.sampled_from([14, 40]))}
    later = {**version, **draw(conditions_of_plans()), "effective_from": VERSION_DAY}
    several = [first, later] if draw(st.booleans()) else [first]
    return Plan.model_validate({"plan": "p", "currency": "USD", "version": several})
