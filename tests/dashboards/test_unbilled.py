"""What is unbilled, what blocks it, and the messages of a line: out of the store for a moment."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner

from dashboards.access import ANYBODY
from dashboards.finance import Asked, Desk, perform, preview
from dashboards.reports import publish
from dashboards.words import finance as said
from dashboards.words import text
from metering.settings import Book
from pricing.run import bill
from tests.dashboards.conftest import MONTH, UNPLANNED, Open
from tests.dashboards.test_access import SETTINGS_TEXT, with_settings
from tests.dashboards.test_app import INVOICES, archived, metrics, rows, words
from tests.dashboards.test_finance import ANN, ISSUE_DATE, click, log_in
from tests.dashboards.test_reports import HOLD_THE_STORE
from tollbook import main

UNBILLED = {"view": text.UNBILLED}
MONTH_END = date(2026, 10, 31)


@contextmanager
def held(book: Book) -> Iterator[None]:
    """Let another process write to the store meanwhile."""
    command = [sys.executable, "-c", HOLD_THE_STORE, str(book.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as job:
        assert job.stdout is not None
        assert job.stdin is not None
        assert job.stdout.readline() == b"held\n"
        yield
        job.stdin.close()


def command(book: Book, *arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, [*arguments, "--format", "json", "--book", str(book.root)])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def number(cell: str) -> Decimal:
    return Decimal(cell.replace(",", ""))


def test_what_is_unbilled_is_what_the_command_says(sample: Book, open_app: Open) -> None:
    app = open_app(sample, **UNBILLED)
    assert not app.dataframe, "nothing is rated before somebody wants it"
    app.date_input(key="unbilled_at").set_value(MONTH_END).run()
    click(app, "work_out")
    expected = command(sample, "accrual", MONTH_END.isoformat())

    shown = {(row[text.ACCOUNT], row[text.PLAN]): row for row in rows(app)}
    unbilled = [row for row in expected["rows"] if Decimal(row["unbilled"])]
    assert len(unbilled) == len(shown) > 20
    for row in unbilled:
        mine = shown[row["account_id" if "account_id" in row else "account"], row["plan"]]
        for name, label in (("earned", said.EARNED), ("unbilled", said.UNBILLED)):
            assert number(mine[label]) == Decimal(row[name])
        assert mine[said.STANDS] == "draft"
    for total in expected["totals"]:
        label = said.UNBILLED_IN.format(currency=total["currency"])
        assert number(metrics(app)[label]) == Decimal(total["unbilled"])


def test_a_blocked_month_says_what_blocks_it_before_anything_is_rated(
    blocked: Book, open_app: Open
) -> None:
    app = open_app(blocked, **UNBILLED)

    assert not app.exception
    assert app.expander[0].label == said.BLOCKING_OF.format(month="October 2026", count=1)
    assert text.REMEDIES["no_plan"] in words(app)
    assert UNPLANNED in words(app)


def test_a_correction_is_listed_with_the_month_that_it_is_for(own: Book, open_app: Open) -> None:
    assert "corrects an earlier one" in words(open_app(own, **UNBILLED))
    desk = Desk.of(own, ANYBODY)
    for asked in (Asked("approve", str(MONTH)), Asked("issue", str(MONTH))):
        perform(desk, asked, preview(own, asked).digest, issue_date=ISSUE_DATE)
    path = own.root / "add_ons.csv"
    header, *held_rows = path.read_text(encoding="utf-8").splitlines()
    at = header.split(",").index("quantity")
    more = [[*row.split(",")[:at], "1", *row.split(",")[at + 1 :]] for row in held_rows]
    path.write_text("\n".join([header, *(",".join(row) for row in more)]) + "\n", "utf-8")
    bill(own, MONTH.next())
    publish(own)
    app = open_app(own, **UNBILLED)

    found = [row for row in rows(app) if row.get(said.ADJUSTMENT) == said.LATE_USAGE]
    listed = archived_corrections(own)
    assert len(found) >= len(listed) > 0
    assert {row[said.OF_MONTH] for row in found} == {"October 2026"}
    assert {row[said.DOCUMENT] for row in found} == listed


def archived_corrections(book: Book) -> set[str]:
    found = command(book, "invoice", "list", str(MONTH.next()))["rows"]
    ids = [row["invoice_id"] for row in found]
    lines = {one: command(book, "invoice", "show", one)["lines"] for one in ids}
    return {one for one in ids if any(line["is_correction"] for line in lines[one])}


def test_a_job_that_holds_the_store_is_said_kindly_and_the_page_goes_on(
    own: Book, open_app: Open
) -> None:
    app = open_app(own, **UNBILLED)
    invoice_id = "acct-00002/2026-10/1"
    with held(own):
        click(app, "work_out")
        assert "another job holds the store" in app.info[0].value
        page = open_app(own, **INVOICES, invoice=invoice_id)
        line_id = first_line(own, invoice_id)
        click(page, f"messages/{line_id}")
        assert any("another job holds the store" in info.value for info in page.info)
    assert not app.error
    assert not page.error
    click(app, "work_out")
    assert app.dataframe, "it works once the job has ended"


def first_line(book: Book, invoice_id: str) -> str:
    lines = archived(book).lines.filter(invoice_id=invoice_id, kind="usage")
    return str(lines["line_id"][0])


def test_a_line_leads_to_its_messages_without_a_number(
    sample: Book, numbers: set[str], open_app: Open
) -> None:
    invoice_id = "acct-00002/2026-10/1"
    app = open_app(sample, **INVOICES, invoice=invoice_id)
    line_id = first_line(sample, invoice_id)
    before = len(app.dataframe)
    click(app, f"messages/{line_id}")
    expected = command(sample, "invoice", "explain", line_id, "--messages")["messages"]

    found = [frame.value for frame in app.dataframe if said.MESSAGE in frame.value.columns]
    assert len(app.dataframe) == before + 1
    assert [*found[0][said.MESSAGE]] == [row["message"] for row in expected]
    assert [*found[0][text.MARKET]] == [row["market"] or "" for row in expected]
    assert len(expected) > 3
    shown = words(app)
    assert not [one for one in numbers if one in shown]


def test_many_messages_are_cut_and_said(
    sample: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.finance.MESSAGES_SHOWN", 2)
    invoice_id = "acct-00002/2026-10/1"
    app = open_app(sample, **INVOICES, invoice=invoice_id)
    click(app, f"messages/{first_line(sample, invoice_id)}")

    (found,) = [frame.value for frame in app.dataframe if said.MESSAGE in frame.value.columns]
    assert len(found) == 2
    assert said.MESSAGES_CUT.format(count=2) in words(app)


def test_messages_and_accruals_are_for_finance_alone(
    own: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_settings(own, SETTINGS_TEXT)
    address = {**INVOICES, "invoice": "acct-00002/2026-10/1"}
    for email, is_finance in ((ANN, True), ("joe@customer.example", False)):
        log_in(monkeypatch, email)
        app = open_app(own, **address)
        keys = [str(button.key) for button in app.button]
        assert any(key.startswith("messages/") for key in keys) == is_finance
        shown = open_app(own, **UNBILLED).title[0].value
        assert shown.startswith(text.UNBILLED) == is_finance


def test_a_store_that_is_gone_is_said_and_no_other_is_made(own: Book, open_app: Open) -> None:
    own.store_path.unlink()
    app = open_app(own, **UNBILLED)
    click(app, "work_out")

    assert not app.exception
    assert said.NO_STORE in app.error[0].value
    assert not own.store_path.exists(), "an empty one would be rated as a month without messages"
