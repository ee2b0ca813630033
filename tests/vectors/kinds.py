"""Cases of prices of other engines that are written otherwise: blocks, maps, calls."""

from collections.abc import Callable
from decimal import Decimal

from tests.vectors.bill import (
    ZERO,
    Found,
    Json,
    Used,
    bill,
    dec,
    plan_of,
)
from tests.vectors.prices import blocks_of, used_by


def rate_blocks(kind: str) -> Callable[[Json], Found | None]:
    def rate(inputs: Json) -> Found:
        price = {"kind": kind, "tiers": blocks_of(inputs["tiers"])}
        made = bill(plan_of({"price": price}), used_by(inputs))
        lines = [{"tier": row["tier"], "amount": row["amount"]} for row in made.details()]
        return {"lines": lines, "total": made.exact()}

    return rate


def rate_units(kind: str) -> Callable[[Json], Found | None]:
    """Several units, each with tiers of its own: a charge for each."""

    def rate(inputs: Json) -> Found:
        names = sorted(inputs["usage"])
        charges = [
            {
                **{"name": unit, "meter": unit.lower()},
                "price": {"kind": kind, "tiers": blocks_of(inputs["tiers"][unit])},
            }
            for unit in names
        ]
        used = [Used(dec(inputs["usage"][unit]), meter=unit.lower()) for unit in names]
        made = bill(plan_of(*charges), used)
        keys = ("tier", "quantity", "unit_price", "amount")
        lines = [{"unit": row["charge"], **{k: row[k] for k in keys}} for row in made.details()]
        return {"lines": lines, "total": made.exact()}

    return rate


def rate_capacity(inputs: Json) -> Found | None:
    if len(inputs["usage"]) > 1:
        return None
    ((unit, quantity),) = inputs["usage"].items()
    stairs = [{"up_to": t["limits"][unit], "amount": t["price"]} for t in inputs["tiers"]]
    charge = {"price": {"kind": "stairstep", "tiers": stairs}}
    return {"amount": bill(plan_of(charge), [Used(dec(quantity))]).exact()}


def rate_map(inputs: Json) -> Found | None:
    """Flat costs of groups that add up; one field may choose the cost."""
    groups: dict[str, list[Json]] = {}
    for rule in inputs["rules"]:
        groups.setdefault(rule["group"], []).append(rule)
        is_plain = rule["type"] == "flat" and "threshold_level" not in rule
        is_choice = rule.get("field") == "flavor" and len(inputs["rules"]) == 1
        if not (is_choice or (is_plain and rule["scope"] == "service")):
            return None
    charges: list[Json] = []
    for rules in groups.values():
        cells = [{"market": r["value"], "unit_price": r["cost"]} for r in rules if "field" in r]
        flat = {"kind": "per_unit", "unit_price": rules[0]["cost"]}
        price = {"kind": "matrix", "cells": cells} if cells else flat
        charges.append({"price": price, "meter": "deliveries"})
    item = inputs["item"]
    used = [Used(dec(item["qty"]), meter="deliveries", market=item["flavor"])]
    made = bill(plan_of(*charges), used)
    is_known = not made.rated.drafts.invoices["is_blocked"].item()
    return {"price": made.exact() if is_known else "unknown"}


def rate_call(inputs: Json) -> Found | None:
    """A fee for a call, and a rate for its started increments."""
    if inputs.get("strategy") == "disconnect" or "rate_unit" in inputs:
        return None
    used = [Used(dec(inputs["usage_s"]))] if dec(inputs["usage_s"]) else []
    per, increment = dec(inputs["rate_unit_s"]), dec(inputs["increment_s"])
    # Increments of a rate for longer: the share of a package, of whole seconds.
    partial = "exact" if increment == 1 else "up"
    size = {"package_size": per if partial == "exact" else increment}
    price = {"kind": "package", **size, "package_price": inputs["rate"], "partial": partial}
    charge: Json = {"price": price}
    if "max_cost" in inputs:
        charge["maximum"] = inputs["max_cost"]
    connect = {"kind": "flat", "amount": inputs.get("connect_fee", "0")}
    made = bill(plan_of(charge, {"price": connect}), used)
    return {"cost": made.invoice("net_minor")}


def rate_block(inputs: Json) -> Found | None:
    price = {
        "kind": "package",
        "package_size": inputs["increment"],
        "package_price": inputs["rate"],
    }
    return {"cost": bill(plan_of({"price": price}), used_by(inputs)).exact()}


def sum_increments(inputs: Json) -> Found | None:
    price = {"kind": "per_unit", "unit_price": inputs["cost_each"]}
    return {"cost": bill(plan_of({"price": price}), [Used(dec(inputs["increments"]))]).exact()}


def no_price(inputs: Json) -> Found | None:
    cells = [{"market": "known", "unit_price": "1"}]
    charge = {"price": {"kind": "matrix", "cells": cells}, "meter": "deliveries"}
    used = [Used(Decimal(1), meter="deliveries", market=inputs["destination"])]
    blocked = bill(plan_of(charge), used).rated.drafts.invoices["is_blocked"].item()
    return {"cost": "unknown" if blocked else ZERO}


def round_up(inputs: Json) -> Found | None:
    """A started step counts whole: a package that costs as much as it holds."""
    size = {"package_size": inputs["multiple"], "package_price": inputs["multiple"]}
    made = bill(plan_of({"price": {"kind": "package", **size}}), [Used(dec(inputs["value"]))])
    return {"value": made.exact()}
