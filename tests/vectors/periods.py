"""Cases of prices and plans that change, and of months in a row."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

from metering.account import LAST_DAY
from metering.period import Month
from pricing.plan import Plan
from tests.vectors.bill import ZERO, Buyer, Found, Json, Used, bill, dec, plan_of
from tests.vectors.prices import blocks_of, used_by


def cycles(inputs: Json) -> Found | None:
    """Months in advance from the first of a month: fees of 1, up to the month of the target."""
    if inputs.get("bill_cycle_day") != 1 or inputs.get("period") != "monthly":
        return None
    start, target = (date.fromisoformat(inputs[key]) for key in ("start", "target"))
    end = date.fromisoformat(inputs["end"]) if inputs["end"] else LAST_DAY
    fee = {"name": "fee", "amount": "1", "proration": "by_day"}
    total, month = ZERO, Month.of(start)
    while month <= Month.of(target):
        buyer = Buyer(contracts=(("p", start, end),))
        total += bill(plan_of(fixed_fee=[fee]), buyer=buyer, month=month).exact()
        month = month.next()
    return {"number_of_cycles": total.quantize(Decimal(1).scaleb(-9), ROUND_HALF_UP)}


def versions(inputs: Json) -> Found | None:
    """A version for each price; each makes a part of the line."""
    written = [
        {
            "effective_from": date.fromisoformat(version["effective"]),
            "uncovered": "free",
            "charge": [
                {
                    **{"name": "usage", "meter": "units"},
                    "price": {"kind": "graduated", "tiers": blocks_of(version["tiers"])},
                }
            ],
        }
        for version in inputs["versions"]
    ]
    plan = Plan.model_validate({"plan": "p", "currency": "USD", "version": written})
    start, end = (date.fromisoformat(day) for day in inputs["period"])
    used = [Used(dec(n), date.fromisoformat(day)) for day, n in inputs["records"]]
    made = bill(plan, used, Buyer(contracts=(("p", start, end),)), month=Month.of(start))
    held = [day for v in inputs["versions"] if (day := date.fromisoformat(v["effective"])) < end]
    held = [day for n, day in enumerate(held) if n + 1 == len(held) or held[n + 1] > start]
    amounts = dict.fromkeys(held, ZERO)
    for row in made.details():
        amounts[row["version_from"]] += row["amount"]
    return {"lines": [{"amount": amount} for amount in amounts.values()]}


def change_of_plan(inputs: Json) -> Found | None:
    days = [date.fromisoformat(plan["start"]) for plan in inputs["plans"]]
    end = date.fromisoformat(inputs["period"][1])
    made = [
        plan_of({"price": {"kind": "graduated", "tiers": blocks_of(p["tiers"])}}, name=f"p{n}")
        for n, p in enumerate(inputs["plans"])
    ]
    contracts = [
        (f"p{n}", *pair) for n, pair in enumerate(zip(days, [*days[1:], end], strict=True))
    ]
    used = [Used(dec(n), date.fromisoformat(day)) for day, n in inputs["records"]]
    amounts: dict[str, Decimal] = {plan.plan: ZERO for plan in made}
    month = Month.of(days[0])
    while month <= Month.of(end):
        for row in bill(made, used, Buyer(contracts=contracts), month=month).details():
            amounts[row["plan"]] += row["amount"]
        month = month.next()
    return {"lines": [{"amount": amount} for amount in amounts.values()]}


def override(inputs: Json) -> Found | None:
    """A plan for one account extends the plan of the list, and changes one price of it."""
    price = {"kind": "per_unit", "unit_price": inputs["list_unit_price"]}
    fees = [
        {"name": f"fee {n}", "amount": inputs[k]}
        for n, k in enumerate(("base_recurring", "recurring_list"))
    ]
    listed = plan_of({"name": "usage", "price": price}, name="list", fixed_fee=fees)
    charge = {"name": "usage", "meter": "units", "component": "component 0"}
    own = {"kind": "per_unit", "unit_price": inputs["override_unit_price"]}
    recurring = [{"name": "fee 1", "amount": inputs["recurring_override"]}]
    version = {"charge": [{**charge, "price": own}], "fixed_fee": recurring}
    plan = Plan.model_validate(
        {"plan": "p", "extends": "list", "currency": "USD", "version": [version]}
    )
    made = bill([listed, plan], used_by(inputs))
    lines = {row["charge"]: row["amount_exact"] for row in made.lines()}
    return {"lines": [{"amount": lines[name]} for name in ("fee 0", "fee 1", "usage")]}


def invoice_usage(inputs: Json) -> Found | None:
    if "already_invoiced" in inputs:
        return None
    start, end = (date.fromisoformat(day) for day in inputs["period"])
    # The day of a cancellation is theirs still.
    end += timedelta(days=1 if "cancelled" in inputs else 0)
    price = {"kind": "graduated", "tiers": blocks_of(inputs["tiers"])}
    used = [Used(dec(n), date.fromisoformat(day)) for day, n in inputs["records"]]
    buyer = Buyer(contracts=(("p", start, end),))
    return {"amount": bill(plan_of({"price": price}), used, buyer, month=Month.of(start)).exact()}


def recurring(inputs: Json) -> Found | None:
    """Fees of months from the first, due in advance: one for each begun month."""
    events = inputs.get("events", [])
    if (
        "target" not in inputs
        or any(event["bill_cycle_day"] != 1 for event in events)
        or not events
    ):
        return None
    days = [date.fromisoformat(event["at"]) for event in events]
    plans = [
        plan_of(name=f"p{n}", fixed_fee=[{"name": "fee", "amount": event["price"]}])
        for n, event in enumerate(events)
    ]
    contracts = [(f"p{n}", *pair) for n, pair in enumerate(pairwise([*days, LAST_DAY]))]
    month, items, balance = Month.of(days[0]), [], ZERO
    while month <= Month.of(date.fromisoformat(inputs["target"])):
        made = bill(plans, buyer=Buyer(contracts=contracts), month=month)
        balance += made.invoice("net_minor")
        items.append([str(month.first_day), str(month.next().first_day)])
        month = month.next()
    return {"items": items, "number_of_items": len(items), "balance": balance}
