"""The commands of trust speak in tables, JSON and CSV, and say plainly what they cannot know."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from metering.settings import Book
from tests.metering.rows import AT, Rows, open_rows
from tollbook import main

OWNED = "sender_id,account_id\n1,acme\n"
ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guide-audit.md").read_text(encoding="utf-8")
Fill = Callable[[Rows], None]


@pytest.fixture
def make(tmp_path: Path) -> Callable[[Fill], Book]:
    """Write a book whose store holds what a test puts there."""

    def write(fill: Fill) -> Book:
        with open_rows(tmp_path / "book") as rows:
            fill(rows)
            rows.write()
            rows.accounts(accounts="account_id,name,time_zone\nacme,Acme,UTC\n", senders=OWNED)
            return rows.book

    return write


def run(book: Book, *words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["usage", *words, "--book", str(book.root)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def run_json(book: Book, *words: str) -> Any:
    return json.loads(run(book, *words, "--format", "json").stdout)


def run_csv(book: Book, *words: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(run(book, *words, "--format", "csv").stdout)))


def gaps(rows: Rows) -> None:
    for day in range(-40, 40):
        for number in range(3 if day in (2, 3) else 30):
            if day != 1:
                rows.event("outbound", AT + timedelta(days=day, seconds=number))
    rows.event("outbound", AT, sender_id="9")


def test_completeness_is_printed_as_json_csv_and_table(
    make: Callable[[Fill], Book],
) -> None:
    book = make(gaps)

    document = run_json(book, "completeness", "2026-10")
    (first, second) = run_csv(book, "completeness", "2026-10")
    table = run(book, "completeness", "2026-10").stdout

    assert document == {
        "schema": "tollbook.completeness/1",
        "period": "2026-10",
        "last_report_at": "2026-11-13T12:00:29Z",
        "complete_up_to": "2026-10-06T00:00:00Z",
        "rows": [
            {
                "account": "acme",
                "sender": "1",
                "waba": None,
                "reports": 28 * 30 + 6,
                "last_report_at": "2026-11-13T12:00:29Z",
                "complete_up_to": "2026-10-06T00:00:00Z",
                "silent": False,
                "missing_days": ["2026-10-06"],
                "sudden_drops": [
                    {"day": "2026-10-07", "reports": 3, "usual": "30.0"},
                    {"day": "2026-10-08", "reports": 3, "usual": "30.0"},
                ],
            },
            {
                "account": None,
                "sender": "9",
                "waba": None,
                "reports": 1,
                "last_report_at": "2026-10-05T12:00:00Z",
                "complete_up_to": "2026-10-05T12:00:00Z",
                "silent": False,
                "missing_days": [],
                "sudden_drops": [],
            },
        ],
        "total": {"senders": 2, "silent": 0, "missing_days": 1, "sudden_drops": 2},
    }
    assert first["sudden_drops"] == "2026-10-07 (3 of 30.0), 2026-10-08 (3 of 30.0)"
    assert second["account"] == "(unassigned)"
    assert "Complete up to 2026-10-06 00:00:00 UTC" in table
    assert "2 senders: 0 silent, 1 missing days, 2 sudden drops" in table


def test_an_empty_store_is_said_to_hold_nothing(make: Callable[[Fill], Book]) -> None:
    book = make(lambda rows: None)

    assert "The store holds no report" in run(book, "completeness", "2026-10").stdout
    document = run_json(book, "completeness", "2026-10")
    assert (document["complete_up_to"], document["rows"][0]["silent"]) == (None, True)


def mixed(rows: Rows) -> None:
    rows.delivery(1)
    rows.delivery(2, contact_key=78)
    rows.delivery(3, contact_key=79, sender_id="9")
    rows.event("consent", AT - timedelta(days=9), status="opted_in", contact_key=77)
    rows.event("consent", AT - timedelta(days=9), status="opted_out", contact_key=78)
    rows.cloud_event("consent.opted_in", subject="nobody", data='{"contact":"contact:79"}')


def test_consent_is_printed_as_json_csv_and_table(make: Callable[[Fill], Book]) -> None:
    book = make(mixed)

    document = run_json(book, "consent", "2026-10")
    rows = run_csv(book, "consent", "2026-10")
    table = run(book, "consent", "2026-10").stdout

    assert document == {
        "schema": "tollbook.consent/1",
        "period": "2026-10",
        "consents": 3,
        "unusable_consents": 1,
        "rows": [
            {
                "account": "acme",
                "sender": "1",
                "category": "marketing",
                "reason": "opted out",
                "messages": 1,
                "contacts": 1,
                "examples": [f"{2:032x}"],
            },
            {
                "account": None,
                "sender": "9",
                "category": "marketing",
                "reason": "never opted in",
                "messages": 1,
                "contacts": 1,
                "examples": [f"{3:032x}"],
            },
        ],
        "total": {
            "messages": 3,
            "opted_in": 1,
            "never_opted_in": 1,
            "opted_out": 1,
            "contact_not_known": 0,
            "category_not_known": 0,
        },
    }
    assert [row["account"] for row in rows] == ["acme", "(unassigned)"]
    assert "3 messages that a business began: 1 with an opt-in" in table
    assert "1 of 3 consents name no contact" in table


def crowd(rows: Rows) -> None:
    """Forty senders; of the last, which is the worst, the most messages and a missing day."""
    rows.event("consent", AT - timedelta(days=9), status="opted_in", contact_key=1)
    for sender in range(100, 140):
        for day in (-28, -21, -14, -7, 0, 1):
            if not (sender == 139 and day == 0):
                rows.event("outbound", AT + timedelta(days=day), sender_id=str(sender))
        for key in range(3 if sender == 139 else 1):
            rows.delivery(1000 * sender + key, sender_id=str(sender))


@pytest.mark.parametrize("command", ["completeness", "consent"])
def test_a_long_table_shows_the_worst_rows_first_and_how_many_more_there_are(
    make: Callable[[Fill], Book], command: str
) -> None:
    book = make(crowd)
    count = len(run_json(book, command, "2026-10")["rows"])
    table = run(book, command, "2026-10").stdout
    whole = run(book, command, "2026-10", "--all").stdout

    assert count >= 40
    assert f"... and {count - 30} more: --all shows them" in table
    shown = [line for line in table.splitlines() if re.search(r" 1[0-3]\d ", line)]
    assert " 139 " in table.splitlines()[2] or command == "completeness"
    assert " 139 " in table
    assert len(shown) <= 30
    assert "more: --all" not in whole
    assert all(f" {sender} " in whole for sender in range(100, 140))
    assert len(run_csv(book, command, "2026-10")) == count


def test_a_book_without_consents_is_told_so_and_nobody_is_listed(
    make: Callable[[Fill], Book],
) -> None:
    book = make(lambda rows: rows.delivery(1))

    assert "The book holds no consent of anybody" in run(book, "consent", "2026-10").stdout
    document = run_json(book, "consent", "2026-10")
    assert (document["consents"], document["rows"]) == (0, [])


def test_notices_are_printed_for_a_month_or_all(make: Callable[[Fill], Book]) -> None:
    def told(rows: Rows) -> None:
        for days in (0, 40):
            when = AT + timedelta(days=days)
            country = {"sender_id": None, "waba_id": "w1", "data": '{"country":"DE"}'}
            rows.event(
                "account", when, status="BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE", **country
            )

    book = make(told)

    assert run_json(book, "notices", "2026-10") == {
        "schema": "tollbook.notices/1",
        "period": "2026-10",
        "rows": [
            {
                "at": "2026-10-05T12:00:00Z",
                "waba": "w1",
                "account": None,
                "what": "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE",
                "details": "based in DE",
            }
        ],
    }
    assert run_json(book, "notices")["period"] is None
    assert len(run_csv(book, "notices")) == 2
    assert "based in DE" in run(book, "notices").stdout


@pytest.mark.parametrize("command", ["completeness", "consent", "notices", "audit"])
def test_a_wrong_month_is_one_block(make: Callable[[Fill], Book], command: str) -> None:
    result = run(make(lambda rows: None), command, "2026-13", code=2)

    assert "is not a month" in result.stderr
    assert result.stderr.strip().splitlines()[-1].strip().startswith("Hint:")


# The guide


def keys_of(value: Any) -> Any:
    """The keys of a document, to the depth of its first rows; null may stand for anything."""
    if isinstance(value, dict):
        return {name: keys_of(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [keys_of(inner) for inner in value[:1]]
    return None


def differing(rows: Rows) -> None:
    mixed(rows)
    gaps(rows)
    rows.event()
    rows.delivery(11, category="utility", pricing_type="free_customer_service")
    rows.delivery(12, category="utility", pricing_type="free_customer_service", place=None)
    rows.delivery(13, sender_id="4")
    tier = '{"country":"DE"}'
    status = "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE"
    rows.event("account", status=status, sender_id=None, waba_id="w1", data=tier)
    rows.delivery(14, waba_id="w1")


def test_the_documents_have_the_keys_that_the_guide_shows(make: Callable[[Fill], Book]) -> None:
    book = make(differing)
    shown = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", GUIDE, re.M | re.S)]

    made = [
        run_json(book, "completeness", "2026-10"),
        run_json(book, "audit", "2026-10", "--by", "reason,account"),
        run_json(book, "consent", "2026-10"),
        run_json(book, "notices", "2026-10"),
    ]

    for document, example in zip(made, shown, strict=True):
        assert keys_of(document) == keys_of(example), example["schema"]
        assert list(document["rows"][0]) == list(example["rows"][0])


def test_the_guide_names_every_reason_of_an_audit_in_its_order() -> None:
    sql = (ROOT / "metering" / "sql" / "judge_deliveries.sql").read_text(encoding="utf-8")
    reasons = re.findall(r"(?:then|else)\s+'([^']+ [^']+)'", sql.partition("as state")[2])

    assert len(reasons) == 14
    assert re.findall(r"^\| `([^`]+ [^`]+)` \|", GUIDE, re.M) == reasons


def test_the_consent_of_the_guide_counts(make: Callable[[Fill], Book], tmp_path: Path) -> None:
    (event,) = re.findall(r"^```json consent event\n(.*?)^```", GUIDE, re.M | re.S)
    log = tmp_path / "consent.ndjson"
    log.write_text(event.replace('"subject":"example"', '"subject":"acme"'), encoding="utf-8")
    book = make(lambda rows: rows.delivery(1))

    loaded = CliRunner().invoke(main, ["ingest", str(log), "--book", str(book.root)])
    document = run_json(book, "consent", "2026-10")

    assert loaded.exit_code == 0, loaded.output
    assert (document["consents"], document["unusable_consents"]) == (1, 0)
    assert document["rows"][0]["reason"] == "never opted in"  # it is somebody else's
