"""Files of payments: what a bank or a person says came in, checked as a whole before it is kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from metering.account import Id
from metering.door import Exact, Row, read_rows
from metering.errors import BookError, Problem
from metering.settings import CurrencyCode
from pricing.archive import Archive
from pricing.credit import AMOUNT_MAX
from pricing.money import MINOR_DECIMALS, amount_text, exact_of, minor_of
from pricing.receivables.payments import (
    CONTENT,
    Purse,
    Purses,
    append_payments,
    payments_of,
)
from pricing.today import today_in

WORDS = {"document_id": "number", "amount_minor": "amount"}
FIRST_DAY, LAST_DAY = date(2009, 1, 1), date(2099, 12, 31)


def plausible_day(day: date) -> date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"is not between {FIRST_DAY} and {LAST_DAY} | correct the year")
    return day


Day = Annotated[date, AfterValidator(plausible_day)]
Amount = Annotated[Exact, Field(gt=0, le=AMOUNT_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class PaymentRow(Row):
    """A payment as a person or a bank's file says it: for a document, or on account."""

    payment_id: Name
    number: Name | None = None  # or an invoice_id; none for money on account
    account_id: Id | None = None
    amount: Amount  # in major units
    currency: CurrencyCode
    paid_on: Day
    kind: Literal["payment", "refund"] = "payment"
    reference: Annotated[str, Field(max_length=500)] = ""


@dataclass(frozen=True)
class Recorded:
    """How many rows were new, and how many were there already with the same content."""

    new: int
    same: int


def import_payments(
    archive: Archive,
    path: Path,
    *,
    zone: str,
    currencies: Mapping[str, set[str]],
    actor: str,
) -> Recorded:
    """Record the rows of a CSV file, all or none; what is there already changes nothing.

    Raises:
        BookError: every mistake in the file.
    """
    if not path.exists():
        raise BookError([Problem(path.name, "is not there", "give the path of a CSV file")])
    rows, problems = read_rows(path, PaymentRow)
    return record_payments(
        archive,
        {f"{path.name}:{row.line}": row for row in rows},
        problems,
        zone=zone,
        currencies=currencies,
        actor=actor,
    )


def record_payments(
    archive: Archive,
    rows: Mapping[str, PaymentRow],
    problems: Sequence[Problem] = (),
    *,
    zone: str,
    currencies: Mapping[str, set[str]],
    actor: str,
) -> Recorded:
    """Record payments and refunds, all or none, with the trail.

    Args:
        archive: The documents, open for writing.
        rows: What is to be recorded, by the place that a mistake is told of.
        problems: Mistakes that were found already.
        zone: The seller's time zone.
        currencies: The currencies that each account is invoiced in.
        actor: Who records them.

    Raises:
        BookError: every mistake in them; nothing was recorded.
    """
    purses = Purses.of(archive, zone, currencies)
    known = {row["payment_id"]: row for row in payments_of(archive).to_dicts()}
    found: list[Problem] = [*problems]
    new: dict[str, dict[str, Any]] = {}
    same = 0
    for where, row in rows.items():
        content, mistakes = _content(row, where, purses)
        found += mistakes
        if content is None:
            continue
        earlier = known.setdefault(row.payment_id, content)
        if earlier is content:
            new[where] = content
            found += _ahead(row.paid_on, where, zone)
        else:
            found += _contradiction(earlier, content, where)
            same += 1
    found += _too_much(new, purses)
    if found:
        raise BookError(found)
    append_payments(archive, [*new.values()], actor=actor)
    return Recorded(len(new), same)


def _ahead(paid_on: date, where: str, zone: str) -> Iterator[Problem]:
    """Yield a day that has not come: what is open by now would not be what is open today."""
    today = today_in(zone)
    if paid_on > today:
        hint = "correct the day, or record it when it has come"
        yield Problem(f"{where} paid_on", f"{paid_on} is after today, {today}", hint)


def _purse(content: Mapping[str, Any]) -> Purse:
    return content["document_id"], content["account_id"], content["currency"]


def _content(
    row: PaymentRow, where: str, purses: Purses
) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Find what a row is for, and what is wrong with it by itself."""
    document = purses.documents.get(row.number) if row.number else None
    problems = [*_unfit(row, document, where, purses)]
    if problems:
        return None, problems
    minor = minor_of(row.amount, row.currency)
    return {
        "payment_id": row.payment_id,
        "account_id": document["account_id"] if document else row.account_id,
        "document_id": document["document_id"] if document else None,
        "kind": row.kind,
        "currency": row.currency,
        "amount_minor": -minor if row.kind == "refund" else minor,
        "paid_on": row.paid_on,
        "reference": row.reference,
    }, []


def _unfit(
    row: PaymentRow, document: Mapping[str, Any] | None, where: str, purses: Purses
) -> Iterator[Problem]:
    decimals = MINOR_DECIMALS.get(row.currency)
    if decimals is None:
        hint = "write a code of ISO 4217, like EUR"
        yield Problem(f"{where} currency", f"'{row.currency}' is no currency", hint)
    elif exact_of(minor_of(row.amount, row.currency), row.currency) != row.amount:
        what = f"{row.amount} {row.currency} has more than {decimals} decimals"
        yield Problem(f"{where} amount", what, f"write it in whole minor units of {row.currency}")
    if row.number is None:
        yield from _unfit_account(row, where, purses)
    elif document is None:
        yield Problem(
            f"{where} number",
            f"there is no issued document '{row.number}'",
            "list them with: tollbook receivables --by document; or leave the number out and give"
            " the account_id, for money on account",
        )
    else:
        yield from _unfit_document(row, document, where)


def _unfit_account(row: PaymentRow, where: str, purses: Purses) -> Iterator[Problem]:
    if row.account_id is None:
        what = "names neither a number nor an account_id"
        yield Problem(where, what, "say which document it is for, or whose money is on account")
    elif row.account_id not in purses.currencies:
        what = f"there is no account '{row.account_id}'"
        yield Problem(f"{where} account_id", what, "give an account_id of accounts.csv")
    elif row.currency not in purses.currencies[row.account_id]:
        listed = " and ".join(sorted(purses.currencies[row.account_id]))
        what = f"'{row.account_id}' is invoiced in {listed}, not in {row.currency}"
        yield Problem(f"{where} currency", what, "nothing is converted: record what it came to")


def _unfit_document(row: PaymentRow, document: Mapping[str, Any], where: str) -> Iterator[Problem]:
    number = document["number"]
    if row.account_id not in (None, document["account_id"]):
        what = f"{number} is of '{document['account_id']}', not of '{row.account_id}'"
        yield Problem(f"{where} account_id", what, "correct one of them, or leave it out")
    if row.currency != document["currency"]:
        what = f"{number} is in {document['currency']}, not in {row.currency}"
        yield Problem(f"{where} currency", what, "nothing is converted: record what it came to")
    if row.paid_on < document["issue_date"]:
        what = f"{number} was issued on {document['issue_date']}, after {row.paid_on}"
        hint = "correct the day, or leave the number out: what came before is on account"
        yield Problem(f"{where} paid_on", what, hint)


def _too_much(new: Mapping[str, Mapping[str, Any]], purses: Purses) -> Iterator[Problem]:
    """Yield what is more than what is open, or was paid: of a day, and of each day after it.

    What is paid and comes back on one day is one sum, so that the order of rows is no matter.
    """
    days: dict[tuple[date, Purse], list[str]] = {}
    for where, content in new.items():
        days.setdefault((content["paid_on"], _purse(content)), []).append(where)
    for (_, purse), places in sorted(days.items(), key=lambda item: item[0][0]):
        net = sum(new[where]["amount_minor"] for where in places)
        kind = "refund" if net < 0 else "payment"
        limit = purses.limit(purse, kind)
        if limit is None or abs(net) <= limit:
            purses.take(purse, net)
            continue
        last = [where for where in places if new[where]["kind"] == kind][-1]
        yield _excess(new[last], kind, net, limit, last, purses)


def _excess(
    content: Mapping[str, Any], kind: str, net: int, limit: int, where: str, purses: Purses
) -> Problem:
    currency = content["currency"]
    most = amount_text(limit, currency)
    amount = f"{amount_text(abs(net), currency)} {currency}"
    if net != content["amount_minor"]:
        amount = f"{amount}, all of {content['paid_on']},"
    document = purses.documents.get(content["document_id"] or "")
    if kind == "refund":
        whom = document["number"] if document else f"'{content['account_id']}' and is on account"
        what = f"{amount} cannot be paid back: {most} can, of what was paid for {whom}"
        return Problem(f"{where} amount", what, f"pay back up to {most}")
    assert document is not None, "money on account has no limit"
    what = f"{amount} is more than what is open of {document['number']}: {most}"
    rest = f"record {most} for it, and the rest" if limit else "record it"
    hint = f"{rest} with the account alone, as money on account"
    return Problem(f"{where} amount", what, hint)


def _contradiction(
    earlier: Mapping[str, Any], content: Mapping[str, Any], where: str
) -> Iterator[Problem]:
    differing = [name for name in CONTENT if earlier[name] != content[name]]
    if differing:
        names = " and ".join(WORDS.get(name, name) for name in differing)
        what = f"'{content['payment_id']}' is recorded with another {names}"
        hint = "give it an id of its own; a mistake is put right by an opposite payment"
        yield Problem(f"{where} payment_id", what, hint)
