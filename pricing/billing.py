"""Billing a month: usage and the catalog become drafts. Pure: nothing here opens a file."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import polars as pl

from metering.errors import SumsDisagreeError
from metering.meter import DELIVERIES
from metering.period import Month
from pricing.adjustment import adjust, agreements_in
from pricing.allowance import closing_allowances
from pricing.asking import cost_prices, plans_in_use, shows_senders
from pricing.catalog import Catalog
from pricing.charge import DETAIL, charge
from pricing.coupon import coupons_in
from pricing.coverage import count_deliveries, take_usage, uneven_accounts, unused_units
from pricing.fee import closing_advances, settle_advances, units_of_time
from pricing.invoice import Drafts
from pricing.life.correction import Corrections
from pricing.line import details_of, round_lines
from pricing.offer import AddOn, Allowance, FixedFee
from pricing.plan import Plan, Version
from pricing.settlement import Rating, settle
from pricing.state import closing_state, no_state
from pricing.subscription import stretches_in
from pricing.terms import Below, Terms
from pricing.terms_writer import terms_of
from pricing.tier_rating import closing_tiers
from pricing.waiver import closing_volumes, waived_charges

FIRST_STATE_DAY = date(2022, 2, 1)  # prices before it are not known


@dataclass(frozen=True)
class Rated:
    """What rating a month gives."""

    drafts: Drafts
    unassigned: Decimal  # deliveries that belong to no account
    closing: pl.DataFrame  # schema STATE: what the next month begins with
    ledger: pl.DataFrame  # schema CREDIT_LEDGER
    counts: pl.DataFrame  # what became of each delivery, see `count_deliveries`
    # Who was invoiced for an earlier month with another tax, which stays: see `Corrections`.
    untaxed: Mapping[str, Set[str]] = field(default_factory=dict)

    def of_accounts(self, account_ids: Iterable[str]) -> "Rated":
        """Keep what is about some accounts."""
        named = [*account_ids]
        is_named = pl.col("account_id").is_in(named)
        return Rated(
            self.drafts.of_accounts(named),
            self.unassigned,
            self.closing.filter(is_named),
            self.ledger.filter(is_named),
            self.counts.filter(is_named),
            {month: names & {*named} for month, names in self.untaxed.items()},
        )

    def without(self, account_ids: Iterable[str], corrected: Iterable[tuple[str, str]]) -> "Rated":
        """Leave out what is about some accounts, but for corrections in another currency.

        Args:
            account_ids: The accounts.
            corrected: The corrections that are left out, by account and currency.
        """
        named = [*account_ids]
        is_other = ~pl.col("account_id").is_in(named)
        return Rated(
            self.drafts.without(named, corrected),
            self.unassigned,
            self.closing.filter(is_other),
            self.ledger.filter(is_other),
            self.counts.filter(is_other),
            self.untaxed,
        )


def rate_month(
    catalog: Catalog,
    month: Month,
    usage: pl.DataFrame,
    below: Below,
    opening: pl.DataFrame,
    *,
    corrections: Corrections | None = None,
    daily: Mapping[str, list[int]] | None = None,
) -> Rated:
    """Rate the usage of a month: a pure function of what it is given.

    Args:
        catalog: The catalog of the book.
        month: The billing period.
        usage: Schema `USAGE` of all meters that plans name, cut at `catalog.changes(month)`.
        below: Answers about the order of time, see `pricing.allowance`.
        opening: Schema `STATE`: the closing state of the month before.
        corrections: What changed of earlier months since they were invoiced.
        daily: Deliveries of each day of the month, by account.

    Returns:
        A draft for each account with usage or a plan in the month, and the closing state.
    """
    rating = rate(catalog, month, usage, below, opening)
    corrected = corrections or Corrections()
    drafts, paid = settle(catalog, month, opening, rating, corrections=corrected, daily=daily or {})
    is_loose = pl.col("account_id").is_null() & (pl.col("meter") == DELIVERIES)
    unassigned: Decimal = usage.filter(is_loose).select(pl.col("quantity").sum()).item()
    closing = closing_state([paid.closing, *rating.closing])
    return Rated(drafts, unassigned, closing, paid.ledger, rating.counts, corrected.untaxed)


def rate(
    catalog: Catalog, month: Month, usage: pl.DataFrame, below: Below, opening: pl.DataFrame
) -> Rating:
    """Rate the usage of a month up to its lines, see `rate_month`."""
    terms = make_terms(catalog, month, below, opening)
    stretches = stretches_in(month, catalog.subscriptions, catalog.plans)
    owned = usage.filter(pl.col("account_id").is_not_null())
    units, left = take_usage(owned, stretches, catalog.plans, terms)
    idle = unused_units(stretches, terms)
    details, rated = charge(pl.concat([units, idle, units_of_time(catalog, month, terms)]), terms)
    counts = count_deliveries(details, left)
    _check_sums(uneven_accounts(counts, owned))
    ahead = _ahead(catalog, month.next(), terms)
    settled = settle_advances(details, ahead, terms)
    lines = round_lines(settled)
    coupons = coupons_in(month, catalog.redemptions, catalog.coupons)
    after = stretches_in(month.next(), catalog.subscriptions, catalog.plans)
    agreements = agreements_in(stretches, after, catalog.plans, coupons, waived_charges(terms))
    added, commitments = adjust(lines, agreements, month, terms.currencies(), opening)
    return Rating(
        lines=pl.concat([lines, added]),
        details=pl.concat([settled, details_of(added, month)]),
        counts=counts,
        left=left,
        present={*owned["account_id"], *stretches["account_id"]},
        # Each kind of state is one part here, made of `opening` and of what the month did.
        closing=(
            closing_tiers(rated, terms),
            closing_allowances(rated, stretches, terms),
            closing_advances(ahead, terms),
            closing_volumes(owned, terms.parts.values(), month, opening),
            commitments,
        ),
    )


def _ahead(catalog: Catalog, month: Month, terms: Terms) -> pl.DataFrame:
    """Rate what is due in advance for `month`: schema `DETAIL`."""
    if not (terms.charges["due"] == "advance").any():
        return DETAIL.to_frame()
    then = make_terms(catalog, month, terms.below)
    units = units_of_time(catalog, month, then)
    due = units.filter(then.of(units.select("charge_id"), "due")["due"] == "advance")
    return charge(due, then)[0]


def first_state_month(catalog: Catalog) -> Month | None:
    """The month before which no state is; None where nothing in the book has state."""
    stateful = {plan.plan for plan in plans_in_use(catalog) if has_state(plan)}
    contracts = [s.effective_from for s in catalog.subscriptions if s.plan in stateful]
    days = [max(day, FIRST_STATE_DAY) for day in contracts]
    days += [credit.effective_from for credit in catalog.credits]
    return Month.of(min(days)) if days else None


def has_state(plan: Plan) -> bool:
    """Say whether a month on a plan depends on the months before."""
    return any(
        _version_has_state(version)
        or any(
            getattr(charge.price, "over", "month") == "contract"
            or (charge.free_for is not None and charge.free_for.deliveries_max is not None)
            or (isinstance(charge.allowance, Allowance) and charge.allowance.carry_over_months)
            for charge in version.charge
        )
        for version in plan.version
    )


def _version_has_state(version: Version) -> bool:
    offers: list[FixedFee | AddOn] = [*version.fixed_fee, *version.add_on]
    return (
        any(offer.due == "advance" for offer in offers)
        or any(shared.carry_over_months for shared in version.allowance)
        or (version.commitment is not None and version.commitment.months > 1)
    )


def units_of_charge(
    catalog: Catalog, month: Month, usage: pl.DataFrame, *, plan: str, name: str
) -> pl.DataFrame:
    """Find the units that a charge of a plan takes: schema `UNITS` and the column `meter`."""

    def unasked(*_: object) -> pl.DataFrame:
        raise AssertionError("taking usage asks for no order of time")

    terms = make_terms(catalog, month, unasked, no_state())
    stretches = stretches_in(month, catalog.subscriptions, catalog.plans)
    units, _ = take_usage(usage, stretches, catalog.plans, terms)
    named = terms.of(units, "plan", "charge", "meter")
    return named.filter(pl.col("plan") == plan, pl.col("charge") == name)


def make_terms(
    catalog: Catalog, month: Month, below: Below, opening: pl.DataFrame | None = None
) -> Terms:
    """Write the terms of the plans that accounts of the book are on."""
    terms = terms_of(
        month,
        plans_in_use(catalog),
        catalog.facts(month),
        meters=catalog.meters,
        rates=catalog.rates,
        categories=catalog.categories,
        fx=catalog.fx,
        opening=opening,
        first_days=catalog.first_days(),
        cost_prices=cost_prices(catalog),
        below=below,
        midnight=catalog.accounts.midnight,
    )
    return replace(terms, by_sender=shows_senders(catalog))


def _check_sums(uneven: Sequence[str]) -> None:
    if uneven:
        raise SumsDisagreeError(
            f"the deliveries of {len(uneven)} accounts do not add up, the first is '{uneven[0]}'",
            where="coverage",
            hint="nothing was written; this is a defect of the engine: please report it",
        )
