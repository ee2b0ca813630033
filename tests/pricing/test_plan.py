"""A plan says what is offered, from a day on."""

import re
import tomllib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.account import LAST_DAY, Account
from metering.event import USAGE_DIMENSIONS
from metering.period import Month
from metering.settings import Book
from pricing.catalog import check_book, load_catalog
from pricing.effective import as_of
from pricing.extension import extend_plans
from pricing.offer import FreeFor, Where
from pricing.plan import Plan, can_both_match
from pricing.subscription import Subscription, stretches_in
from pricing.waiver import is_free_for

NAMES = ("growth", "growth-acme")
DOCS = Path(__file__).parents[2] / "docs" / "plans.md"
values = st.lists(st.sampled_from("abc"), min_size=1, max_size=2, unique=True).map(tuple)
wheres = st.fixed_dictionaries({}, optional=dict.fromkeys(USAGE_DIMENSIONS[:3], values)).map(
    Where.model_validate
)


@given(wheres, wheres)
def test_two_filters_overlap_exactly_when_some_usage_fits_both(one: Where, other: Where) -> None:
    keys = USAGE_DIMENSIONS[:3]
    every = [(a, b, c) for a in "abcd" for b in "abcd" for c in "abcd"]

    def fits(where: Where, cell: tuple[str, ...]) -> bool:
        given_values = where.given()
        return all(
            value in given_values.get(key, (value,)) for key, value in zip(keys, cell, strict=True)
        )

    assert can_both_match(one, other) == any(fits(one, c) and fits(other, c) for c in every)


def test_the_plans_of_the_guide_are_plans() -> None:
    texts = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    plans = [Plan.model_validate(tomllib.loads(text, parse_float=Decimal)) for text in texts]
    written, problems = extend_plans({plan.plan: plan for plan in plans}, dict.fromkeys(NAMES, "-"))

    assert problems == []
    assert written["growth"].version[0].names() == [
        *("marketing", "support conversations", "platform", "linked devices"),
    ]
    assert [v.names() for v in written["growth-acme"].version][-1] == [
        *("marketing", "support conversations", "platform"),
    ]


def test_a_version_holds_until_the_next_begins_in_whatever_order_they_stand() -> None:
    days = [date(2026, 10, 11), date(2026, 1, 1)]
    versions = [{"effective_from": day} for day in days]
    plan = Plan.model_validate({"plan": "p", "currency": "USD", "version": versions})

    assert [days for _, days in plan.stretches()] == [
        (date(2026, 1, 1), date(2026, 10, 11)),
        (date(2026, 10, 11), LAST_DAY),
    ]
    assert as_of(plan.version, date(2026, 10, 10)) == plan.version[0]
    assert as_of(plan.version, date(2025, 12, 31)) is None


def test_a_month_is_cut_where_a_subscription_or_a_version_changes() -> None:
    versions = [{}, {"effective_from": date(2026, 10, 11)}]
    plan = Plan.model_validate({"plan": "p", "currency": "USD", "version": versions})
    subscription = Subscription(
        line=2, account_id="acme", plan="p", effective_to=date(2026, 10, 21)
    )
    stretches = stretches_in(Month(2026, 10), [subscription], {"p": plan})

    assert stretches.select("start_date", "end_date").rows() == [
        (date(2026, 10, 1), date(2026, 10, 11)),
        (date(2026, 10, 11), date(2026, 10, 21)),
    ]


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        ({"employee_count_max": 49}, True),
        ({"employee_count_max": 48}, False),
        ({"employee_count_max": 49, "country": ["FR"]}, False),
        ({"segment": ["shop"], "country": ["DE"]}, True),
    ],
)
def test_free_for_asks_for_every_condition(condition: dict[str, object], is_met: bool) -> None:
    account = Account(
        line=2, account_id="a", name="A", employee_count=49, segment="shop", country="DE"
    )

    assert is_free_for(FreeFor.model_validate(condition), account) is is_met


def test_an_unknown_size_is_not_small() -> None:
    account = Account(line=2, account_id="a", name="A")

    assert not is_free_for(FreeFor(employee_count_max=49), account)


def test_a_card_that_ends_is_a_warning(tmp_path: Path, make_book: Callable[..., Book]) -> None:
    files = {
        "plans/growth.toml": 'plan = "growth"\ncurrency = "USD"\n[[version]]\n[[version.charge]]\n'
        'name = "m"\nmeter = "deliveries"\nprice = { kind = "rate_card", card = "net" }\n',
        "rate_cards/net.csv": "card,effective_from,effective_to,currency,rates,market,category,"
        "unit,up_to,rate,evidence,note\n"
        "net,2026-01-01,2026-10-01,USD,list,Brazil,marketing,message,,0.06,published,\n",
    }
    problems, warnings = check_book(make_book(tmp_path, files))

    assert problems == []
    assert [warning.what for warning in warnings] == [
        "card 'net' has USD rates until 2026-10-01 and none after it"
    ]


def test_the_catalog_has_another_hash_when_any_file_changes(
    tmp_path: Path, make_book: Callable[..., Book]
) -> None:
    plan = 'plan = "growth"\ncurrency = "USD"\n[[version]]\n'
    one = load_catalog(make_book(tmp_path / "one", {"plans/growth.toml": plan}))
    same = load_catalog(make_book(tmp_path / "same", {"plans/growth.toml": plan}))
    other = load_catalog(make_book(tmp_path / "other", {"plans/growth.toml": plan + "# new\n"}))

    assert one.hash == same.hash
    assert one.hash != other.hash
