"""The life of a document: draft, approved, issued; nothing leads back from issued.

A draft is replaced by the next run. An approved one is kept, and a person needs a reason to reopen
it. What is approved is a content, not a name: where it differs when it is issued, it is refused. An
issued one is kept as bytes, with their hash, under a number. Every step is told to the trail in
the transaction that takes it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from metering.errors import TollbookError, UsageError
from metering.output import canonical
from metering.period import Month
from metering.settings import Invoicing
from pricing.archive import Archive
from pricing.document_writer import documents
from pricing.invoice import Drafts
from pricing.life.invoiced import waiting_documents
from pricing.life.issued import pack
from pricing.life.numbering import Numbered, next_numbers
from pricing.life.seal import seals_of_documents
from pricing.life.staleness import Stale, stale_at_issue, stale_documents
from pricing.life.trail import record, record_all
from pricing.money import minor_of

# Why a document is left as it is, and whether somebody must do something before it goes on.
Judge = Callable[[Mapping[str, Any]], tuple[str, bool] | None]


@dataclass(frozen=True)
class Step:
    """What became of a document."""

    invoice_id: str
    outcome: str  # approved, issued, carried, or skipped
    number: str | None = None
    why: str = ""
    is_waiting: bool = False  # skipped, and goes on after somebody did what `why` says


def approve(
    archive: Archive,
    chosen: Drafts,
    invoicing: Invoicing,
    *,
    actor: str,
    reason: str | None = None,
    ended_by: date = date.max,
) -> list[Step]:
    """Approve drafts: those that are blocked or stale, or that no customer gets, are skipped.

    So are those of a month that has not ended by a day: what is still to come would be left out.
    """
    makers = _makers(archive) if invoicing.maker_checker else {}
    stale = stale_documents(archive, chosen)

    def why_not(invoice: Mapping[str, Any]) -> tuple[str, bool] | None:
        if invoice["state"] != "draft":
            return f"is {invoice['state']}", False
        if invoice["purpose"] != "customer":
            return f"is of an account for {invoice['purpose']} use, which is never invoiced", False
        if invoice["is_blocked"] or invoice["line_count"] == 0:
            return ("is blocked", True) if invoice["is_blocked"] else ("has no lines", False)
        if Month.parse(invoice["period"]).last_day >= ended_by:
            return f"is of {invoice['period']}, which has not ended yet", True
        if makers.get(invoice["invoice_id"]) == actor:
            return f"was drafted by {actor}, and another must approve it", True
        return None

    steps, taken = _judge(chosen, why_not, stale)
    digests = {
        document["invoice_id"]: content_hash(document)
        for document in documents(chosen.of_invoices(taken))
    }
    with archive.transaction():
        _mark(archive, digests, state="approved")
        told = [("invoice.approved", name, {"sha256": digests[name]}) for name in taken]
        record_all(archive, told, actor=actor, reason=reason)
    return [*steps, *(Step(name, "approved") for name in taken)]


def reopen(archive: Archive, invoice: Mapping[str, Any], *, actor: str, reason: str) -> None:
    """Make a draft of an approved document again."""
    if invoice["state"] != "approved":
        raise UsageError(
            f"'{invoice['invoice_id']}' is {invoice['state']}",
            where="INVOICE_ID",
            hint="only an approved document can be reopened; correct an issued one with: tollbook"
            " invoice credit",
        )
    with archive.transaction():
        archive.execute(
            "update invoices set state = 'draft', approved_sha256 = null"
            " where invoice_id = $invoice_id",
            {"invoice_id": invoice["invoice_id"]},
        )
        record(
            archive,
            actor=actor,
            action="invoice.reopened",
            object_id=invoice["invoice_id"],
            reason=reason,
        )


def issue(
    archive: Archive,
    chosen: Drafts,
    invoicing: Invoicing,
    *,
    issue_date: date,
    actor: str,
    may_carry: bool = True,
) -> list[Step]:
    """Issue approved documents: number and freeze them, all of them or none.

    Numbers follow periods and accounts. A total below `carry_below` gets no number: it waits for
    the next invoice, which takes its lines along. What is stale is skipped.

    Args:
        may_carry: Whether small totals wait. If not, they get a number, and so does one that was
            carried before, unless a later document has its lines.

    Raises:
        UsageError: it is too early, or a document of the series has a later date.
        TollbookError: a document differs from what was approved.
    """

    waiting = () if may_carry else waiting_documents(archive)

    def why_not(invoice: Mapping[str, Any]) -> tuple[str, bool] | None:
        state = invoice["state"]
        if state == "carried" and not may_carry and invoice["invoice_id"] not in waiting:
            return "is carried: a later document has its lines", False
        is_ready = state == "approved" or invoice["invoice_id"] in waiting
        return None if is_ready else (f"is {state}", state == "draft")

    is_approved = (pl.col("state") == "approved") | pl.col("invoice_id").is_in([*waiting])
    all_approved = chosen.with_invoices(chosen.invoices.filter(is_approved))
    small = _carried(all_approved, invoicing) if may_carry else []
    steps, taken = _judge(chosen, why_not, stale_at_issue(archive, all_approved, small))
    approved = chosen.of_invoices(taken)
    _check_grace(approved, invoicing, issue_date)
    _check_corrected(approved, issue_date)
    _check_approved(archive, approved)
    carried = [name for name in small if name in taken]
    rest = approved.of_invoices([name for name in taken if name not in carried])
    in_order = rest.invoices.sort("period", "account_id", "invoice_id")
    with archive.transaction():
        numbered = next_numbers(archive, invoicing, in_order["kind"].to_list(), issue_date)
        by_id = dict(zip(in_order["invoice_id"], numbered, strict=True))
        contents = _freeze(archive, rest, by_id, issue_date)
        archive.execute(
            "update invoices set state = 'carried' where invoice_id in"
            " (select unnest($carried::varchar[]))",
            {"carried": [*carried]},
        )
        told = _told(seals_of_documents(archive, by_id), by_id, contents, carried)
        record_all(archive, told, actor=actor)
    steps += [Step(name, "issued", given.number) for name, given in by_id.items()]
    return [*steps, *(Step(name, "carried", why="is below carry_below") for name in carried)]


def void(
    archive: Archive, invoice: Mapping[str, Any], invoicing: Invoicing, *, actor: str, reason: str
) -> None:
    """Make an issued document void; its number stays taken and its month can be billed again."""
    invoice_id = invoice["invoice_id"]
    if not invoicing.may_void:
        raise UsageError(
            "a number of this series cannot be void",
            where="tollbook.toml invoicing.may_void",
            hint="write a credit note instead: tollbook invoice credit; or set it to true if the"
            " law of the series allows it",
        )
    if invoice["state"] != "issued":
        raise UsageError(
            f"'{invoice_id}' is {invoice['state']}",
            where="INVOICE_ID",
            hint="only an issued document can be made void",
        )
    _check_unbound(archive, invoice_id)
    with archive.transaction():
        archive.execute(
            "update invoices set state = 'void' where invoice_id = $invoice_id",
            {"invoice_id": invoice_id},
        )
        facts = {"number": invoice["number"]}
        record(
            archive,
            actor=actor,
            action="invoice.voided",
            object_id=invoice_id,
            reason=reason,
            facts=facts,
        )


def _check_unbound(archive: Archive, invoice_id: str) -> None:
    """Refuse to void what other documents go by: they would count twice, or for nothing."""
    bound = archive.value(
        "select (select count(*) from payments where document_id = $invoice_id)"
        " + (select count(*) from invoices where credits_invoice_id = $invoice_id)"
        " + (select count(*) from lines as other join invoices using (invoice_id)"
        " join lines as own on own.invoice_id = $invoice_id"
        " and own.account_id = other.account_id and own.period = other.period"
        " where other.is_correction and other.invoice_id <> $invoice_id"
        " and invoices.state in ('approved', 'issued'))",
        {"invoice_id": invoice_id},
    )
    if bound:
        raise UsageError(
            f"'{invoice_id}' has payments, credit notes, or corrections on a later document",
            where="INVOICE_ID",
            hint="credit what is left of it: tollbook invoice credit, with --bill-again to bill"
            " its month again",
        )


def content_hash(document: Mapping[str, Any]) -> str:
    """Name the content of a document by its sha256, whatever became of it since it was drafted."""
    drafted = {**document, "state": "draft", "number": None, "issue_date": None, "due_date": None}
    return hashlib.sha256(canonical(drafted)).hexdigest()


def earliest_issue(month: Month, invoicing: Invoicing) -> date:
    """The first day on which documents of a month may be issued."""
    return month.next().first_day + timedelta(days=invoicing.grace_days)


def _judge(
    chosen: Drafts, why_not: Judge, stale: Mapping[str, Stale]
) -> tuple[list[Step], list[str]]:
    """Say which documents are skipped and why, and which are taken, in their order."""
    reasons = {
        invoice["invoice_id"]: why_not(invoice) for invoice in chosen.invoices.iter_rows(named=True)
    }
    late = {name: (found.why(), True) for name, found in stale.items()}
    left = {name: why or late.get(name) for name, why in reasons.items()}
    skipped = [
        Step(name, "skipped", why=why[0], is_waiting=why[1]) for name, why in left.items() if why
    ]
    return skipped, [name for name, why in left.items() if not why]


def _makers(archive: Archive) -> dict[str, str]:
    """Who drafted what is not approved yet: the one who ran the bill, or wrote the credit note."""
    query = (
        "select invoice_id, coalesce(drafted.actor, runs.actor)"
        " from invoices left join runs using (run_id) left join ("
        "select object, max_by(actor, sequence) as actor from trail"
        " where action = 'credit_note.drafted' group by object) as drafted"
        " on drafted.object = invoice_id where state = 'draft'"
    )
    return dict(archive.frame(query).rows())


def _mark(archive: Archive, digests: Mapping[str, str], *, state: str) -> None:
    rows = [(name, digest, state) for name, digest in digests.items()]
    names = ("invoice_id", "approved_sha256", "state")
    archive.apply(
        "update invoices set state = arriving.state, approved_sha256 = arriving.approved_sha256"
        " from arriving where invoices.invoice_id = arriving.invoice_id",
        pl.DataFrame(rows, dict.fromkeys(names, pl.String()), orient="row"),
    )


def _check_grace(chosen: Drafts, invoicing: Invoicing, issue_date: date) -> None:
    for period in chosen.invoices["period"].unique().sort():
        earliest = earliest_issue(Month.parse(period), invoicing)
        if issue_date < earliest:
            raise UsageError(
                f"documents of {period} may not be issued before {earliest}",
                where="--date",
                hint="wait until then, so that late usage is still on them; the days are"
                " invoicing.grace_days of tollbook.toml",
            )


def _check_corrected(chosen: Drafts, issue_date: date) -> None:
    for corrects in chosen.invoices["corrects"]:
        for corrected in json.loads(corrects):
            if issue_date < date.fromisoformat(corrected["issue_date"]):
                raise UsageError(
                    f"{corrected['number']}, which is corrected, was issued on"
                    f" {corrected['issue_date']}, which is after {issue_date}",
                    where="--date",
                    hint="give that day or a later one",
                )


def _check_approved(archive: Archive, approved: Drafts) -> None:
    query = (
        "select invoice_id, approved_sha256 from invoices where state in ('approved', 'carried')"
    )
    known = dict(archive.frame(query).rows())
    for document in documents(approved):
        name = document["invoice_id"]
        if content_hash(document) != known.get(name):
            raise TollbookError(
                f"'{name}' is not what was approved",
                where="INVOICE_ID",
                hint=f"look at it, then: tollbook invoice reopen {name} --reason ...",
            )


def _carried(approved: Drafts, invoicing: Invoicing) -> list[str]:
    least = {
        currency: minor_of(amount, currency) for currency, amount in invoicing.carry_below.items()
    }
    # What a person wrote, and what credits paid, is settled and waits for nothing.
    is_open = pl.col("reason").is_null() & (pl.col("credit_minor") == 0)
    rows = approved.invoices.filter(is_open).iter_rows(named=True)
    return [
        row["invoice_id"]
        for row in rows
        if 0 < abs(row["total_minor"]) < least.get(row["currency"], 0)
    ]


def _told(
    seals: Mapping[str, str],
    by_id: Mapping[str, Numbered],
    contents: Mapping[str, str],
    carried: list[str],
) -> list[tuple[str, str, dict[str, Any]]]:
    """Write for the trail what was issued, with the sha256 of its content and rows, or carried."""
    issued: list[tuple[str, str, dict[str, Any]]] = [
        (
            "invoice.issued",
            name,
            {"number": given.number, "sha256": contents[name], "rows_sha256": seals[name]},
        )
        for name, given in by_id.items()
    ]
    return issued + [("invoice.carried", name, {}) for name in carried]


def _freeze(
    archive: Archive, rest: Drafts, by_id: Mapping[str, Numbered], issue_date: date
) -> dict[str, str]:
    """Write numbers, days and contents; answer the sha256 of each content."""
    heads = [
        (name, given.number, issue_date, issue_date + timedelta(days=days))
        for name, days in rest.invoices.select("invoice_id", "payment_terms_days").iter_rows()
        for given in (by_id[name],)
    ]
    schema = {"invoice_id": pl.String(), "number": pl.String()}
    days = {"issue_date": pl.Date(), "due_date": pl.Date()}
    head = pl.DataFrame(heads, {**schema, **days}, orient="row")
    archive.apply(
        "update invoices set state = 'issued', number = arriving.number,"
        " issue_date = arriving.issue_date, due_date = arriving.due_date"
        " from arriving where invoices.invoice_id = arriving.invoice_id",
        head,
    )
    invoices = (
        rest.invoices.drop("number", "issue_date", "due_date")
        .join(head, on="invoice_id", maintain_order="left")
        .with_columns(state=pl.lit("issued"))
        .select(rest.invoices.columns)
    )
    digests, rows = {}, []
    issued_at = datetime.now(UTC)
    for document in documents(rest.with_invoices(invoices)):
        content = canonical(document)
        name, given = document["invoice_id"], by_id[document["invoice_id"]]
        digests[name] = hashlib.sha256(content).hexdigest()
        place = (given.number, given.series, given.year, given.sequence)
        rows.append((name, *place, issued_at, digests[name], pack(content)))
    issued = {
        **schema,
        **{"series": pl.String(), "year": pl.Int64(), "sequence": pl.Int64()},
        **{"issued_at": pl.Datetime("us", "UTC"), "sha256": pl.String(), "content": pl.Binary()},
    }
    archive.append("issued", pl.DataFrame(rows, issued, orient="row"))
    return digests
