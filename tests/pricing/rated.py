"""A month of a small world as the engine rates it, and what tests ask of it."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from metering.period import Month
from pricing.billing import Rated, rate_month
from pricing.state import no_state
from tests.pricing.definition import Line, World
from tests.pricing.messages import Message, usage_of
from tests.pricing.worlds import catalog_of

BASE = ("usage", "fixed_fee", "add_on")
ADJUSTED = ("discount", "maximum", "minimum", "commitment")


def rate(
    world: World, month: Month, sent: Sequence[Message], opening: pl.DataFrame | None = None
) -> Rated:
    catalog = catalog_of(world)
    usage, below = usage_of(sent, catalog, month)
    return rate_month(catalog, month, usage, below, no_state() if opening is None else opening)


def amounts(rated: Rated) -> dict[Line, Decimal]:
    """The exact amount of each line before adjustments."""
    return _by_line(rated, BASE, "amount_exact")


def _by_line(rated: Rated, kinds: Sequence[str], value: str) -> dict[Line, Any]:
    lines = rated.drafts.lines.filter(pl.col("kind").is_in(kinds))
    named = lines.select("line_id", "plan", "charge", value).rows()
    return {
        (line_id.split("/")[0], plan, charge.removeprefix(f"{plan}: ")): found
        for line_id, plan, charge, found in named
    }


def adjustments(rated: Rated) -> dict[Line, int]:
    lines = rated.drafts.lines.filter(pl.col("kind").is_in(ADJUSTED))
    found: Counter[Line] = Counter()
    for line_id, plan, kind, cents in lines.select(
        "line_id", "plan", "kind", "amount_minor"
    ).rows():
        found[line_id.split("/")[0], plan, kind] += cents
    return {**found}


def free_units(rated: Rated) -> dict[tuple[str, str, str, str], Decimal]:
    """How many units of each line are free, by the reason."""
    named = rated.drafts.details.join(rated.drafts.lines, on="line_id", suffix="_of_line")
    free = named.filter(pl.col("status") == "free", pl.col("quantity") > 0)
    summed = free.group_by("line_id", "plan", "charge", "reason").agg(pl.col("quantity").sum())
    return {
        (line_id.split("/")[0], plan, charge.removeprefix(f"{plan}: "), reason): quantity
        for line_id, plan, charge, reason, quantity in summed.rows()
    }
