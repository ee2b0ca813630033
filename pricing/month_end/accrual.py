"""Accrual: what was earned up to a day, and is on no issued document by then.

The month of the day is rated as if it ended with that day: usage up to it, at the prices, tiers and
allowances that it has reached. What only the length of the month decides accrues by the day: fixed
fees, add-ons that are held, and minima. At the last day this is the bill of the month, but for what
is due in advance for the next one, which is not earned yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from metering.period import Month
from metering.settings import Book
from metering.store import Store
from pricing.adjustment import Agreement, adjust, agreements_in
from pricing.asking import Ask, asks_of
from pricing.billing import make_terms
from pricing.catalog import Catalog, load_catalog
from pricing.charge import charge
from pricing.coupon import coupons_in
from pricing.coverage import take_usage, unused_units
from pricing.document import Document
from pricing.fee import units_of_time
from pricing.line import round_lines
from pricing.money import EXACT, exact_of
from pricing.month_end.figures import figures_of, waiting
from pricing.proration import share
from pricing.run import below_of, opening_state, read_usage
from pricing.subscription import stretches_in
from pricing.terms import Below, Terms
from pricing.waiver import waived_charges

# What each account has earned for a plan, in whole minor units, net of tax.
EARNED = pl.Schema(
    {
        "account_id": pl.String(),
        "plan": pl.String(),
        "currency": pl.String(),
        "earned": EXACT,
    }
)
ACCRUAL = pl.Schema(
    {
        "period": pl.String(),
        "account_id": pl.String(),
        "plan": pl.String(),
        "currency": pl.String(),
        "earned": EXACT,
        "invoiced": EXACT,
        "unbilled": EXACT,
    }
)
KEY = ("period", "account_id", "plan", "currency")


@dataclass(frozen=True)
class Accrual:
    """What is unbilled at the end of a day."""

    day: date
    rows: pl.DataFrame  # schema ACCRUAL
    unpriced: Decimal  # units of the month without a known price, which are in no amount


def accrue(book: Book, day: date, documents: Iterable[Document]) -> Accrual:
    """Say what is unbilled at the end of a day.

    Args:
        documents: All documents of the book. What they bill for earlier months is unbilled if they
            were not issued by that day, and so is a total that was carried until a document takes
            it; a month that was never billed is in nothing. A credit note that a person made takes
            nothing off what was earned, and is left out.
    """
    catalog, month = load_catalog(book), Month.of(day)
    with Store.open(book, catalog.settings, "read") as store:
        opening = opening_state(book, store, catalog, month)
        asks = asks_up_to(asks_of(catalog, month), day)
        usage = read_usage(store, catalog, month, asks=asks)
        below = below_of(store, catalog, month, asks=asks)
        earned, unpriced = earned_up_to(day, catalog, usage, below, opening)
    facts = catalog.facts(month).values()
    customers = [one.account_id for one in facts if one.purpose == "customer"]
    of_customers = earned.filter(pl.col("account_id").is_in(customers))
    return Accrual(day, unbilled_at(day, of_customers, documents), unpriced)


def asks_up_to(asks: Iterable[Ask], day: date) -> list[Ask]:
    """Ask metering to cut the month after a day, too."""
    after = day + timedelta(days=1)
    return [replace(ask, days=tuple(sorted({*ask.days, after}))) for ask in asks]


def earned_up_to(
    day: date, catalog: Catalog, usage: pl.DataFrame, below: Below, opening: pl.DataFrame
) -> tuple[pl.DataFrame, Decimal]:
    """Rate the month of a day as far as it got: a pure function of what it is given.

    Args:
        usage: Schema `USAGE`, cut after the day. A figure of the whole month counts as it is known.
        below: Answers about the order of time among cells that are cut so.
        opening: Schema `STATE`.

    Returns:
        Schema `EARNED`, sorted; and how many units have no known price.
    """
    month = Month.of(day)
    terms = make_terms(catalog, month, below, opening)
    stretches = stretches_in(month, catalog.subscriptions, catalog.plans)
    has_happened = pl.col("rate_date").is_null() | (pl.col("rate_date") <= day)
    owned = usage.filter(pl.col("account_id").is_not_null(), has_happened)
    units, _ = take_usage(owned, stretches, catalog.plans, terms)
    fees = units_of_time(catalog, month, terms)
    idle = unused_units(stretches, terms)
    details, _ = charge(pl.concat([units, idle, fees]), terms)
    lines = round_lines(_by_day(details, fees, day, terms))
    coupons = coupons_in(month, catalog.redemptions, catalog.coupons)
    after = stretches_in(month.next(), catalog.subscriptions, catalog.plans)
    agreements = agreements_in(stretches, after, catalog.plans, coupons, waived_charges(terms))
    so_far = [_so_far(agreement, stretches, day) for agreement in agreements]
    added, _ = adjust(lines, so_far, month, terms.currencies(), opening)
    sums = pl.concat([lines, added]).group_by("account_id", "plan", "currency")
    minor = sums.agg(pl.col("amount_minor").sum()).sort("account_id", "plan", "currency")
    rows = [(*key, exact_of(amount, key[-1])) for *key, amount in minor.iter_rows()]
    unknown = details.filter(pl.col("amount").is_null())
    unpriced: Decimal = unknown.select(pl.col("quantity").sum()).item()
    return pl.DataFrame(rows, EARNED, orient="row"), unpriced


def unbilled_at(day: date, earned: pl.DataFrame, documents: Iterable[Document]) -> pl.DataFrame:
    """Take what was invoiced by the end of a day off what was earned: schema `ACCRUAL`, sorted.

    Args:
        earned: Schema `EARNED`, of the month of the day.
        documents: Also those of other months: see `accrue`.
    """
    month = str(Month.of(day))
    by_then = (pl.col("issue_date") <= day).fill_null(value=False)
    listed = [*documents]
    figures = figures_of([*listed, *waiting(listed)]).filter(~pl.col("is_by_hand"))
    of_month = figures.filter(by_then, pl.col("line_period") == month)
    before = figures.filter(~by_then, pl.col("line_period") < month).with_columns(
        period="line_period"
    )
    zero = pl.lit(0, EXACT)
    parts = [
        earned.with_columns(period=pl.lit(month), invoiced=zero),
        of_month.with_columns(period=pl.lit(month), earned=zero, invoiced="amount"),
        before.with_columns(earned="amount", invoiced=zero),
    ]
    return (
        pl.concat([part.select(*KEY, "earned", "invoiced") for part in parts])
        .group_by(KEY)
        .agg(pl.col("earned", "invoiced").sum())
        .with_columns(unbilled=pl.col("earned") - pl.col("invoiced"))
        .filter((pl.col("earned") != 0) | (pl.col("invoiced") != 0))
        .select(pl.col(name).cast(kind) for name, kind in ACCRUAL.items())
        .sort(KEY, nulls_last=True)
    )


def _by_day(details: pl.DataFrame, fees: pl.DataFrame, day: date, terms: Terms) -> pl.DataFrame:
    """Keep of each fee and add-on the share of its days that are past, and nothing in advance."""
    key = ["account_id", "plan", "kind", "charge", "rate_date"]
    end = pl.when(pl.col("proration") == "none").then(pl.lit(terms.month.next().first_day))
    spans = (
        terms.of(fees, "plan", "kind", "charge", "proration", "due")
        .with_columns(until=end.otherwise("end_date"), rate_date="price_date")
        .group_by(key)
        .agg(pl.col("until").max(), pl.col("due").first())
    )
    placed = details.join(spans, on=key, how="left", maintain_order="left").filter(
        (pl.col("due") != "advance").fill_null(value=True)
    )
    shares = [
        _share_of(amount, start, until, day)
        for amount, start, until in placed.select("amount", "rate_date", "until").iter_rows()
    ]
    return placed.with_columns(amount=pl.Series(shares, dtype=EXACT)).select(details.columns)


def _share_of(amount: Decimal | None, start: date, until: date | None, day: date) -> Decimal | None:
    """The share of the days of a fee that are past; an amount that is no fee is past as a whole."""
    if amount is None or until is None:
        return amount
    whole = (until - start).days
    past = (min(until, day + timedelta(days=1)) - start).days
    return share(amount, 0, past, whole) if past > 0 else Decimal(0)


def _so_far(agreement: Agreement, stretches: pl.DataFrame, day: date) -> Agreement:
    """Let minima accrue by the day, and say nothing of a commitment before the month is over."""
    month, after = Month.of(day), day + timedelta(days=1)
    if day == month.last_day:
        return agreement
    own = stretches.filter(
        pl.col("account_id") == agreement.account_id, pl.col("plan") == agreement.plan.plan
    )
    past = sum(
        max(0, (min(end, after) - start).days)
        for start, end in own.select("start_date", "end_date").iter_rows()
    )
    version = agreement.version

    def part(amount: Decimal) -> Decimal:
        return share(amount, 0, past, agreement.days) if past else Decimal(0)

    changed = {
        "minimum": version.minimum
        and version.minimum.model_copy(update={"amount": part(version.minimum.amount)}),
        "commitment": version.commitment
        and version.commitment.model_copy(update={"true_up": False}),
        "charge": tuple(
            one if one.minimum is None else one.model_copy(update={"minimum": part(one.minimum)})
            for one in version.charge
        ),
    }
    return replace(agreement, version=version.model_copy(update=changed))
