"""Which charge takes which usage, and proof that no delivery is left out or taken twice.

Every delivery of an account has one status for each component of its plan: a charge takes it, its
conversation is charged instead, nothing covers it, it has no plan, or it lacks what a `where` asks.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import and_, or_

import polars as pl

from metering.event import QUANTITY, USAGE_DIMENSIONS
from pricing.plan import Charge, Plan, Version, Where
from pricing.terms import UNITS, Terms, charge_ids

# What no charge takes. `component` is null where there is no plan.
LEFT = pl.Schema(
    {
        "account_id": pl.String(),
        "plan": pl.String(),
        "version_from": pl.Date(),
        "component": pl.String(),
        "meter": pl.String(),
        "status": pl.String(),  # free, in_conversation, uncovered, unknown, no_plan
        "reason": pl.String(),
        "quantity": QUANTITY,
    }
)
DEFAULT_COMPONENT = "network"
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

    Args:
        usage: Schema `USAGE`, with an account; a row lies within one stretch by its `rate_date`.
        stretches: Schema `STRETCHES`.
        plans: The plans of `stretches` by name.
        terms: Whose charges are those of `plans`.

    Returns:
        Schema `UNITS`, one row for each row of usage and charge, and schema `LEFT` for the rest.
    """
    numbered = usage.filter(pl.col("quantity") > 0).with_row_index("row")
    placed = numbered.join(stretches, on="account_id").filter(
        pl.col("start_date") <= pl.col("rate_date"), pl.col("rate_date") < pl.col("end_date")
    )
    homeless = numbered.join(placed, on="row", how="anti").with_columns(
        plan=None, version_from=None, component=None, status=pl.lit("no_plan"), reason=None
    )
    parts = [_as_left(homeless)]
    taken: list[pl.DataFrame] = [UNITS.to_frame()]
    ids = charge_ids(terms.charges)
    for (plan, version_from), frame in placed.partition_by(
        "plan", "version_from", as_dict=True
    ).items():
        versions = {version.effective_from: version for version in plans[str(plan)].version}
        version = versions[version_from]
        for component in version.components() or [DEFAULT_COMPONENT]:
            known = {c.name: ids[str(plan), version_from, c.name] for c in version.charge}
            decided = _decide(frame, version, component, known)
            taken.append(_as_units(decided.filter(pl.col("charge_id").is_not_null())))
            parts.append(_as_left(decided.filter(pl.col("status").is_not_null())))
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
        .filter(pl.col("meter") == "deliveries")
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
    measured = (
        usage.filter(pl.col("meter") == "deliveries")
        .group_by("account_id")
        .agg(pl.col("quantity").sum())
    )
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


def _decide(
    frame: pl.DataFrame, version: Version, component: str, ids: Mapping[str, int]
) -> pl.DataFrame:
    """Add `component`, `charge_id` where a charge takes a row, else `status` and `reason`."""
    charges = [charge for charge in version.charge if charge.component == component]
    is_delivery = pl.col("meter") == "deliveries"
    number = pl.lit(None, pl.Int64)
    for charge in charges:
        number = pl.when(_takes(charge)).then(ids[charge.name]).otherwise(number)
    of_conversations = [c.where for c in charges if c.meter == "conversations"]
    is_free = version.when_uncovered(component) == "free"
    status = (
        pl.when(number.is_not_null())
        .then(None)
        .when(is_delivery & _any([matches(where) for where in of_conversations]))
        .then(pl.lit("in_conversation"))
        .when(_any([*_could_take(charges)]))
        .then(pl.lit("unknown"))
        .when(is_delivery)
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
    return pl.concat_str(missing or [pl.lit("")], separator=" and ", ignore_nulls=True)


def _takes(charge: Charge) -> pl.Expr:
    return (pl.col("meter") == charge.meter) & matches(charge.where)


def _could_take(charges: Sequence[Charge]) -> Iterator[pl.Expr]:
    for charge in charges:
        # A delivery may also be unknown because its conversation is.
        its_meter = pl.col("meter").is_in([charge.meter, "deliveries"])
        yield its_meter & may_match(charge.where)


def _as_units(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        price_date=pl.col("start_date"),
        end_date=pl.lit(None, pl.Date),
        status=pl.lit("open"),
        reason=pl.lit(None, pl.String),
    ).select(UNITS.names())


def _as_left(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(kind) for name, kind in LEFT.items())
