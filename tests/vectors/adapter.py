"""Worked cases of other engines as plans and usage of ours.

`answer` takes a case and gives what our engine says of each thing that the case expects. None: the
case asks for something that no plan says. What only describes a result (an average price of a unit,
how many lines there are, the labels of a period) is not compared: see `DESCRIBES`.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tests.vectors.bill import (
    Found,
    Json,
)
from tests.vectors.conditions import commit, discount, maximum, minimum, tax
from tests.vectors.kinds import (
    no_price,
    rate_block,
    rate_blocks,
    rate_call,
    rate_capacity,
    rate_map,
    rate_units,
    round_up,
    sum_increments,
)
from tests.vectors.periods import (
    change_of_plan,
    cycles,
    invoice_usage,
    override,
    recurring,
    versions,
)
from tests.vectors.prices import (
    rate_case,
    rate_graduated_percentage,
    rate_per_unit,
    rate_percentage,
    rate_stairs,
)
from tests.vectors.proration import prorate
from tests.vectors.rounding import rounding

DESCRIBES = {"unit_amount", "effective_unit_amount", "line_count", "service_period", "asserted"}


def answer(case: Json) -> list[tuple[str, Any, Any]] | None:
    """Say of each key that a case expects what we find and what it says; None if we cannot."""
    handler = HANDLERS.get(case["kind"])
    inputs = {**case["inputs"], "id": case["id"]}
    if handler is None or inputs.get("line_mode") == "mid_period_split":
        return None  # no part of a month is invoiced before its end
    found = handler(inputs)
    if found is None:
        return None
    expected = {key: value for key, value in case["expected"].items() if key not in DESCRIBES}
    return [(key, plain(found.get(key, "unsaid")), plain(value)) for key, value in expected.items()]


def plain(value: Any) -> Any:
    """Write a value so that equal ones are equal: numbers as numbers, whatever their zeros."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items() if key not in LABELS}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, bool) or value is None:
        return value
    try:
        return Decimal(str(value)).normalize()
    except ArithmeticError:
        return value


LABELS = {"label", "category", "part", "period", "kind"}


def rate_as(kind: str) -> Callable[[Json], Found | None]:
    return lambda inputs: rate_case(inputs, kind)


HANDLERS: Mapping[str, Callable[[Json], Found | None]] = {
    "billing_cycles_in_advance": cycles,
    "capacity_tiers": rate_capacity,
    "commitment": commit,
    "connect_fee_and_rate": rate_call,
    "coupon": discount,
    "graduated": rate_as("graduated"),
    "graduated_percentage": rate_graduated_percentage,
    "hashmap": rate_map,
    "max_cost": rate_call,
    "maximum": maximum,
    "minimum": minimum,
    "multi_unit_tiered_graduated": rate_units("graduated"),
    "multi_unit_tiered_volume": rate_units("volume"),
    "no_price_found": no_price,
    "package": rate_as("package"),
    "per_block": rate_block,
    "per_unit": rate_per_unit,
    "percentage": rate_percentage,
    "plan_change_split": change_of_plan,
    "price_override": override,
    "price_version_split": versions,
    "proration": prorate,
    "recurring_invoice": recurring,
    "round_up_to_multiple": round_up,
    "rounding": rounding,
    "stairstep": rate_stairs,
    "sum_of_increments": sum_increments,
    "tax": tax,
    "tiered_blocks_graduated": rate_blocks("graduated"),
    "tiered_blocks_volume": rate_blocks("volume"),
    "usage_invoice": invoice_usage,
    "volume": rate_as("volume"),
}
