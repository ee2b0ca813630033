"""Billing a month: usage and the catalog become drafts. Pure: nothing here opens a file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from metering.errors import SumsDisagreeError
from metering.meter import DELIVERIES, Meter
from metering.period import Month
from pricing.catalog import Catalog
from pricing.charge import charge, units_of_fees, units_of_holdings
from pricing.coverage import count_deliveries, take_usage, uneven_accounts
from pricing.invoice import Drafts
from pricing.plan import Plan
from pricing.settlement import settle
from pricing.state import closing_state
from pricing.subscription import holdings_in, stretches_in
from pricing.terms import Below, Terms, terms_of


@dataclass(frozen=True)
class Rated:
    """What rating a month gives."""

    drafts: Drafts
    unassigned: Decimal  # deliveries that belong to no account
    closing: pl.DataFrame  # schema STATE: what the next month begins with

    def of_accounts(self, account_ids: Iterable[str]) -> "Rated":
        """Keep what is about some accounts."""
        named = [*account_ids]
        return Rated(
            self.drafts.of_accounts(named),
            self.unassigned,
            self.closing.filter(pl.col("account_id").is_in(named)),
        )

    def without(self, account_ids: Iterable[str]) -> "Rated":
        """Leave out what is about some accounts."""
        known = {*self.drafts.invoices["account_id"], *self.closing["account_id"]}
        return self.of_accounts(known.difference(account_ids))


def rate_month(
    catalog: Catalog,
    month: Month,
    usage: pl.DataFrame,
    below: Below,
    opening: pl.DataFrame,
) -> Rated:
    """Rate the usage of a month: a pure function of what it is given.

    Args:
        catalog: The catalog of the book.
        month: The billing period.
        usage: Schema `USAGE` of all meters that plans name, cut at `catalog.changes(month)`.
        below: Answers about the order of time, see `pricing.allowance`.
        opening: Schema `STATE`: the closing state of the month before.

    Returns:
        A draft for each account with usage or a plan in the month, and the closing state.
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
    present = {*owned["account_id"], *stretches["account_id"]}
    drafts = settle(catalog, month, details=details, counts=counts, left=left, present=present)
    is_loose = pl.col("account_id").is_null() & (pl.col("meter") == DELIVERIES)
    unassigned: Decimal = usage.filter(is_loose).select(pl.col("quantity").sum()).item()
    # Each kind of state is one part here, made of `opening` and of what the month did.
    return Rated(drafts, unassigned, closing_state([]))


def first_state_month(catalog: Catalog) -> Month | None:
    """The month before which no state is; None where nothing in the book has state."""
    days: list[date] = []
    return Month.of(min(days)) if days else None


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
