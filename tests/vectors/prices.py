"""Cases of prices by quantity: tiers, packages, percentages."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from pricing.plan import Plan
from tests.vectors.bill import JANUARY, ZERO, Bill, Found, Json, Used, bill, dec, plan_of


def tiers_of(inputs: Json) -> list[Json]:
    if "tier" in inputs:  # one tier; what lies before it is free
        tier = inputs["tier"]
        before = [{"up_to": tier["from"], "unit_price": ZERO}]
        return [*before, {**_tier(tier), "up_to": tier["to"]}, {"unit_price": ZERO}]
    return [{**_tier(tier), "up_to": tier["to"]} for tier in inputs["tiers"]]


def _tier(tier: Json) -> Json:
    return {"unit_price": dec(tier.get("unit_price")), "flat_amount": dec(tier["flat_fee"])}


def blocks_of(tiers: list[Json]) -> list[Json]:
    """Tiers of blocks; past the last bound its price holds on."""
    made: list[Json] = []
    up_to = ZERO
    for tier in tiers:
        up_to += dec(tier["block_size"]) * dec(tier["max_blocks"])
        price = {"unit_price": tier["price_per_block"], "package_size": tier["block_size"]}
        made.append({"up_to": up_to, **price})
    return [*made[:-1], {**made[-1], "up_to": None}]


def price_of(inputs: Json, kind: str) -> Json | None:
    """The price that a case writes, in the words of a plan."""
    price = _price_of(inputs, kind)
    if price is not None and "bucket_values" in inputs and kind != "per_unit":
        price["over"] = "day"
    return price


def _price_of(inputs: Json, kind: str) -> Json | None:
    if inputs.get("conversion"):
        return converted(inputs)
    if "multiplier" in inputs:
        return {"kind": "per_unit", "unit_price": inputs["multiplier"]}
    if "unit_price" in inputs:
        return {"kind": "per_unit", "unit_price": inputs["unit_price"]}
    if "package_size" in inputs:
        written = {key: inputs[key] for key in ("package_size", "package_price")}
        return {"kind": "package", **written, "partial": inputs.get("rounding", "up")}
    tiers = inputs.get("tiers", [inputs["tier"]] if "tier" in inputs else None)
    if tiers is None or any("cap" in tier for tier in tiers):
        return None
    price: Json = {"kind": kind, "tiers": tiers_of(inputs)}
    # Some engines charge the flat amount of a first tier unused: a plan says which it is.
    if inputs["id"].startswith(("la-", "om-")) and inputs.get("line_mode") is None:
        price["when_unused"] = "charge"
    return price


def converted(inputs: Json) -> Json | None:
    """A conversion divides and rounds: the units of a package."""
    conversion = inputs["conversion"]
    partial = {"ceiling": "up", "floor": "down", "none": "exact"}.get(conversion["rounding"])
    size = dec(conversion["factor"])
    if partial is None:
        return None
    if "tiers" not in inputs:
        price = inputs.get("unit_price", "1")
        return {"kind": "package", "package_size": size, "package_price": price, "partial": partial}
    tiers = [
        {**tier, "up_to": tier["up_to"] and dec(tier["up_to"]) * size, "package_size": size}
        for tier in tiers_of(inputs)
    ]
    return {"kind": "graduated", "tiers": tiers}


def used_by(inputs: Json) -> list[Used]:
    if "bucket_values" in inputs:
        days = (JANUARY.first_day + timedelta(days=n) for n in range(31))
        return [Used(dec(v), day) for v, day in zip(inputs["bucket_values"], days, strict=False)]
    quantity = inputs.get("quantity", inputs.get("total_quantity", inputs.get("metered_amount")))
    return [Used(dec(quantity))]


def charge_of(inputs: Json, kind: str) -> Json | None:
    price = price_of(inputs, kind)
    if price is None:
        return None
    charge: Json = {"price": price}
    for bound in ("minimum", "maximum"):
        if bound in inputs:
            charge[bound] = inputs[bound]
    if dec(inputs.get("free_units")):
        charge["allowance"] = {"quantity": inputs["free_units"]}
    return charge


def rate_case(inputs: Json, kind: str) -> Found | None:
    """A quantity at a price, at once or as the meter grows, or after what was used before."""
    charge = None if is_of_part(inputs) else charge_of(inputs, kind)
    if charge is None:
        return None
    plan = plan_of(charge)
    if "cumulative_quantities" in inputs:
        return _growing(inputs, plan)
    if "quantity_before" in inputs:
        return rate_after(inputs, charge)
    return found_in(bill(plan, used_by(inputs)), inputs)


def is_of_part(inputs: Json) -> bool:
    """Say whether a case bills a part of a month before its end, or an average of a unit."""
    is_last = inputs.get("line_mode") == "last_in_period_split" and not dec(inputs["quantity"])
    asks = {"runs_cumulative_by_period", "previously_billed", "ignore_minimum"}
    asks |= {"period_1_units", "quantity_full"}
    return bool(asks & inputs.keys()) or (is_last and "tiers" in inputs)


def found_in(made: Bill, inputs: Json) -> Found:
    details = [row for row in made.details() if row["kind"] == "usage"]
    priced = sum((row["priced_quantity"] for row in details if row["quantity"]), ZERO)
    tier = [row for row in details if row["tier"] == 2] if "tier" in inputs else details
    rounded = "currency" in inputs or any(key in inputs for key in ("minimum", "maximum"))
    total = made.invoice("net_minor") if rounded else made.exact()
    amount = sum((row["amount"] for row in tier), ZERO) if "tier" in inputs else made.exact()
    tiers = sorted({row["tier"] for row in details if row["quantity"] and row["tier"]})
    units = [sum(r["quantity"] for r in details if r["tier"] == number) for number in tiers]
    shown = [row for row in made.lines() if row["amount_minor"]]
    return {
        "total": total,
        "amount": amount,
        "packages": priced,
        "billed_quantity": priced,
        "discount": -made.of_lines("maximum"),
        "tier_index": tiers[-1] - 1 if tiers else None,
        "tier_units": sum((row["quantity"] for row in tier), ZERO) if "tier" in inputs else units,
        "lines": [{"amount": made.money(row["amount_minor"])} for row in shown],
    }


def _growing(inputs: Json, plan: Plan) -> Found:
    """Each run rates the month anew; what a run adds is the difference to the one before."""
    totals = [ZERO]
    for quantity in inputs["cumulative_quantities"]:
        made = bill(plan, [Used(dec(quantity))])
        rounded = "currency" in inputs or "minimum" in inputs or "maximum" in inputs
        totals.append(made.invoice("net_minor") if rounded else made.exact())
    steps = [after - before for before, after in pairwise(totals)]
    return {"period_totals": steps, "total": totals[-1]}


def rate_after(inputs: Json, charge: Json) -> Found | None:
    """Units after others of the same contract: tiers go on where they ended."""
    if "free_units" in inputs:
        plan = plan_of({**charge, "price": {"kind": "per_unit", "unit_price": "1"}})
        before, quantity = dec(inputs["quantity_before"]), dec(inputs["quantity"])
        first, both = (bill(plan, [Used(n)]).exact() for n in (before, before + quantity))
        return {"billed_quantity": both - first, "billed_quantity_before": first}
    over = {**charge["price"], "over": "contract"}
    over.pop("when_unused", None)
    plan = plan_of({**charge, "price": over})
    earlier = bill(plan, [Used(dec(inputs["quantity_before"]))])
    day, after = JANUARY.next().first_day, JANUARY.next()
    used = [Used(dec(inputs["quantity"]), day)]
    made = bill(plan, used, month=after, opening=earlier.rated.closing)
    lines = [
        {key: row[key] for key in ("tier", "quantity", "amount")}
        for row in made.details()
        if row["amount"]
    ]
    priced = sum((row["priced_quantity"] for row in made.details()), ZERO)
    return {"total": made.exact(), "lines": lines, "billed_quantity": priced}


def rate_per_unit(inputs: Json) -> Found | None:
    if "flat_price" in inputs:
        fee = {"name": "fee", "amount": inputs["flat_price"]}
        return {"total": bill(plan_of(fixed_fee=[fee])).invoice("net_minor")}
    if "events_amount_cents" in inputs:
        charge = {"price": {"kind": "percentage", "ratio": "1"}}
        return {
            "amount": bill(
                plan_of(charge), [Used(dec(inputs["events_amount_cents"]) / 100)]
            ).exact()
        }
    if "free_units" in inputs:
        return rate_after(inputs, {"allowance": {"quantity": inputs["free_units"]}})
    return rate_case(inputs, "per_unit")


def rate_stairs(inputs: Json) -> Found | None:
    """Tiers with flat amounts: in some cases of all units, in the others of each tier reached."""
    return rate_case(inputs, "graduated" if "-grad-" in inputs["id"] else "volume")


def rate_percentage(inputs: Json) -> Found | None:
    if {"free_events", "free_amount"} & inputs.keys():
        return None
    if "multiplier" in inputs:
        return rate_case(inputs, "per_unit")
    price = {"kind": "percentage", "ratio": dec(inputs["rate_percent"]) / 100}
    price["fixed_amount"] = dec(inputs.get("fixed_per_event"))
    values = inputs.get("event_values")
    total = sum(map(dec, values), ZERO) if values else dec(inputs["quantity"])
    count = Decimal(len(values) if values else inputs["event_count"])
    used = [Used(total), Used(count, meter="units (number)")]
    return {"amount": bill(plan_of({"price": price}), used).exact()}


def rate_graduated_percentage(inputs: Json) -> Found | None:
    tiers = inputs.get("tiers", [inputs.get("tier")])
    written = [
        {"up_to": t["to"], "ratio": dec(t["rate_percent"]) / 100, "flat_amount": dec(t["flat_fee"])}
        for t in tiers
    ]
    if "tier" in inputs:
        before = [{"up_to": inputs["tier"]["from"], "ratio": ZERO}]
        written = [*before, *written, {"ratio": ZERO}]
    made = bill(
        plan_of({"price": {"kind": "graduated_percentage", "tiers": written}}), used_by(inputs)
    )
    return found_in(made, inputs)
