"""What finance does in the dashboard: approve, issue, credit, files, and what is owed."""

import json
import shutil
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from dashboards.access import ANYBODY, Viewer
from dashboards.finance import Asked, Desk, pdf_of, perform, preview, publish_now, xml_of
from dashboards.words import finance as said
from dashboards.words import text
from metering.errors import TollbookError
from metering.settings import SETTINGS, Book
from pricing.archive import Archive
from pricing.document_reading import documents_of
from pricing.job import JobOptions, run_job
from pricing.life.trail import rows_of
from tests.dashboards.conftest import MONTH, UNPLANNED, Open
from tests.dashboards.test_access import SETTINGS_TEXT, person, with_settings
from tests.dashboards.test_app import INVOICES, rows, words
from tollbook import main

ANN = "ann@example.com"
INVOICE_ID = "acct-00002/2026-10/1"
ISSUE_DATE = date(2026, 11, 3)


def offered(app: AppTest) -> set[str]:
    """The actions that a page offers: approve/all, approve/ID ..."""
    keys = [str(button.key) for button in app.button]
    return {key.removeprefix("offer/") for key in keys if key.startswith("offer/")}


def click(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def confirmed(app: AppTest, offer: str) -> AppTest:
    click(app, f"offer/{offer}")
    return click(app, "confirm")


def told(book: Book, invoice_id: str) -> list[tuple[str, str]]:
    with Archive.open(book) as archive:
        return rows_of(archive, invoice_id).select("actor", "action").rows()


def states(book: Book) -> dict[str, str]:
    with Archive.open(book) as archive:
        return dict(archive.frame("select invoice_id, state from invoices").rows())


def log_in(monkeypatch: pytest.MonkeyPatch, email: str) -> None:
    monkeypatch.setattr("streamlit.user_info.UserInfoProxy.to_dict", lambda _: person(email))


@pytest.fixture(scope="module")
def issued(sample: Book, tmp_path_factory: pytest.TempPathFactory) -> Book:
    """The sample with all its documents issued. Tests only read it."""
    root = tmp_path_factory.mktemp("finance") / "issued"
    shutil.copytree(sample.root, root)
    desk = Desk.of(Book.at(root), ANYBODY)
    for asked in (Asked("approve", str(MONTH)), Asked("issue", str(MONTH))):
        perform(desk, asked, preview(desk.book, asked).digest, issue_date=ISSUE_DATE)
    publish_now(desk.book)
    return desk.book


def test_an_invoice_is_approved_issued_and_credited_by_the_person_who_is_logged_in(
    own: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_settings(own, SETTINGS_TEXT)
    log_in(monkeypatch, ANN)
    app = open_app(own, **INVOICES, invoice=INVOICE_ID)
    click(app, f"offer/approve/{INVOICE_ID}")

    assert "**ann@example\\.com** approves" in words(app)
    assert states(own)[INVOICE_ID] == "draft", "nothing is done before it is confirmed"
    click(app, "confirm")
    assert "1 approved" in app.success[0].value
    assert offered(app) >= {f"issue/{INVOICE_ID}"}, "the page shows the new state"

    click(app, f"offer/issue/{INVOICE_ID}")
    app.date_input(key="issue_date").set_value(ISSUE_DATE)
    click(app, "confirm")
    number = documents_of(own)[1].number
    assert str(number) in app.success[0].value.replace("\\", "")
    assert ISSUE_DATE in [document.issue_date for document in documents_of(own)]

    click(app, f"offer/credit/{INVOICE_ID}")
    app.text_input(key="credit/amount").set_value("0.10")
    app.text_input(key="credit/reason").set_value("goodwill")
    click(app, "confirm")
    (note,) = [one for one in documents_of(own) if one.kind == "credit_note"]
    assert (note.state, note.net, note.reason) == ("draft", Decimal("0.10"), "goodwill")
    assert note.invoice_id in app.selectbox(key="invoice").options

    assert told(own, INVOICE_ID)[-2:] == [(ANN, "invoice.approved"), (ANN, "invoice.issued")]
    assert told(own, note.invoice_id) == [(ANN, "credit_note.drafted")]
    assert ANN in {row.get(said.WHO) for frame in app.dataframe for row in frame_rows(frame)}


def unescaped(block: Any) -> str:
    return str(block.value).replace("\\", "")


def frame_rows(frame: Any) -> list[dict[str, Any]]:
    return list(frame.value.to_dict("records"))


def test_a_month_is_approved_but_for_what_is_blocked_and_then_issued(
    blocked: Book, open_app: Open
) -> None:
    app = open_app(blocked, **INVOICES)
    click(app, "offer/approve/all")
    assert "Left out: 1 blocked" in words(app)
    click(app, "confirm")

    assert f"{UNPLANNED}/2026-10/1 was left as it is: it is blocked" in unescaped(app.warning[0])
    found = states(blocked)
    assert found[f"{UNPLANNED}/2026-10/1"] == "draft"
    approved = sum(state == "approved" for state in found.values())
    assert approved == len(found) - 1

    click(app, "offer/issue/all")
    app.date_input(key="issue_date").set_value(ISSUE_DATE)
    click(app, "confirm")
    assert sum(state == "issued" for state in states(blocked).values()) == approved


def test_a_blocked_invoice_is_not_offered_for_approval_and_the_month_says_what_blocks(
    blocked: Book, open_app: Open
) -> None:
    app = open_app(blocked, **INVOICES, invoice=f"{UNPLANNED}/2026-10/1")
    (document,) = [one for one in documents_of(blocked) if one.account_id == UNPLANNED]
    (listed,) = [frame for frame in app.dataframe if said.WHAT_HELPS in frame.value.columns]

    assert app.button(key=f"offer/approve/{UNPLANNED}/2026-10/1").disabled
    quantities = [Decimal(row[text.QUANTITY].replace(",", "")) for row in frame_rows(listed)]
    assert sum(quantities) == sum(Decimal(reason["quantity"]) for reason in document.blocked)
    assert {row[said.FOR_EXAMPLE] for row in frame_rows(listed)} == {UNPLANNED}
    assert {row[said.WHAT_HELPS] for row in frame_rows(listed)} == {text.REMEDIES["no_plan"]}


def test_who_drafted_is_told_that_another_must_approve(
    own: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own.root / SETTINGS
    content = path.read_text(encoding="utf-8")
    strict = content.replace("[invoicing]", "[invoicing]\nmaker_checker = true")
    assert strict != content
    path.write_text(strict, encoding="utf-8")
    with Archive.open(own) as archive:
        maker = archive.value("select any_value(actor) from runs")
    monkeypatch.setenv("TOLLBOOK_ACTOR", maker)
    app = confirmed(open_app(own, **INVOICES, invoice=INVOICE_ID), f"approve/{INVOICE_ID}")

    assert "another must approve it" in app.warning[0].value
    assert states(own)[INVOICE_ID] == "draft"
    monkeypatch.setenv("TOLLBOOK_ACTOR", "somebody else")
    app = confirmed(app, f"approve/{INVOICE_ID}")
    assert states(own)[INVOICE_ID] == "approved"
    assert told(own, INVOICE_ID)[-1] == ("somebody else", "invoice.approved")


def test_a_day_before_the_days_of_grace_are_over_is_refused_with_what_helps(
    own: Book, open_app: Open
) -> None:
    app = confirmed(open_app(own, **INVOICES, invoice=INVOICE_ID), f"approve/{INVOICE_ID}")
    click(app, f"offer/issue/{INVOICE_ID}")
    app.date_input(key="issue_date").set_value(date(2026, 11, 2))
    click(app, "confirm")

    (error,) = app.error
    assert "may not be issued before 2026-11-03" in unescaped(error)
    assert "What helps" in error.value
    assert states(own)[INVOICE_ID] == "approved"


def test_a_credit_note_without_a_reason_or_of_too_much_is_refused_and_asked_for_again(
    issued: Book, open_app: Open
) -> None:
    app = open_app(issued, **INVOICES, invoice=INVOICE_ID)
    click(app, f"offer/credit/{INVOICE_ID}")
    click(app, "confirm")
    assert said.NO_REASON in app.error[0].value

    app.text_input(key="credit/reason").set_value("goodwill")
    app.text_input(key="credit/amount").set_value("12 euros")
    click(app, "confirm")
    assert "is no amount" in app.error[0].value

    app.text_input(key="credit/amount").set_value("99999999")
    click(app, "confirm")
    assert "cannot be credited" in app.error[0].value
    assert {document.kind for document in documents_of(issued)} == {"invoice"}


def test_while_another_job_is_at_work_nothing_is_done_and_it_is_named(
    own: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.finance.OPTIONS", JobOptions(wait_seconds=0))
    app = open_app(own, **INVOICES, invoice=INVOICE_ID)
    click(app, f"offer/approve/{INVOICE_ID}")
    with run_job(own, "bill", str(MONTH), JobOptions()):
        click(app, "confirm")

    assert "another job is at work: bill 2026-10" in app.error[0].value.replace("\\", "")
    assert states(own)[INVOICE_ID] == "draft"
    click(app, "confirm")
    assert states(own)[INVOICE_ID] == "approved", "the question stays open for another try"


def test_what_changed_since_it_was_shown_is_not_done(own: Book) -> None:
    asked = Asked("approve", str(MONTH), INVOICE_ID)
    digest = preview(own, asked).digest
    desk = Desk.of(own, ANYBODY)
    with Archive.open(own, "write") as archive:
        archive.execute(
            "update invoices set total_minor = total_minor + 1 where invoice_id = $invoice_id",
            {"invoice_id": INVOICE_ID},
        )
    with pytest.raises(TollbookError, match="have changed since"):
        perform(desk, asked, digest)

    assert states(own)[INVOICE_ID] == "draft"


@pytest.mark.parametrize("email", ["bob@example.com", "joe@customer.example"])
def test_others_are_offered_no_action_and_no_trail(
    issued: Book,
    tmp_path: Path,
    open_app: Open,
    monkeypatch: pytest.MonkeyPatch,
    email: str,
) -> None:
    guarded = Book(shutil.copytree(issued.root, tmp_path / "guarded"))
    with_settings(guarded, SETTINGS_TEXT)
    log_in(monkeypatch, email)
    app = open_app(guarded, **INVOICES, invoice=INVOICE_ID)

    assert not app.exception
    assert not offered(app)
    assert not [frame for frame in app.dataframe if said.WHO in frame.value.columns]
    assert open_app(guarded, view=text.RECEIVABLES).title[0].value != text.RECEIVABLES


def test_only_finance_may_act(own: Book) -> None:
    assert not Desk.of(own, Viewer("bob@example.com", frozenset(("product", "operator")))).may_act
    assert Desk.of(own, Viewer(ANN, frozenset(("finance",)))).actor == ANN


def test_files_of_a_document_are_those_of_the_commands(issued: Book) -> None:
    runner = CliRunner()
    done = runner.invoke(main, ["invoice", "xml", INVOICE_ID, "--book", str(issued.root)])
    assert xml_of(issued, INVOICE_ID) == done.stdout_bytes
    pdf = pdf_of(issued, INVOICE_ID)
    runner.invoke(main, ["invoice", "pdf", INVOICE_ID, "--book", str(issued.root)])
    (file,) = (issued.root / "documents").rglob("*.pdf")
    assert file.read_bytes() == pdf
    assert pdf.startswith(b"%PDF-")


def test_receivables_are_those_of_the_command(issued: Book, open_app: Open) -> None:
    day = "2027-01-15"
    app = open_app(issued, view=text.RECEIVABLES)
    app.date_input(key="as_of").set_value(date.fromisoformat(day)).run()
    found = printed("receivables", "--as-of", day, "--book", str(issued.root))
    late = printed("receivables", "reminders", "--as-of", day, "--book", str(issued.root))

    assert not app.exception
    shown = [
        {name: row[label].replace(",", "") for name, label in said.AGES.items()}
        for row in rows(app)
    ]
    assert shown == [{name: row[name] for name in said.AGES} for row in found["rows"]]
    totals = {row["currency"]: row["total"] for row in found["totals"]}
    metrics = {metric.label: str(metric.value).replace(",", "") for metric in app.metric}
    assert {code: metrics[said.OWED.format(currency=code)] for code in totals} == totals
    assert [(row[text.NUMBER], row[said.DAYS_LATE], row[said.LEVEL]) for row in rows(app, 1)] == [
        (row["number"], row["days"], row["level"]) for row in late["rows"]
    ]
    assert len(late["rows"]) > 5


def printed(*arguments: str) -> Any:
    done = CliRunner().invoke(main, [*arguments, "--format", "json"], catch_exceptions=False)
    return json.loads(done.stdout)


HOLD_THE_ARCHIVE = """
import sys
from pathlib import Path
from metering.settings import Book
from pricing.archive import Archive
with Archive.open(Book.at(Path(sys.argv[1])), "write"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_pdf_waits_for_a_job_with_kind_words_and_is_offered_then(
    own: Book, open_app: Open
) -> None:
    app = open_app(own, **INVOICES, invoice=INVOICE_ID)
    command = [sys.executable, "-c", HOLD_THE_ARCHIVE, str(own.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as job:
        assert job.stdout is not None
        assert job.stdin is not None
        assert job.stdout.readline() == b"held\n"
        click(app, f"pdf/{INVOICE_ID}")
        job.stdin.close()
    assert any("another job" in info.value for info in app.info)
    assert not app.error
    click(app, f"pdf/{INVOICE_ID}")

    offered_files = [cast(Any, one) for one in app.get("download_button")]
    assert said.SAVE_PDF in [one.label for one in offered_files]
    assert app.session_state["pdf/made"][2].startswith(b"%PDF-")
    click(app, f"offer/approve/{INVOICE_ID}")
    click(app, "confirm")
    assert app.button(key=f"pdf/{INVOICE_ID}"), "a document in another state is printed anew"
