"""Allowances: what is included before a charge.

A charge may name its own allowance or share one with others. Carried over is what earlier months
left: of each month by itself, so that it can expire, the oldest first.
"""

import polars as pl

from metering.event import QUANTITY
from metering.period import Month
from pricing.coverage import matches
from pricing.scope import CELL, FIRST, units_below, with_scope
from pricing.state import as_state, no_state
from pricing.terms import UNITS, Terms

NOT_COUNTED = ["free_for", "trial"]
CARRIED = "allowance"  # kind of state: unused units, by scope and the month that they are from


def deduct_allowances(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Split off the units that an allowance covers in order of time, as free.

    What an allowance counts is what the `where` of its charge takes and its own. What the network
    makes free counts and keeps that reason; what a condition waives uses up nothing.
    """
    scoped = with_allowance(units, terms)
    is_taken = pl.col("is_counted") & (pl.col("order") == "time")
    counted = scoped.filter(is_taken)
    if counted.is_empty():
        return units
    parts = []
    for (meter,), cells in counted.partition_by("meter", as_dict=True).items():
        asked = cells.select("scope", *CELL, *FIRST, "quantity")
        bounds = cells.select("scope", bound="available").unique()
        parts.append(units_below(str(meter), asked, bounds, terms))
    covered = counted.join(
        pl.concat(parts).rename({"quantity": "below"}).drop("bound"),
        on=["scope", *CELL],
        how="left",
        nulls_equal=True,
    )
    is_cut = pl.col("quantity").sum().over("scope") > pl.col("available")
    placed = covered.with_columns(
        first_scope=pl.when(is_cut).then("scope"),
        first_bound=pl.when(is_cut).then("available"),
    )
    is_open = pl.col("status") == "open"
    return pl.concat(
        [
            scoped.filter(~is_taken).select(UNITS.names()),
            placed.filter(~is_open).select(UNITS.names()),
            *_split(placed.filter(is_open), terms),
        ]
    )


def with_allowance(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Add what the allowance of each row is: its columns, `scope`, `available` and `is_counted`."""
    with_terms = terms.of(units, "allowance_id", "meter").join(
        terms.allowances, on="allowance_id", how="left", maintain_order="left"
    )
    scoped = with_scope(
        with_terms,
        terms,
        head=pl.format("allowance|{}", "allowance_id"),
        each="allowance_each",
        over="allowance_over",
    )
    may_count = (
        ((pl.col("status") == "open") | _is_free_elsewhere())
        & _is_allowed(terms)
        & (pl.col("quantity") > 0)
    )
    told = scoped.with_columns(may_count=may_count.fill_null(False))
    return _with_available(told, terms).with_columns(
        is_counted=(pl.col("may_count") & (pl.col("available") > 0)).fill_null(False)
    )


def _is_free_elsewhere() -> pl.Expr:
    """Say what the network does not charge, which an allowance counts all the same."""
    return (pl.col("status") == "free") & ~pl.col("reason").is_in(NOT_COUNTED)


def _is_allowed(terms: Terms) -> pl.Expr:
    is_allowed = pl.lit(True)
    for number, where in terms.allowed.items():
        if where.given():
            is_of_charge = pl.col("charge_id") == number
            is_allowed = pl.when(is_of_charge).then(matches(where)).otherwise(is_allowed)
    return is_allowed


def _with_available(scoped: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    contract = ["charge_id", "account_id", "contract_from"]
    given = _free_units(scoped, terms)
    carried = _carried_into(scoped, terms)
    # Where nothing else is included, units of a contract whose free units are over take none.
    has_more = pl.col("included") > 0
    own = pl.when(has_more).then(pl.col("given").max().over("scope")).otherwise("given")
    return (
        scoped.join(given, on=contract, how="left", nulls_equal=True, maintain_order="left")
        .join(carried, on="scope", how="left", maintain_order="left")
        .with_columns(
            available=(pl.col("included") + own.fill_null(0) + pl.col("carried").fill_null(0)).cast(
                QUANTITY
            )
        )
        .drop("given", "carried")
    )


def _carried_into(scoped: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """What was carried over and the versions of the month before have not used: scope, carried.

    What was promised for later months is used also where a version carries nothing on itself.
    """
    stock = _carried(terms).group_by("account_id", "scope_key").agg(pl.col("carried").sum())
    counted = pl.when("may_count").then(pl.col("quantity")).otherwise(0)
    is_covered = pl.col("allowance_id").is_not_null() & (not stock.is_empty())
    by_version = (
        terms.of(scoped.filter(is_covered), "version_from")
        .group_by("account_id", "scope", "version_from", scope_key=state_key())
        .agg(counted=counted.sum())
        .sort("account_id", "scope_key", "version_from")
        .with_columns(
            before=pl.col("counted").cum_sum().over("account_id", "scope_key") - pl.col("counted")
        )
    )
    left = (pl.col("carried") - pl.col("before")).clip(0).cast(QUANTITY)
    return by_version.join(stock, on=["account_id", "scope_key"]).select("scope", carried=left)


def closing_allowances(rated: pl.DataFrame, stretches: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Say what is left of allowances that carry over, by the month that it is from: `STATE`.

    Taken first is what is oldest. Args: schemas `RATED` and `STRETCHES`.
    """
    carrying = (
        terms.charges.select("allowance_id", "plan", "version_from")
        .join(terms.allowances.filter(pl.col("carry_over_months") > 0), on="allowance_id")
        .unique()
    )
    if carrying.is_empty():
        return no_state()
    name = ["account_id", "allowance_plan", "allowance"]
    used = _used(rated, terms).group_by(name).agg(pl.col("used").sum())
    granted = (
        stretches.join(carrying, on=["plan", "version_from"])
        .sort("start_date")
        .unique(name, keep="last", maintain_order=True)
        .with_columns(key=pl.format("{}|{}|{}", *name[1:], "account_id"))
    )
    own = granted.select(*name, "key", from_month=pl.lit(str(terms.month)), value="included")
    months = granted.select("key", *name, "carry_over_months")
    earlier = (
        _carried(terms)
        .rename({"scope_key": "key", "carried": "value"})
        .join(months, on=["account_id", "key"])
    )
    both = pl.concat([own, earlier.select(own.columns)]).join(used, on=name, how="left")
    up_to = pl.col("value").cum_sum().over("key")
    left = (up_to - pl.col("used").fill_null(0)).clip(0, pl.col("value"))
    kept = both.sort("key", "from_month").with_columns(value=left)
    index = pl.col("from_month").str.split("-").list
    age = pl.lit(terms.month.index) - (
        index.get(0).cast(pl.Int32) * 12 + index.get(1).cast(pl.Int32) - 1
    )
    unexpired = kept.join(months.select("key", "carry_over_months"), on="key").filter(
        age < pl.col("carry_over_months")
    )
    named = unexpired.with_columns(key=pl.format("{}|{}", "key", "from_month"))
    return as_state(named, CARRIED, key="key", value="value")


def _used(rated: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """How much of each allowance was used, whatever the network made free."""
    is_unknown = pl.col("status") == "unknown"
    was_open = (
        (pl.col("status") == "billed") | is_unknown | (pl.col("reason") == "allowance")
    ).fill_null(False)
    status = pl.when(was_open).then(pl.lit("open")).otherwise("status")
    units = rated.with_row_index("row").with_columns(status=status)
    told = with_allowance(units.select("row", *UNITS.names()), terms).join(
        rated.with_row_index("row").select("row", is_unknown=is_unknown), on="row"
    )
    # What has no price has no place in an order of prices.
    is_used = pl.col("is_counted") & ((pl.col("order") == "time") | ~pl.col("is_unknown"))
    # Only what counts for the whole account uses up what the account keeps.
    is_own = state_key() == pl.format("{}|{}|{}", "allowance_plan", "allowance", "account_id")
    return (
        told.filter(is_used, is_own)
        .group_by("account_id", "allowance_plan", "allowance", "scope")
        .agg(pl.col("quantity").sum(), pl.col("available").first())
        .with_columns(used=pl.min_horizontal("quantity", "available"))
    )


def _free_units(scoped: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Add up the units that discounts give an account while the months of its contract last."""
    index = contract_month(terms.month)
    contract = ["charge_id", "account_id", "contract_from"]
    return (
        scoped.select(contract)
        .unique()
        .join(terms.free_units, on="charge_id")
        .filter(pl.col("months").is_null() | (index < pl.col("months")))
        .group_by(contract)
        .agg(given=pl.col("free_units").sum())
    )


def contract_month(month: Month) -> pl.Expr:
    """Say how many months of the contract were before `month`: 0 in the month that it begins."""
    since = pl.col("contract_from")
    return pl.lit(month.index) - (since.dt.year() * 12 + since.dt.month().cast(pl.Int32) - 1)


def state_key() -> pl.Expr:
    """The name under which unused units are carried: it does not change with the version."""
    rest = pl.col("scope").str.replace(r"^allowance\|\d+\|", "")
    return pl.concat_str(["allowance_plan", "allowance", rest], separator="|")


def _carried(terms: Terms) -> pl.DataFrame:
    """What is left of earlier months: account_id, scope_key, from_month, carried."""
    return terms.state(CARRIED).select(
        "account_id",
        scope_key=pl.col("key").str.replace(r"\|\d{4}-\d{2}$", ""),
        from_month=pl.col("key").str.extract(r"(\d{4}-\d{2})$"),
        carried=pl.col("value").cast(QUANTITY),
    )


def _split(covered: pl.DataFrame, terms: Terms) -> list[pl.DataFrame]:
    is_add_on = pl.col("kind") == "add_on"
    reason = pl.when(is_add_on).then(pl.lit("included")).otherwise(pl.lit("allowance"))
    told = terms.of(covered, "kind")
    first = told.with_columns(quantity=pl.col("below"), status=pl.lit("free"), reason=reason)
    rest = told.with_columns(quantity=pl.col("quantity") - pl.col("below"))
    return [part.filter(pl.col("quantity") > 0).select(UNITS.names()) for part in (first, rest)]
