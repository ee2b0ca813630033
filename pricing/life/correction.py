"""Corrections: what changed of a month since it was invoiced, as lines of a later invoice.

A month that was invoiced is rated again with what is known now, and what was invoiced for it is
taken off, line by line and cell by cell. What is invoiced is never edited. Rated again without
anything new, nothing is left.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import polars as pl

from metering.account import Account
from metering.period import Month
from pricing.charge import DETAIL
from pricing.invoice import in_plan
from pricing.line import CHARGED
from pricing.money import amount_text
from pricing.outcome import Blocked, merged
from pricing.parties import payers_of

OF_PERIOD = {"period": pl.String(), "is_correction": pl.Boolean()}
CORRECTED = pl.Schema({**CHARGED, **OF_PERIOD})
CORRECTED_DETAIL = pl.Schema({**DETAIL, **OF_PERIOD})
KEY = ("account_id", "period", "plan", "kind", "charge", "currency")
SUMS = ("quantity", "priced_quantity", "amount")
CELL = tuple(name for name in DETAIL if name not in (*SUMS, "position", "tax_category"))
# A document that was issued for a period.
ISSUED = pl.Schema(
    {
        "account_id": pl.String(),
        "period": pl.String(),
        "number": pl.String(),
        "issue_date": pl.Date(),
    }
)


@dataclass(frozen=True)
class Corrections:
    """The lines of corrections, and what goes with them."""

    lines: pl.DataFrame = field(default_factory=CORRECTED.to_frame)
    details: pl.DataFrame = field(default_factory=CORRECTED_DETAIL.to_frame)
    blocked: Blocked = field(default_factory=dict)
    numbers: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)  # by who pays
    present: Set[str] = frozenset()


@dataclass(frozen=True)
class Invoiced:
    """What documents say of earlier months."""

    lines: pl.DataFrame  # schema LINE, of all that counts as invoiced, whatever invoice it is on
    details: pl.DataFrame  # schema LINE_DETAIL, of these lines
    closed: Mapping[Month, Set[str]]  # who has a document of a month that no run replaces
    issued: pl.DataFrame  # schema ISSUED


@dataclass(frozen=True)
class Again:
    """A month that was invoiced, rated again."""

    lines: pl.DataFrame  # schema CHARGED
    details: pl.DataFrame  # schema DETAIL
    blocked: Blocked
    payers: Mapping[str, str]  # of that month


def correct(
    again: Mapping[Month, Again], invoiced: Invoiced, facts: Mapping[str, Account]
) -> Corrections:
    """Take what was invoiced off what is known now.

    Nothing is converted: a correction in another currency than that of the invoice which would get
    it is left out, and blocks that invoice.

    Args:
        again: The months that may have changed.
        invoiced: What was invoiced of them.
        facts: The accounts, as they are in the month whose invoice gets the corrections.
    """
    if not again:
        return Corrections()
    then_details = _details_as_rated(invoiced)
    lines, details = [], []
    for month, found in again.items():
        changed = changed_lines(month, found.lines, invoiced, found.payers)
        lines.append(changed)
        is_closed = _is_closed(month, invoiced, found.payers)
        now = found.details.filter(is_closed).with_columns(**_of(month))
        then = then_details.filter(is_closed, pl.col("period") == str(month))
        details.append(_difference_of_details(now, then, changed))
    all_lines, payers = pl.concat(lines), payers_of(facts)
    payer_id = pl.col("account_id").replace(payers)
    currencies = {name: account.currency for name, account in facts.items()}
    its = payer_id.replace_strict(currencies, default=None, return_dtype=pl.String())
    foreign = all_lines.filter(pl.col("currency") != its).with_columns(its=its)
    periods = all_lines.select("period", account_id=payer_id)
    return Corrections(
        lines=all_lines.filter(pl.col("currency") == its),
        details=pl.concat(details).filter(pl.col("currency") == its),
        blocked=merged(_blocked(again, invoiced), _blocked_by_currency(foreign)),
        numbers=_numbers(periods.unique(), invoiced.issued),
        present=frozenset(all_lines["account_id"]),
    )


def changed_lines(
    month: Month, lines: pl.DataFrame, invoiced: Invoiced, payers: Mapping[str, str]
) -> pl.DataFrame:
    """Find how the lines of accounts whose month is closed differ: schema `CORRECTED`.

    Args:
        month: The month that was invoiced.
        lines: Schema `CHARGED`: its lines, as they are rated now.
        invoiced: What was invoiced of it.
        payers: Who pays in it.
    """
    is_closed = _is_closed(month, invoiced, payers)
    now = lines.filter(is_closed).with_columns(**_of(month))
    then = _lines_as_rated(invoiced).filter(is_closed, pl.col("period") == str(month))
    return _difference_of_lines(now, then.select(CORRECTED.names()))


def _of(month: Month) -> dict[str, pl.Expr]:
    return {"period": pl.lit(str(month)), "is_correction": pl.lit(value=True)}


def _is_closed(month: Month, invoiced: Invoiced, payers: Mapping[str, str]) -> pl.Expr:
    """Whether an account has a document of the month: the others still get a draft of it."""
    payer_id = pl.col("account_id").replace(dict(payers))
    return payer_id.is_in([*invoiced.closed.get(month, ())])


def _lines_as_rated(invoiced: Invoiced) -> pl.DataFrame:
    """Write lines of documents as what a rating gives: schema `CORRECTED` and the `line_id`."""
    return invoiced.lines.with_columns(
        charge=in_plan(), note=pl.lit(None, pl.String), is_correction=pl.lit(value=True)
    ).select(*CORRECTED, "line_id")


def _details_as_rated(invoiced: Invoiced) -> pl.DataFrame:
    """Write details of documents as what a rating gives: schema `CORRECTED_DETAIL`."""
    own = (*KEY, "line_id", "tax_category", "is_correction")
    named = _lines_as_rated(invoiced).select(own)
    details = invoiced.details.join(named, on="line_id", maintain_order="left")
    return details.select(CORRECTED_DETAIL.names())


def _difference_of_lines(now: pl.DataFrame, then: pl.DataFrame) -> pl.DataFrame:
    signed = ("quantity", "amount_exact", "amount_minor")
    taken_off = then.with_columns(-pl.col(name) for name in signed)
    both = pl.concat([now.select(CORRECTED.names()), taken_off])
    return (
        both.group_by(*KEY, "is_correction")
        .agg(
            *(pl.col(name).sum() for name in signed),
            position=pl.col("position").min(),
            tax_category=pl.col("tax_category").first(),
        )
        .filter((pl.col("quantity") != 0) | (pl.col("amount_minor") != 0))
        .with_columns(note=pl.lit(None, pl.String))
        .select(pl.col(name).cast(kind) for name, kind in CORRECTED.items())
        .sort(KEY)
    )


def _difference_of_details(
    now: pl.DataFrame, then: pl.DataFrame, lines: pl.DataFrame
) -> pl.DataFrame:
    """Add up each cell of the lines that changed, those of then with the sign turned."""
    taken_off = then.with_columns(-pl.col(name) for name in SUMS)
    both = pl.concat([now.select(CORRECTED_DETAIL.names()), taken_off])
    cell = [*CELL, *OF_PERIOD]
    return (
        both.join(lines, on=KEY, how="semi", maintain_order="left")
        .group_by(cell, maintain_order=True)
        .agg(
            *(pl.col(name).sum() for name in SUMS),
            position=pl.col("position").first(),
            tax_category=pl.col("tax_category").first(),
        )
        .filter(pl.any_horizontal(pl.col(name) != 0 for name in SUMS))
        .with_columns(amount=pl.when(pl.col("unit_price").is_not_null()).then("amount"))
        .select(pl.col(name).cast(kind) for name, kind in CORRECTED_DETAIL.items())
        .sort(KEY)
    )


def _blocked(again: Mapping[Month, Again], invoiced: Invoiced) -> Blocked:
    """What keeps back an invoice with corrections: what is unknown of the month by now."""
    blocked: dict[str, list[dict[str, str]]] = {}
    for month, found in again.items():
        closed = invoiced.closed.get(month, ())
        for account_id, reasons in found.blocked.items():
            if found.payers.get(account_id, account_id) in closed:
                said = [{**reason, "what": f"{month}: {reason['what']}"} for reason in reasons]
                blocked.setdefault(account_id, []).extend(said)
    return blocked


def _blocked_by_currency(foreign: pl.DataFrame) -> Blocked:
    blocked: dict[str, list[dict[str, str]]] = {}
    key = ["account_id", "period", "currency", "its"]
    sums = foreign.group_by(key).agg(pl.len(), pl.col("amount_minor").sum()).sort(key)
    for account_id, period, currency, its, count, minor in sums.iter_rows():
        what = f"{period}: {amount_text(minor, currency)} {currency} on an invoice in {its}"
        said = {"reason": "other_currency", "quantity": str(count), "what": what}
        blocked.setdefault(account_id, []).append(said)
    return blocked


def _numbers(changed: pl.DataFrame, issued: pl.DataFrame) -> dict[str, list[dict[str, str]]]:
    numbers: dict[str, list[dict[str, str]]] = {}
    rows = issued.join(changed, on=["account_id", "period"], how="semi").sort(ISSUED.names())
    for account_id, _, number, issue_date in rows.iter_rows():
        said = {"number": number, "issue_date": issue_date.isoformat()}
        numbers.setdefault(account_id, []).append(said)
    return numbers
