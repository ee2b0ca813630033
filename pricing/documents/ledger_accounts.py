"""The accounts of a bookkeeper's ledger: the usual names, or those of `ledger.toml` of a book."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from metering.door import Written, read_toml
from metering.errors import BookError, Problem
from metering.settings import Book

FILE = "ledger.toml"
NAME = re.compile(r"(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+")


def _name(text: str) -> str:
    if NAME.fullmatch(text) is None:
        raise ValueError(f"'{text}' is no account of a ledger | write one like Income:Usage")
    return text


Name = Annotated[str, AfterValidator(_name)]


class Revenue(Written):
    """Where the lines of documents go, by their kind; `credit` is of credit notes by hand."""

    usage: Name = "Income:Usage"
    fixed_fee: Name = "Income:Fees"
    add_on: Name = "Income:Add-ons"
    discount: Name = "Income:Discounts"
    maximum: Name = "Income:Discounts"
    minimum: Name = "Income:Minimums"
    commitment: Name = "Income:Commitments"
    carried: Name = "Income:Carried"
    credit: Name = "Income:Credit-Notes"


class LedgerAccounts(Written):
    """Where the sides of documents and payments go."""

    receivable: Name = "Assets:Receivable"
    bank: Name = "Assets:Bank"
    tax: Name = "Liabilities:Tax"
    credits: Name = "Liabilities:Prepaid-Credits"
    bad_debt: Name = "Expenses:Bad-Debt"
    revenue: Revenue = Revenue()

    def of_kind(self, kind: str) -> str:
        """Name the account that lines of a kind go to; a kind that is not known goes with usage."""
        names: Mapping[str, str] = self.revenue.model_dump()
        return names.get(kind, self.revenue.usage)


def ledger_accounts(book: Book) -> LedgerAccounts:
    """Read `ledger.toml` of a book, or take the usual names; raises `BookError` with mistakes."""
    accounts, problems = read_ledger_accounts(book)
    if problems:
        raise BookError(problems)
    return accounts


def read_ledger_accounts(book: Book) -> tuple[LedgerAccounts, list[Problem]]:
    """Read `ledger.toml` with every mistake that is in it; then they are the usual names."""
    path = book.root / FILE
    accounts, problems = read_toml(path, LedgerAccounts) if path.exists() else (None, [])
    return accounts or LedgerAccounts(), problems
