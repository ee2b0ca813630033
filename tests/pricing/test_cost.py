"""What the network charges for each line, and the margin: by its plan, on the senders' clocks."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner, Result

import tollbook
from metering.ingest import ingest
from metering.settings import Book
from metering.store import Store, scratch

FILES = {
    "tollbook.toml": """\
[seller]
name = "Seller"
country = "DE"
time_zone = "UTC"
currency = "USD"

[cost]
plan = "whatsapp"
currency = "USD"
""",
    "accounts.csv": "account_id,name,currency\nacme,Acme,USD\neuro,Euro,EUR\n",
    "senders.csv": "sender_id,account_id,time_zone\n1,acme,\n2,acme,Asia/Tokyo\n3,euro,\n",
    "subscriptions.csv": "account_id,plan\nacme,reseller\neuro,euros\n",
    "add_ons.csv": "account_id,add_on,quantity\n",
    "plans/reseller.toml": """\
plan = "reseller"
currency = "USD"

[[version]]

[[version.charge]]
name = "network"
meter = "deliveries"
price = { kind = "rate_card", card = "whatsapp", markup_ratio = 0.5 }

[[version.charge]]
name = "platform"
component = "platform"
meter = "deliveries"
price = { kind = "per_unit", unit_price = 0.01 }

[[version.fixed_fee]]
name = "licence"
amount = 10.00
""",
    "plans/euros.toml": """\
plan = "euros"
currency = "EUR"

[[version]]

[[version.charge]]
name = "messages"
meter = "deliveries"
price = { kind = "per_unit", unit_price = 0.10 }
""",
}
Run = Callable[..., Result]


@pytest.fixture
def book(tmp_path: Any) -> Book:
    root = tmp_path / "book"
    assert CliRunner().invoke(tollbook.main, ["init", str(root)]).exit_code == 0
    for path in (root / "plans").glob("*.toml"):
        path.unlink()
    for name, content in FILES.items():
        (root / name).write_text(content)
    return Book.at(root)


def load(book: Book, *messages: Mapping[str, Any]) -> None:
    log = book.root / "log.ndjson"
    log.write_text("".join(json.dumps(_webhook(n, **m)) + "\n" for n, m in enumerate(messages)))
    with Store.open(book, book.settings(), "write") as store, scratch(book) as folder:
        assert [one.state for one in ingest(store, [str(log)], scratch=folder)] == ["loaded"]


def costs(book: Book) -> dict[tuple[str, str | None], dict[str, Any]]:
    args = ["bill", "2026-10", "--side", "cost", "--format", "json", "--book", str(book.root)]
    result = CliRunner().invoke(tollbook.main, args)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["rows"]
    return {(row["account"], row["charge"]): row for row in rows}


def message(sender: str, at: datetime, to: str = "5511999990000") -> Any:
    return {"sender": sender, "at": at, "to": to}


def test_a_margin_is_the_price_of_a_line_less_what_the_network_charges_for_its_usage(
    book: Book,
) -> None:
    load(book, *_many("1", 100))
    rows = costs(book)

    # 100 marketing messages to Brazil: 100 x 0.0625 = 6.25, sold at 9.375
    network = rows["acme", "network"]
    assert (network["price"], network["cost"], network["margin"]) == ("9.38", "6.25", "3.13")
    # Another component on the same messages costs nothing more, nor does a fee.
    assert (rows["acme", "platform"]["cost"], rows["acme", "platform"]["margin"]) == (None, "1.00")
    assert rows["acme", "licence"]["margin"] == "10.00"


def test_a_message_with_a_max_price_costs_what_the_network_reports(book: Book) -> None:
    """It is sold at the rate of the card, as the plan of the account says."""
    at = datetime(2026, 10, 6, tzinfo=UTC)
    bids = [message("1", at) | {"cost": {"amount": cost, "currency": "USD"}} for cost in (0.05, 0)]
    load(book, *bids, *_many("1", 98))
    row = costs(book)["acme", "network"]

    # 0.05 + 0 + 98 x 0.0625
    assert (row["price"], row["cost"], row["unpriced"]) == ("9.38", "6.18", "0")


def test_a_reported_cost_of_another_currency_is_unknown(book: Book) -> None:
    at = datetime(2026, 10, 6, tzinfo=UTC)
    load(book, message("1", at) | {"cost": {"amount": 0.05, "currency": "EUR"}}, *_many("1", 1))
    row = costs(book)["acme", "network"]

    assert (row["unpriced"], row["cost"], row["margin"]) == ("1", "0.06", None)


def test_prices_and_costs_of_two_currencies_have_no_margin(book: Book) -> None:
    load(book, *_many("3", 4))
    row = costs(book)["euro", "messages"]

    assert (row["price"], row["currency"]) == ("0.40", "EUR")
    assert (row["cost"], row["cost_currency"], row["margin"]) == ("0.25", "USD", None)


def test_a_cost_belongs_to_the_month_of_the_sender_and_a_price_to_that_of_the_account(
    book: Book,
) -> None:
    # 16:00 in UTC on the last of September is October in Tokyo.
    load(book, message("2", datetime(2026, 9, 30, 16, tzinfo=UTC)))
    row = costs(book)["acme", "network"]

    assert row["cost"] == "0.06"
    assert row["price"] in (None, "0.00")


def test_a_cost_that_is_not_known_is_not_zero(book: Book) -> None:
    head, _, _ = FILES["tollbook.toml"].partition("[cost]")
    settings = f'{head}[cost]\nplan = "whatsapp"\ncurrency = "GBP"\n'
    (book.root / "tollbook.toml").write_text(settings)
    load(book, *_many("1", 2))
    row = costs(book)["acme", "network"]

    assert (row["unpriced"], row["cost"], row["margin"]) == ("2", None, None)


def test_lines_of_two_plans_in_a_month_have_the_costs_of_their_own_usage(book: Book) -> None:
    """Names with capitals and blanks, and the account on whose invoice the line stands, too."""
    own = FILES["plans/reseller.toml"].replace('"network"', '"Net & Fees"', 1)
    (book.root / "plans/reseller.toml").write_text(own)
    (book.root / "plans/later.toml").write_text(own.replace('"reseller"', '"later"'))
    (book.root / "accounts.csv").write_text("account_id,name,payer_id\nacme,Acme,boss\nboss,B,\n")
    (book.root / "senders.csv").write_text("sender_id,account_id\n1,acme\n")
    (book.root / "subscriptions.csv").write_text(
        "account_id,plan,effective_from,effective_to\n"
        "acme,reseller,,2026-10-16\nacme,later,2026-10-16,\n"
    )
    load(book, *_many("1", 100), *[message("1", datetime(2026, 10, 20, tzinfo=UTC))] * 20)
    rows = costs(book)

    first, second = rows["acme", "reseller: Net & Fees"], rows["acme", "later: Net & Fees"]
    assert (first["price"], first["cost"], first["margin"]) == ("9.38", "6.25", "3.13")
    assert (second["price"], second["cost"], second["margin"]) == ("1.88", "1.25", "0.63")
    assert {(row["account"], row["cost"]) for row in rows.values()} == {
        ("acme", "6.25"),
        ("acme", "1.25"),
        ("acme", None),
    }


def test_a_correction_has_no_cost_of_the_month_that_it_stands_in(book: Book) -> None:
    (book.root / "subscriptions.csv").write_text("account_id,plan\nacme,reseller\n")
    load(book, *[message("1", datetime(2026, 9, 20, tzinfo=UTC))] * 2)
    for args in (["bill", "2026-09"], ["invoice", "approve", "2026-09"]):
        assert _run(book, *args).exit_code == 0
    issued = _run(book, "invoice", "issue", "2026-09", "--date", "2026-10-02")
    assert issued.exit_code == 0, issued.output
    late = [message("1", datetime(2026, 9, 21, tzinfo=UTC))] * 6
    load(book, *[message("1", datetime(2026, 9, 20, tzinfo=UTC))] * 2, *late, *_many("1", 100))
    rows = costs(book)

    correction = rows["acme", "network (correction of 2026-09)"]
    assert (correction["cost"], correction["margin"]) == (None, None)
    assert rows["acme", "network"]["cost"] == "6.25"


def test_without_a_cost_plan_nothing_is_guessed(book: Book) -> None:
    (book.root / "tollbook.toml").write_text(FILES["tollbook.toml"].partition("[cost]")[0])
    args = ["bill", "2026-10", "--side", "cost", "--book", str(book.root)]
    result = CliRunner().invoke(tollbook.main, args)

    assert result.exit_code == 2
    assert "the settings do not say what the network charges" in result.stderr


def _run(book: Book, *args: str) -> Result:
    return CliRunner().invoke(tollbook.main, [*args, "--book", str(book.root)])


def _many(sender: str, count: int) -> list[Any]:
    return [message(sender, datetime(2026, 10, 6, 0, n % 60, tzinfo=UTC)) for n in range(count)]


def _webhook(
    number: int, *, sender: str, at: datetime, to: str, cost: object = None
) -> dict[str, Any]:
    pricing: dict[str, Any] = {"billable": True, "pricing_model": "PMP", "type": "regular"}
    pricing |= {"category": "marketing", **({} if cost is None else {"cost": cost})}
    status = {
        "id": f"wamid.{number}",
        "status": "delivered",
        "timestamp": str(int(at.timestamp())),
        "recipient_id": to,
        "pricing": pricing,
    }
    metadata = {"display_phone_number": "1", "phone_number_id": sender}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]}
    change = {"field": "messages", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": "w", "changes": [change]}]}
