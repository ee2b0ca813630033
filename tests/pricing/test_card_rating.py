"""Prices from a card: worked amounts, order of time, and what is unknown."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.account import Account
from metering.event import QUANTITY, USAGE
from metering.facts import data_path
from metering.meter import Meter, shipped_meters
from metering.period import Month
from pricing.cards.family import read_cards
from pricing.charge import charge
from pricing.coverage import take_usage
from pricing.plan import Plan
from pricing.rate_card import read_categories
from pricing.subscription import Subscription, stretches_in
from pricing.taking import card_unit
from pricing.terms_writer import terms_of

OCTOBER = Month(2026, 10)
HEADER = (
    "card,effective_from,effective_to,currency,rates,market,category,unit,up_to,rate,evidence,note"
)
LIST = "net,2026-10-01,,USD,list,{},{},message,,{},two sources,"
TIER = "net,2026-10-01,,USD,tiered,{},{},message,{},{},two sources,"


@pytest.fixture(scope="session")
def card(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., pl.DataFrame]:
    def make(*rows: str) -> pl.DataFrame:
        path = tmp_path_factory.mktemp("card") / "net.csv"
        path.write_text("\n".join([HEADER, *rows]) + "\n")
        rates, problems, _ = read_cards([path])
        assert not problems
        return rates

    return make


def rated(
    usage: pl.DataFrame,
    rates: pl.DataFrame,
    charges: Sequence[Mapping[str, Any]],
    below: Callable[..., pl.DataFrame],
    portfolios: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    offers = [{"meter": "deliveries", **offer} for offer in charges]
    plan = Plan.model_validate({"plan": "p", "currency": "USD", "version": [{"charge": offers}]})
    names = sorted(usage["account_id"].unique())
    facts = {
        name: Account(
            line=2, account_id=name, name=name, portfolio_id=(portfolios or {}).get(name, name)
        )
        for name in names
    }
    categories, _ = read_categories(data_path("card_categories.csv"))
    terms = terms_of(
        OCTOBER,
        [plan],
        facts,
        meters=shipped_meters(),
        rates=rates,
        categories=categories,
        below=below,
    )
    subscriptions = [Subscription(line=2, account_id=name, plan="p") for name in names]
    stretches = stretches_in(OCTOBER, subscriptions, {"p": plan})
    units, left = take_usage(usage, stretches, {"p": plan}, terms)
    assert left.is_empty()
    return charge(units, terms)[0]


def from_card(**given: object) -> dict[str, Any]:
    return {"name": "messages", "price": {"kind": "rate_card", "card": "net", **given}}


@pytest.mark.parametrize(
    ("market", "category", "quantity", "tiers", "amount"),
    [
        ("Brazil", "authentication", 600_000, [(500_000, "0.0068"), ("", "0.0065")], "4050"),
        (
            *("India", "utility", 60_000_000),
            *([(25_000_000, "0.0014"), (50_000_000, "0.0013"), ("", "0.0012")], "79500"),
        ),
        ("North America", "utility", 80_001, [(80_000, "0.0034"), ("", "0.0032")], "272.0032"),
        (
            *("Colombia", "utility", 1_500_000),
            *([(100_000, "0.0008"), (1_000_000, "0.0008"), ("", "0.0007")], "1150"),
        ),
    ],
)
def test_volume_tiers_of_the_network_give_the_worked_amounts(
    market: str,
    category: str,
    quantity: int,
    tiers: list[tuple[object, str]],
    amount: str,
    *,
    card: Callable[..., pl.DataFrame],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> None:
    rates = card(*(TIER.format(market, category, up_to, rate) for up_to, rate in tiers))
    usage = usage_frame([usage_row("acme", quantity, market=market, category=category)])
    details = rated(usage, rates, [from_card(rates="tiered")], in_row_order(usage))

    assert details["amount"].sum() == Decimal(amount)


@pytest.mark.parametrize(
    ("market", "category", "quantity", "amount"),
    [
        ("Brazil", "authentication", 600_000, "4050"),
        ("India", "utility", 60_000_000, "79500"),
        ("North America", "utility", 80_001, "272.0032"),
        ("Colombia", "utility", 1_500_000, "1150"),
        ("Indonesia", "authentication_international", 2_500_000, "324700"),
    ],
)
def test_the_shipped_card_gives_the_worked_amounts(
    market: str,
    category: str,
    quantity: int,
    amount: str,
    *,
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> None:
    cards = sorted(data_path("rate_cards").rglob("2026-10-01_USD_*.csv"))
    rates, problems, _ = read_cards(cards)
    usage = usage_frame([usage_row("acme", quantity, market=market, category=category)])
    charges = [from_card(card="whatsapp", rates="tiered")]

    assert cards
    assert not problems
    details = rated(usage, rates, charges, in_row_order(usage))
    assert details["amount"].sum() == Decimal(amount)


messages = st.lists(
    st.tuples(
        st.sampled_from(["acme", "bistro"]),
        st.sampled_from(["authentication", "authentication_international", "utility"]),
        st.sampled_from(["regular", "free_customer_service"]),
        st.sampled_from([date(2026, 10, 1), date(2026, 10, 15)]),
    ),
    min_size=1,
    max_size=40,
).map(lambda sent: sorted(sent, key=lambda message: message[3]))


@given(sent=messages, first=st.integers(1, 12), second=st.integers(13, 30))
def test_each_message_costs_the_tier_that_it_falls_in_by_time(
    *,
    sent: list[tuple[str, str, str, date]],
    first: int,
    second: int,
    card: Callable[..., pl.DataFrame],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
) -> None:
    prices = {
        "authentication": ["0.03", "0.02", "0.01"],
        "authentication_international": ["0.3", "0.2", "0.1"],
        "utility": ["0.006", "0.005", "0.004"],
    }
    ups: list[object] = [first, second, ""]
    rates = card(
        *(
            TIER.format("Brazil", category, up_to, rate)
            for category, listed in prices.items()
            for up_to, rate in zip(ups, listed, strict=True)
        )
    )
    usage = _usage_of(sent, usage_row, usage_frame)
    details = rated(
        usage,
        rates,
        [from_card(rates="tiered")],
        _below_of(sent, usage),
        portfolios={"acme": "group", "bistro": "group"},
    )

    counters: Counter[str] = Counter()
    owed: Counter[str] = Counter()
    for account_id, category, pricing_type, _ in sent:
        if pricing_type == "regular":
            counter = category.removesuffix("_international")
            counters[counter] += 1
            tier = 0 if counters[counter] <= first else 1 if counters[counter] <= second else 2
            owed[account_id] += int(Decimal(prices[category][tier]) * 1000)
    for account_id in {message[0] for message in sent}:
        amount = details.filter(pl.col("account_id") == account_id)["amount"].sum()
        assert amount * 1000 == owed[account_id]
    assert details["quantity"].sum() == len(sent)


@given(sent=messages, included=st.integers(1, 45))
def test_an_allowance_on_a_card_takes_the_first_messages_of_the_account(
    *,
    sent: list[tuple[str, str, str, date]],
    included: int,
    card: Callable[..., pl.DataFrame],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
) -> None:
    prices = {"authentication": 3, "authentication_international": 20, "utility": 1}
    rates = card(*(LIST.format("Brazil", name, rate) for name, rate in prices.items()))
    usage = _usage_of(sent, usage_row, usage_frame)
    offer = {**from_card(), "allowance": {"quantity": included}}
    details = rated(usage, rates, [offer], _below_of(sent, usage))

    counters: Counter[str] = Counter()
    owed = 0
    for account_id, category, pricing_type, _ in sent:
        counters[account_id] += 1
        if counters[account_id] > included and pricing_type == "regular":
            owed += prices[category]
    assert details["amount"].sum() == owed
    assert details["quantity"].sum() == len(sent)


def test_a_markup_is_exact_and_keeps_the_evidence(
    card: Callable[..., pl.DataFrame],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> None:
    usage = usage_frame([usage_row("acme", 3)])
    rates = card(LIST.format("Brazil", "marketing", "0.0625"))
    details = rated(usage, rates, [from_card(markup_ratio="0.15")], in_row_order(usage))

    assert details.select("unit_price", "amount", "evidence", "note").rows() == [
        (
            Decimal("0.071875"),
            Decimal("0.215625"),
            "two sources",
            "0.0625 (net card of 2026-10-01) x 1.15",
        )
    ]


def test_what_the_network_gives_free_is_free_with_its_reason(
    card: Callable[..., pl.DataFrame],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> None:
    types = ["exempt", "free_customer_service", "free_entry_point", "paid_exempt", "regular"]
    usage = usage_frame([usage_row("acme", 1, pricing_type=name) for name in types])
    rates = card(LIST.format("Brazil", "marketing", "0.0625"))
    details = rated(usage, rates, [from_card()], in_row_order(usage))

    assert details.select("pricing_type", "status", "amount").rows() == [
        ("exempt", "free", Decimal(0)),
        ("free_customer_service", "free", Decimal(0)),
        ("free_entry_point", "free", Decimal(0)),
        ("paid_exempt", "free", Decimal(0)),
        ("regular", "billed", Decimal("0.0625")),
    ]


def test_a_category_of_the_network_is_priced_as_the_category_of_the_card(
    card: Callable[..., pl.DataFrame],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> None:
    usage = usage_frame([usage_row("acme", 1, category="marketing_lite")])
    rates = card(LIST.format("Brazil", "marketing", "0.0625"))
    details = rated(usage, rates, [from_card()], in_row_order(usage))

    assert details.select("category", "amount").rows() == [("marketing_lite", Decimal("0.0625"))]


ENDED = "net,2026-07-01,2026-10-01,USD,list,Brazil,marketing,message,,0.06,two sources,"


@pytest.mark.parametrize(
    ("given", "row", "reason"),
    [
        ({"market": None}, LIST, "the market is unknown"),
        ({"category": None}, LIST, "the category is unknown"),
        (
            {"market": "Atlantis"},
            LIST,
            "card 'net' has no USD rate for Atlantis/marketing on 2026-10-01: the card of"
            " 2026-10-01 has no such market",
        ),
        (
            {"category": "telepathy"},
            LIST,
            "card 'net' has no USD rate for Brazil/telepathy on 2026-10-01: the card of"
            " 2026-10-01 has no such category there",
        ),
        (
            {},
            ENDED,
            "card 'net' has no USD rate for Brazil/marketing on 2026-10-01: the last USD card"
            " ends 2026-10-01",
        ),
        (
            {},
            ENDED.replace("2026-10-01", "2027-01-01").replace("2026-07-01", "2026-11-01"),
            "card 'net' has no USD rate for Brazil/marketing on 2026-10-01: the first USD card"
            " begins 2026-11-01",
        ),
        (
            {},
            LIST.replace("USD", "EUR"),
            "card 'net' has no USD rate for Brazil/marketing on 2026-10-01: it has no USD rates"
            " at all",
        ),
        (
            {},
            LIST.replace("message", "conversation"),
            "card 'net' has no USD rate for Brazil/marketing on 2026-10-01: the card of"
            " 2026-10-01 has no rate for one message",
        ),
    ],
)
def test_an_unknown_price_is_named_and_never_zero(
    given: dict[str, Any],
    row: str,
    reason: str,
    *,
    card: Callable[..., pl.DataFrame],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> None:
    usage = usage_frame([usage_row("acme", 5, **given)])
    rates = card(row.format("Brazil", "marketing", "0.0625"))
    details = rated(usage, rates, [from_card()], in_row_order(usage))

    assert details.select("status", "reason", "amount").rows() == [("unknown", reason, None)]


def test_a_rate_that_changes_within_the_month_splits_the_details(
    card: Callable[..., pl.DataFrame],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> None:
    rates = card(
        ENDED.replace("2026-10-01", "2026-10-15"),
        LIST.replace("2026-10-01", "2026-10-15").format("Brazil", "marketing", "0.07"),
    )
    days = [date(2026, 10, day) for day in (1, 15, 20)]  # the 20th is a change of someone else
    usage = usage_frame([usage_row("acme", 10, rate_date=day) for day in days])
    details = rated(usage, rates, [from_card()], in_row_order(usage))

    assert details.select("rate_date", "quantity", "amount").rows() == [
        (days[0], Decimal(10), Decimal("0.6")),
        (days[1], Decimal(20), Decimal("1.4")),
    ]


def test_tiers_fall_back_to_the_list_where_a_card_has_none(
    card: Callable[..., pl.DataFrame],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> None:
    usage = usage_frame([usage_row("acme", 2), usage_row("acme", 2, category="utility")])
    rates = card(
        LIST.format("Brazil", "marketing", "0.06"),
        LIST.format("Brazil", "utility", "9"),
        TIER.format("Brazil", "utility", 1, "3"),
        TIER.format("Brazil", "utility", "", "2"),
    )
    details = rated(usage, rates, [from_card(rates="tiered")], in_row_order(usage))

    assert details.select("category", "tier", "amount").rows() == [
        ("marketing", None, Decimal("0.12")),
        ("utility", 1, Decimal(3)),
        ("utility", 2, Decimal(2)),
    ]


def minutes(usage_row: Callable[..., Any], quantity: str, market: str) -> Any:
    given = dict.fromkeys(("category", "pricing_model", "pricing_type"))
    return usage_row("acme", quantity, meter="call-minutes", market=market, **given)


def test_minutes_of_calls_cost_the_rate_of_the_market_that_is_called(
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> None:
    rates, problems, _ = read_cards(
        sorted(data_path("rate_cards", "whatsapp-calls").glob("2*.csv"))
    )
    markets = ("Rest of Central & Eastern Europe", "North America")
    usage = usage_frame([minutes(usage_row, "1.1", market) for market in markets])
    offer = {**from_card(card="whatsapp-calls"), "meter": "call-minutes"}
    details = rated(usage, rates, [offer], in_row_order(usage)).sort("market")

    assert problems == []
    assert details.select("market", "status", "amount", "evidence", "reason").rows() == [
        (
            *("North America", "unknown", None, None),
            "card 'whatsapp-calls' has no USD rate for North America/call on 2026-10-01: the card"
            " of 2026-10-01 has no such market",
        ),
        # 61 seconds are 11 pulses of 6 seconds
        ("Rest of Central & Eastern Europe", "billed", Decimal("0.01045"), "one source", None),
    ]


@pytest.mark.parametrize(
    ("aggregation", "unit"),
    [
        ({"step": Decimal(6), "step_value": Decimal("0.1")}, "minute"),
        ({"step": Decimal(60)}, "minute"),
        ({"step": Decimal(6)}, None),
        ({"step": Decimal(60), "step_value": Decimal(60)}, None),
        ({}, None),
    ],
)
def test_only_a_meter_that_adds_minutes_has_a_rate_by_the_minute(
    aggregation: Mapping[str, Decimal], unit: str | None
) -> None:
    added = {"kind": "sum", "of": "duration_seconds", **aggregation}
    meter = {"meter": "m", "unit": "u", "source": {"kind": "calls"}, "aggregation": added}

    assert card_unit(Meter.model_validate(meter)) == unit


def _usage_of(
    sent: Sequence[tuple[str, str, str, date]],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
) -> pl.DataFrame:
    return usage_frame(
        [
            usage_row(account_id, count, category=category, pricing_type=kind, rate_date=day)
            for (account_id, category, kind, day), count in Counter(sent).items()
        ]
    )


def _below_of(
    sent: Sequence[tuple[str, str, str, date]], usage: pl.DataFrame
) -> Callable[..., pl.DataFrame]:
    """Answer by counting the messages one by one, in the order in which they stand."""
    key = ["account_id", "category", "pricing_type", "rate_date"]
    schema = {name: USAGE[name] for name in key}
    one_by_one = pl.DataFrame(sent, schema, orient="row").with_row_index("number")

    def below(meter: str, cells: pl.DataFrame, bounds: pl.DataFrame, crossing: str) -> pl.DataFrame:
        counted = one_by_one.join(cells, on=key, maintain_order="left").with_columns(
            position=(pl.int_range(pl.len()) + 1).over("scope")
        )
        inside = counted.join(bounds, on="scope").filter(pl.col("position") <= pl.col("bound"))
        found = inside.group_by("scope", "bound", *key).agg(quantity=pl.len().cast(QUANTITY))
        every = cells.join(bounds, on="scope")
        return every.join(found, on=["scope", "bound", *key], how="left").with_columns(
            pl.col("quantity").fill_null(0)
        )

    return below
