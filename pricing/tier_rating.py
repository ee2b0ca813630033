"""Rating by the tiers of a plan's own price: a join with the table of tiers.

Each scope has a position at which the units of this month begin: 0, or what a contract has used
before. Its units stand behind each other from there on, and a tier takes those between its bounds.
"""

import polars as pl

from metering.event import QUANTITY
from pricing.scope import CELL, FIRST, units_below, with_scope
from pricing.state import as_state
from pricing.terms import UNITS, Terms

TIER = "tier"  # kind of state: the units of a contract so far, by scope
MICRO = 10**QUANTITY.scale


def rate_by_tiers(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Cut each row of open units into what each tier takes, at the price of the tier.

    Returns:
        `UNITS` with `tier`, `priced_quantity`, `unit_price`, `evidence` and `note`; a tier that
        takes nothing has no row, so that the quantities of a row add up to what it was. A flat
        amount is a row of its own without a quantity.
    """
    placed = _with_positions(units, terms)
    is_shared = _is_shared() | pl.lit(terms.by_time or terms.by_sender)
    crossing = _crossing_scopes(placed.filter(is_shared), terms)
    together = placed.join(crossing, on="scope", how="anti", maintain_order="left")
    apart = placed.join(crossing, on="scope", how="semi", maintain_order="left")
    taken = [_take_in_one(together.filter(is_shared), terms), _take_by_time(apart, terms)]
    own = together.filter(~is_shared)
    is_plain = pl.col("charge_id").is_in(_plain_charges(terms).implode())
    taken.append(
        _take(pl.concat([own.filter(is_plain), _one_row_each(own.filter(~is_plain))]), terms)
    )
    return _priced(pl.concat(taken))


def closing_tiers(rated: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Add what a month used of the tiers of contracts to what was used before: schema `STATE`.

    Args:
        rated: Schema `RATED`.
    """
    of_contract = terms.of(rated, "over", "price_kind").filter(
        pl.col("over") == "contract", pl.col("status") == "billed"
    )
    used = (
        _with_scope(of_contract.select(UNITS.names()), terms)
        .group_by("scope")
        .agg(pl.col("account_id").min(), value=pl.col("quantity").sum())
    )
    before = terms.state(TIER).select("account_id", scope="key", value="value")
    both = pl.concat(
        [
            before,
            used.select("account_id", "scope", "value").cast({"value": before.schema["value"]}),
        ]
    )
    summed = both.group_by("scope").agg(pl.col("account_id").min(), pl.col("value").sum())
    return as_state(summed, TIER, key="scope", value="value")


def _with_scope(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    named = terms.of(
        units,
        *("plan", "version_from", "charge", "meter", "each", "over"),
        *("is_all_in_one", "charges_unused"),
    )
    is_long = pl.col("over") == "contract"
    # A contract goes on through the versions of a plan, a month of a version begins anew.
    head = (
        pl.when(is_long)
        .then(pl.format("tier|{}|{}|{}", "plan", "charge", "meter"))
        .otherwise(pl.format("tier|{}", "charge_id"))
    )
    # Only a portfolio shares tiers: of a sender or a waba, an account counts what it has of it.
    own = pl.when(_is_shared()).then(head).otherwise(pl.format("{}|{}", head, "account_id"))
    return with_scope(named, terms, head=own)


def _is_shared() -> pl.Expr:
    return pl.col("each").str.starts_with("portfolio")


def _with_positions(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    before = terms.state(TIER).select(scope="key", begin=pl.col("value").cast(QUANTITY))
    placed = (
        _with_scope(units, terms)
        .join(before, on="scope", how="left", maintain_order="left")
        .with_columns(
            begin=pl.col("begin").fill_null(0).cast(QUANTITY),
            total=pl.col("quantity").sum().over("scope"),
        )
    )
    earlier = placed.group_by("scope", "version_from").agg(in_version=pl.col("quantity").sum())
    earlier = earlier.sort("scope", "version_from").select(
        "scope",
        "version_from",
        earlier=pl.col("in_version").cum_sum().over("scope") - pl.col("in_version"),
    )
    # A contract that changes its version in the month goes on where the one before ended; what is
    # shared is placed by time instead.
    begin = pl.when(_is_shared()).then("begin").otherwise(pl.col("begin") + pl.col("earlier"))
    return (
        placed.join(earlier, on=["scope", "version_from"], how="left", maintain_order="left")
        .with_columns(begin=begin.cast(QUANTITY))
        .drop("earlier")
    )


def _crossing_scopes(shared: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Name the scopes that accounts may share and whose units lie in more than one tier."""
    sizes = shared.group_by("scope").agg(
        pl.col("charge_id").unique(),
        pl.col("begin").first(),
        pl.col("total").first(),
        pl.col("is_all_in_one").first(),
    )
    bounds = terms.tiers.drop_nulls("up_to").select("charge_id", "up_to")
    is_inside = (pl.col("begin") < pl.col("up_to")) & (
        pl.col("up_to") < pl.col("begin") + pl.col("total")
    )
    return (
        sizes.filter(~pl.col("is_all_in_one"))
        .explode("charge_id")
        .join(bounds, on="charge_id")
        .filter(is_inside)
        .select("scope")
        .unique()
    )


def _plain_charges(terms: Terms) -> pl.Series:
    """Name the charges whose units cost the same however many there are: no row needs another."""
    is_plain = (
        pl.col("up_to").is_null()
        & (pl.col("over_quantity") == 0)
        & (pl.col("flat_amount") == 0)
        & pl.col("package_size").is_null()
    )
    return terms.tiers.filter(is_plain)["charge_id"]


def _one_row_each(units: pl.DataFrame) -> pl.DataFrame:
    """Add up each scope: its price does not depend on where its units were sent."""
    names = [name for name in units.columns if name != "quantity"]
    same = [name for name in ("charge_id", "account_id", "scope") if name in names]
    rest = [name for name in names if name not in same]
    one = units.group_by(same, maintain_order=True).agg(
        pl.col("quantity").sum(), *(pl.col(name).min() for name in rest)
    )
    return one.select(units.columns)


def _take(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Cut rows that each are all of their scope."""
    end = pl.col("begin") + pl.col("quantity")
    start = pl.max_horizontal("begin", "over_quantity")
    reached = pl.min_horizontal(end, "up_to")  # skips the null of the open tier
    is_reached = (end > pl.col("over_quantity")) & (
        pl.col("up_to").is_null() | (end <= pl.col("up_to"))
    )
    whole = pl.when(is_reached).then(pl.col("quantity")).otherwise(0)
    taken = pl.when("is_all_in_one").then(whole).otherwise(reached - start)
    # Nothing of the month is left to charge, whether nothing was used or all of it is free.
    charged = pl.col("quantity").sum().over("account_id", "plan", "charge")
    is_idle = (charged == 0) & pl.col("charges_unused")
    return (
        units.with_columns(is_idle=is_idle)
        .join(terms.tiers, on="charge_id")
        .with_columns(
            taken=taken.cast(QUANTITY),
            is_unused=pl.col("is_idle") & (pl.col("over_quantity") == 0),
        )
        .filter((pl.col("taken") > 0) | pl.col("is_unused"))
        .with_columns(quantity="taken", is_begun=pl.col("begin") > pl.col("over_quantity"))
        .drop("taken", "is_idle")
    )


def _take_in_one(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Give rows of a scope that lies in one tier, or is priced by one, to that tier."""
    end = pl.col("begin") + pl.col("total")
    is_reached = (end > pl.col("over_quantity")) & (
        pl.col("up_to").is_null() | (end <= pl.col("up_to"))
    )
    return (
        units.filter(pl.col("quantity") > 0)
        .join(terms.tiers, on="charge_id")
        .filter(is_reached)
        .with_columns(is_unused=pl.lit(False), is_begun=pl.col("begin") > pl.col("over_quantity"))
    )


def _take_by_time(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Cut rows of a scope that accounts share at its tiers, in order of time."""
    tiered = units.join(terms.tiers, on="charge_id").filter(
        (pl.col("up_to").is_null() | (pl.col("up_to") > pl.col("begin"))),
        pl.col("over_quantity") < pl.col("begin") + pl.col("total"),
    )
    lower = pl.max_horizontal(pl.col("over_quantity") - pl.col("begin"), pl.lit(0, QUANTITY))
    tiered = tiered.with_columns(
        lower=lower.cast(QUANTITY), upper=(pl.col("up_to") - pl.col("begin")).cast(QUANTITY)
    )
    parts = [
        _between(frame, str(meter), terms)
        for (meter,), frame in tiered.partition_by("meter", as_dict=True).items()
    ]
    empty = tiered.clear().drop("lower", "upper")
    return pl.concat([empty, *parts]).with_columns(
        is_unused=pl.lit(False), is_begun=pl.col("begin") > pl.col("over_quantity")
    )


def _between(tiered: pl.DataFrame, meter: str, terms: Terms) -> pl.DataFrame:
    cells = tiered.select("scope", *CELL, *FIRST, "quantity").unique()
    bounds = tiered.select("scope", bound="upper").drop_nulls().unique()
    below = units_below(meter, cells, bounds, terms)
    return take_between(tiered, below).drop("lower", "upper")


def take_between(tiered: pl.DataFrame, below: pl.DataFrame) -> pl.DataFrame:
    """Keep of each row what lies between its bounds `lower` and `upper`, by `units_below`."""
    on = ["scope", *CELL]
    until = below.rename({"bound": "upper", "quantity": "until"})
    since = below.rename({"bound": "lower", "quantity": "since"})
    taken = pl.col("until").fill_null(pl.col("quantity")) - pl.col("since").fill_null(0)
    return (
        tiered.join(until, on=[*on, "upper"], how="left", nulls_equal=True)
        .join(since, on=[*on, "lower"], how="left", nulls_equal=True)
        .with_columns(quantity=taken.cast(QUANTITY))
        .filter(pl.col("quantity") > 0)
        .drop("until", "since")
    )


def _priced(taken: pl.DataFrame) -> pl.DataFrame:
    """Price what tiers took: units or packages, and flat amounts."""
    told = taken.with_columns(
        status=pl.lit("billed"), evidence=pl.lit(None, pl.String), note="tier_text"
    )
    units = told.filter(pl.col("quantity") > 0).with_columns(
        priced_quantity=pl.when(pl.col("package_size").is_null())
        .then("quantity")
        .otherwise(_packages())
    )
    # A contract that was in the tier before has paid its flat amount.
    is_due = (pl.col("flat_amount") > 0) & ~pl.col("is_begun")
    flats = told.filter(is_due).with_columns(
        quantity=pl.lit(0, QUANTITY),
        priced_quantity=pl.lit(1, QUANTITY),
        unit_price="flat_amount",
        note=pl.concat_str([pl.lit("flat amount"), "tier_text"], separator=", ", ignore_nulls=True),
    )
    names = [*UNITS.names(), "tier", "priced_quantity", "unit_price", "evidence", "note"]
    return pl.concat([units.select(names), flats.select(names)])


def _packages() -> pl.Expr:
    """Count the packages that a quantity makes: started ones, or full ones, exactly.

    A contract fills up the package that it began before.
    """
    size = _micro(pl.col("package_size"))
    started = pl.when(pl.col("partial") == "up").then(size - 1).otherwise(0)
    before = _micro(pl.max_horizontal(pl.col("begin") - pl.col("over_quantity"), pl.lit(0)))
    end = before + _micro(pl.col("quantity"))
    packages: pl.Expr = (end + started) // size - (before + started) // size
    return packages.cast(QUANTITY)


def _micro(quantity: pl.Expr) -> pl.Expr:
    micro: pl.Expr = (quantity.cast(QUANTITY) * MICRO).cast(pl.Int128)
    return micro
