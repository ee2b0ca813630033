"""The journal: each document and payment as an entry of double-entry bookkeeping that balances.

An invoice is owed by its account and earned by its lines; taxes are owed to the state, and what a
prepaid credit pays was owed to the account. A credit note is the same with the sign turned, and so
is what a document that becomes void takes back, on the day on which it does: an entry that was
exported stays true. An entry has the id of what it is of, so that exporting again changes nothing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal, assert_never

from metering.errors import SumsDisagreeError
from pricing.document import Document
from pricing.documents.ledger_accounts import LedgerAccounts
from pricing.documents.signed import NOT_OWED, signed
from pricing.documents.tabular import csv_row

Drafts = Literal["left_out", "pending"]
Flag = Literal["*", "!"]  # *: done; !: of a draft, which may still change
COLUMNS = (
    *("journal_id", "date", "flag", "account_id", "payee", "description", "ledger_account"),
    *("debit", "credit", "currency", "line_id", "period", "plan", "cost_centre"),
)
LINK = re.compile(r"[A-Za-z0-9\-_/.]+")


@dataclass(frozen=True)
class Payment:
    """Money that came or went for an account, or that is no longer expected."""

    date: date
    account_id: str
    amount: Decimal  # more than zero, whatever the kind
    currency: str
    kind: Literal["payment", "refund", "write_off", "write_off_undone"]
    reference: str = ""  # of the bank, or why it is written off
    number: str | None = None  # of the document that it is for


@dataclass(frozen=True)
class Posting:
    """A side of an entry: what an account of the ledger gets; negative is credit."""

    ledger_account: str
    amount: Decimal
    line_id: str = ""
    period: str = ""
    plan: str = ""
    cost_centre: str = ""


@dataclass(frozen=True)
class Entry:
    """What happened on a day, in one currency; its postings add up to zero.

    Raises:
        SumsDisagreeError: they do not.
    """

    journal_id: str
    date: date
    flag: Flag
    account_id: str
    payee: str
    description: str
    currency: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        rest = sum((posting.amount for posting in self.postings), Decimal(0))
        if rest:
            raise SumsDisagreeError(
                f"the entry '{self.journal_id}' does not balance: {rest:f} {self.currency} is left",
                where="journal",
                hint="nothing was written; this is a defect of the engine: please report it",
            )


def entries_of(
    documents: Iterable[Document],
    payments: Iterable[Payment] = (),
    *,
    voided: Iterable[tuple[Document, date]] = (),
    accounts: LedgerAccounts | None = None,
    drafts: Drafts = "left_out",
) -> list[Entry]:
    """Write documents and payments as entries, by day and id.

    What has nothing to post, is void, was carried to the next document or is of an account that is
    not invoiced has no entry. An issued document is of the day of its issue.

    Args:
        documents: As they were issued, also those that are void by now; or drafts.
        payments: What was paid.
        voided: Documents that became void, and when: each has an entry that takes its own back.
        accounts: Those of the ledger.
        drafts: Whether documents without a number are left out, or are there as pending, on the
            last day of their month.
    """
    chart = accounts or LedgerAccounts()
    owed = [
        document
        for document in map(signed, documents)
        if document.state not in NOT_OWED
        and document.purpose == "customer"
        and (document.number is not None or drafts == "pending")
    ]
    entries = [_of_document(document, chart) for document in owed]
    entries += [
        _reversed(_of_document(signed(document), chart), day)
        for document, day in voided
        if document.purpose == "customer"
    ]
    entries += _of_payments(payments, chart)
    told = [entry for entry in entries if entry.postings]
    repeated = [name for name, count in Counter(e.journal_id for e in told).items() if count > 1]
    assert not repeated, f"an id names one entry: {repeated}"
    return sorted(told, key=lambda entry: (entry.date, entry.journal_id))


def beancount_of(entries: Sequence[Entry]) -> str:
    """Write entries as text for beancount, without opening the accounts that they use."""
    return "\n".join(map(_beancount_entry, entries))


def opened_accounts(entries: Sequence[Entry]) -> str:
    """Open for beancount the accounts that entries use, on the day of the first entry.

    A ledger that holds several months opens an account once: leave it out there.
    """
    if not entries:
        return ""
    first = min(entry.date for entry in entries)
    names = sorted({posting.ledger_account for entry in entries for posting in entry.postings})
    return "".join(f"{first} open {name}\n" for name in names) + "\n"


def csv_of(entries: Iterable[Entry]) -> Iterator[str]:
    """Write a row of CSV for each posting, with the columns that `COLUMNS` names."""
    yield csv_row(COLUMNS)
    for entry in entries:
        for posting in entry.postings:
            yield csv_row(
                (
                    *(entry.journal_id, entry.date, entry.flag, entry.account_id, entry.payee),
                    *(entry.description, posting.ledger_account),
                    posting.amount if posting.amount > 0 else None,
                    -posting.amount if posting.amount < 0 else None,
                    *(entry.currency, posting.line_id, posting.period, posting.plan),
                    posting.cost_centre,
                )
            )


def _of_document(document: Document, chart: LedgerAccounts) -> Entry:
    by_hand = document.reason is not None  # a credit note that a person made
    postings = (
        Posting(chart.receivable, document.due),
        *(Posting(chart.credits, credit.amount) for credit in document.credits),
        *(
            Posting(
                *(chart.of_kind("credit" if by_hand else line.kind), -line.amount),
                *(line.line_id, line.period, line.plan, line.cost_centre),
            )
            for line in document.lines
        ),
        *(Posting(chart.tax, -tax.tax) for tax in document.taxes or ()),
    )
    words = "Credit note" if document.kind == "credit_note" else "Invoice"
    return Entry(
        journal_id=document.number or document.invoice_id,
        date=document.issue_date or document.period_last_day,
        flag="!" if document.number is None else "*",
        account_id=document.account_id,
        payee=document.buyer.name,
        description=f"{words} {document.number or document.invoice_id} for {document.period}",
        currency=document.currency,
        postings=tuple(posting for posting in postings if posting.amount),
    )


def _reversed(entry: Entry, day: date) -> Entry:
    """Take an entry back on a day."""
    return replace(
        entry,
        journal_id=f"{entry.journal_id}/void",
        date=day,
        description=f"Void: {entry.description}",
        postings=tuple(replace(one, amount=-one.amount) for one in entry.postings),
    )


def _of_payments(payments: Iterable[Payment], chart: LedgerAccounts) -> Iterator[Entry]:
    """Yield an entry for each payment; of several that are the same, the second has `#2`."""
    seen: Counter[tuple[object, ...]] = Counter()
    for payment in payments:
        assert payment.amount > 0, "the kind says which way the money goes"
        key = (
            *(payment.kind, payment.date, payment.account_id, payment.number, payment.reference),
            *(payment.amount, payment.currency),
        )
        seen[key] += 1
        words = (payment.kind, payment.number or payment.account_id, payment.reference)
        parts = (*words[:2], payment.date.isoformat(), payment.reference, f"{payment.amount:f}")
        again = "" if seen[key] == 1 else f"#{seen[key]}"
        yield Entry(
            journal_id="/".join(part for part in (*parts, payment.currency) if part) + again,
            date=payment.date,
            flag="*",
            account_id=payment.account_id,
            payee=payment.account_id,
            description=" ".join(word for word in (_said(payment.kind), *words[1:]) if word),
            currency=payment.currency,
            postings=_of_payment(payment, chart),
        )


def _said(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _of_payment(payment: Payment, chart: LedgerAccounts) -> tuple[Posting, ...]:
    match payment.kind:
        case "payment":
            sides = (chart.bank, chart.receivable)
        case "refund":
            sides = (chart.receivable, chart.bank)
        case "write_off":
            sides = (chart.bad_debt, chart.receivable)
        case "write_off_undone":
            sides = (chart.receivable, chart.bad_debt)
        case _:
            assert_never(payment.kind)
    return Posting(sides[0], payment.amount), Posting(sides[1], -payment.amount)


def _beancount_entry(entry: Entry) -> str:
    link = f" ^{entry.journal_id}" if LINK.fullmatch(entry.journal_id) else ""
    head = f"{entry.date} {entry.flag} {_text(entry.payee)} {_text(entry.description)}{link}"
    facts = {"journal-id": entry.journal_id, "account-id": entry.account_id}
    lines = [head, *(f"  {name}: {_text(value)}" for name, value in facts.items())]
    for posting in entry.postings:
        lines.append(f"  {posting.ledger_account}  {posting.amount:f} {entry.currency}")
        facts = {
            **{"line-id": posting.line_id, "period": posting.period, "plan": posting.plan},
            "cost-centre": posting.cost_centre,
        }
        lines += [f"    {name}: {_text(value)}" for name, value in facts.items() if value]
    return "\n".join(lines) + "\n"


def _text(words: str) -> str:
    """Quote a text for beancount, on one line."""
    plain = re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", words)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
