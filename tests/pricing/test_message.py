"""What a message cost is what the bill charged for it: over all messages it adds up to the line."""

import json
import os
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result

import tollbook
from metering.ingest import ingest
from metering.settings import Book
from metering.store import Store, scratch

MIDNIGHT = 1790805600  # 2026-10-01 in Berlin
PLAN = """\
plan = "starter"
currency = "USD"

[[version]]

[[version.charge]]
name = "network"
meter = "deliveries"
allowance = { quantity = 3, each = "sender" }
price = { kind = "rate_card", card = "net", rates = "tiered", markup_ratio = 0.1 }

[[version.charge]]
name = "platform"
component = "platform"
meter = "deliveries"
price = { kind = "graduated", tiers = [{ up_to = 4, unit_price = 0.02 }, { unit_price = 0.01 }] }

[[version.charge]]
name = "bundles"
component = "bundles"
meter = "deliveries"
price = { kind = "package", package_size = 5, package_price = 1.00 }
"""
CARD = """\
card,effective_from,effective_to,currency,rates,market,category,unit,up_to,rate,evidence,note
net,2026-10-01,,USD,tiered,Brazil,utility,message,2,0.0068,published,
net,2026-10-01,,USD,tiered,Brazil,utility,message,,0.0065,published,
"""
COUNT = 12
IS_DEEP = os.environ.get("TOLLBOOK_PROFILE") == "deep"
TRACED = ("acme", "bistro") if IS_DEEP else ("bistro",)  # a message takes a second
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    root = tmp_path_factory.mktemp("traced") / "book"
    assert CliRunner().invoke(tollbook.main, ["init", str(root)]).exit_code == 0
    (root / "plans" / "starter.toml").write_text(PLAN)
    (root / "rate_cards").mkdir(exist_ok=True)
    (root / "rate_cards" / "net.csv").write_text(CARD)
    for path in (root / "add_ons.csv",):
        path.write_text("account_id,add_on,quantity\n")
    accounts = (
        "account_id,name,time_zone,portfolio_id\n{0},A,Europe/Berlin,p\n{1},B,Europe/Berlin,p\n"
    )
    (root / "accounts.csv").write_text(accounts.format("acme", "bistro"))
    (root / "senders.csv").write_text("sender_id,account_id\n1,acme\n2,acme\n3,bistro\n")
    (root / "subscriptions.csv").write_text("account_id,plan\nacme,starter\nbistro,starter\n")
    made = Book.at(root)
    log = root / "log.ndjson"
    log.write_text("".join(json.dumps(_delivered(n)) + "\n" for n in range(COUNT)))
    with Store.open(made, made.settings(), "write") as store, scratch(made) as folder:
        assert [load.state for load in ingest(store, [str(log)], scratch=folder)] == ["loaded"]
    return made


@pytest.fixture(scope="module")
def run(book: Book) -> Run:
    def call(*args: str) -> Result:
        return CliRunner().invoke(tollbook.main, [*args, "--book", str(book.root)])

    assert call("bill", "2026-10").exit_code == 0
    return call


def _delivered(number: int) -> dict[str, Any]:
    status = {
        "id": f"wamid.{number}",
        "status": "delivered",
        "timestamp": str(MIDNIGHT + number * 60),
        "recipient_id": "5511999990000",
        "pricing": {
            "billable": True,
            "pricing_model": "PMP",
            "type": "regular",
            "category": "utility",
        },
    }
    metadata = {"display_phone_number": "1", "phone_number_id": str(number % 3 + 1)}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]}
    change = {"field": "messages", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": "w", "changes": [change]}]}


def _line(run: Run, account: str, name: str) -> dict[str, Any]:
    shown = json.loads(run("invoice", "show", f"{account}/2026-10/1", "--format", "json").stdout)
    (line,) = [line for line in shown["lines"] if line["charge"] == name]
    return dict(line)


def _traced(run: Run, number: int) -> list[dict[str, Any]]:
    result = run(
        *("invoice", "explain", f"{_account(number)}/2026-10/1"),
        *("--message", f"wamid.{number}", "--format", "json"),
    )
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["rows"])


def _account(number: int) -> str:
    return "bistro" if number % 3 == 2 else "acme"


def test_what_all_messages_cost_is_the_exact_amount_of_their_lines(run: Run) -> None:
    amounts: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for number in (n for n in range(COUNT) if _account(n) in TRACED):
        for row in _traced(run, number):
            if row["charge"] != "bundles":  # packages are of no single message
                amounts[_account(number), row["charge"]] += Decimal(row["amount"])

    assert len(amounts) == 2 * len(TRACED)
    for (account, charge), amount in amounts.items():
        details = _line(run, account, charge)["details"]
        assert amount == sum(Decimal(detail["amount"]) for detail in details) > 0


def test_a_message_tells_its_tier_and_its_position(run: Run) -> None:
    # The first three of each sender are included; the last of the portfolio's others, 9 to 11, is
    # in the card's second tier. Number 6 is the fifth of acme's eight messages.
    network, platform, bundles = _traced(run, 6)
    assert (network["status"], network["note"]) == ("free", "free: allowance")
    assert (platform["tier"], platform["position"], platform["amount"]) == (2, 5, "0.01")
    assert (bundles["amount"], bundles["status"]) == (None, "billed")
    assert [(row["tier"], row["position"]) for row in _traced(run, 11)[:1]] == [(2, 3)]


def test_it_is_said_in_a_sentence_each(run: Run) -> None:
    said = run("invoice", "explain", "acme/2026-10/1", "--message", "wamid.9").stdout.splitlines()

    assert said == [
        "network: 1 of Brazil, utility, regular from 2026-10-01 in tier 1 x 0.00748 = 0.00748 USD"
        " (up to 2: 0.0068 (net card of 2026-10-01) x 1.1; evidence: published). It was number 1"
        " of its count.",
        "platform: 1 of Brazil, utility, regular from 2026-10-01 in tier 2 x 0.01 = 0.01 USD"
        " (over 4). It was number 7 of its count.",
        "bundles: it is one of the units of a package (packages of 5).",
    ]


def test_an_id_that_no_charge_took_is_refused(run: Run) -> None:
    result = run("invoice", "explain", "bistro/2026-10/1", "--message", "wamid.0")

    assert result.exit_code == 2
    assert "no delivery of 'bistro' in 2026-10 that a charge takes has this id" in result.stderr
