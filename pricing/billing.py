"""Billing a month: usage and the catalog become drafts. Pure: nothing here opens a file."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import polars as pl

from metering.errors import SumsDisagreeError
from metering.meter import DELIVERIES, Meter
from metering.period import Month
from pricing.catalog import Catalog
from pricing.charge import charge, units_of_fees, units_of_holdings
from pricing.coverage import count_deliveries, take_usage, uneven_accounts
from pricing.invoice import Drafts, draft
from pricing.plan import Plan
from pricing.subscription import holdings_in, stretches_in
from pricing.terms import Below, Terms, terms_of


def rate_month(
    catalog: Catalog, month: Month, usage: pl.DataFrame, below: Below
) -> tuple[Drafts, Decimal]:
    """Rate the usage of a month: a pure function of what it is given.

    Args:
        catalog: The catalog of the book.
        month: The billing period.
        usage: Schema `USAGE` of all meters that plans name, cut at `catalog.changes(month)`.
        below: Answers about the order of time, see `pricing.allowance`.

    Returns:
        A draft for each account with usage or a plan in the month, and the number of deliveries
        that belong to no account.
    """
    terms = make_terms(catalog, month, below)
    stretches = stretches_in(month, catalog.subscriptions, catalog.plans)
    held = holdings_in(month, catalog.holdings, catalog.subscriptions, catalog.plans)
    owned = usage.filter(pl.col("account_id").is_not_null())
    units, left = take_usage(owned, stretches, catalog.plans, terms)
    details = charge(
        pl.concat([units, units_of_fees(stretches, terms), units_of_holdings(held, terms)]), terms
    )
    counts = count_deliveries(details, left)
    _check_sums(uneven_accounts(counts, owned))
    facts = catalog.facts(month)
    billed = {*owned["account_id"], *stretches["account_id"]} & facts.keys()
    drafts = draft(
        month,
        {name: facts[name] for name in billed},
        {name: catalog.accounts.month_bounds(name, month) for name in billed},
        details=details,
        counts=counts,
        left=left,
    )
    is_loose = pl.col("account_id").is_null() & (pl.col("meter") == DELIVERIES)
    unassigned: Decimal = usage.filter(is_loose).select(pl.col("quantity").sum()).item()
    return drafts, unassigned


def units_of_charge(
    catalog: Catalog, month: Month, usage: pl.DataFrame, *, plan: str, name: str
) -> pl.DataFrame:
    """Find the units that a charge of a plan takes: schema `UNITS` and the column `meter`."""

    def unasked(meter: str, cells: pl.DataFrame, bounds: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError("taking usage asks for no order of time")

    terms = make_terms(catalog, month, unasked)
    stretches = stretches_in(month, catalog.subscriptions, catalog.plans)
    units, _ = take_usage(usage, stretches, catalog.plans, terms)
    named = terms.of(units, "plan", "charge", "meter")
    return named.filter(pl.col("plan") == plan, pl.col("charge") == name)


def name_in_plan(line: Mapping[str, str]) -> str:
    """The name that the plan of a line gives to its charge."""
    return line["charge"].removeprefix(f"{line['plan']}: ")


def make_terms(catalog: Catalog, month: Month, below: Below) -> Terms:
    """Write the terms of the plans that accounts of the book are on."""
    return terms_of(
        month,
        plans_in_use(catalog),
        catalog.facts(month),
        meters=catalog.meters,
        rates=catalog.rates,
        categories=catalog.categories,
        below=below,
    )


def plans_in_use(catalog: Catalog) -> list[Plan]:
    """The plans that some account is on at some time."""
    return [catalog.plans[name] for name in sorted({s.plan for s in catalog.subscriptions})]


def meters_of(catalog: Catalog) -> list[Meter]:
    """The meters that charges name, and deliveries, whose every one must be accounted for."""
    charges = (c for plan in plans_in_use(catalog) for v in plan.version for c in v.charge)
    return [catalog.meters[name] for name in sorted({DELIVERIES, *(c.meter for c in charges)})]


def _check_sums(uneven: Sequence[str]) -> None:
    if uneven:
        raise SumsDisagreeError(
            f"the deliveries of {len(uneven)} accounts do not add up, the first is '{uneven[0]}'",
            where="coverage",
            hint="nothing was written; this is a defect of the engine: please report it",
        )
