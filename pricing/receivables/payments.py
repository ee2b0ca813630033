"""Payments: money that came, went back or will not come, and the document that it is for.

A payment is signed as what it takes off what is owed, so that what an account owes is the sum of
its documents less that of its payments. It is recorded once, under its id, and never changed: a
mistake is put right by an opposite one. Money without a document is on account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

import polars as pl

from metering.errors import UsageError
from pricing.archive import Archive
from pricing.life.trail import record_all
from pricing.money import amount_text, exact_of, minor_of
from pricing.receivables.balance import balances
from pricing.today import today_in

Kind = Literal["payment", "refund", "write_off", "write_off_undone", "applied"]
PAYMENT = pl.Schema(
    {
        "payment_id": pl.String(),
        "account_id": pl.String(),
        "document_id": pl.String(),  # null for money on account
        "kind": pl.String(),
        "currency": pl.String(),
        "amount_minor": pl.Int64(),  # what it takes off what is owed
        "paid_on": pl.Date(),
        "reference": pl.String(),
        "recorded_at": pl.Datetime("us", "UTC"),
        "actor": pl.String(),
    }
)
CONTENT = [name for name in PAYMENT if name not in ("recorded_at", "actor")]
RECORDED, APPLIED = "payment.recorded", "payment.applied"  # actions of the trail
WRITTEN_OFF, UNDONE = "invoice.written_off", "invoice.write_off_undone"
ACTIONS = (RECORDED, APPLIED, WRITTEN_OFF, UNDONE)


Purse = tuple[str | None, str, str]  # a document, or none; an account; a currency


@dataclass
class Purses:
    """What is open and what was paid, of each document and on account, while payments come in."""

    # Rows of BALANCE by number and by id; that of a credit note is the invoice that it credits.
    documents: Mapping[str, Mapping[str, Any]]
    currencies: Mapping[str, set[str]]  # those that each account is invoiced in
    open: dict[Purse, int] = field(default_factory=dict)
    paid: dict[Purse, int] = field(default_factory=dict)
    given_up: dict[Purse, int] = field(default_factory=dict)

    @classmethod
    def of(cls, archive: Archive, zone: str, currencies: Mapping[str, set[str]]) -> "Purses":
        """Read what is open by now."""
        rows = balances(archive, zone).to_dicts()
        documents = {row["document_id"]: row for row in rows if row["document_id"]}
        documents |= {row["number"]: row for row in documents.values()}
        notes = archive.frame(
            "select number, credits_invoice_id from invoices"
            " where credits_invoice_id is not null and state = 'issued'"
        )
        documents |= {number: documents[invoice_id] for number, invoice_id in notes.rows()}
        purses = cls(documents, currencies)
        for row in rows:
            purse = (row["document_id"], row["account_id"], row["currency"])
            purses.open[purse], purses.paid[purse] = row["open_minor"], row["paid_minor"]
            purses.given_up[purse] = row["written_off_minor"]
        return purses

    def limit(self, purse: Purse, kind: str) -> int | None:
        """The most that a payment or refund may be; None where there is no limit.

        A payment may be what is open, or take back a refund; a refund may be what is overpaid, or
        take back payments, as when a debit returns. What was written off is never paid out.
        """
        is_open, paid = self.open.get(purse, 0), self.paid.get(purse, 0)
        if kind == "refund":
            return max(-is_open - self.given_up.get(purse, 0), paid, 0)
        return None if purse[0] is None else max(is_open, -paid, 0)

    def take(self, purse: Purse, minor: int) -> None:
        """Book what takes `minor` off what is owed."""
        self.open[purse] = self.open.get(purse, 0) - minor
        self.paid[purse] = self.paid.get(purse, 0) + minor


def payments_of(
    archive: Archive, *, document_id: str | None = None, account_id: str | None = None
) -> pl.DataFrame:
    """Read the payments of a document, of an account, or all: schema `PAYMENT`."""
    return archive.read(
        PAYMENT,
        "payments",
        "($document_id is null or document_id = $document_id)"
        " and ($account_id is null or account_id = $account_id)",
        "paid_on, account_id, payment_id",
        {"document_id": document_id, "account_id": account_id},
    )


def append_payments(
    archive: Archive,
    contents: Sequence[Mapping[str, Any]],
    *,
    actor: str,
    action: str = RECORDED,
    reason: str | None = None,
) -> None:
    """Keep payments and tell the trail, in one transaction. Args: what `CONTENT` names."""
    now = datetime.now(UTC)
    rows = [[*(content[name] for name in CONTENT), now, actor] for content in contents]
    with archive.transaction():
        archive.append("payments", pl.DataFrame(rows, PAYMENT, orient="row"))
        told = [(action, c["document_id"] or c["account_id"], said(c)) for c in contents]
        record_all(archive, told, actor=actor, reason=reason)


def said(content: Mapping[str, Any]) -> dict[str, Any]:
    """Write a payment as the trail tells it."""
    return {**{n: content[n] for n in CONTENT}, "paid_on": content["paid_on"].isoformat()}


def write_off(archive: Archive, name: str, *, zone: str, on: date, reason: str, actor: str) -> int:
    """Give up what is open of a document; answers how much, in minor units.

    Raises:
        UsageError: nothing is open of it.
    """
    document = document_named(archive, name, zone)
    if document["open_minor"] <= 0:
        raise UsageError(
            f"nothing is open of {document['number']}",
            where="NUMBER",
            hint="list what is open with: tollbook receivables --by document",
        )
    _check_not_ahead(on, zone)
    return _write_off(
        archive, document, "write_off", document["open_minor"], on=on, reason=reason, actor=actor
    )


def undo_write_off(
    archive: Archive, name: str, *, zone: str, on: date, reason: str, actor: str
) -> int:
    """Take the write-offs of a document back; answers how much is open again.

    Raises:
        UsageError: nothing of it is written off.
    """
    document = document_named(archive, name, zone)
    if document["written_off_minor"] <= 0:
        raise UsageError(
            f"nothing of {document['number']} is written off",
            where="NUMBER",
            hint=f"see: tollbook payment list {document['number']}",
        )
    minor = -document["written_off_minor"]
    _check_not_ahead(on, zone)
    kind: Kind = "write_off_undone"
    return -_write_off(archive, document, kind, minor, on=on, reason=reason, actor=actor)


def apply_credit(
    archive: Archive,
    name: str,
    source: str | None,
    amount: Decimal | None,
    *,
    zone: str,
    on: date,
    actor: str,
) -> int:
    """Set what is on account, or what a credit note or overpaid invoice leaves, against a document.

    What the account owes stays the same. Answers how much, in minor units.

    Args:
        archive: The documents, open for writing.
        name: The document that is paid by it.
        source: The document that it comes from; None for money on account.
        amount: In major units; as much as there is and is open where absent.
        zone: The seller's time zone.
        on: The day.
        actor: Who does it.

    Raises:
        UsageError: there is not as much, or not as much is open.
    """
    target = document_named(archive, name, zone)
    giver = _giver(archive, target, source, zone)
    left = min(-giver["open_minor"], -_open_on(archive, giver, zone, on))
    left -= giver["written_off_minor"]
    most = max(min(target["open_minor"], left), 0)
    currency = target["currency"]
    minor = most if amount is None else minor_of(amount, currency)
    if not 0 < minor <= most or (amount is not None and exact_of(minor, currency) != amount):
        raise UsageError(
            f"{amount_text(minor, currency)} {currency} cannot be applied to {target['number']}:"
            f" {f'no more than {amount_text(most, currency)} can' if most else 'nothing can be'}",
            where="AMOUNT",
            hint="it is the lesser of what is open and what there was on that day; see: tollbook"
            " receivables --by document",
        )
    if on < max(day for day in (target["issue_date"], giver["issue_date"]) if day):
        raise UsageError(
            f"{on} is before the documents were issued", where="--on", hint="give a later day"
        )
    _check_not_ahead(on, zone)
    number = _next_id(archive, f"applied/{target['number']}")
    rows = [(number, target, minor), (f"{number}/from", giver, -minor)]
    contents = [_row(payment_id, of, "applied", part, on) for payment_id, of, part in rows]
    append_payments(archive, contents, actor=actor, action=APPLIED)
    return minor


def _check_not_ahead(day: date, zone: str) -> None:
    """Refuse what has not happened yet: what is open by now would not be what is open today."""
    if day > today_in(zone):
        raise UsageError(
            f"{day} is after today, {today_in(zone)}",
            where="--on",
            hint="give today or an earlier day; do it when the day has come",
        )


def document_named(archive: Archive, name: str, zone: str) -> Mapping[str, Any]:
    """Find the balance of a document by its number or id: a row of `BALANCE`.

    Raises:
        UsageError: there is no such issued document.
    """
    found = Purses.of(archive, zone, {}).documents.get(name)
    if found is None:
        raise UsageError(
            f"there is no issued document '{name}'",
            where="NUMBER",
            hint="list them with: tollbook receivables --by document, or tollbook invoice list",
        )
    return found


def _giver(
    archive: Archive, target: Mapping[str, Any], source: str | None, zone: str
) -> Mapping[str, Any]:
    if source is None:
        purses = Purses.of(archive, zone, {})
        purse = (None, target["account_id"], target["currency"])
        kept = {name: target[name] for name in ("account_id", "currency")}
        nothing = {"document_id": None, "number": None, "issue_date": None}
        return {**kept, **nothing, "written_off_minor": 0, "open_minor": purses.open.get(purse, 0)}
    giver = document_named(archive, source, zone)
    of = ("account_id", "currency")
    if [giver[name] for name in of] != [target[name] for name in of]:
        raise UsageError(
            f"{giver['number']} is of '{giver['account_id']}' in {giver['currency']}, and"
            f" {target['number']} of '{target['account_id']}' in {target['currency']}",
            where="--from",
            hint="one document pays another of the same account and currency",
        )
    return giver


def _open_on(archive: Archive, giver: Mapping[str, Any], zone: str, day: date) -> int:
    """What was open of a document, or on account, on a day: nothing is used before it came."""
    is_own = pl.lit(True)
    for name in ("document_id", "account_id", "currency"):
        is_own &= pl.col(name).eq_missing(giver[name])
    return int(balances(archive, zone, day).filter(is_own)["open_minor"].sum())


def _write_off(
    archive: Archive,
    document: Mapping[str, Any],
    kind: Kind,
    minor: int,
    *,
    on: date,
    reason: str,
    actor: str,
) -> int:
    if on < document["issue_date"]:
        raise UsageError(
            f"{document['number']} was issued on {document['issue_date']}, after {on}",
            where="--on",
            hint="give that day or a later one",
        )
    payment_id = _next_id(archive, f"write-off/{document['number']}")
    row = _row(payment_id, document, kind, minor, on, reason)
    action = WRITTEN_OFF if kind == "write_off" else UNDONE
    append_payments(archive, [row], actor=actor, action=action, reason=reason)
    return minor


def _next_id(archive: Archive, stem: str) -> str:
    """Name a payment that a person makes here: the next one of its kind for a document."""
    query = (
        "select count(*) from payments where starts_with(payment_id, $stem || '/')"
        " and not ends_with(payment_id, '/from')"
    )
    return f"{stem}/{archive.value(query, {'stem': stem}) + 1}"


def _row(
    payment_id: str, of: Mapping[str, Any], kind: Kind, minor: int, on: date, reference: str = ""
) -> dict[str, Any]:
    same = {name: of[name] for name in ("account_id", "document_id", "currency")}
    own = {"payment_id": payment_id, "kind": kind, "amount_minor": minor, "paid_on": on}
    return {**same, **own, "reference": reference}
