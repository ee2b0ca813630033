"""Costs: what the network charges the seller for the month of each account, and the margin.

The network's own plan, named in `[cost]` of the settings, is rated by the same engine as a price:
all accounts are on it, in the currency of the settings. The month is that of the senders' clocks.
What a line of an invoice cost is what the network charges for the usage that its charge takes.
"""

from dataclasses import dataclass, replace

import polars as pl

from metering.account import FIRST_DAY
from metering.errors import UsageError
from metering.event import QUANTITY
from metering.period import Month
from metering.settings import Cost
from metering.store import Store
from pricing.asking import Ask, asks_of
from pricing.billing import make_terms
from pricing.catalog import Catalog
from pricing.charge import CHARGE_STEPS
from pricing.coverage import take_usage
from pricing.money import EXACT, exact_amount
from pricing.rating import add_up_cells
from pricing.run import below_of, read_usage
from pricing.scope import CELL
from pricing.subscription import Subscription, stretches_in
from pricing.taking import DEFAULT_COMPONENT
from pricing.terms import Terms

# What the network charges for the usage of an account that one line of its invoice takes, by market
# and category; a null charge is of no line. `unpriced` is how many units have no known cost; they
# are not in the amount.
COST = pl.Schema(
    {
        "account_id": pl.String(),
        "plan": pl.String(),  # of the account
        "charge": pl.String(),
        "network_charge": pl.String(),
        "market": pl.String(),
        "category": pl.String(),
        "quantity": QUANTITY,
        "amount": EXACT,
        "unpriced": QUANTITY,
        "why": pl.String(),  # the cost is unknown; null where it is known
    }
)


@dataclass(frozen=True)
class Costs:
    """The costs of a month: schema `COST`, in one currency."""

    month: Month
    currency: str
    rows: pl.DataFrame


def rate_costs(store: Store, catalog: Catalog, month: Month) -> Costs:
    """Rate what the network charges for a month.

    Raises:
        UsageError: the settings name no cost plan, or one that is not there.
    """
    cost = _cost_of(catalog)
    on_cost = _as_cost(catalog, cost)
    asks = _both(asks_of(on_cost, month), asks_of(catalog, month))
    usage = read_usage(store, catalog, month, asks=asks, clock="sender").filter(
        pl.col("account_id").is_not_null()
    )
    below = below_of(store, catalog, month, asks=asks, clock="sender")
    terms = make_terms(on_cost, month, below)
    rated, left = _rated(on_cost, month, usage, terms)
    taken = _taken(catalog, month, usage)
    named = terms.of(rated, "charge", "meter").rename({"charge": "network_charge"})
    attributed = named.join(taken, on=["meter", *CELL], how="left", nulls_equal=True)
    is_unknown = pl.col("unit_price").is_null()
    attributed = attributed.with_columns(why=pl.when(is_unknown).then("reason"))
    key = ["account_id", "plan", "charge", "network_charge", "market", "category", "why"]
    amount = exact_amount(pl.col("priced_quantity"), pl.col("unit_price"))
    rows = attributed.group_by(key).agg(
        pl.col("quantity").sum(),
        amount=amount.sum(),
        unpriced=pl.col("quantity").filter(is_unknown).sum(),
    )
    both = pl.concat(
        [rows.select(pl.col(n).cast(kind) for n, kind in COST.items()), _unknown(left)]
    )
    return Costs(month, cost.currency, both.sort(key, nulls_last=True))


def _cost_of(catalog: Catalog) -> Cost:
    cost = catalog.settings.cost
    if cost is None:
        raise UsageError(
            "the settings do not say what the network charges",
            where="tollbook.toml cost",
            hint='write [cost] with the currency of the network\'s bill, like currency = "USD"',
        )
    return cost


def _as_cost(catalog: Catalog, cost: Cost) -> Catalog:
    """The catalog as the network sees it: all accounts on its plan, and nothing else."""
    plan = catalog.plans[cost.plan].model_copy(update={"currency": cost.currency})
    return replace(
        catalog,
        plans={plan.plan: plan},
        subscriptions=tuple(
            Subscription(line=1, account_id=name, plan=plan.plan, effective_from=FIRST_DAY)
            for name in catalog.accounts.ids()
        ),
        holdings=(),
    )


def _both(*asked: list[Ask]) -> list[Ask]:
    """Ask for each meter once, as finely as any side needs it."""
    merged: dict[str, Ask] = {}
    for asks in asked:
        for ask in asks:
            known = merged.get(ask.meter.meter, ask)
            days = tuple(sorted({*known.days, *ask.days}))
            merged[ask.meter.meter] = Ask(ask.meter, known.apart | ask.apart, days)
    return [*merged.values()]


def _rated(
    catalog: Catalog, month: Month, usage: pl.DataFrame, terms: Terms
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rate usage and keep its cells: schema `RATED`, and schema `LEFT` for what no charge takes."""
    stretches = stretches_in(month, catalog.subscriptions, catalog.plans)
    frame, left = take_usage(usage, stretches, catalog.plans, terms)
    in_cells = replace(terms, by_time=True)
    for step in CHARGE_STEPS[: CHARGE_STEPS.index(add_up_cells)]:
        frame = step(frame, in_cells)
    return frame, left


def _unknown(left: pl.DataFrame) -> pl.DataFrame:
    """Write what no charge of the network's plan takes as usage of unknown cost: schema `COST`."""
    kept = left.filter(pl.col("status").is_in(["uncovered", "unknown"]))
    names = ("plan", "charge", "network_charge", "market", "category")
    return (
        kept.with_columns(why=pl.format("{} without {}", "meter", "reason"))
        .group_by("account_id", "why")
        .agg(pl.col("quantity").sum())
        .with_columns(
            *(pl.lit(None, pl.String).alias(name) for name in names),
            amount=pl.lit(0, EXACT),
            unpriced="quantity",
        )
        .select(pl.col(name).cast(kind) for name, kind in COST.items())
    )


def _taken(catalog: Catalog, month: Month, usage: pl.DataFrame) -> pl.DataFrame:
    """Say which charge of an account takes each cell: meter, CELL, plan, charge.

    Of several components that is the network's, or the first by name: a cost counts once.
    """

    def unasked(*_: object) -> pl.DataFrame:
        raise AssertionError("taking usage asks for no order of time")

    terms = make_terms(catalog, month, unasked)
    stretches = stretches_in(month, catalog.subscriptions, catalog.plans)
    units, _ = take_usage(usage, stretches, catalog.plans, terms)
    named = terms.of(units, "meter", "plan", "charge", "component")
    return (
        named.with_columns(is_other=pl.col("component") != DEFAULT_COMPONENT)
        .sort("is_other", "component", "charge")
        .unique(("meter", *CELL), keep="first", maintain_order=True)
        .select("meter", *CELL, "plan", "charge")
    )
