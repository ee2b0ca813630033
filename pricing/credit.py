"""Prepaid credits: what `credits.csv` grants, sells and takes back, and what is wrong with it.

A credit is an amount in the currency of its account that pays invoices. What it pays is decided in
`pricing.ledger`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from metering.account import LAST_DAY, Accounts, Id
from metering.door import Exact, Row, nearest
from metering.errors import Problem
from pricing.money import MINOR_DECIMALS

FIRST_CREDIT_DAY = date(2009, 1, 1)  # no event is earlier
AMOUNT_MAX = 10**12
OF_CREDITS_ALONE = ("expires_on", "priority")
FILE = "credits.csv"
KEY = ["account_id", "credit_id"]  # what names a credit in frames


def _plausible(day: date) -> date:
    if day < FIRST_CREDIT_DAY:
        raise ValueError(f"is before {FIRST_CREDIT_DAY} | no month is billed before that")
    return day


class Credit(Row):
    """A row of `credits.csv`: a credit that is granted or bought, or a refund of one."""

    credit_id: Id
    account_id: Id
    kind: Literal["granted", "bought", "refund"]
    of: Id | None = None  # of a refund: the credit that it takes back
    amount: Annotated[Exact, Field(gt=0, le=AMOUNT_MAX)]  # in the currency of the account
    effective_from: Annotated[date, AfterValidator(_plausible)]
    expires_on: date = LAST_DAY  # exclusive: the first day on which it pays nothing
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 100  # the lowest pays first
    note: Annotated[str, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _agree_with_its_kind(self) -> "Credit":
        if (self.kind == "refund") != (self.of is not None):
            raise ValueError(
                "a refund names in 'of' the credit that it takes back, and nothing else has 'of'"
                " | fill in 'of', or empty it"
            )
        extra = sorted({*OF_CREDITS_ALONE} & self.model_fields_set) if self.of else []
        if extra:
            raise ValueError(f"a refund with {' and '.join(extra)} | leave it empty")
        if self.effective_from >= self.expires_on:
            raise ValueError(
                f"expires_on {self.expires_on} is not after effective_from {self.effective_from}"
                " | expires_on is exclusive: the first day on which the credit pays nothing"
            )
        return self


def in_order_of_use(credit_rows: Iterable[Credit]) -> list[Credit]:
    """Sort credits as they pay: by priority, then what expires first, then gifts before purchases.

    Credits that are alike in this go by the day on which they begin, then by id.
    """
    return sorted(
        credit_rows,
        key=lambda credit: (
            *(credit.priority, credit.expires_on, credit.kind == "bought"),
            *(credit.effective_from, credit.credit_id),
        ),
    )


def check_credits(credit_rows: Sequence[Credit], accounts: Accounts) -> Iterator[Problem]:
    """Yield credits that are there twice, do not fit their account, or take back what is not there.

    Accounts that are not in `accounts` are passed over; see `unknown_owners`.
    """
    yield from _repeated(credit_rows)
    known = {*accounts.ids()}
    for credit in credit_rows:
        if credit.account_id in known:
            yield from _unfit_currency(credit, accounts)
    yield from _wrong_refunds(credit_rows)


def unknown_owners(credit_rows: Iterable[Credit], known: Iterable[str]) -> Iterator[Problem]:
    """Yield credits of accounts that are not there."""
    for credit in credit_rows:
        if credit.account_id not in known:
            yield Problem(
                f"{FILE}:{credit.line} account_id",
                f"account '{credit.account_id}' is not in accounts.csv",
                "add the account, or correct the id",
            )


def _repeated(credit_rows: Iterable[Credit]) -> Iterator[Problem]:
    lines: dict[str, int] = {}
    for credit in credit_rows:
        earlier = lines.setdefault(credit.credit_id, credit.line)
        if earlier != credit.line:
            yield Problem(
                f"{FILE}:{credit.line} credit_id",
                f"'{credit.credit_id}' stands twice (also in line {earlier})",
                "give each row an id of its own; a second grant is another credit",
            )


def _unfit_currency(credit: Credit, accounts: Accounts) -> Iterator[Problem]:
    """Yield a credit that its currency cannot hold, or that outlives the currency."""
    currency = accounts.facts_on(credit.account_id, credit.effective_from).currency or ""
    exponent = credit.amount.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "no infinite amount comes through the door"
    decimals = MINOR_DECIMALS.get(currency, -exponent)  # no currency: said elsewhere
    if -exponent > decimals:
        yield Problem(
            f"{FILE}:{credit.line} amount",
            f"{credit.amount} {currency} has more than {decimals} decimals",
            f"write it in whole minor units of {currency}",
        )
    for later in accounts.accounts:
        is_during = credit.effective_from < later.effective_from < credit.expires_on
        if later.account_id == credit.account_id and is_during and later.currency != currency:
            if credit.kind != "refund":
                yield Problem(
                    f"{FILE}:{credit.line} expires_on",
                    f"'{credit.credit_id}' is in {currency}, and '{credit.account_id}' is invoiced"
                    f" in {later.currency} from {later.effective_from} on",
                    f"let it expire on {later.effective_from} and grant what is left anew;"
                    " nothing is converted",
                )
            return


def _wrong_refunds(credit_rows: Sequence[Credit]) -> Iterator[Problem]:
    """Yield refunds of what is no credit of the account, on other days, or of more than it was."""
    whole = {credit.credit_id: credit for credit in credit_rows if credit.kind != "refund"}
    refunded: defaultdict[str, Decimal] = defaultdict(Decimal)
    for refund in credit_rows:
        if refund.of is None:
            continue
        problem = _wrong_refund(refund, whole)
        if problem is not None:
            yield problem
            continue
        refunded[refund.of] += refund.amount
        if refunded[refund.of] > whole[refund.of].amount:
            yield Problem(
                f"{FILE}:{refund.line} amount",
                f"the refunds of '{refund.of}' come to {refunded[refund.of]}, and it was"
                f" {whole[refund.of].amount}",
                "lower the refund: no more can be taken back than there was",
            )


def _wrong_refund(refund: Credit, whole: Mapping[str, Credit]) -> Problem | None:
    place = f"{FILE}:{refund.line}"
    taken = whole.get(refund.of or "")
    if taken is None:
        hint = nearest(refund.of or "", [*whole]) if whole else "add the credit"
        return Problem(f"{place} of", f"there is no credit '{refund.of}' to take back", hint)
    if taken.account_id != refund.account_id:
        what = f"credit '{refund.of}' is of '{taken.account_id}', not of '{refund.account_id}'"
        return Problem(f"{place} of", what, "name a credit of the same account")
    if not taken.effective_from <= refund.effective_from < taken.expires_on:
        what = f"credit '{refund.of}' is not there on {refund.effective_from}"
        last = "" if taken.expires_on == LAST_DAY else f", before {taken.expires_on}"
        return Problem(
            f"{place} effective_from", what, f"take it back from {taken.effective_from} on{last}"
        )
    return None
