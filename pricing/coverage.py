"""Which charge takes which usage, and proof that no delivery is left out or taken twice.

Every delivery of an account has one status for each component of its plan that charges deliveries
or conversations: a charge takes it, its conversation is charged instead, nothing covers it, it has
no plan, it lacks what a `where` asks, or its waba was removed from the seller. What other meters
count is charged or left; nobody asks for all of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import reduce
from operator import and_, or_

import polars as pl

from metering.event import QUANTITY, USAGE_DIMENSIONS, USAGE_SPLITS
from metering.meter import DELIVERIES
from metering.unit import Conversations
from pricing.offer import Where
from pricing.part import Part
from pricing.plan import Plan, Version
from pricing.taking import DEFAULT_COMPONENT, accounts_for_deliveries, has_own_categories
from pricing.terms import UNITS, Terms

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
KEYS = (*USAGE_DIMENSIONS, "pricing_opinion")
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
        Schema `UNITS`, one row for each row of usage and part of a charge, and schema `LEFT` for
        the rest.
    """
    numbered = usage.filter(pl.col("quantity") != 0).with_row_index("row")
    is_of_day = (pl.col("start_date") <= pl.col("rate_date")) & (
        pl.col("rate_date") < pl.col("end_date")
    )
    placed = numbered.join(stretches, on="account_id").filter(is_of_day.fill_null(True))
    homeless = numbered.filter(IS_DELIVERY).join(placed, on="row", how="anti")
    left = [_as_left(_without_plan(homeless))]
    taken: list[pl.DataFrame] = [UNITS.to_frame()]
    decided: list[pl.DataFrame] = []
    for (plan, version_from), frame in placed.partition_by(
        "plan", "version_from", as_dict=True
    ).items():
        versions = {version.effective_from: version for version in plans[str(plan)].version}
        version = versions[version_from]
        parts = _parts(terms, str(plan), version.effective_from)
        for component in _components(parts):
            decided.append(_decide(frame, version, component, parts))
    if decided:
        found = _once_a_month(pl.concat(decided))
        taken.append(_as_units(found.filter(pl.col("charge_id").is_not_null())))
        left.append(_as_left(found.filter(pl.col("status").is_not_null())))
    return pl.concat(taken), pl.concat(left)


def unused_units(stretches: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """List, as units of quantity 0, the charges that cost something if nothing else is charged.

    Each counts once a month, as the first version that has it says; a trial, only if it lasts all
    month. Rating adds them to what was used. Result: schema `UNITS`.
    """
    due = terms.charges.filter(pl.col("charges_unused"), pl.col("kind") == "usage")
    idle = (
        stretches.join(due.drop("over"), on=["plan", "version_from"])
        .sort("account_id", "is_trial", "start_date")
        .unique(("account_id", "plan", "charge"), keep="first", maintain_order=True)
    )
    return _as_units(
        idle.with_columns(
            *(pl.lit(None, pl.String).alias(name) for name in (*USAGE_SPLITS, *USAGE_DIMENSIONS)),
            rate_date=pl.lit(None, pl.Date),
            quantity=pl.lit(0, QUANTITY),
        )
    )


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


Parts = Mapping[int, Part]  # by charge_id


def _parts(terms: Terms, plan: str, version_from: date) -> Parts:
    of_version = terms.charges.filter(
        pl.col("plan") == plan, pl.col("version_from") == version_from
    )
    return {n: terms.parts[n] for n in of_version["charge_id"] if n in terms.parts}


def _components(parts: Parts) -> list[str]:
    """Name the components of a version, and the default one if none answers for deliveries."""
    named = {part.offer.component for part in parts.values()}
    return sorted(named | (set() if _accounting(parts) else {DEFAULT_COMPONENT}))


def _accounting(parts: Parts) -> set[str]:
    """Name the components that answer for every delivery."""
    return {p.offer.component for p in parts.values() if accounts_for_deliveries(p.meter)}


def _decide(frame: pl.DataFrame, version: Version, component: str, parts: Parts) -> pl.DataFrame:
    """Add `component`, `charge_id` where a charge takes a row, else `status` and `reason`."""
    own = {n: part for n, part in parts.items() if part.offer.component == component}
    charges = [*own.values()]
    answers = component in (_accounting(parts) or {DEFAULT_COMPONENT})
    is_delivery = IS_DELIVERY & pl.lit(answers)
    is_counted = (pl.col("standing") == "counted") & (pl.col("quantity") > 0)
    number = pl.lit(None, pl.Int64)
    for charge_id, part in own.items():
        number = pl.when(_takes(part) & is_counted).then(charge_id).otherwise(number)
    is_free = version.when_uncovered(component) == "free"
    status = (
        pl.when(number.is_not_null())
        .then(None)
        .when(pl.col("standing") == "removed")
        .then(pl.when(is_delivery).then(pl.lit("removed")))
        .when(is_delivery & _any([*_in_conversation(charges)]))
        .then(pl.lit("in_conversation"))
        .when(_any([*_could_take(charges)]))
        .then(pl.lit("unknown"))
        .when(is_delivery | _is_kind_of_conversation(charges))
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


def _what_is_unknown(parts: Sequence[Part]) -> pl.Expr:
    named = [key for key in KEYS if any(key in part.offer.where.given() for part in parts)]
    missing = [pl.when(pl.col(key).is_null()).then(pl.lit(key)) for key in named]
    return (
        pl.when(pl.col("standing") == "unread")
        .then(pl.lit("a value that can be used"))
        .when(pl.col("quantity") < 0)
        .then(pl.lit("a quantity of zero or more"))
        .otherwise(pl.concat_str(missing or [pl.lit("")], separator=" and ", ignore_nulls=True))
    )


def _takes(part: Part) -> pl.Expr:
    return (pl.col("meter") == part.meter.meter) & matches(part.offer.where)


def _in_conversation(parts: Sequence[Part]) -> Iterator[pl.Expr]:
    """Yield which deliveries are part of a conversation that a charge takes instead."""
    for part in parts:
        if isinstance(part.meter.source, Conversations):
            kept = part.offer.where
            if has_own_categories(part.meter):  # which say nothing of the delivery's
                kept = kept.model_copy(update={"category": None})
            yield matches(kept)


def _is_kind_of_conversation(parts: Sequence[Part]) -> pl.Expr:
    """Say which conversations must be taken themselves, for their deliveries cannot tell."""
    names = {part.meter.meter for part in parts if has_own_categories(part.meter)}
    return pl.col("meter").is_in(sorted(names)) & (pl.col("standing") == "counted")


def _could_take(parts: Sequence[Part]) -> Iterator[pl.Expr]:
    for part in parts:
        # A delivery may also be unknown because its conversation is.
        name = part.meter.meter
        names = [name, DELIVERIES] if accounts_for_deliveries(part.meter) else [name]
        yield pl.col("meter").is_in(names) & may_match(part.offer.where)


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
        status=pl.when("is_trial").then(pl.lit("free")).otherwise(pl.lit("open")),
        reason=pl.when("is_trial").then(pl.lit("trial")),
        first_scope=pl.lit(None, pl.String),
        first_bound=pl.lit(None, QUANTITY),
    ).select(UNITS.names())


def _as_left(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(kind) for name, kind in LEFT.items())
