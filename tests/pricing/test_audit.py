"""The money of an audit: what each opinion costs at the list rate, and never a zero for unknown."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from metering.errors import UsageError
from metering.period import Month
from metering.settings import Book
from pricing.audit import BY, BY_DEFAULT, MONEY, Audit, audit
from pricing.catalog import load_catalog
from tests.metering.builders import (
    BOOK_FILES,
)
from tests.metering.rows import AT, Rows, open_rows
from tollbook import main

OCTOBER = Month(2026, 10)
FILES = {
    "accounts.csv": "account_id,name,time_zone\nacme,Acme,UTC\nbistro,Bistro,UTC\n",
    "senders.csv": "sender_id,account_id\n1,acme\n2,bistro\n3,acme\n",
}
FREE: dict[str, Any] = {"category": "utility", "pricing_type": "free_customer_service"}
# The card of 2026-10-01 in USD: utility and marketing in Germany; utility in Brazil is 0.0068.
UTILITY, MARKETING = Decimal("0.0550"), Decimal("0.1365")
BRAZIL: dict[str, Any] = {"place": "2|55|BR"}


@pytest.fixture(scope="module")
def open_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    with open_rows(tmp_path_factory.mktemp("audit") / "book") as rows:
        yield rows


@pytest.fixture
def rows(open_store: Rows) -> Rows:
    open_store.clear()
    for sender in "123":
        open_store.event(sender_id=sender)
    return open_store


def price(
    rows: Rows,
    month: Month = OCTOBER,
    files: Mapping[str, str] | None = None,
    *,
    account: str | None = None,
) -> Audit:
    rows.write()
    for name, content in {**FILES, **(files or {})}.items():
        (rows.book.root / name).write_text(content)
    return audit(rows.store, load_catalog(rows.book), month, account_id=account)


def amounts(made: Audit, *by: str) -> dict[Any, tuple[Any, ...]]:
    """The amounts of each row, by the values of `by`."""
    return {
        tuple(row[name] for name in by): tuple(row[name] for name in MONEY)
        for row in made.rows(by).iter_rows(named=True)
    }


# Rates


def test_each_opinion_is_priced_at_the_list_rate(rows: Rows) -> None:
    for key in range(1, 4):
        rows.delivery(key, **FREE)
    rows.delivery(4, category="utility", id_key=40)
    rows.event("send", message_key=40, category="marketing")
    rows.delivery(5, category="marketing", in_free_entry_point=True)

    made = price(rows)

    assert amounts(made, "reason") == {
        ("free, but outside any service window",): (0, 3 * UTILITY, -3 * UTILITY),
        ("category differs from the send log",): (UTILITY, MARKETING, UTILITY - MARKETING),
        ("charged, but inside a free entry point",): (MARKETING, 0, MARKETING),
    }
    total = made.total()
    assert total["difference"] == -3 * UTILITY + UTILITY
    assert total["network_amount"] - total["our_amount"] == total["difference"]
    assert (total["currency"], total["unpriced"]) == ("USD", 0)


NOON = datetime.fromisoformat("2026-10-05T12:00")
ELIGIBLE_AT = 1791201600  # the same, as the network writes it
INDIA: dict[str, Any] = {"place": "2|91|IN", "waba_id": "w"}
DOMESTIC, INTERNATIONAL = Decimal("0.0014"), Decimal("0.0304")  # authentication in India
TOO_EARLY = "international authentication, before its start"
TOO_LATE = "authentication, after the start of the international rate"


def eligible(rows: Rows, *, start: int = ELIGIBLE_AT, exceptions: Sequence[Any] = ()) -> None:
    """The network says that waba `w` pays international rates from 2026-10-05 noon on."""
    told = {"start_time": start, "exception_countries": exceptions}
    data = json.dumps({"auth_international_rate_eligibility": told})
    status = "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE"
    rows.event("account", NOON - timedelta(days=30), status=status, waba_id="w", data=data)


def authentication(rows: Rows, key: int, at: datetime, kind: str, **given: Any) -> None:
    category = "authentication" + ("_international" if kind == "international" else "")
    rows.delivery(key, at, **{**INDIA, **given}, category=category)


def test_an_international_rate_counts_from_its_start_on(rows: Rows) -> None:
    eligible(rows)
    second = timedelta(seconds=1)
    authentication(rows, 1, NOON - second, "international")
    authentication(rows, 2, NOON, "international")
    authentication(rows, 3, NOON - second, "domestic")
    authentication(rows, 4, NOON, "domestic")
    authentication(rows, 5, NOON, "domestic", waba_id="other")
    authentication(rows, 6, NOON, "domestic", place="2|49|DE")  # where there is no such rate
    accounts = "account_id,name,time_zone,country\nacme,Acme,UTC,SG\nbistro,B,UTC,\n"

    made = price(rows, files={"accounts.csv": accounts})

    assert amounts(made, "reason", "our_category") == {
        (TOO_EARLY, "authentication"): (INTERNATIONAL, DOMESTIC, INTERNATIONAL - DOMESTIC),
        (TOO_LATE, "authentication_international"): (
            *(DOMESTIC, INTERNATIONAL, DOMESTIC - INTERNATIONAL),
        ),
    }
    assert made.total()["differs"] == 2


@pytest.mark.parametrize(
    ("home", "located", "differs"),
    [("", None, 0), ("IN", None, 0), ("SG", None, 1), ("SG", "IN", 0), ("IN", "SG", 1)],
)
def test_a_message_to_the_country_of_the_business_is_domestic(
    rows: Rows, home: str, located: str | None, differs: int
) -> None:
    """By the network's latest word on where it is, else by accounts.csv; else it is not judged."""
    eligible(rows)
    if located is not None:
        status = "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE"
        for days, country in ((9, "ID"), (2, located), (-2, "ID")):
            data = json.dumps({"country": country})
            rows.event(
                "account", NOON - timedelta(days=days), status=status, waba_id="w", data=data
            )
    authentication(rows, 4, NOON + timedelta(days=1), "domestic")
    accounts = f"account_id,name,time_zone,country\nacme,Acme,UTC,{home}\nbistro,B,UTC,\n"

    assert price(rows, files={"accounts.csv": accounts}).total()["differs"] == differs


def test_a_country_that_is_excepted_has_a_start_of_its_own(rows: Rows) -> None:
    later = ELIGIBLE_AT + 86_400
    eligible(rows, exceptions=[{"country_code": "IN", "start_time": str(later)}])
    authentication(rows, 1, NOON + timedelta(hours=23), "international")
    authentication(rows, 2, NOON + timedelta(hours=24), "international")

    assert list(amounts(price(rows), "reason")) == [(TOO_EARLY,)]


def test_without_the_network_s_word_no_start_is_judged(rows: Rows) -> None:
    authentication(rows, 1, NOON, "international")
    authentication(rows, 2, NOON, "domestic")

    assert price(rows).total()["agreed"] == 2


def test_the_rate_is_that_of_market_and_day(rows: Rows) -> None:
    late, early = datetime.fromisoformat("2026-10-01T00:00"), "2026-09-30T23:59:59"
    rows.event(at=late - timedelta(days=1))
    for key, where in ((1, {}), (2, BRAZIL)):
        rows.delivery(key, late, **FREE, **where)
        rows.delivery(key + 10, datetime.fromisoformat(early), **FREE, **where)

    after, before = price(rows), price(rows, Month(2026, 9))

    assert amounts(after, "market") == {
        ("Germany",): (0, UTILITY, -UTILITY),
        ("Brazil",): (0, Decimal("0.0068"), -Decimal("0.0068")),
    }
    # Morocco's and others' markets changed that day; Germany's and Brazil's rates did not.
    assert amounts(before, "market") == amounts(after, "market")


def test_market_and_rate_change_at_midnight_of_the_account(rows: Rows) -> None:
    change = datetime.fromisoformat("2026-06-30T18:30")  # in Kolkata
    rows.event(at=change - timedelta(hours=1))
    poland: dict[str, Any] = {**FREE, "place": "2|48|PL"}
    rows.delivery(1, change - timedelta(seconds=1), **poland)
    rows.delivery(2, change, **poland)
    files: dict[str, Any] = {
        "accounts.csv": "account_id,name,time_zone\nacme,Acme,Asia/Kolkata\n",
        "senders.csv": "sender_id,account_id\n1,acme\n",
    }

    june, july = (price(rows, Month(2026, month), files) for month in (6, 7))

    region, market = Decimal("0.0212"), Decimal("0.0122")
    assert amounts(june, "market") == {("Rest of Central & Eastern Europe",): (0, region, -region)}
    assert amounts(july, "market") == {("Poland",): (0, market, -market)}


def test_a_rate_of_the_book_s_own_may_change_inside_the_month(rows: Rows) -> None:
    card = "card,effective_from,effective_to,currency,rates,market,category,unit,rate,evidence\n"
    for first, last, rate in (("2026-10-01", "2026-10-10", "1.00"), ("2026-10-10", "", "2.50")):
        card += f"whatsapp,{first},{last},SEK,list,Germany,utility,message,{rate},published\n"
    (rows.book.root / "rate_cards").mkdir(exist_ok=True)
    change = datetime.fromisoformat("2026-10-09T18:30")  # midnight in Kolkata
    rows.delivery(1, change - timedelta(seconds=1), **FREE)
    rows.delivery(2, change, **FREE)
    rows.delivery(3, change, **FREE)
    files: dict[str, Any] = {
        "accounts.csv": "account_id,name,time_zone\nacme,Acme,Asia/Kolkata\n",
        "senders.csv": "sender_id,account_id\n1,acme\n",
        "tollbook.toml": BOOK_FILES["tollbook.toml"].replace('"USD"', '"SEK"'),
        "rate_cards/own.csv": card,
    }

    try:
        made = price(rows, files=files)
    finally:
        (rows.book.root / "rate_cards" / "own.csv").unlink()

    assert made.currency == "SEK"
    assert amounts(made, "account") == {("acme",): (0, Decimal("6.00"), Decimal("-6.00"))}


def test_a_seller_s_currency_counts_if_the_card_has_it_that_month(rows: Rows) -> None:
    rows.delivery(1, **FREE, place="2|91|IN")
    rows.delivery(2, datetime.fromisoformat("2026-07-10T12:00"), **FREE)
    rows.event(at=datetime.fromisoformat("2026-07-10T11:00"))

    def currency_of(seller: str, month: Month = OCTOBER) -> str:
        text = BOOK_FILES["tollbook.toml"].replace('"USD"', f'"{seller}"')
        return price(rows, month, {"tollbook.toml": text}).currency

    assert currency_of("INR") == "INR"
    assert currency_of("EUR", Month(2026, 7)) == "EUR"
    # The card in EUR ends on 2026-10-01, and nothing is converted.
    assert currency_of("EUR") == "USD"
    assert currency_of("JPY") == "USD"


# What is unknown


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"place": None}, "the market is unknown"),
        (
            {"category": "general_purpose_ai", "pricing_type": "free_entry_point"},
            "card 'whatsapp' has no USD rate for Germany/general_purpose_ai on 2026-10-01:"
            " the card of 2026-10-01 has no such category there",
        ),
        ({"category": "pigeon"}, "no rule says what pigeon costs on 2026-10-01"),
    ],
)
def test_an_amount_that_is_not_known_is_said_to_be_so(
    rows: Rows, given: dict[str, Any], reason: str
) -> None:
    rows.delivery(1, **{**FREE, **given})

    made = price(rows)

    (row,) = made.rows(BY_DEFAULT).iter_rows(named=True)
    assert (row["network_amount"], row["our_amount"], row["difference"]) == (0, None, None)
    assert row["unpriced"] == 1
    assert made.missing_rates == [reason]
    assert made.total()["our_amount"] is None


def test_a_sum_adds_up_what_is_known_and_says_what_it_leaves_out(rows: Rows) -> None:
    rows.delivery(1, **FREE)
    rows.delivery(2, **FREE, place=None)
    rows.delivery(3, **FREE, place=None)

    made = price(rows)

    assert amounts(made, "reason") == {
        ("free, but outside any service window",): (0, UTILITY, -UTILITY)
    }
    assert made.rows(["reason"])["unpriced"].to_list() == [2]


def test_a_month_in_which_nothing_differs_costs_nothing(rows: Rows) -> None:
    rows.delivery(1)

    total = price(rows).total()

    assert (total["differs"], total["agreed"]) == (0, 1)
    assert [total[name] for name in MONEY] == [0, 0, 0]


def test_a_conversation_is_charged_once_and_without_an_id_the_price_is_unknown(rows: Rows) -> None:
    when = datetime.fromisoformat("2024-10-10T12:00")
    kind: dict[str, Any] = {"pricing_model": "CBP", "pricing_type": "free_entry_point"}
    rows.event(at=when)
    for key in (1, 2, 3):
        rows.delivery(key, when + timedelta(hours=key), conversation_key=7, **kind)

    made = price(rows, Month(2024, 10))
    assert amounts(made, "market") == {("Germany",): (0, MARKETING, -MARKETING)}

    rows.delivery(4, when, **kind)
    made = price(rows, Month(2024, 10))
    assert amounts(made, "market") == {("Germany",): (0, MARKETING, -MARKETING)}
    assert made.missing_rates == ["the network names no conversation to charge"]
    assert made.total()["unpriced"] == 1

    # A later message of a conversation costs nothing, wherever it went.
    rows.delivery(5, when + timedelta(hours=9), conversation_key=7, place=None, **kind)
    assert price(rows, Month(2024, 10)).total()["unpriced"] == 1


# Groups of rows


def test_rows_are_told_apart_by_what_is_asked_for(rows: Rows) -> None:
    for key, sender in enumerate("1123", 1):
        rows.delivery(key, sender_id=sender, **FREE)

    made = price(rows)

    by_account = made.rows(["account"]).select("account", "senders", "deliveries").rows()
    assert by_account == [("acme", 2, 3), ("bistro", 1, 1)]
    assert made.rows(["sender"])["deliveries"].to_list() == [2, 1, 1]
    assert made.rows(["reason"])["examples"].to_list() == [[f"{key:032x}" for key in (1, 2, 3)]]
    assert price(rows, account="bistro").total()["deliveries"] == 1


def test_an_account_that_is_not_there_is_refused(rows: Rows) -> None:
    with pytest.raises(UsageError, match="there is no account 'nobody'"):
        price(rows, account="nobody")


@given(data=st.data())
def test_rows_add_up_to_the_total_however_they_are_told_apart(
    open_store: Rows, data: st.DataObject
) -> None:
    open_store.clear()
    for sender in "12":
        open_store.event(sender_id=sender)
    kinds = st.sampled_from(("regular", "free_customer_service", "free_entry_point", None))
    for key in range(1, data.draw(st.integers(1, 25)) + 1):
        open_store.delivery(
            key,
            AT + timedelta(hours=data.draw(st.integers(0, 24 * 20))),
            sender_id=data.draw(st.sampled_from("123")),
            category=data.draw(
                st.sampled_from(("marketing", "utility", "service", "pigeon", None))
            ),
            pricing_type=data.draw(kinds),
            in_service_window=data.draw(st.booleans()),
            in_free_entry_point=data.draw(st.booleans()),
            place=data.draw(st.sampled_from(("2|49|DE", "2|55|BR", None))),
        )
    by = data.draw(st.lists(st.sampled_from(BY), min_size=1, unique=True))

    made = price(open_store)
    total, found = made.total(), made.rows(by)

    states = ("agreed", "differs", "not_audited", "network_says_nothing")
    assert total["deliveries"] == sum(total[state] for state in states) == key
    assert found["deliveries"].sum() == total["differs"]
    assert found["unpriced"].sum() == total["unpriced"]
    for name in MONEY:
        known = [amount for amount in found[name].to_list() if amount is not None]
        assert sum(known) == (total[name] or 0)
        assert (total[name] is None) == (not known and total["differs"] > 0)
    if not total["unpriced"]:
        assert total["network_amount"] - total["our_amount"] == total["difference"]


# The command


def run(book: Book, *words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["usage", "audit", *words, "--book", str(book.root)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def made_book(tmp_path: Path) -> Callable[[], Book]:
    """A book with one of everything."""

    def make() -> Book:
        with open_rows(tmp_path / "book") as rows:
            rows.event()
            rows.delivery(1, **FREE)
            rows.delivery(2, **FREE, place=None)
            rows.delivery(3)
            rows.delivery(4, sender_id="2")
            rows.delivery(5, category=None, pricing_type=None, pricing_model=None)
            rows.write()
            for name, content in FILES.items():
                (rows.book.root / name).write_text(content)
            return rows.book

    return make


def test_an_audit_is_printed_as_json(made_book: Callable[[], Book]) -> None:
    result = run(made_book(), "2026-10", "--by", "reason,account,market", "--format", "json")

    plain = {
        "reason": "free, but outside any service window",
        "account": "acme",
        "senders": 1,
        "deliveries": 1,
        "currency": "USD",
        "network_amount": "0",
    }
    known = {**plain, "market": "Germany", "our_amount": "0.055", "difference": "-0.055"}
    unknown = {**plain, "market": None, "our_amount": None, "difference": None}
    assert json.loads(result.stdout) == {
        "schema": "tollbook.audit/1",
        "period": "2026-10",
        "account": None,
        "by": ["reason", "account", "market"],
        "rows": [
            {**known, "unpriced": 0, "examples": [f"{1:032x}"]},
            {**unknown, "unpriced": 1, "examples": [f"{2:032x}"]},
        ],
        "not_audited": [{"account": "bistro", "sender": "2", "deliveries": 1}],
        "total": {
            **{"deliveries": 5, "agreed": 1, "differs": 2, "not_audited": 1},
            **{"network_says_nothing": 1, "currency": "USD", "network_amount": "0"},
            **{"our_amount": "0.055", "difference": "-0.055", "unpriced": 1},
        },
        "missing_rates": ["the market is unknown"],
    }


def test_an_audit_is_printed_as_csv_and_table(made_book: Callable[[], Book]) -> None:
    book = made_book()

    rows = list(csv.DictReader(io.StringIO(run(book, "2026-10", "--format", "csv").stdout)))
    table = run(book, "2026-10").stdout

    assert list(rows[0])[: len(BY_DEFAULT)] == list(BY_DEFAULT)
    assert [row["our_amount"] for row in rows] == ["0.055", "(unknown)"]
    assert "(unknown)" in table
    assert "5 deliveries: 1 agreed, 2 differ, 1 not audited, 1 of which the network" in table
    assert "0 by the network, 0.055 by us, difference -0.055" in table
    assert "Not audited" in table
    assert "the market is unknown" in table


def test_an_audit_of_an_account_counts_its_deliveries_alone(
    made_book: Callable[[], Book],
) -> None:
    result = run(made_book(), "2026-10", "--account", "bistro", "--format", "json")

    document = json.loads(result.stdout)
    assert (document["account"], document["total"]["deliveries"]) == ("bistro", 1)
    assert document["total"]["difference"] == "0"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("2026-10", "--by", "markt"), "did you mean 'market'?"),
        (("2026-10", "--by", "market,market"), "name each once"),
        (("2026-10", "--by", ","), "name each once"),
        (("2026-10", "--account", "nobody"), "there is no account 'nobody'"),
        (("10/2026",), "is not a month"),
    ],
)
def test_a_wrong_call_is_one_block_with_a_hint(
    made_book: Callable[[], Book], words: tuple[str, ...], said: str
) -> None:
    stderr = run(made_book(), *words, code=2).stderr

    assert said in stderr
    assert stderr.strip().splitlines()[-1].strip().startswith("Hint:")
