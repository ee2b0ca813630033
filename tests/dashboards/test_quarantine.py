"""Quarantine in the dashboard: rows by reason without a number, and trying them again."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.refused import ROWS_SHOWN, file_name, refused_rows, shown_text, without_numbers
from dashboards.reports import publish
from dashboards.words import operations as said
from dashboards.words import text
from metering.ingest import ingest
from metering.quarantine import list_rows, replace_text, text_of
from metering.settings import Book
from metering.store import Store, scratch
from tests.dashboards.conftest import Open
from tests.dashboards.test_access import SETTINGS_TEXT, with_settings
from tests.dashboards.test_app import rows, words
from tests.dashboards.test_finance import click, log_in
from tests.dashboards.test_unbilled import held

NUMBER = "5511987654321"
QUARANTINE = {"view": text.QUARANTINE}
SECONDS = "timestamp is not a number of seconds"


def status(number: int, timestamp: str) -> dict[str, Any]:
    pricing = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"}
    about = {"id": f"wamid.{number}", "status": "delivered", "timestamp": timestamp}
    return {**about, "recipient_id": NUMBER, "pricing": pricing}


def webhook(number: int, timestamp: str) -> dict[str, Any]:
    metadata = {"display_phone_number": NUMBER, "phone_number_id": "100000000000001"}
    value = {
        "messaging_product": "whatsapp",
        "metadata": metadata,
        "statuses": [status(number, timestamp)],
    }
    change = {"field": "messages", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": "w", "changes": [change]}]}


@pytest.fixture
def refused(own: Book, tmp_path: Path) -> Book:
    """The sample with three refused rows, of two reasons; a name of a file holds a number."""
    log = tmp_path / f"of-{NUMBER}.ndjson"
    said_times = ("soon", f"call {NUMBER}", str(1_790_000_000_000))
    log.write_text("".join(json.dumps(webhook(*one)) + "\n" for one in enumerate(said_times)))
    with Store.open(own, own.settings(), "write") as store, scratch(own) as folder:
        list(ingest(store, [str(log)], scratch=folder))
        assert list_rows(store).height == 3
    publish(own)
    return own


def waiting(book: Book) -> int:
    with Store.open(book, book.settings()) as store:
        return list_rows(store).height


def test_a_reason_leads_to_its_rows_and_nobody_sees_a_number(refused: Book, open_app: Open) -> None:
    app = open_app(refused, **QUARANTINE)
    assert not app.exception
    reasons = [row[text.REASON] for row in rows(app)]
    assert SECONDS in reasons
    app = open_app(refused, **QUARANTINE, reason=SECONDS)

    found = rows(app, 1)
    assert [(row[said.LINE], row[said.CAN_RETRY]) for row in found] == [(1, "yes"), (2, "yes")]
    assert all(row[said.FILE].endswith("of-55…21.ndjson") for row in found)
    assert "delivered" in found[0][said.TEXT], "what names no person is shown"
    for one in (app, *(open_app(refused, **QUARANTINE, reason=reason) for reason in reasons)):
        assert NUMBER not in words(one)
        assert "wamid" not in words(one)


def test_a_repaired_row_is_accepted_when_it_is_tried_again(refused: Book, open_app: Open) -> None:
    with Store.open(refused, refused.settings(), "write") as store:
        ids = list_rows(store, reason=SECONDS)["quarantine_id"].to_list()
        repaired = text_of(store, ids[0]).replace('"soon"', '"1790000000"')
        replace_text(store, ids[0], repaired)
    app = open_app(refused, **QUARANTINE, reason=SECONDS)
    assert said.RETRY_REASON.format(count=2) in [button.label for button in app.button]
    click(app, "retry/reason")
    assert waiting(refused) == 3, "nothing is done before it is confirmed"
    click(app, "confirm")

    expected = said.RETRIED.format(accepted=1, again=0, still=1)
    assert [one.value for one in (*app.success, *app.warning)] == [expected]
    assert waiting(refused) == 2
    assert len(rows(app, 1)) == 1, "the page shows what is left"
    assert "confirm" not in [str(button.key) for button in app.button]


def test_all_rows_can_be_tried_and_what_is_wrong_stays(refused: Book, open_app: Open) -> None:
    app = open_app(refused, **QUARANTINE)
    click(app, "retry/all")
    click(app, "cancel")
    assert "confirm" not in [str(button.key) for button in app.button]
    click(app, "retry/all")
    click(app, "confirm")

    assert app.warning[0].value == said.RETRIED.format(accepted=0, again=0, still=3)
    assert waiting(refused) == 3


def test_a_job_that_holds_the_store_is_said_kindly(refused: Book, open_app: Open) -> None:
    app = open_app(refused, **QUARANTINE)
    click(app, "retry/all")
    with held(refused):
        click(app, "confirm")
        assert "another job holds the store" in app.info[0].value
        assert not app.error
        later = open_app(refused, **QUARANTINE, reason=SECONDS)
        assert "another job holds the store" in later.info[0].value
        assert rows(later), "the counts are those of the reports"
    click(app, "confirm")
    assert app.warning[0].value == said.RETRIED.format(accepted=0, again=0, still=3)


def test_only_the_first_of_many_rows_are_read(
    refused: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ROWS_SHOWN > 2
    monkeypatch.setattr("dashboards.refused.ROWS_SHOWN", 1)
    found = refused_rows(refused, SECONDS)

    assert found.rows.height == 1
    assert found.retriable == 2


def test_nobody_but_an_operator_sees_refused_rows(
    own: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_settings(own, SETTINGS_TEXT)
    for email in ("ann@example.com", "bob@example.com", "joe@customer.example"):
        log_in(monkeypatch, email)
        app = open_app(own, **QUARANTINE)
        assert not app.title[0].value.startswith(text.QUARANTINE)


numbers = st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True)
keys = st.sampled_from(["timestamp", "type", "status", "from", "text", "code", "category"])
around = st.text(st.characters(exclude_categories=["Nd", "Cs"]), max_size=5)


@given(st.lists(st.tuples(keys, around, numbers, around), min_size=1), st.booleans())
def test_no_number_is_left_in_a_text_whatever_holds_it(
    parts: list[tuple[str, str, str, str]], is_json: bool
) -> None:
    values = {f"{key}": f"{before} {number} {after}" for key, before, number, after in parts}
    raw = json.dumps(values) if is_json else repr(values)
    shown = shown_text(raw)

    for _, _, number, _ in parts:
        assert number.lstrip("+") not in shown
        assert number.lstrip("+") not in file_name(f"a {number}.x") or len(number) == 8
    assert not re.search(r"\d{7}", without_numbers(raw))
