"""Coupons: discounts that an account has of its own, on top of those of its plan.

`coupons.toml` says what each is worth, `coupons.csv` who has it from when on. They are taken off
after the discounts of the plan, in the order of their days, then of their names.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from metering.account import FIRST_DAY, LAST_DAY, Accounts, Id
from metering.door import Row, Written, nearest, read_rows, read_toml
from metering.errors import Problem
from metering.period import Month
from metering.settings import Book
from pricing.condition import Discount
from pricing.money import Currency
from pricing.offer import Name

COUPONS, REDEMPTIONS = "coupons.toml", "coupons.csv"


class Coupon(Discount):
    """What a coupon takes off; an amount is in a currency."""

    currency: Currency | None = None

    @model_validator(mode="after")
    def _be_of_a_currency(self) -> "Coupon":
        if self.free_units is not None:
            raise ValueError("gives free units | write them as a discount of the plan")
        if (self.amount is None) != (self.currency is None):
            raise ValueError("an amount has a currency, and a ratio has none | correct it")
        return self


class CouponFile(Written):
    """`coupons.toml`."""

    coupon: Annotated[tuple[Coupon, ...], Field(max_length=10_000)] = ()


class Redemption(Row):
    """A row of `coupons.csv`: an account has a coupon; `effective_to` is exclusive."""

    account_id: Id
    coupon: Name
    effective_from: date = FIRST_DAY
    effective_to: date = LAST_DAY

    @model_validator(mode="after")
    def _hold_for_a_while(self) -> "Redemption":
        if self.effective_from >= self.effective_to:
            raise ValueError("effective_to is not after effective_from | it is exclusive")
        return self


def read_coupons(book: Book) -> tuple[dict[str, Coupon], list[Redemption], list[Problem]]:
    """Read the coupons of a book and who has them, with every mistake in the files."""
    path = book.root / COUPONS
    content, problems = read_toml(path, CouponFile) if path.exists() else (None, [])
    listed = content.coupon if content is not None else ()
    names = [coupon.name for coupon in listed]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(Problem(f"{COUPONS} coupon", f"two are named '{name}'", "rename one"))
    redemptions, found = read_rows(book.root / REDEMPTIONS, Redemption)
    return {coupon.name: coupon for coupon in listed}, redemptions, [*problems, *found]


def check_redemptions(
    redemptions: Sequence[Redemption],
    coupons: Mapping[str, Coupon],
    accounts: Accounts,
    known: Set[str],
) -> Iterator[Problem]:
    """Yield coupons and accounts that are not there, and coupons of another currency."""
    facts = {account.account_id: account for account in accounts.accounts}
    for row in redemptions:
        place = f"{REDEMPTIONS}:{row.line}"
        if row.account_id not in known:
            what = f"account '{row.account_id}' is not in accounts.csv"
            yield Problem(f"{place} account_id", what, "add the account, or correct the id")
        if row.coupon not in coupons:
            hint = nearest(row.coupon, sorted(coupons)) if coupons else f"write {COUPONS}"
            yield Problem(f"{place} coupon", f"there is no coupon '{row.coupon}'", hint)
            continue
        currency, account = coupons[row.coupon].currency, facts.get(row.account_id)
        if currency is not None and account is not None and account.currency != currency:
            yield Problem(
                f"{place} coupon",
                f"'{row.coupon}' is in {currency}, '{row.account_id}' is invoiced in"
                f" {account.currency}",
                "nothing is converted: give it a coupon of its own currency",
            )


def coupons_in(
    month: Month, redemptions: Sequence[Redemption], coupons: Mapping[str, Coupon]
) -> dict[str, list[Coupon]]:
    """List the coupons that each account has in a month, in the order in which they are taken off.

    One counts on the last day of the month; `months` are those since it was given.
    """
    found: dict[str, list[Coupon]] = {}
    for row in sorted(redemptions, key=lambda row: (row.effective_from, row.coupon, row.line)):
        coupon = coupons[row.coupon]
        if row.effective_from <= month.last_day < row.effective_to and not _is_over(
            coupon, row, month
        ):
            found.setdefault(row.account_id, []).append(coupon)
    return found


def _is_over(coupon: Coupon, row: Redemption, month: Month) -> bool:
    since = Month(row.effective_from.year, row.effective_from.month)
    return coupon.months is not None and month.index - since.index >= coupon.months
