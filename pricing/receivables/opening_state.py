"""The state that another system left: what the first month that is billed here begins with.

It is kept as the closing state of the month before, which nobody bills here. See `pricing.state`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

import polars as pl
from pydantic import AfterValidator, Field

from metering.account import Id
from metering.door import Exact, Row, nearest
from metering.errors import Problem, UsageError
from metering.period import Month
from pricing.adjustment import COMMITMENT
from pricing.allowance import CARRIED
from pricing.archive import Archive
from pricing.catalog import Catalog
from pricing.credit import AMOUNT_MAX, Credit
from pricing.fee import ADVANCE
from pricing.ledger import BALANCE, ENTERED
from pricing.money import exact_of, minor_of
from pricing.state import STATE, STATE_KEY
from pricing.tier_rating import TIER
from pricing.waiver import VOLUME

FILE = "state.csv"
# What the key of each kind looks like, with an example.
KEYS = {
    BALANCE: (r"[^|]+", "the credit_id of credits.csv"),
    TIER: (
        r"tier\|(?P<plan>[^|]+)\|[^|]+\|[^|]+(\|[^|]+)+",
        "tier|plan|charge|meter|acme|acme|2026-01-01",
    ),
    CARRIED: (r"(?P<plan>[^|]+)\|[^|]+(\|[^|]+)+\|\d{4}-\d{2}", "plan|allowance|account|2026-09"),
    ADVANCE: (r"(?P<plan>[^|]+)\|[^|]+", "plan|charge"),
    COMMITMENT: (r"(?P<plan>[^|]+)\|\d{4}-\d{2}-\d{2}\|\d+", "plan|2026-01-01|0"),
    VOLUME: (r"\d{4}-\d{2}", "2026-09"),
}


def _known_kind(kind: str) -> str:
    if kind not in KEYS:
        raise ValueError(f"is no kind of state | {nearest(kind, sorted(KEYS))}")
    return kind


def _is_month(text: str) -> str:
    if re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", text) is None:
        raise ValueError("is no month | write 2026-10")
    return text


class StateRow(Row):
    """A row of `state.csv`: what an account begins a month with."""

    month: Annotated[str, AfterValidator(_is_month)]  # the first that is billed here
    account_id: Id
    kind: Annotated[str, AfterValidator(_known_kind)]
    key: Annotated[str, Field(min_length=1, max_length=500)]
    value: Annotated[
        Exact, Field(ge=0, le=AMOUNT_MAX, decimal_places=18)
    ]  # major units, or a count


def state_problems(
    archive: Archive, catalog: Catalog, rows: Sequence[StateRow]
) -> Iterator[Problem]:
    """Yield what is wrong with rows, by themselves and beside what was billed here."""
    months = sorted({row.month for row in rows})
    taken = taken_over(archive)
    if taken is not None:
        months = sorted({*months, str(taken.next())})
    if len(months) > 1:
        what = f"names {months[0]} and {months[-1]}: a book begins with one month"
        yield Problem(f"{FILE} month", what, "write the first month that is billed here")
    seen: dict[tuple[str, ...], StateRow] = {}
    for row in rows:
        yield from _unfit(row, catalog)
        earlier = seen.setdefault((row.account_id, row.kind, row.key), row)
        if earlier is not row:
            what = f"'{row.key}' stands twice (also in line {earlier.line})"
            yield Problem(f"{FILE}:{row.line} key", what, "keep one of the rows")


def state_of_rows(catalog: Catalog, rows: Sequence[StateRow]) -> pl.DataFrame:
    """Write rows as state: schema `STATE`, zeros included, and what was entered of credits."""
    found = [(row.account_id, row.kind, row.key, row.value) for row in rows]
    credits_of = {credit.credit_id: credit for credit in catalog.credits}
    for row in rows:
        if row.kind == BALANCE:
            entered = [credits_of[row.key], *_refunds(catalog, row)]
            found += [(row.account_id, ENTERED, c.credit_id, c.amount) for c in entered]
    return pl.DataFrame(found, STATE, orient="row").sort(STATE_KEY)


def contradictions(archive: Archive, month: Month, state: pl.DataFrame) -> Iterator[Problem]:
    """Yield why new state cannot be taken over, or differs from what was taken over before."""
    known = archive.closing_of(month.back(1)) if taken_over(archive) else None
    kept = STATE.to_frame() if known is None else known
    both = state.join(_with_spent(kept), on=STATE_KEY, suffix="_kept")
    for row in both.filter(pl.col("value") != pl.col("value_kept")).iter_rows(named=True):
        what = f"{row['kind']} '{row['key']}' of '{row['account_id']}' was taken over as"
        yield Problem(
            FILE,
            f"{what} {row['value_kept'].normalize():f}, not {row['value'].normalize():f}",
            "leave the row as it was; what is wrong is corrected on a later invoice",
        )
    if not new_rows(state, kept).is_empty():
        yield from _billed(archive, month)


def new_rows(state: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """The rows of a state that are not kept yet."""
    there = state.filter(pl.col("value") != 0)
    return there.join(kept, on=STATE_KEY, how="anti", maintain_order="left")


def taken_over(archive: Archive) -> Month | None:
    """The month whose closing state another system left; None where none did."""
    period = archive.value("select max(period) from opening_states")
    return None if period is None else Month.parse(period)


def check_not_taken_over(archive: Archive, month: Month) -> None:
    """Raise `UsageError` where a month is billed that another system closed."""
    taken = taken_over(archive)
    if taken is not None and month <= taken:
        raise UsageError(
            f"{month} was closed in another system, whose state was taken over",
            where="MONTH",
            hint=f"bill from {taken.next()} on; --dry-run shows an earlier month",
        )


def _with_spent(kept: pl.DataFrame) -> pl.DataFrame:
    """Add a balance of 0 for each credit that was entered and of which nothing is left."""
    entered = kept.filter(pl.col("kind") == ENTERED).with_columns(
        kind=pl.lit(BALANCE), value=pl.lit(0, STATE["value"])
    )
    return pl.concat([kept, entered.join(kept, on=STATE_KEY, how="anti")])


def _unfit(row: StateRow, catalog: Catalog) -> Iterator[Problem]:
    place = f"{FILE}:{row.line}"
    if row.account_id not in catalog.accounts.ids():
        what = f"account '{row.account_id}' is not in accounts.csv"
        yield Problem(f"{place} account_id", what, "add the account, or correct the id")
        return
    pattern, example = KEYS[row.kind]
    match = re.fullmatch(pattern, row.key)
    plan = match.groupdict().get("plan") if match else None
    if match is None:
        yield Problem(f"{place} key", f"'{row.key}' is no key of {row.kind}", f"write {example}")
    elif plan is not None and plan not in catalog.plans:
        yield Problem(
            f"{place} key", f"there is no plan '{plan}'", nearest(plan, sorted(catalog.plans))
        )
    elif row.kind in (VOLUME, CARRIED) and row.key[-7:] >= row.month:
        what = f"'{row.key}' is not of a month before {row.month}"
        yield Problem(f"{place} key", what, "state is of the months before the first")
    if row.kind == BALANCE:
        credit = next((c for c in catalog.credits if c.credit_id == row.key), None)
        yield from _unfit_credit(row, credit, catalog, place)
    elif row.value == 0:
        yield Problem(f"{place} value", "0 says nothing", "leave the row out")


def _unfit_credit(
    row: StateRow, credit: Credit | None, catalog: Catalog, place: str
) -> Iterator[Problem]:
    first_day = Month.parse(row.month).first_day
    if credit is None or credit.account_id != row.account_id or credit.of is not None:
        what = f"credits.csv has no credit '{row.key}' of '{row.account_id}'"
        yield Problem(f"{place} key", what, "add it there as it was granted or sold")
        return
    if credit.effective_from >= first_day:
        what = f"'{row.key}' begins on {credit.effective_from}, and is new in {row.month}"
        yield Problem(f"{place} key", what, "leave it out: the month that it begins in adds it")
    most = credit.amount - sum((c.amount for c in _refunds(catalog, row)), Decimal(0))
    currency = catalog.accounts.facts_on(row.account_id, first_day).currency or ""
    if row.value > most:
        what = f"{row.value} is more than there was of '{row.key}': {most}"
        yield Problem(f"{place} value", what, "write what was left of it")
    elif exact_of(minor_of(row.value, currency), currency) != row.value:
        what = f"{row.value} {currency} is no whole number of minor units"
        yield Problem(f"{place} value", what, f"write it in whole minor units of {currency}")


def _refunds(catalog: Catalog, row: StateRow) -> list[Credit]:
    """The refunds of a credit that were carried out before the first month."""
    first_day = Month.parse(row.month).first_day
    return [c for c in catalog.credits if c.of == row.key and c.effective_from < first_day]


def _billed(archive: Archive, month: Month) -> Iterator[Problem]:
    """Yield what was billed here already, with which new state would not agree."""
    given: Mapping[str, Any] = {"period": str(month)}
    earlier = archive.value("select min(period) from runs where period < $period", given)
    if earlier is not None:
        what = f"{earlier} was billed here, and hands on a state of its own"
        yield Problem(f"{FILE} month", what, "take state over into a book that begins with it")
    yield from billed_with(archive, month)


def billed_with(archive: Archive, month: Month) -> Iterator[Problem]:
    """Yield what was made of the state that a month begins with and stays as it is."""
    given = {"period": str(month)}
    kept = archive.value(
        "select min(period) from invoices where period >= $period and state <> 'draft'", given
    )
    if kept is not None:
        what = f"documents of {kept} are approved or issued, without this state"
        yield Problem(f"{FILE} month", what, "take state over before the first of them")
