"""Margins: prices beside costs, as the command has them; what is not known is blank."""

import json
from decimal import Decimal

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dashboards.contents import LISTED
from dashboards.load import current
from dashboards.margin import COSTS, PRICES, margins, margins_by
from dashboards.reports import publish
from dashboards.words import finance as said
from dashboards.words import text
from metering.settings import SETTINGS, Book
from pricing.money import minor_of
from tests.dashboards.conftest import MONTH, UNPLANNED, Open
from tests.dashboards.test_access import SETTINGS_TEXT, with_settings
from tests.dashboards.test_app import archived, metrics, rows, words
from tests.dashboards.test_finance import ANN, log_in
from tollbook import main

MARGIN = {"view": text.MARGIN}


def by_command(book: Book) -> dict[str, dict[str, Decimal]]:
    """Price, cost and unpriced units of each account, as the command adds them up."""
    args = ["bill", str(MONTH), "--side", "cost", "--format", "json", "--book", str(book.root)]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, result.output
    sums: dict[str, dict[str, Decimal]] = {}
    for row in json.loads(result.stdout)["rows"]:
        own = sums.setdefault(row["account"], {})
        for name in ("price", "cost", "unpriced"):
            own[name] = own.get(name, Decimal()) + Decimal(row[name] or 0)
    return sums


def number(cell: str) -> Decimal:
    return Decimal(cell.replace(",", ""))


def test_price_and_cost_of_each_account_are_those_of_the_command(
    sample: Book, open_app: Open
) -> None:
    expected = by_command(sample)
    seen = 0
    for currency in archived(sample).invoices["currency"].unique():
        app = open_app(sample, **MARGIN, currency=currency)
        assert not app.exception
        for row in rows(app):
            account = row[text.ACCOUNT].split("(")[-1].rstrip(")")
            mine = expected.pop(account)
            assert number(row[said.PRICE]) == mine["price"]
            has_cost = not mine["unpriced"]
            assert bool(row[said.UNKNOWN_COST_UNITS]) != has_cost
            if has_cost:  # the command rounds each line, the page each account
                assert abs(number(row[f"{said.COST}, USD"]) - mine["cost"]) <= Decimal("0.05")
            assert bool(row[said.MARGIN]) == (has_cost and currency == "USD")
            seen += bool(row[said.MARGIN])
    assert seen
    assert not expected, "every account is shown once"


def test_sums_are_those_of_the_accounts_with_a_margin(sample: Book, open_app: Open) -> None:
    app = open_app(sample, **MARGIN)
    known = [row for row in rows(app) if row[said.MARGIN]]
    price, margin = (
        sum((number(row[name]) for row in known), Decimal()) for name in (said.PRICE, said.MARGIN)
    )

    shown = metrics(app)
    assert shown[said.PRICE_OF.format(known=len(known), count=len(rows(app)))] == f"{price:,}"
    assert shown[said.MARGIN_OF] == f"{margin:,}"


@pytest.mark.parametrize("by", ["Market", "Category"])
def test_groups_add_up_to_the_prices_of_the_accounts(sample: Book, open_app: Open, by: str) -> None:
    accounts = rows(open_app(sample, **MARGIN))
    groups = rows(open_app(sample, **MARGIN, margin_by=by))

    price = sum((number(row[said.PRICE]) for row in accounts), Decimal())
    in_groups = sum((number(row[said.PRICE]) for row in groups), Decimal())
    assert abs(in_groups - price) < Decimal("0.005") * len(groups)
    assert all(bool(row[said.MARGIN]) != bool(row[said.UNKNOWN_COST_UNITS]) for row in groups)


def test_a_blocked_account_has_no_margin_and_says_why(blocked: Book, open_app: Open) -> None:
    currency = archived(blocked).invoices.filter(account_id=UNPLANNED)["currency"][0]
    found = rows(open_app(blocked, **MARGIN, currency=currency))
    (row,) = [row for row in found if UNPLANNED in row[text.ACCOUNT]]

    assert row[said.MARGIN] == ""
    assert row[said.WHY_NO_MARGIN] == said.WITHOUT_MARGIN["blocked"]


def test_a_book_without_costs_says_how_to_name_them(own: Book, open_app: Open) -> None:
    path = own.root / SETTINGS
    path.write_text(path.read_text(encoding="utf-8").partition("[cost]")[0], encoding="utf-8")
    publish(own)
    app = open_app(own, **MARGIN)

    assert not app.exception
    assert app.subheader[0].value == said.NO_COSTS[0]
    assert "[cost]" in app.code[0].value


def test_a_month_that_was_not_billed_has_no_margin(sample: Book, open_app: Open) -> None:
    app = open_app(sample, **MARGIN, month="2026-11")

    assert "No cost of November 2026 is known" in words(app)


def test_costs_are_taken_over_while_nothing_changed_and_made_anew_with_a_plan(own: Book) -> None:
    before = current(own.reports)
    assert before is not None
    path = own.root / SETTINGS
    content = path.read_text(encoding="utf-8")
    path.write_text(content.replace('currency = "USD"\n', 'currency = "GBP"\n'), encoding="utf-8")
    publish(own)
    after = current(own.reports)

    assert after is not None
    assert after.cost_currency == "GBP"
    old, new = before.margins(str(MONTH)), after.margins(str(MONTH))
    assert old is not None
    assert new is not None
    assert not old.equals(new)


def test_nobody_but_finance_sees_margins(
    own: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_settings(own, SETTINGS_TEXT)
    log_in(monkeypatch, ANN)
    assert open_app(own, **MARGIN).title[0].value.startswith(text.MARGIN)
    for email in ("bob@example.com", "joe@customer.example"):
        log_in(monkeypatch, email)
        assert not open_app(own, **MARGIN).title[0].value.startswith(text.MARGIN)


@pytest.mark.parametrize(
    ("quantity", "unpriced", "cost", "margin"),
    [(0, 0, 0, 500), (7, 0, 300, 200), (7, 2, 300, None), (7, 7, None, None)],
)
def test_a_cost_of_which_nothing_is_known_is_null_and_never_zero(
    quantity: int, unpriced: int, cost: int | None, margin: int | None
) -> None:
    prices = pl.DataFrame(
        [("2026-10", "a", "Brazil", "call", "USD", Decimal(5))], PRICES, orient="row"
    )
    known = Decimal(3 if cost else 0)
    row = ("a", "Brazil", "call", Decimal(quantity), known, Decimal(unpriced))
    costs = pl.DataFrame([row], COSTS, orient="row")
    invoices = pl.DataFrame(
        {"account_id": "a", "currency": "USD", "is_blocked": False}
        | {"state": "draft", "purpose": "customer", "kind": "invoice"}
    )

    assert margins(prices, costs, invoices, "USD").select("cost", "margin").row(0) == (cost, margin)
    by_market = margins_by("market", prices, costs, ["a"], "USD")
    assert by_market.select("group", "cost", "margin").rows() == [("Brazil", cost, margin)]


amounts = st.integers(-(10**9), 10**9).map(lambda minor: Decimal(minor).scaleb(-4))
words_of = st.sampled_from(["a", "b", "c", "d"])
places = st.sampled_from(["Brazil", "India", None])
codes = st.sampled_from(["USD", "EUR"])
priced = st.lists(st.tuples(words_of, places, codes, amounts), max_size=12)
costing = st.lists(st.tuples(words_of, places, amounts, st.integers(0, 1)), max_size=12)
billed = st.lists(st.tuples(words_of, codes, st.booleans()), max_size=4)


@given(priced, costing, billed)
def test_no_cost_is_lost_or_counted_twice_and_a_margin_is_a_difference(
    priced: list[tuple[str, str | None, str, Decimal]],
    costing: list[tuple[str, str | None, Decimal, int]],
    billed: list[tuple[str, str, bool]],
) -> None:
    prices = pl.DataFrame(
        [("2026-10", who, at, "utility", code, n) for who, at, code, n in priced],
        PRICES,
        orient="row",
    )
    costs = pl.DataFrame(
        [(who, at, "utility", Decimal(5), n, Decimal(u)) for who, at, n, u in costing],
        COSTS,
        orient="row",
    )
    invoices = pl.DataFrame(
        [
            {"account_id": who, "currency": code, "is_blocked": is_blocked}
            | {"state": "draft", "purpose": "customer", "kind": "invoice"}
            for who, code, is_blocked in billed
        ],
        {name: LISTED[name] for name in ("account_id", "currency", "is_blocked", "state")}
        | {"purpose": pl.String(), "kind": pl.String()},
    )
    found = margins(prices, costs, invoices, "USD")

    assert found.select("account", "currency").is_unique().all()
    assert {*found["account"]} == {
        *(row[0] for row in priced),
        *(row[0] for row in costing),
        *(row[0] for row in billed),
    }
    for account in {*found["account"]}:
        mine = [row for row in costing if row[0] == account]
        own = found.filter(account=account)
        unpriced = sum(row[3] for row in mine)
        assert own["unpriced"].sum() == unpriced
        if not unpriced:
            assert own["cost"].sum() == minor_of(sum((row[2] for row in mine), Decimal()), "USD")
    for row in found.filter(pl.col("margin").is_not_null()).iter_rows(named=True):
        assert row["margin"] == row["price"] - row["cost"]
        assert row["currency"] == "USD"
        assert row["why"] is None
    known = found.filter(pl.col("margin").is_not_null())["account"].to_list()
    groups = margins_by("market", prices, costs, known, "USD")
    whole = sum((n for who, _, code, n in priced if who in known and code == "USD"), Decimal())
    assert abs(int(groups["price"].sum()) - minor_of(whole, "USD")) <= groups.height


def test_an_account_and_a_market_of_the_address_are_shown_alone(
    sample: Book, open_app: Open
) -> None:
    whole = rows(open_app(sample, **MARGIN, margin_by="Market"))
    market = whole[0]["Market"]
    accounts = open_app(sample, **MARGIN, margin_market=market)
    of_market = rows(accounts)

    assert not accounts.exception
    assert f"Only Market: {market}" in words(accounts).replace("\\", "")
    price = sum((number(row[said.PRICE]) for row in of_market), Decimal())
    assert abs(price - number(whole[0][said.PRICE])) <= Decimal("0.005") * len(of_market)
    account = of_market[0]["Account"].split("(")[-1].rstrip(")")
    one = open_app(
        sample, **MARGIN, margin_market=market, margin_account=account, margin_by="Category"
    )
    parts = rows(one)
    price = sum((number(row[said.PRICE]) for row in parts), Decimal())
    assert abs(price - number(of_market[0][said.PRICE])) <= Decimal("0.005") * len(parts)
    one.button(key="widen").click().run()
    assert f"Only Market: {market}" not in words(one)
