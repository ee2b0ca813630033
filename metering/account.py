"""Accounts and senders: who is invoiced, in which zone, and which numbers are theirs, by date.

`accounts.csv` holds dated facts: a later row of an account replaces the earlier from its day on.
`senders.csv` says which account a number (or every number of a waba) belongs to; a row for a number
beats a row for its waba, and every `valid_to` is exclusive. Days of ownership begin at midnight in
the seller's zone: one zone, so that no instant falls between two accounts or into both.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import groupby, pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from metering.door import Row, read_rows
from metering.errors import BookError, Problem
from metering.period import Month, midnight
from metering.settings import (
    Book,
    Country,
    CurrencyCode,
    PricingSource,
    Settings,
    TimeZone,
)

FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(9999, 12, 31)


def _id(text: str) -> str:
    if re.search(r"[\s/#,;\"'`]", text):
        raise ValueError("holds a blank, a quote or one of / # , ; | leave them out of an id")
    return text


Id = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_id)]


class Account(Row):
    """A row of `accounts.csv`: an account as it is from `effective_from` on."""

    account_id: Id
    effective_from: date = FIRST_DAY
    name: Annotated[str, Field(min_length=1, max_length=200)]
    legal_name: str = ""
    country: Country | None = None
    currency: CurrencyCode | None = None  # the seller's where absent
    time_zone: TimeZone | None = None  # the seller's where absent
    employee_count: Annotated[int, Field(ge=0)] | None = None
    segment: str = ""
    portfolio_id: str = ""  # the account alone where absent
    vat_id: str = ""
    address_line_1: str = ""
    address_line_2: str = ""
    postal_code: str = ""
    city: str = ""
    email: str = ""
    payment_terms_days: Annotated[int, Field(ge=0, le=365)] | None = None
    language: str = ""
    buyer_reference: str = ""
    purchase_order: str = ""
    cost_centre: str = ""
    payer_id: str = ""  # the account that pays for it; itself where empty
    electronic_address: str = ""  # where electronic invoices go, with the code of its scheme
    electronic_address_scheme: str = ""
    purpose: Literal["customer", "internal", "test"] = "customer"


class Sender(Row):
    """A row of `senders.csv`: a number, or all numbers of a waba, and whose they are."""

    sender_id: Id | None = None
    waba_id: Id | None = None
    account_id: Id
    time_zone: TimeZone | None = None
    valid_from: date = FIRST_DAY
    valid_to: date = LAST_DAY

    @model_validator(mode="after")
    def _name_one_thing_for_a_while(self) -> "Sender":
        if (self.sender_id is None) == (self.waba_id is None):
            raise ValueError("a row names a sender_id or a waba_id | fill in exactly one of them")
        if self.valid_from >= self.valid_to:
            raise ValueError(
                f"valid_to {self.valid_to} is not after valid_from {self.valid_from}"
                " | valid_to is exclusive: the first day that is no longer theirs"
            )
        return self


@dataclass(frozen=True)
class Accounts:
    """The accounts and senders of a book, checked, with the seller's defaults filled in."""

    accounts: tuple[Account, ...]  # by account_id, then effective_from
    senders: tuple[Sender, ...]
    seller_time_zone: str
    pricing_source: PricingSource = "network_then_derived"

    def ids(self) -> list[str]:
        return sorted({account.account_id for account in self.accounts})

    def as_of(self, day: date) -> dict[str, Account]:
        """The facts of each account that hold on `day`; an account that begins later is absent."""
        return {a.account_id: a for a in self.accounts if a.effective_from <= day}

    def facts_on(self, account_id: str, day: date) -> Account:
        """The facts of an account on a day; before its first row, those of that row."""
        rows = self._rows[account_id]
        return next((row for row in reversed(rows) if row.effective_from <= day), rows[0])

    def zones_of(self, account_id: str) -> tuple[tuple[date, str], ...]:
        """The zones of an account, each with the day from which it holds, in their order."""
        rows = self._rows[account_id]
        return tuple((row.effective_from, row.time_zone or self.seller_time_zone) for row in rows)

    def month_bounds(self, account_id: str, month: Month) -> tuple[datetime, datetime]:
        """The stretch of UTC instants that a month of an account covers.

        Each boundary is midnight in the zone that holds on its day, so that an account that moves
        to another zone has no instant in two months, or in none.
        """
        return self.midnight(account_id, month.first_day), self.midnight(
            account_id, month.next().first_day
        )

    def midnight(self, account_id: str, day: date) -> datetime:
        """The UTC instant at which a day of an account begins."""
        return midnight(day, self.facts_on(account_id, day).time_zone or self.seller_time_zone)

    @cached_property
    def _rows(self) -> dict[str, list[Account]]:
        return {
            account_id: list(rows)
            for account_id, rows in groupby(self.accounts, lambda account: account.account_id)
        }


def load_accounts(book: Book, settings: Settings) -> Accounts:
    """Read `accounts.csv` and `senders.csv`; raises `BookError` with every mistake in them."""
    accounts, problems = read_accounts(book, settings)
    if problems:
        raise BookError(problems)
    return accounts


def read_accounts(book: Book, settings: Settings) -> tuple[Accounts, list[Problem]]:
    """Read `accounts.csv` and `senders.csv` with every mistake that is in them."""
    accounts, problems = read_rows(book.root / "accounts.csv", Account)
    senders, sender_problems = read_rows(book.root / "senders.csv", Sender)
    filled = [
        account.model_copy(
            update={
                "currency": account.currency or settings.seller.currency,
                "time_zone": account.time_zone or settings.seller.time_zone,
                "portfolio_id": account.portfolio_id or account.account_id,
            }
        )
        for account in accounts
    ]
    filled.sort(key=lambda account: (account.account_id, account.effective_from))
    if not problems:  # else an owner may be missing only because its row could not be read
        problems += _unknown_owners(senders, {account.account_id for account in filled})
        problems += _wrong_payers(filled)
    problems += sender_problems
    problems += _repeated_accounts(filled)
    problems += _overlapping_senders(senders)
    seller = (settings.seller.time_zone, settings.pricing_source)
    return Accounts(tuple(filled), tuple(senders), *seller), problems


def _repeated_accounts(accounts: Iterable[Account]) -> Iterator[Problem]:
    for one, other in pairwise(accounts):
        if (one.account_id, one.effective_from) == (other.account_id, other.effective_from):
            yield Problem(
                f"accounts.csv:{max(one.line, other.line)} account_id",
                f"account '{one.account_id}' stands twice from the same day"
                f" (also in line {min(one.line, other.line)})",
                "keep one row, or give the later one its own effective_from",
            )


def _unknown_owners(senders: Iterable[Sender], known: set[str]) -> Iterator[Problem]:
    for sender in senders:
        if sender.account_id not in known:
            yield Problem(
                f"senders.csv:{sender.line} account_id",
                f"account '{sender.account_id}' is not in accounts.csv",
                "add the account, or correct the id",
            )


def _wrong_payers(accounts: Iterable[Account]) -> Iterator[Problem]:
    """Yield payers that are not there, pay in another currency, or are paid for themselves."""
    rows = [*accounts]
    currencies: dict[str, set[str | None]] = {}
    for account in rows:
        currencies.setdefault(account.account_id, set()).add(account.currency)
    paid_for = {a.account_id for a in rows if a.payer_id not in ("", a.account_id)}
    for account in rows:
        payer_id = account.payer_id
        if payer_id in ("", account.account_id):
            continue
        where = f"accounts.csv:{account.line} payer_id"
        if payer_id not in currencies:
            hint = "add the account, or correct the id"
            yield Problem(where, f"account '{payer_id}' is not in accounts.csv", hint)
        elif payer_id in paid_for:
            what = f"'{payer_id}' pays for '{account.account_id}' and is paid for itself"
            yield Problem(where, what, "name the account that pays in the end")
        elif currencies[payer_id] != {account.currency}:
            what = f"'{payer_id}' pays in another currency than '{account.account_id}' has"
            yield Problem(where, what, "give both the same currency: nothing is converted")


def _overlapping_senders(senders: Iterable[Sender]) -> Iterator[Problem]:
    def key(sender: Sender) -> tuple[str, str]:
        return (sender.sender_id or "", sender.waba_id or "")

    for _, rows in groupby(sorted(senders, key=lambda s: (key(s), s.valid_from, s.line)), key):
        for one, other in pairwise(rows):
            if other.valid_from < one.valid_to:
                yield Problem(
                    f"senders.csv:{other.line} valid_from",
                    f"'{other.sender_id or other.waba_id}' belongs to two accounts on"
                    f" {other.valid_from} (also in line {one.line})",
                    f"end line {one.line} with valid_to {other.valid_from}",
                )
