"""Which charge takes which usage, and proof that no delivery is left out or taken twice.

Every delivery of an account has one status for each component of its plan that charges deliveries
or conversations: a charge takes it, its conversation is charged instead, nothing covers it, it has
no plan, it lacks what a `where` asks, or its waba was removed from the seller. What other meters
count is charged or left; nobody asks for all of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import and_, or_

import polars as pl

from metering.event import QUANTITY, USAGE_DIMENSIONS
from metering.meter import DELIVERIES, Meter
from metering.unit import Conversations
from pricing.plan import Charge, Plan, Version, Where
from pricing.taking import DEFAULT_COMPONENT, accounts_for_deliveries, has_own_categories
from pricing.terms import UNITS, Terms, charge_ids

# What no charge takes. `component` is null where there is no plan.
LEFT = pl.Schema(
    {
        "account_id": pl.String(),
        "plan": pl.String(),
        "version_from": pl.Date(),
        "component": pl.String(),
        "meter": pl.String(),
        "status": pl.String(),  # free, in_conversation, uncovered, unknown, removed, no_plan
        "reason": pl.String(),
        "quantity": QUANTITY,
    }
)
IS_DELIVERY = pl.col("meter") == DELIVERIES
SHOWN = ("category", "pricing_type")  # what tells a person which deliveries nothing covers


def matches(where: Where) -> pl.Expr:
    """Say of each row of usage whether `where` takes it; a value that is unknown never matches."""
    return _all(where, unknown=False)


def may_match(where: Where) -> pl.Expr:
    """Say of each row of usage whether `where` would take it if what is unknown were known."""
    return _all(where, unknown=True)


def take_usage(
    usage: pl.DataFrame, stretches: pl.DataFrame, plans: Mapping[str, Plan], terms: Terms
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give each row of usage to the charges that take it.

    A row lies within one stretch by its `rate_date`. A figure of the whole month, which has none,
    is charged once, by the first version of the month that takes it.

    Args:
        usage: Schema `USAGE`, with an account.
        stretches: Schema `STRETCHES`.
        plans: The plans of `stretches` by name.
        terms: Whose charges are those of `plans`.

    Returns:
        Schema `UNITS`, one row for each row of usage and charge, and schema `LEFT` for the rest.
    """
    numbered = usage.filter(pl.col("quantity") != 0).with_row_index("row")
    is_of_day = (pl.col("start_date") <= pl.col("rate_date")) & (
        pl.col("rate_date") < pl.col("end_date")
    )
    placed = numbered.join(stretches, on="account_id").filter(is_of_day.fill_null(True))
    homeless = numbered.filter(IS_DELIVERY).join(placed, on="row", how="anti")
    parts = [_as_left(_without_plan(homeless))]
    taken: list[pl.DataFrame] = [UNITS.to_frame()]
    ids = charge_ids(terms.charges)
    decided: list[pl.DataFrame] = []
    for (plan, version_from), frame in placed.partition_by(
        "plan", "version_from", as_dict=True
    ).items():
        versions = {version.effective_from: version for version in plans[str(plan)].version}
        version = versions[version_from]
        for component in _components(version, terms.meters):
            known = {c.name: ids[str(plan), version_from, c.name] for c in version.charge}
            decided.append(_decide(frame, version, component, known, terms.meters))
    if decided:
        found = _once_a_month(pl.concat(decided))
        taken.append(_as_units(found.filter(pl.col("charge_id").is_not_null())))
        parts.append(_as_left(found.filter(pl.col("status").is_not_null())))
    return pl.concat(taken), pl.concat(parts)


def count_deliveries(details: pl.DataFrame, left: pl.DataFrame) -> pl.DataFrame:
    """Count the deliveries of each account by plan version, component, status and reason.

    Args:
        details: Schema `DETAIL`.
        left: Schema `LEFT`.

    Returns:
        Schema `LEFT` without rows of other meters, summed, in a stable order.
    """
    charged = details.with_columns(
        reason=pl.when(pl.col("status") == "billed").then(None).otherwise(pl.col("reason"))
    ).select(LEFT.names())
    key = [name for name in LEFT.names() if name != "quantity"]
    return (
        pl.concat([charged, left])
        .filter(IS_DELIVERY)
        .group_by(key)
        .agg(pl.col("quantity").sum())
        .sort(key)
    )


def uneven_accounts(counts: pl.DataFrame, usage: pl.DataFrame) -> list[str]:
    """Name the accounts whose counts do not add up to all of their deliveries.

    Each component of a plan version must count every delivery of the days on that version, once.
    """
    by_component = counts.group_by("account_id", "plan", "version_from", "component").agg(
        pl.col("quantity").sum()
    )
    by_version = by_component.group_by("account_id", "plan", "version_from").agg(
        low=pl.col("quantity").min(), high=pl.col("quantity").max()
    )
    counted = by_version.group_by("account_id").agg(pl.col("low").sum(), pl.col("high").sum())
    measured = usage.filter(IS_DELIVERY).group_by("account_id").agg(pl.col("quantity").sum())
    uneven = measured.join(counted, on="account_id", how="full", coalesce=True).filter(
        (pl.col("quantity").fill_null(0) != pl.col("low").fill_null(0))
        | (pl.col("quantity").fill_null(0) != pl.col("high").fill_null(0))
    )
    return uneven["account_id"].sort().to_list()


def _all(where: Where, *, unknown: bool) -> pl.Expr:
    conditions = [
        pl.col(key).is_in(list(values)).fill_null(unknown) for key, values in where.given().items()
    ]
    return reduce(and_, conditions, pl.lit(True))


def _any(conditions: Sequence[pl.Expr]) -> pl.Expr:
    return reduce(or_, conditions, pl.lit(False))


def _components(version: Version, meters: Mapping[str, Meter]) -> list[str]:
    """Name the components of a version, and the default one if none answers for deliveries."""
    named = set(version.components())
    return sorted(named | (set() if _accounting(version, meters) else {DEFAULT_COMPONENT}))


def _accounting(version: Version, meters: Mapping[str, Meter]) -> set[str]:
    """Name the components that answer for every delivery."""
    return {c.component for c in version.charge if accounts_for_deliveries(meters[c.meter])}


def _decide(
    frame: pl.DataFrame,
    version: Version,
    component: str,
    ids: Mapping[str, int],
    meters: Mapping[str, Meter],
) -> pl.DataFrame:
    """Add `component`, `charge_id` where a charge takes a row, else `status` and `reason`."""
    charges = [charge for charge in version.charge if charge.component == component]
    answers = component in (_accounting(version, meters) or {DEFAULT_COMPONENT})
    is_delivery = IS_DELIVERY & pl.lit(answers)
    is_counted = (pl.col("standing") == "counted") & (pl.col("quantity") > 0)
    number = pl.lit(None, pl.Int64)
    for charge in charges:
        number = pl.when(_takes(charge) & is_counted).then(ids[charge.name]).otherwise(number)
    is_free = version.when_uncovered(component) == "free"
    status = (
        pl.when(number.is_not_null())
        .then(None)
        .when(pl.col("standing") == "removed")
        .then(pl.when(is_delivery).then(pl.lit("removed")))
        .when(is_delivery & _any([*_in_conversation(charges, meters)]))
        .then(pl.lit("in_conversation"))
        .when(_any([*_could_take(charges, meters)]))
        .then(pl.lit("unknown"))
        .when(is_delivery | _is_kind_of_conversation(charges, meters))
        .then(pl.lit("free" if is_free else "uncovered"))
    )
    return frame.with_columns(
        charge_id=number,
        component=pl.lit(component),
        status=status,
        reason=pl.when(status == "free")
        .then(pl.lit("uncovered"))
        .when(status == "uncovered")
        .then(pl.format("{}, {}", *(pl.col(key).fill_null("?") for key in SHOWN)))
        .when(status == "unknown")
        .then(_what_is_unknown(charges)),
    )


def _what_is_unknown(charges: Sequence[Charge]) -> pl.Expr:
    named = [key for key in USAGE_DIMENSIONS if any(key in c.where.given() for c in charges)]
    missing = [pl.when(pl.col(key).is_null()).then(pl.lit(key)) for key in named]
    return (
        pl.when(pl.col("standing") == "unread")
        .then(pl.lit("a value that can be used"))
        .when(pl.col("quantity") < 0)
        .then(pl.lit("a quantity of zero or more"))
        .otherwise(pl.concat_str(missing or [pl.lit("")], separator=" and ", ignore_nulls=True))
    )


def _takes(charge: Charge) -> pl.Expr:
    return (pl.col("meter") == charge.meter) & matches(charge.where)


def _in_conversation(charges: Sequence[Charge], meters: Mapping[str, Meter]) -> Iterator[pl.Expr]:
    """Yield which deliveries are part of a conversation that a charge takes instead."""
    for charge in charges:
        meter = meters[charge.meter]
        if isinstance(meter.source, Conversations):
            kept = charge.where
            if has_own_categories(meter):  # which say nothing of the delivery's
                kept = kept.model_copy(update={"category": None})
            yield matches(kept)


def _is_kind_of_conversation(charges: Sequence[Charge], meters: Mapping[str, Meter]) -> pl.Expr:
    """Say which conversations must be taken themselves, for their deliveries cannot tell."""
    names = {c.meter for c in charges if has_own_categories(meters[c.meter])}
    return pl.col("meter").is_in(sorted(names)) & (pl.col("standing") == "counted")


def _could_take(charges: Sequence[Charge], meters: Mapping[str, Meter]) -> Iterator[pl.Expr]:
    for charge in charges:
        # A delivery may also be unknown because its conversation is.
        accounting = accounts_for_deliveries(meters[charge.meter])
        names = [charge.meter, DELIVERIES] if accounting else [charge.meter]
        yield pl.col("meter").is_in(names) & may_match(charge.where)


def _once_a_month(decided: pl.DataFrame) -> pl.DataFrame:
    """Keep of each figure of a whole month, for each component, the first version that takes it."""
    is_whole = pl.col("rate_date").is_null()
    chosen = (
        decided.filter(is_whole, pl.col("charge_id").is_not_null() | pl.col("status").is_not_null())
        .sort(pl.col("charge_id").is_null(), "start_date", maintain_order=True)
        .unique(("row", "component"), keep="first", maintain_order=True)
    )
    return pl.concat([decided.filter(~is_whole), chosen])


def _without_plan(homeless: pl.DataFrame) -> pl.DataFrame:
    removed = pl.col("standing") == "removed"
    return homeless.with_columns(
        plan=None,
        version_from=None,
        component=None,
        status=pl.when(removed).then(pl.lit("removed")).otherwise(pl.lit("no_plan")),
        reason=None,
    )


def _as_units(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        rate_date=pl.col("rate_date").fill_null(pl.col("start_date")),
        price_date=pl.col("start_date"),
        end_date=pl.lit(None, pl.Date),
        status=pl.lit("open"),
        reason=pl.lit(None, pl.String),
    ).select(UNITS.names())


def _as_left(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(kind) for name, kind in LEFT.items())
