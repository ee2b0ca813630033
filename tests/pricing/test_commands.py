"""From a new book and a log of webhooks to invoices, by the commands alone."""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from metering.ingest import ingest
from metering.settings import Book
from metering.store import Store, scratch
from pricing.commands.book import COMMANDS
from pricing.commands.invoices import COMMANDS as INVOICE_COMMANDS
from pricing.document import Document

ROOT = Path(__file__).parents[2]
SENDER = "106540352242922"
MIDNIGHT = 1_790_805_600  # 2026-10-01 00:00 in Berlin, where the example seller is

Run = Callable[..., Result]


def delivered(number: int, at: int, category: str = "marketing", to: str = "5511900000000") -> Any:
    status = {
        "id": f"wamid.{number}",
        "status": "delivered",
        "timestamp": str(at),
        "recipient_id": to,
        "pricing": {
            "billable": True,
            "pricing_model": "PMP",
            "type": "regular",
            "category": category,
        },
    }
    metadata = {"display_phone_number": "15550001111", "phone_number_id": SENDER}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]}
    change = {"field": "messages", "value": value}
    entry = {"id": "102290129340398", "changes": [change]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    commands = {command.name: command for command in (*COMMANDS, *INVOICE_COMMANDS)}

    def make(name: str, *arguments: str) -> Result:
        where = [] if name == "init" else ["--book", str(tmp_path / "book")]
        return CliRunner().invoke(commands[name], [*arguments, *where], catch_exceptions=False)

    return make


@pytest.fixture
def book(tmp_path: Path, run: Run) -> Book:
    assert run("init", str(tmp_path / "book")).exit_code == 0
    return Book.at(tmp_path / "book")


def load(book: Book, payloads: Iterable[Any]) -> None:
    log = book.root / "log.ndjson"
    log.write_text("".join(json.dumps(payload) + "\n" for payload in payloads))
    with Store.open(book, book.settings(), "write") as store, scratch(book) as folder:
        assert [one.state for one in ingest(store, [str(log)], scratch=folder)] == ["loaded"]


def month_of_messages() -> list[Any]:
    brazil = [delivered(number, MIDNIGHT + number) for number in range(1200)]
    india = [delivered(5000 + number, MIDNIGHT + 9000, to="919800000000") for number in range(300)]
    before = delivered(9999, MIDNIGHT - 1)
    return [before, *brazil, *india]


def test_a_new_book_is_right(book: Book, run: Run) -> None:
    result = run("check")

    assert result.exit_code == 0
    assert "0 problems" in result.output
    assert book.secret_path.exists()


def test_a_book_is_never_overwritten(book: Book, run: Run) -> None:
    result = run("init", str(book.root))

    assert result.exit_code == 2
    assert "already has tollbook.toml" in result.stderr


def test_a_log_becomes_an_invoice(book: Book, run: Run) -> None:
    load(book, month_of_messages())
    billed = run("bill", "2026-10", "--format", "json")
    shown = run("invoice", "show", "example/2026-10/1", "--format", "json")

    # 1200 x 0.0625 x 1.15 + 300 x 0.0118 x 1.15 = 90.321; 500 over the allowance x 0.005 = 2.50;
    # 49.00; one device over the four included: 5.00
    assert billed.exit_code == 0
    assert json.loads(billed.stdout)["totals"] == [{"currency": "USD", "total": "146.82"}]
    document = json.loads(shown.stdout)
    assert {line["charge"]: line["amount"] for line in document["lines"]} == {
        "messages": "90.32",
        "platform fee": "2.50",
        "subscription": "49.00",
        "linked devices": "5.00",
    }
    assert Decimal(document["coverage"]["deliveries"]) == 1500
    assert document["blocked"] == []


def test_billing_again_gives_the_same_bytes(book: Book, run: Run) -> None:
    load(book, month_of_messages())

    def shown() -> str:
        assert run("bill", "2026-10").exit_code == 0
        return run("invoice", "show", "example/2026-10/1", "--format", "json").stdout

    assert shown() == shown()


def test_a_dry_run_writes_nothing(book: Book, run: Run) -> None:
    result = run("bill", "2026-10", "--dry-run")

    assert "1 draft would be written" in result.stderr
    assert "nothing" in run("invoice", "list").stdout


def test_a_line_unfolds_to_its_messages(book: Book, run: Run) -> None:
    load(book, month_of_messages()[:4])
    run("bill", "2026-10")
    line = "example/2026-10/1#messages"
    table = run("invoice", "explain", line, "--messages")
    document = json.loads(run("invoice", "explain", line, "--messages", "--format", "json").stdout)

    assert "3 of Brazil, marketing, regular from 2026-10-01 x 0.071875" in table.stdout
    assert document["amount"] == "0.22"
    assert [message["market"] for message in document["messages"]] == ["Brazil"] * 3
    assert [message["delivered_at"] for message in document["messages"]] == [
        f"2026-09-30T22:00:0{second}Z" for second in range(3)
    ]


def test_messages_of_a_book_that_has_changed_come_with_a_warning(book: Book, run: Run) -> None:
    load(book, month_of_messages()[:4])
    run("bill", "2026-10")
    line = "example/2026-10/1#messages"
    before = run("invoice", "explain", line, "--messages").stderr
    (book.root / "accounts.csv").write_text("account_id,name\nexample,New Name\n")

    assert before == ""
    assert "have changed since" in run("invoice", "explain", line, "--messages").stderr


def test_an_allowance_on_a_card_follows_the_time_of_the_messages(book: Book, run: Run) -> None:
    plan = book.root / "plans" / "starter.toml"
    plan.write_text(
        plan.read_text().replace('meter = "deliveries"', MARKETING, 1)
        + '\n[[version]]\neffective_from = 2026-10-02\nuncovered = "free"\n'
    )
    (book.root / "add_ons.csv").write_text("account_id,add_on,quantity\n")
    later = [delivered(7000 + n, MIDNIGHT + 86_400 + n) for n in range(5)]
    load(book, [*reversed(month_of_messages()), *later])
    assert run("bill", "2026-10").exit_code == 0
    document = json.loads(run("invoice", "show", "example/2026-10/1", "--format", "json").stdout)
    details = {
        (detail["market"], detail["status"]): detail["quantity"]
        for detail in document["lines"][0]["details"]
    }

    # All messages to Brazil came before those to India; the last 150 of these are charged. What
    # is delivered on the next day is of another version, and takes nothing from this allowance.
    assert details == {
        ("Brazil", "free"): "1200",
        ("India", "free"): "150",
        ("India", "billed"): "150",
    }


MARKETING = 'meter = "deliveries"\nallowance = { quantity = 1350 }'


def test_what_has_no_price_blocks_the_invoice_and_ends_with_three(book: Book, run: Run) -> None:
    load(book, [delivered(1, MIDNIGHT, category="telepathy")])
    result = run("bill", "2026-10")

    assert result.exit_code == 3
    assert "1 draft written in run 1, 1 blocked" in result.stderr
    assert (
        "Blocked: 1 price unknown: card 'whatsapp' has no USD rate for Brazil/telepathy"
        in run("invoice", "show", "example/2026-10/1").stdout
    )


def test_deliveries_of_nobody_are_counted(book: Book, run: Run) -> None:
    (book.root / "senders.csv").write_text("sender_id,account_id\n1,example\n")
    load(book, [delivered(1, MIDNIGHT)])

    assert json.loads(run("bill", "2026-10", "--format", "json").stdout)["unassigned"] == "1"
    assert "1 deliveries belong to no account" in run("bill", "2026-10").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bill", "2026-13"), "'2026-13' is not a month"),
        (("bill", "2026-10", "--account", "nobody"), "there is no account 'nobody'"),
        (("invoice", "show", "x/2026-10/1"), "there is no invoice 'x/2026-10/1'"),
        (("invoice", "explain", "x/2026-10/1#a"), "there is no invoice 'x/2026-10/1'"),
    ],
)
def test_a_call_that_cannot_be_carried_out_says_why(
    arguments: tuple[str, ...], said: str, *, book: Book, run: Run
) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert said in result.stderr


def test_a_line_that_is_not_there_and_a_fee_have_no_messages(book: Book, run: Run) -> None:
    run("bill", "2026-10")
    unknown = run("invoice", "explain", "example/2026-10/1#nothing")
    fee = run("invoice", "explain", "example/2026-10/1#subscription", "--messages")

    assert (unknown.exit_code, fee.exit_code) == (2, 2)
    assert "there is no line" in unknown.stderr
    assert "is a fixed fee and has no messages" in fee.stderr


def test_the_mistakes_of_a_book_stop_the_bill(book: Book, run: Run) -> None:
    (book.root / "subscriptions.csv").write_text("account_id,plan\nexample,starer\n")
    checked, billed = run("check"), run("bill", "2026-10")

    assert (checked.exit_code, billed.exit_code) == (2, 2)
    assert "did you mean 'starter'?" in checked.stdout
    assert "did you mean 'starter'?" in billed.stderr


def test_the_guide_names_every_key_of_the_document(book: Book, run: Run) -> None:
    load(book, month_of_messages()[:4])
    run("bill", "2026-10")
    document = json.loads(run("invoice", "show", "example/2026-10/1", "--format", "json").stdout)
    guide = (ROOT / "docs" / "pricing.md").read_text()
    written = (ROOT / "docs" / "invoice.schema.json").read_text()

    assert json.loads(written) == Document.model_json_schema()
    assert [*document] == [*json.loads(written)["properties"]]
    assert Document.of(document).total == Decimal(document["total"])
    for key in [*document, *document["lines"][0], *document["lines"][0]["details"][0]]:
        assert f"`{key}" in guide
