"""Discounts, coupons, bounds and commitments, worked with a pencil."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from metering.period import Month
from metering.settings import Book
from pricing.billing import rate_month
from pricing.catalog import check_book, load_catalog
from pricing.document_writer import documents
from pricing.money import exact_of
from pricing.state import no_state

OCTOBER = Month(2026, 10)
PLAN = """\
plan = "growth"
currency = "USD"

[[version]]
{more}

[[version.charge]]
name = "messages"
meter = "deliveries"
{charge}
price = {{ kind = "per_unit", unit_price = 0.333 }}

[[version.fixed_fee]]
name = "licence"
amount = 50.00

{tail}
"""


@pytest.fixture
def lines(
    tmp_path: Any,
    make_book: Callable[..., Book],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
) -> Callable[..., dict[str, str]]:
    """Bill acme for 100 messages at 0.333 and a licence of 50.00, and what is given besides."""

    def bill(
        *,
        more: str = "",
        charge: str = "",
        tail: str = "",
        quantity: int = 100,
        files: Mapping[str, str] | None = None,
        months: int = 1,
    ) -> dict[str, str]:
        plan = PLAN.format(more=more, charge=charge, tail=tail)
        subscribed = "account_id,plan,effective_from,effective_to\nacme,growth,2026-08-01,\n"
        given = {"plans/growth.toml": plan, "subscriptions.csv": subscribed, **(files or {})}
        catalog = load_catalog(make_book(tmp_path, given))
        state, month = no_state(), OCTOBER.back(months - 1)
        for _ in range(months):
            usage = usage_frame([usage_row("acme", quantity, rate_date=month.first_day)])
            made = rate_month(catalog, month, usage, _unasked, state)
            state, month = made.closing, month.next()
        (document,) = (d for d in documents(made.drafts) if d["account_id"] == "acme")
        assert Decimal(document["net"]) == sum(Decimal(ln["amount"]) for ln in document["lines"])
        return {line["charge"]: line["amount"] for line in document["lines"]}

    return bill


def _unasked(*_: object) -> pl.DataFrame:
    pytest.fail("nothing here depends on the order of time")


BASE = {"messages": "33.30", "licence": "50.00"}


def test_without_anything_the_lines_are_those_of_the_charges(lines: Callable[..., Any]) -> None:
    assert lines() == BASE


def test_discounts_are_taken_off_one_after_the_other(lines: Callable[..., Any]) -> None:
    tail = """
[[version.discount]]
name = "ten percent"
ratio = 0.1

[[version.discount]]
name = "welcome"
amount = 5
lines = ["messages"]

[[version.discount]]
name = "half a licence"
ratio = 0.5
lines = ["licence"]
"""
    # 10 % of 83.30 = 8.33: 3.33 off the messages, 5.00 off the licence. Then 5.00 off messages, and
    # half of the 45.00 that are left of the licence.
    assert lines(tail=tail) == {
        **BASE,
        "ten percent": "-8.33",
        "welcome": "-5.00",
        "half a licence": "-22.50",
    }
    # Off the list price it is half of 50.00.
    assert lines(more='discounts_are_of = "list"', tail=tail)["half a licence"] == "-25.00"


def test_a_discount_takes_no_more_than_there_is(lines: Callable[..., Any]) -> None:
    tail = '[[version.discount]]\nname = "all"\namount = 40\nlines = ["messages"]\n'

    assert lines(tail=tail)["all"] == "-33.30"


def test_a_discount_ends_with_its_months_of_the_contract(lines: Callable[..., Any]) -> None:
    # The contract began in August: October is its third month.
    tail = '[[version.discount]]\nname = "first months"\nratio = 0.5\nmonths = {}\n'

    assert "first months" not in lines(tail=tail.format(2))
    assert lines(tail=tail.format(3))["first months"] == "-41.65"


def test_free_units_are_included_before_the_price(lines: Callable[..., Any]) -> None:
    tail = '[[version.discount]]\nname = "forty free"\nfree_units = 40\nlines = ["messages"]\n'

    assert lines(tail=tail) == {**BASE, "messages": "19.98"}  # 60 x 0.333


def test_bounds_of_a_charge_hold_after_its_discounts(lines: Callable[..., Any]) -> None:
    half = '[[version.discount]]\nname = "half"\nratio = 0.5\nlines = ["messages"]\n'

    assert lines(charge="maximum = 30", tail=half) == {**BASE, "half": "-16.65"}
    assert lines(charge="maximum = 10", tail=half)["messages: maximum"] == "-6.65"
    assert lines(charge="minimum = 20", tail=half)["messages: minimum"] == "3.35"
    assert lines(charge="minimum = 20", quantity=0)["messages: minimum"] == "20.00"


def test_who_pays_nothing_for_a_charge_owes_no_minimum_of_it(lines: Callable[..., Any]) -> None:
    waived = "minimum = 20\nfree_for = { employee_count_max = 500 }"

    assert lines(charge=waived) == {**BASE, "messages": "0.00"}


def test_bounds_of_the_plan_hold_over_all_its_lines(lines: Callable[..., Any]) -> None:
    assert lines(more="minimum = { amount = 100 }")["Minimum"] == "16.70"
    assert lines(more="minimum = { amount = 80 }") == BASE
    assert lines(more="maximum = { amount = 80 }")["Maximum"] == "-3.30"


def test_a_monthly_commitment_is_topped_up_and_its_overage_costs_more(
    lines: Callable[..., Any],
) -> None:
    assert lines(more="commitment = { amount = 100 }")["Commitment"] == "16.70"
    # 83.30 is 23.30 beyond 60.00: half as much again is 11.65.
    beyond = lines(more="commitment = { amount = 60, overage_ratio = 1.5 }")
    assert beyond["Commitment: overage"] == "11.65"


def test_a_commitment_of_three_months_is_settled_in_the_third(lines: Callable[..., Any]) -> None:
    more = "commitment = { amount = 300, months = 3 }"

    assert lines(more=more, months=2) == {**BASE, "Commitment": "133.40"}  # what September left
    # 3 x 83.30 = 249.90 of 300.00
    assert lines(more=more, months=3)["Commitment"] == "50.10"


def test_the_part_month_in_which_a_contract_begins_counts_as_a_whole_one(
    lines: Callable[..., Any],
) -> None:
    """From 20 August on, October is the third month."""
    since = "account_id,plan,effective_from\nacme,growth,2026-08-20\n"
    coupon = "account_id,coupon,effective_from\nacme,TWO,2026-08-31\n"
    files = {
        "subscriptions.csv": since,
        "coupons.toml": '[[coupon]]\nname = "TWO"\nratio = 0.5\nmonths = 2\n',
        "coupons.csv": coupon,
    }
    half = '[[version.discount]]\nname = "half"\nratio = 0.5\nmonths = 2\n'
    committed = "commitment = { amount = 300, months = 3 }"

    # August: the licence alone, 50.00, half and half off: 12.50. September: 83.30 less 41.65 less
    # 20.83: 20.82. October 83.30 in full. Of 300.00, 183.38 are missing.
    assert lines(more=committed, tail=half, files=files, months=3) == {
        **BASE,
        "Commitment": "183.38",
    }


def test_coupons_come_after_the_discounts_of_the_plan(lines: Callable[..., Any]) -> None:
    files = {
        "coupons.toml": """\
[[coupon]]
name = "FIVE"
amount = 5.00
currency = "USD"
months = 1

[[coupon]]
name = "SUMMER"
ratio = 0.25
lines = ["messages"]
""",
        "coupons.csv": (
            "account_id,coupon,effective_from,effective_to\nacme,SUMMER,2026-09-01,\n"
            "acme,FIVE,2026-09-30,\nbistro,SUMMER,,\n"
        ),
    }
    half = '[[version.discount]]\nname = "half"\nratio = 0.5\nlines = ["messages"]\n'

    # 33.30 less half is 16.65, a quarter of which is 4.16 (half away from zero: 4.1625); FIVE was
    # for September alone.
    assert lines(tail=half, files=files) == {**BASE, "half": "-16.65", "SUMMER": "-4.16"}


def test_mistakes_in_coupons_are_named(tmp_path: Any, make_book: Callable[..., Book]) -> None:
    files = {
        "plans/growth.toml": PLAN.format(more="", charge="", tail=""),
        "coupons.toml": '[[coupon]]\nname = "FIVE"\namount = 5.00\ncurrency = "EUR"\n',
        "coupons.csv": "account_id,coupon\nacme,FIVE\nacme,FVE\nnobody,FIVE\n",
    }
    problems, _ = check_book(make_book(tmp_path, files))

    assert [str(problem).splitlines()[0] for problem in problems] == [
        *("coupons.csv:2 coupon", "coupons.csv:3 coupon", "coupons.csv:4 account_id"),
    ]


def test_minor_units_become_major_ones_exactly() -> None:
    assert [exact_of(-5, code) for code in ("JPY", "USD", "KWD")] == [
        *(Decimal(-5), Decimal("-0.05"), Decimal("-0.005")),
    ]
