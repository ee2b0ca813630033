"""The commands that move documents on: approve, issue, reopen, void, credit; and the trail."""

import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click
import polars as pl

from metering.errors import SumsDisagreeError, UsageError
from metering.output import (
    BLOCKED,
    Format,
    actor_option,
    book_option,
    errors_for_people,
    format_option,
    print_rows,
    say,
)
from metering.period import Month
from metering.settings import Book, Settings
from pricing.archive import Archive
from pricing.invoice import Drafts
from pricing.job import Job, JobOptions, job_options, run_job
from pricing.life.credit_note import Wish, discard, draft_credit_note
from pricing.life.lifecycle import Step, approve, issue, reopen, void
from pricing.life.staleness import Stale, stale_drafts, to_bill_again
from pricing.life.trail import TRAIL, actor_of, rows_of
from pricing.life.verification import verify_invoice
from pricing.life.whole import problems_of
from pricing.today import today_of

STEP_COLUMNS = ("invoice_id", "outcome", "number", "why")
TRAIL_COLUMNS = ("sequence", "happened_at", "actor", "action", "object", "reason")


def reason_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--reason", required=True, help="Why, for the trail.")(command)


@click.command("approve")
@click.argument("targets", nargs=-1, required=True, metavar="MONTH | INVOICE_ID...")
@click.option("--reason", help="Why, for the trail.")
@job_options
@actor_option
@book_option
@format_option
def approve_drafts(
    targets: tuple[str, ...],
    *,
    reason: str | None,
    job_options: JobOptions,
    actor: str | None,
    book_path: Path,
    output_format: Format,
) -> None:
    """Approve drafts, all of MONTH or some: a run replaces them no longer."""
    with errors_for_people():
        book = Book.at(book_path)
        settings = book.settings()
        with (
            run_job(book, "approve", " ".join(targets), job_options) as job,
            Archive.open(book, "write") as archive,
        ):
            chosen = _chosen(archive, targets, state="draft")
            job.stage(f"approving {chosen.invoices.height:,} drafts")
            steps = approve(
                archive,
                chosen,
                settings.invoicing,
                actor=actor_of(actor),
                reason=reason,
                ended_by=today_of(settings),
            )
            _say_done(archive, targets, steps)
            _print_steps(steps, output_format, job)


@click.command("issue")
@click.argument("targets", nargs=-1, required=True, metavar="MONTH | INVOICE_ID...")
@click.option("--date", "issue_day", metavar="DATE", help="The date of issue; today if absent.")
@click.option(
    "--no-carry", is_flag=True, help="Number small totals, too, and those that wait already."
)
@job_options
@actor_option
@book_option
@format_option
def issue_documents(
    targets: tuple[str, ...],
    *,
    issue_day: str | None,
    no_carry: bool,
    job_options: JobOptions,
    actor: str | None,
    book_path: Path,
    output_format: Format,
) -> None:
    """Issue approved documents, all of MONTH or some: numbered and never changed again."""
    with errors_for_people():
        book = Book.at(book_path)
        settings = book.settings()
        issue_date = _day(issue_day, settings)
        with (
            run_job(book, "issue", " ".join(targets), job_options) as job,
            Archive.open(book, "write") as archive,
        ):
            chosen = _to_issue(archive, targets, no_carry=no_carry)
            job.stage(f"issuing {chosen.invoices.height:,} documents")
            steps = issue(
                archive,
                chosen,
                settings.invoicing,
                issue_date=issue_date,
                actor=actor_of(actor),
                may_carry=not no_carry,
            )
            if no_carry:
                _say_stale(stale_drafts(archive))  # drafts that have what waited until now
            _say_done(archive, targets, steps)
            _print_steps(steps, output_format, job)


@click.command("reopen")
@click.argument("invoice_id")
@reason_option
@actor_option
@book_option
def reopen_document(invoice_id: str, *, reason: str, actor: str | None, book_path: Path) -> None:
    """Make a draft of an approved document again, which the next run replaces."""
    with errors_for_people(), Archive.open(Book.at(book_path), "write") as archive:
        chosen = archive.drafts_of(invoice_id=archive.invoice_id_of(invoice_id))
        found = chosen.invoices.row(0, named=True)
        reopen(archive, found, actor=actor_of(actor), reason=reason)
        say(f"{found['invoice_id']} is a draft again")
        _say_stale(stale_drafts(archive))


@click.command("void")
@click.argument("invoice_id", metavar="NUMBER | INVOICE_ID")
@reason_option
@actor_option
@book_option
def void_document(invoice_id: str, *, reason: str, actor: str | None, book_path: Path) -> None:
    """Make an issued document void, where the law of its series allows it."""
    with errors_for_people():
        book = Book.at(book_path)
        invoicing = book.settings().invoicing
        with Archive.open(book, "write") as archive:
            chosen = archive.drafts_of(invoice_id=archive.invoice_id_of(invoice_id))
            found = chosen.invoices.row(0, named=True)
            void(archive, found, invoicing, actor=actor_of(actor), reason=reason)
            stale = stale_drafts(archive)
        say(f"{found['number']} is void; its month can be billed again")
        _say_stale(stale)


@click.command("credit")
@click.argument("invoice_id", metavar="NUMBER | INVOICE_ID")
@click.option("--line", "line_id", metavar="LINE", help="Credit this line alone: id or charge.")
@click.option("--amount", help="Credit this much, net of tax; all that is left if absent.")
@click.option(
    "--bill-again", is_flag=True, help="Bill the month again: what is credited was not invoiced."
)
@reason_option
@actor_option
@book_option
@format_option
def credit_invoice(
    invoice_id: str,
    *,
    line_id: str | None,
    amount: str | None,
    bill_again: bool,
    reason: str,
    actor: str | None,
    book_path: Path,
    output_format: Format,
) -> None:
    """Draft a credit note for an issued invoice, a line of it, or an amount."""
    with errors_for_people(), Archive.open(Book.at(book_path), "write") as archive:
        wish = Wish(reason, line_id, _amount(amount), bill_again)
        found = archive.invoice_id_of(invoice_id)
        note_id = draft_credit_note(archive, found, wish, actor=actor_of(actor))
        _print_steps([Step(note_id, "drafted", why=reason)], output_format)
        say(f"approve and issue it: tollbook invoice approve {note_id}")
        _say_stale(stale_drafts(archive))


@click.command("discard")
@click.argument("invoice_id")
@reason_option
@actor_option
@book_option
def discard_draft(invoice_id: str, *, reason: str, actor: str | None, book_path: Path) -> None:
    """Remove a draft of a credit note."""
    with errors_for_people(), Archive.open(Book.at(book_path), "write") as archive:
        discard(archive, archive.invoice_id_of(invoice_id), actor=actor_of(actor), reason=reason)
        say(f"{invoice_id} is gone")
        _say_stale(stale_drafts(archive))


@click.command("verify")
@click.argument("invoice_id", metavar="NUMBER | INVOICE_ID")
@book_option
@format_option
def verify_one(invoice_id: str, *, book_path: Path, output_format: Format) -> None:
    """Compute a document again from what its run recorded, and compare it byte for byte."""
    with errors_for_people():
        found = verify_invoice(Book.at(book_path), invoice_id)
        rows = [{"invoice_id": found.invoice_id, "verdict": found.verdict, "what": found.what}]
        document = {"schema": "tollbook.verification/1", "rows": rows}
        print_rows(document, columns=("invoice_id", "verdict", "what"), output_format=output_format)
    if found.verdict == "differs":
        sys.exit(SumsDisagreeError.exit_code)


@click.command("verify")
@click.option("--head", metavar="SHA256", help="A row of the trail that was kept elsewhere.")
@book_option
@format_option
def verify_all(head: str | None, book_path: Path, output_format: Format) -> None:
    """Check the trail, and every issued document against what was issued."""
    with errors_for_people():
        with Archive.open(Book.at(book_path)) as archive:
            trail = rows_of(archive)
            problems = problems_of(archive, head)
            count = archive.value("select count(*) from issued")
        last = trail["sha256"].item(-1) if trail.height else None
        rows = [
            {"where": found.where, "what": found.what, "hint": found.hint} for found in problems
        ]
        document = {
            "schema": "tollbook.verify/1",
            "documents": count,
            "trail_rows": trail.height,
            "trail_sha256": last,
            "rows": rows,
        }
        if rows or output_format != "table":
            print_rows(document, columns=("where", "what", "hint"), output_format=output_format)
        seen = ((count, "document"), (trail.height, "row"), (len(rows), "problem"))
        documents, trail_rows, found = (f"{n:,} {word}{'s' * (n != 1)}" for n, word in seen)
        say(f"{documents}, {trail_rows} of the trail, {found}")
        if last is not None:
            say(
                f"the last row of the trail is {last}: keep it elsewhere, and give it later as"
                " --head"
            )
    if problems:
        sys.exit(SumsDisagreeError.exit_code)


@click.command("trail")
@click.argument("object_id", required=False, metavar="[NUMBER | INVOICE_ID]")
@book_option
@format_option
def show_trail(object_id: str | None, book_path: Path, output_format: Format) -> None:
    """Show who did what, when and why; of all, or of one document."""
    with errors_for_people():
        with Archive.open(Book.at(book_path)) as archive:
            frame = rows_of(
                archive, None if object_id is None else archive.invoice_id_of(object_id)
            )
        document = {"schema": "tollbook.trail/1", "rows": frame.to_dicts()}
        columns = TRAIL_COLUMNS if output_format == "table" else TRAIL.names()
        print_rows(document, columns=columns, output_format=output_format)


INVOICE_COMMANDS: list[click.Command] = [
    *(approve_drafts, issue_documents, reopen_document, void_document),
    *(credit_invoice, discard_draft, verify_one),
]
COMMANDS: list[click.Command] = [verify_all, show_trail]


def _chosen(archive: Archive, targets: tuple[str, ...], *, state: str) -> Drafts:
    """Read the documents of a month that are in a state, or those that are named."""
    if _is_month(targets):
        return archive.drafts_of(period=str(Month.parse(targets[0])), state=state)
    # Named by its id, by its number or by both: a document is chosen once.
    chosen = dict.fromkeys(archive.invoice_id_of(name) for name in targets)
    parts = [archive.drafts_of(invoice_id=invoice_id) for invoice_id in chosen]
    return Drafts(
        *(
            pl.concat([getattr(part, name) for part in parts])
            for name in ("invoices", "lines", "details", "taxes", "credits")
        )
    )


def _to_issue(archive: Archive, targets: tuple[str, ...], *, no_carry: bool) -> Drafts:
    if not (no_carry and _is_month(targets)):
        return _chosen(archive, targets, state="approved")
    found = archive.drafts_of(period=str(Month.parse(targets[0])))
    return found.with_invoices(
        found.invoices.filter(pl.col("state").is_in(["approved", "carried"]))
    )


def _is_month(targets: tuple[str, ...]) -> bool:
    return len(targets) == 1 and len(targets[0]) == 7 and "/" not in targets[0]


def _print_steps(steps: list[Step], output_format: Format, job: Job | None = None) -> None:
    """Print what became of documents, and how many came to what."""
    rows = [
        {name: getattr(step, name) for name in STEP_COLUMNS}
        for step in sorted(steps, key=lambda step: step.invoice_id)
    ]
    document = {"schema": "tollbook.steps/1", "rows": rows}
    print_rows(document, columns=STEP_COLUMNS, output_format=output_format)
    outcomes = sorted({step.outcome for step in steps})
    counts = [f"{sum(s.outcome == name for s in steps):,} {name}" for name in outcomes]
    say(", ".join(counts) or "there is nothing to do")
    if job is not None:
        job.outcome |= {name: sum(s.outcome == name for s in steps) for name in outcomes}
    if any(step.is_waiting for step in steps):
        sys.exit(BLOCKED)


def _say_done(archive: Archive, targets: tuple[str, ...], steps: list[Step]) -> None:
    """Say what became before of a month of which nothing is left to do."""
    if steps or not _is_month(targets):
        return
    query = "select state, count(*) from invoices where period = $period group by all order by all"
    states = archive.frame(query, {"period": targets[0]}).rows()
    listed = ", ".join(f"{count:,} {state}" for state, count in states)
    say(f"of {targets[0]} there are {listed}" if states else f"{targets[0]} was never billed")


def _say_stale(stale: list[Stale]) -> None:
    if stale:
        say(to_bill_again(stale))


def _day(text: str | None, settings: Settings) -> date:
    today = today_of(settings)
    try:
        day = today if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"'{text}' is no day", where="--date", hint="write 2026-11-03") from error
    if day > today:
        raise UsageError(
            f"{day} has not come yet: today is {today}, in {settings.seller.time_zone}",
            where="--date",
            hint="numbers follow the calendar: no document could be dated earlier afterwards",
        )
    return day


def _amount(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation as error:
        raise UsageError(
            f"'{text}' is no amount", where="--amount", hint="write 12.50, without a currency"
        ) from error
