"""The ledger of prepaid credits: what a month adds, gets back, takes back, uses and lets expire.

For each credit, opening + added + restored - refunded - used - expired = closing; this is checked
every time. A row of `credits.csv` is entered once, in the first month that is billed with it: the
state keeps what was entered, so that a row that comes late still counts, and one that changes is
noticed. What credits paid of a document that is credited or void comes back in the same way: see
`pricing.life.given_back`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import polars as pl

from metering.account import LAST_DAY
from metering.errors import SumsDisagreeError
from metering.period import Month
from pricing.credit import KEY, Credit, in_order_of_use
from pricing.credit_outcome import blocked_by_credits, check_owners
from pricing.money import EXACT, to_major, to_minor
from pricing.state import as_state, closing_state, of_kind

BALANCE = "credit"  # of the state: what is left of a credit, by credit_id
ENTERED = "credit_entered"  # and the amount of a row of the file that was entered, by credit_id
# Of an opening state alone: what documents of earlier months take less of a credit by now, and what
# it paid of those that a credit note of this month corrects; both by credit_id.
RESTORED, MAY_RESTORE = "credit_restored", "credit_may_restore"
MOVES = ("opening", "added", "restored", "refunded", "used", "expired", "closing")

# One row for each credit that an account had in a period, in minor units of `currency`.
CREDIT_LEDGER = pl.Schema(
    {
        "period": pl.String(),
        "account_id": pl.String(),
        "credit_id": pl.String(),
        "currency": pl.String(),
        **{f"{move}_minor": pl.Int64() for move in MOVES},
    }
)
# What an account may pay with its credits: an invoice of its own, or its share of another's.
SHARE = pl.Schema({"account_id": pl.String(), "invoice_id": pl.String(), "share_minor": pl.Int64()})
# One row for each credit that pays a part of an invoice, in the order of use. Of a credit note:
# that gets a part back, as a negative amount.
CREDIT_USED = pl.Schema(
    {
        "invoice_id": pl.String(),
        "position": pl.Int64(),
        "credit_id": pl.String(),
        "amount_minor": pl.Int64(),
    }
)
ROW = pl.Schema(
    {
        "account_id": pl.String(),
        "credit_id": pl.String(),
        "of": pl.String(),  # null but for a refund
        "amount": EXACT,
        "effective_from": pl.Date(),
        "expires_on": pl.Date(),  # of a refund: that of the credit it takes back
        "rank": pl.Int64(),  # in the order of use
        "currency": pl.String(),
    }
)


def credit_state(state: pl.DataFrame) -> pl.DataFrame:
    """Keep what a state says of credits: schema `STATE`."""
    return state.filter(pl.col("kind").is_in((BALANCE, ENTERED)))


@dataclass(frozen=True)
class Paid:
    """What the credits of a month came to."""

    ledger: pl.DataFrame  # schema CREDIT_LEDGER
    used: pl.DataFrame  # schema CREDIT_USED
    closing: pl.DataFrame  # schema STATE, of the kinds BALANCE and ENTERED
    blocked: Mapping[str, list[dict[str, str]]]  # by account: what keeps its invoice back


def pay(
    month: Month,
    credit_rows: Sequence[Credit],
    currencies: Mapping[str, str],
    *,
    totals: pl.DataFrame,
    opening: pl.DataFrame,
    shares: pl.DataFrame | None = None,
) -> Paid:
    """Pay the invoices of a month with credits, as far as these go.

    A credit note gives back first what credits paid of the documents that it corrects, in the
    reverse order: a credit that was a gift never becomes money.

    Args:
        month: The billing period.
        credit_rows: The rows of the book.
        currencies: The currency of each account in this month.
        totals: With `account_id`, `invoice_id` and `total_minor`, one row an account at most.
        opening: Schema `STATE`: the closing state of the month before, and what is restored.
        shares: Schema `SHARE`: of accounts that another pays for. Their credits pay first.

    Raises:
        BookError: an account with credits is gone from the book.
        SumsDisagreeError: a credit does not add up.
    """
    balances = _balances(opening)
    entered = of_kind(opening, ENTERED, key="credit_id", value="entered")
    check_owners(balances, currencies)
    rows = _rows(credit_rows, currencies).join(entered, on=KEY, how="left", maintain_order="left")
    rows = rows.with_columns(
        amount_minor=to_minor(pl.col("amount"), pl.col("currency")),
        is_new=pl.col("entered").is_null()
        & (pl.col("effective_from") <= month.last_day)
        & (pl.col("expires_on") > month.first_day),
    )
    # Added first, so that a credit can be refunded and used in its first month; refunded before it
    # is used, since it was asked for within the month and the invoice comes after it; expired last.
    held = _add(rows, balances, currencies)
    refunds = _judge_refunds(rows, held)
    held = _take_back(held, refunds)
    held = _use(_owing(held, totals, SHARE.to_frame() if shares is None else shares), month)
    held = _expire(held, month)
    ledger = _ledger(held, month)
    paid = Paid(
        ledger=ledger,
        used=_used(held),
        closing=closing_state([_left(ledger), _entered(rows, refunds, entered, month)]),
        blocked=blocked_by_credits(rows, refunds, entered),
    )
    _check_sums(paid, balances, int(held["given_back"].sum()))
    return paid


def _rows(credit_rows: Iterable[Credit], currencies: Mapping[str, str]) -> pl.DataFrame:
    """Write the rows of the file: schema `ROW`."""
    ordered = in_order_of_use(credit_rows)
    expires_on = {credit.credit_id: credit.expires_on for credit in ordered}
    rows = [
        (
            *(credit.account_id, credit.credit_id, credit.of, credit.amount, credit.effective_from),
            *(expires_on[credit.of or credit.credit_id], rank, currencies[credit.account_id]),
        )
        for rank, credit in enumerate(ordered)
    ]
    return pl.DataFrame(rows, ROW, orient="row")


def _balances(opening: pl.DataFrame) -> pl.DataFrame:
    """List what was left of each credit, what is restored of it, and what may be."""
    found = of_kind(opening, BALANCE, key="credit_id", value="opening")
    for kind in (RESTORED, MAY_RESTORE):
        other = of_kind(opening, kind, key="credit_id", value=kind)
        found = found.join(other, on=KEY, how="full", coalesce=True)
    return found.with_columns(pl.col("opening", RESTORED, MAY_RESTORE).fill_null(Decimal(0)))


def _add(rows: pl.DataFrame, balances: pl.DataFrame, currencies: Mapping[str, str]) -> pl.DataFrame:
    """List what there is of each credit: what was left of it, and the amount of a new one.

    A balance whose row is gone from the file stays, and pays nothing.
    """
    own = rows.filter(pl.col("of").is_null())
    gone = balances.join(own, on=KEY, how="anti").select(
        *KEY,
        currency=pl.col("account_id").replace_strict(currencies, return_dtype=pl.String),
        effective_from=pl.lit(LAST_DAY),
        expires_on=pl.lit(LAST_DAY),
        rank=pl.lit(own.height, pl.Int64),
        added_minor=pl.lit(0, pl.Int64),
    )
    added = own.with_columns(
        added_minor=pl.when("is_new").then("amount_minor").otherwise(pl.lit(0, pl.Int64))
    )

    def minor(name: str) -> pl.Expr:
        return to_minor(pl.col(name).fill_null(Decimal(0)), pl.col("currency"))

    there = pl.col("opening_minor") + pl.col("added_minor")
    return (
        pl.concat([added.select(gone.columns), gone])
        .join(balances, on=KEY, how="left", maintain_order="left")
        .with_columns(opening_minor=minor("opening"), may_restore=minor(MAY_RESTORE))
        # Less than nothing where documents take more than was known: no more than there is, and
        # the rest in a later month.
        .with_columns(restored_minor=pl.max_horizontal(minor(RESTORED), -there))
        .with_columns(left=there + pl.col("restored_minor"))
    )


def _judge_refunds(rows: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Say of each new refund whether there is enough to take back; none is carried out in part."""
    there = held.select("account_id", "left", of="credit_id")
    new = rows.filter(pl.col("of").is_not_null() & pl.col("is_new"))
    asked = pl.col("amount_minor").cum_sum().over("account_id", "of")
    return (
        new.join(there, on=["account_id", "of"], how="left", maintain_order="left")
        .sort("effective_from", "credit_id")
        .with_columns(is_covered=asked <= pl.col("left"))
    )


def _take_back(held: pl.DataFrame, refunds: pl.DataFrame) -> pl.DataFrame:
    taken = refunds.filter("is_covered").group_by("account_id", credit_id="of")
    sums = taken.agg(refunded_minor=pl.col("amount_minor").sum())
    return (
        held.join(sums, on=KEY, how="left", maintain_order="left")
        .with_columns(pl.col("refunded_minor").fill_null(0))
        .with_columns(left=pl.col("left") - pl.col("refunded_minor"))
    )


def _owing(held: pl.DataFrame, totals: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    """Put beside each credit the invoice that it may pay: its total, and the owner's share."""
    own = totals.select("account_id", "invoice_id", share_minor="total_minor", is_own=True)
    others = shares.select(*SHARE.names(), is_own=False)
    owing = pl.concat([own, others]).join(totals.select("invoice_id", "total_minor"), "invoice_id")
    return (
        held.join(owing, on="account_id", how="left", maintain_order="left")
        .with_columns(pl.col("share_minor", "total_minor").fill_null(0))
        .sort(pl.col("is_own").fill_null(value=True), "rank", "credit_id")
    )


def _use(held: pl.DataFrame, month: Month) -> pl.DataFrame:
    """Pay what is due from the credits that hold on the last day of the month, in their order."""
    is_usable = (pl.col("effective_from") <= month.last_day) & (
        pl.col("expires_on") > month.last_day
    )
    usable = pl.when(is_usable).then("left").otherwise(pl.lit(0, pl.Int64))
    held = _fill(held.with_columns(usable=usable), "usable", "used_minor", sign=1)
    # The last that paid gets back first.
    held = _fill(held.reverse(), "may_restore", "given_back", sign=-1).reverse()
    return held.with_columns(
        restored_minor=pl.col("restored_minor") + pl.col("given_back"),
        left=pl.col("left") - pl.col("used_minor") + pl.col("given_back"),
    )


def _fill(held: pl.DataFrame, most: str, name: str, *, sign: Literal[1, -1]) -> pl.DataFrame:
    """Share what each invoice owes, or gives back, out on credits: row after row, up to `most`."""

    def next_part(whole: str, part: str, over: str) -> pl.Expr:
        earlier = pl.col(part).cum_sum().over(over) - pl.col(part)
        left = (sign * pl.col(whole) - earlier).clip(lower_bound=0)
        return pl.min_horizontal(left, pl.col(part))

    most_of_it = pl.col(most).clip(lower_bound=0)
    return (
        held.with_columns(most_of_it.alias(name))
        .with_columns(next_part("share_minor", name, "account_id").alias(name))
        .with_columns(next_part("total_minor", name, "invoice_id").alias(name))
    )


def _expire(held: pl.DataFrame, month: Month) -> pl.DataFrame:
    """Let go what holds no longer when the next month begins."""
    is_over = pl.col("expires_on") <= month.next().first_day
    expired = pl.when(is_over).then("left").otherwise(pl.lit(0, pl.Int64))
    return held.with_columns(expired_minor=expired).with_columns(
        closing_minor=pl.col("left") - pl.col("expired_minor")
    )


def _ledger(held: pl.DataFrame, month: Month) -> pl.DataFrame:
    moved = ("opening_minor", "added_minor", "restored_minor")
    had = held.filter(pl.any_horizontal(pl.col(name) != 0 for name in moved))
    named = had.with_columns(period=pl.lit(str(month)))
    return named.select(CREDIT_LEDGER.names()).sort("account_id", "credit_id")


def _used(held: pl.DataFrame) -> pl.DataFrame:
    position = pl.int_range(pl.len(), dtype=pl.Int64).over("invoice_id")
    return (
        held.with_columns(amount_minor=pl.col("used_minor") - pl.col("given_back"))
        .filter(pl.col("amount_minor") != 0)
        .with_columns(position=position)
        .select(CREDIT_USED.names())
        .sort("invoice_id", "position")
    )


def _left(ledger: pl.DataFrame) -> pl.DataFrame:
    """What the next month begins with: schema `STATE`."""
    exact = to_major(pl.col("closing_minor"), pl.col("currency"))
    return as_state(ledger.with_columns(left=exact), BALANCE, key="credit_id", value="left")


def _entered(
    rows: pl.DataFrame, refunds: pl.DataFrame, entered: pl.DataFrame, month: Month
) -> pl.DataFrame:
    """Remember which rows were entered, until their credit has expired: schema `STATE`."""
    refused = refunds.filter(~pl.col("is_covered"))
    is_in = pl.col("entered").is_not_null() | pl.col("is_new")
    known = (
        rows.filter(is_in & (pl.col("expires_on") > month.next().first_day))
        .join(refused, on=KEY, how="anti")
        .select(*KEY, pl.coalesce("entered", "amount").alias("entered"))
    )
    gone = entered.join(rows, on=KEY, how="anti").select(*KEY, "entered")
    return as_state(pl.concat([known, gone]), ENTERED, key="credit_id", value="entered")


def _check_sums(paid: Paid, balances: pl.DataFrame, given_back: int) -> None:
    """Check each credit by itself, and the ledger with the state before and the invoices."""
    ledger = paid.ledger
    named = (pl.col(f"{move}_minor") for move in MOVES)
    opening, added, restored, refunded, used, expired, closing = named
    there = opening + added + restored - refunded - used - expired
    is_even = (there == closing) & (closing >= 0)
    uneven = ledger.filter(~is_even)["credit_id"].to_list()
    opened = ledger.select(to_major(opening, pl.col("currency")).sum()).item()
    if opened != balances["opening"].sum():
        uneven.append("opening")
    if ledger["used_minor"].sum() - given_back != paid.used["amount_minor"].sum():
        uneven.append("used")
    if uneven:
        raise SumsDisagreeError(
            f"the ledger of credits does not add up, the first is '{uneven[0]}'",
            where="credits",
            hint="nothing was written; this is a defect of the engine: please report it",
        )
