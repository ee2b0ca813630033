"""Settling a month: lines are taxed, and an invoice says what is due.

The order is that of a document: lines, each rounded once; taxes on their sums; the total; the
credits that pay it, after tax, since they are money and no discount; what is due.
"""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

import polars as pl

from metering.period import Month
from pricing.catalog import Catalog
from pricing.credit_share import shares_of
from pricing.invoice import LINE, Drafts, Heads, draft, draft_lines, due_after, total_up
from pricing.ledger import Paid, pay
from pricing.life.correction import Corrections
from pricing.outcome import Blocked, blocked_by, coverage_of, merged
from pricing.parties import payers_of, payment_terms, write_parties
from pricing.tax import TAX, Taxed
from pricing.tax_point import tax


@dataclass(frozen=True)
class Rating:
    """What rating a month gives before it is taxed and paid."""

    lines: pl.DataFrame  # schema CHARGED
    details: pl.DataFrame  # schema DETAIL, of these lines
    counts: pl.DataFrame  # what `count_deliveries` answered
    left: pl.DataFrame  # schema LEFT
    present: Set[str]  # the accounts with usage or a plan in the month: those that get a draft
    closing: tuple[pl.DataFrame, ...]  # parts of the state that the month hands on: schema STATE

    def blocked(self) -> Blocked:
        """What keeps the invoices of accounts back."""
        return blocked_by(self.details, self.left)


def settle(
    catalog: Catalog,
    month: Month,
    opening: pl.DataFrame,
    rating: Rating,
    *,
    corrections: Corrections,
    daily: Mapping[str, list[int]],
) -> tuple[Drafts, Paid]:
    """Write the drafts of a month, and what credits paid of them.

    An account has one draft, in its currency of the month. Corrections of months in which it had
    another currency are on a draft of their own in that one.

    Args:
        catalog: The catalog of the book.
        month: The billing period.
        opening: Schema `STATE`.
        rating: What rating the month gave. An account whose credits are wrong gets a draft, too,
            and so does one that nothing but corrections is known of.
        corrections: What changed of earlier months since they were invoiced.
        daily: Deliveries of each day of the month, by account.
    """
    facts = catalog.facts(month)
    payers = payers_of(facts)
    currencies = {name: account.currency or "" for name, account in facts.items()}
    own = _of_month(rating.lines, month).with_columns(payer_id=pl.col("account_id").replace(payers))
    lines, unfolded = draft_lines(
        month,
        pl.concat([own, corrections.lines], how="diagonal"),
        pl.concat([_of_month(rating.details, month), corrections.details]),
        currencies,
    )
    taxed = tax(lines, catalog)
    totals = total_up(lines, taxed.taxes)
    paid = _pay(catalog, month, opening, lines, taxed)
    own_reasons = _of_payers(rating.blocked(), payers)
    reasons = merged(own_reasons, corrections.blocked, taxed.blocked, paid.blocked)
    billed = _billed(rating, corrections, payers) | paid.blocked.keys()
    counts = rating.counts.with_columns(pl.col("account_id").replace(payers))
    paid_for = {*payers.items(), *lines.select("account_id", "payer_id").unique().rows()}
    heads = Heads(
        accounts={name: facts[name] for name in sorted(billed & facts.keys())},
        periods={
            name: catalog.accounts.month_bounds(name, month) for name in billed & facts.keys()
        },
        parties=write_parties(catalog.settings, facts, paid_for),
        terms=payment_terms(catalog.settings, facts),
        daily=_daily_of_payers(daily, payers),
        corrects={key: json.dumps(numbers) for key, numbers in corrections.numbers.items()},
        coverage=coverage_of(counts),
        blocked=reasons,
    )
    invoices = draft(
        month, heads, dues=due_after(totals, paid.used), is_taxed=taxed.taxes is not None
    )
    taxes = TAX.to_frame() if taxed.taxes is None else taxed.taxes
    named = lines.join(taxed.lines, on="line_id", maintain_order="left").select(LINE.names())
    return Drafts(invoices, named, unfolded, taxes, paid.used), paid


def _billed(rating: Rating, corrections: Corrections, payers: Mapping[str, str]) -> set[str]:
    """Name who gets a draft: with usage or a plan in the month, or corrections of earlier ones."""
    return {payers.get(name, name) for name in rating.present} | corrections.payers()


def _pay(
    catalog: Catalog, month: Month, opening: pl.DataFrame, lines: pl.DataFrame, taxed: Taxed
) -> Paid:
    """Pay the invoices with credits, those of an account that another pays for as its share.

    Credits pay in the currency of the month; what corrects months in another one they do not pay.
    """
    facts = catalog.facts(month)
    payers = payers_of(facts)
    currencies = {name: account.currency or "" for name, account in facts.items()}
    in_own = pl.col("currency") == pl.col("account_id").replace_strict(currencies, default=None)
    owners = {credit.account_id for credit in catalog.credits} & payers.keys()
    paid = pay(
        month,
        catalog.credits,
        currencies,
        totals=total_up(lines, taxed.taxes).filter(in_own),
        opening=opening,
        shares=shares_of(lines, taxed.lines, taxed.taxes, owners),
    )
    return replace(paid, blocked=_of_payers(paid.blocked, payers))


def _of_month(frame: pl.DataFrame, month: Month) -> pl.DataFrame:
    return frame.with_columns(
        period=pl.lit(str(month)), is_correction=pl.lit(value=False), taxed_as=pl.lit("")
    )


def _of_payers(blocked: Blocked, payers: Mapping[str, str]) -> Blocked:
    """Write what blocks an account to who pays for it."""
    found: dict[str, list[dict[str, str]]] = {}
    for account_id, reasons in blocked.items():
        payer_id = payers.get(account_id)
        said = [
            reason if payer_id is None else {**reason, "what": f"{account_id}: {reason['what']}"}
            for reason in reasons
        ]
        found.setdefault(payer_id or account_id, []).extend(said)
    return found


def _daily_of_payers(
    daily: Mapping[str, list[int]], payers: Mapping[str, str]
) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for account_id, counts in daily.items():
        payer_id = payers.get(account_id, account_id)
        earlier = found.get(payer_id)
        found[payer_id] = (
            counts if earlier is None else [a + b for a, b in zip(earlier, counts, strict=True)]
        )
    return found
