"""Settling a month: details become lines, lines are taxed, and an invoice says what is due.

The order is that of a document: lines, each rounded once; taxes on their sums; the total; the
credits that pay it, after tax, since they are money and no discount; what is due.
"""

from collections.abc import Mapping, Set

import polars as pl

from metering.period import Month
from pricing.catalog import Catalog
from pricing.invoice import Drafts, draft, draft_lines, due_after, total_up
from pricing.ledger import Paid, pay
from pricing.outcome import blocked_by, coverage_of
from pricing.tax import TAX, buyers_of, tax_lines

Blocked = Mapping[str, list[dict[str, str]]]  # by account: what keeps its invoice back


def settle(
    catalog: Catalog,
    month: Month,
    opening: pl.DataFrame,
    *,
    lines: pl.DataFrame,
    details: pl.DataFrame,
    counts: pl.DataFrame,
    left: pl.DataFrame,
    present: Set[str],
) -> tuple[Drafts, Paid]:
    """Write the drafts of a month, and what credits paid of them.

    Args:
        catalog: The catalog of the book.
        month: The billing period.
        opening: Schema `STATE`.
        lines: Schema `CHARGED`.
        details: Schema `DETAIL`, of these lines.
        counts: What `count_deliveries` answered.
        left: Schema `LEFT`.
        present: The accounts with usage or a plan in the month: those that get a draft, and so
            does one whose credits are wrong.
    """
    facts = catalog.facts(month)
    named, unfolded = draft_lines(month, lines, details)
    ids = named["account_id"].unique()
    buyers = buyers_of(catalog.accounts.facts_on(name, month.last_day) for name in ids)
    taxed = tax_lines(named, buyers, catalog.taxes, month.last_day)
    totals = total_up(named, taxed.taxes)
    currencies = {name: account.currency or "" for name, account in facts.items()}
    paid = pay(month, catalog.credits, currencies, totals=totals, opening=opening)
    billed = (present | paid.blocked.keys()) & facts.keys()
    invoices = draft(
        month,
        {name: facts[name] for name in billed},
        {name: catalog.accounts.month_bounds(name, month) for name in billed},
        dues=due_after(totals, paid.used),
        is_taxed=taxed.taxes is not None,
        coverage=coverage_of(counts),
        blocked=_merge(blocked_by(details, left), taxed.blocked, paid.blocked),
    )
    taxes = TAX.to_frame() if taxed.taxes is None else taxed.taxes
    return Drafts(invoices, named.drop("account_id"), unfolded, taxes, paid.used), paid


def _merge(*parts: Blocked) -> Blocked:
    merged: dict[str, list[dict[str, str]]] = {}
    for part in parts:
        for account_id, reasons in part.items():
            merged.setdefault(account_id, []).extend(reasons)
    return merged
