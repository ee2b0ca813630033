"""Calls of a business, from the network's log to a line of an invoice."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tollbook import main

SENDER = "106540352242922"  # that of the account in a new book
NOON = 1_790_856_000  # 2026-10-01 in UTC
PLAN = """\
plan = "starter"
currency = "USD"

[[version]]
uncovered = "free"

[[version.charge]]
name = "calls"
component = "calls"
meter = "call-minutes"
price = { kind = "rate_card", card = "whatsapp-calls", markup_ratio = 1 }
"""


def call(call_id: str, to: str, seconds: int, direction: str = "BUSINESS_INITIATED") -> Any:
    ended: dict[str, Any] = {"id": call_id, "to": to, "from": "15550001111", "event": "terminate"}
    ended |= {"direction": direction, "timestamp": str(NOON), "duration": seconds}
    ended |= {"status": "COMPLETED", "start_time": str(NOON - seconds), "end_time": str(NOON)}
    metadata = {"display_phone_number": "15550001111", "phone_number_id": SENDER}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "calls": [ended]}
    entry = {"id": "102290129340398", "changes": [{"field": "calls", "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def bill(tmp_path: Path, *calls: Any) -> tuple[Result, Any]:
    book = tmp_path / "book"
    run = CliRunner()
    assert run.invoke(main, ["init", str(book)]).exit_code == 0
    (book / "plans" / "starter.toml").write_text(PLAN)
    (book / "add_ons.csv").write_text("account_id,add_on,quantity\n")
    (tmp_path / "log.ndjson").write_text("".join(json.dumps(one) + "\n" for one in calls))
    loaded = run.invoke(main, ["ingest", str(tmp_path / "log.ndjson"), "--book", str(book)])
    assert loaded.exit_code == 0
    billed = run.invoke(main, ["bill", "2026-10", "--book", str(book)])
    shown = [*("invoice", "show", "example/2026-10/1"), *("--format", "json")]
    return billed, json.loads(run.invoke(main, [*shown, "--book", str(book)]).stdout)


def test_a_call_is_charged_by_its_pulses_in_minutes(tmp_path: Path) -> None:
    georgia = "995500000000"
    billed, document = bill(
        tmp_path,
        call("c1", georgia, 56),  # 10 pulses
        call("c2", georgia, 6001),  # 1001 pulses
        call("c3", georgia, 600, "USER_INITIATED"),  # free
    )
    (line,) = document["lines"]
    (detail,) = line["details"]

    # 101.1 minutes x 0.0095 x 2 = 1.9209
    assert billed.exit_code == 0
    assert (line["quantity"], line["amount"]) == ("101.1", "1.92")
    assert (detail["market"], detail["category"]) == ("Rest of Central & Eastern Europe", None)
    assert (detail["amount"], detail["evidence"]) == ("1.9209", "one source")


def test_a_call_to_a_market_without_a_rate_blocks_the_invoice(tmp_path: Path) -> None:
    billed, document = bill(tmp_path, call("c1", "4915112345678", 60))

    assert billed.exit_code == 3
    assert [why["reason"] for why in document["blocked"]] == ["unknown_price"]
    assert "no USD rate for Germany/call" in document["blocked"][0]["what"]
