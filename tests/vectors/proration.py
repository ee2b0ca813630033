"""Cases of fees for a part of a month."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from metering.account import LAST_DAY
from metering.period import Month
from pricing.subscription import Holding
from tests.vectors.bill import (
    ZERO,
    Bill,
    Buyer,
    Found,
    Json,
    bill,
    cents,
    dec,
    plan_of,
)
from tests.vectors.conditions import tax_row


def prorate(inputs: Json) -> Found | None:
    is_of_month = inputs["id"].startswith("me-")
    handlers: list[tuple[bool, Callable[[Json], Found | None]]] = [
        ("full_period" in inputs, _service_period),
        ("old_fixed_charge_cents" in inputs, _changed_charge),
        (inputs.get("basis") == "seconds", _from_an_instant),
        (inputs.get("basis") == "days" and "timezone" not in inputs, _changed),
        (is_of_month, _in_a_calendar_month),
        ("terminated" in inputs and "anchor" not in inputs, _terminated),
        (inputs.get("aggregation") == "unique_count", _seat),
    ]
    return next((handle(inputs) for is_so, handle in handlers if is_so), None)


def _changed_charge(inputs: Json) -> Found:
    given = {"old_amount": dec(inputs["old_fixed_charge_cents"]) / 100}
    given |= {"new_amount": dec(inputs["new_fixed_charge_cents"]) / 100}
    found = _changed({**given, "change": inputs["upgraded"][:10]})
    return {"fee_cents": cents(found["net"])}


def _fee_bill(
    amount: Decimal, start: date, end: date, *, unit: str = "by_day", **buyer: Any
) -> Bill:
    fee = {"name": "fee", "amount": amount, "proration": unit}
    month = Month.of(start)
    contracts = (("p", start, end),)
    return bill(plan_of(fixed_fee=[fee]), buyer=Buyer(contracts=contracts, **buyer), month=month)


def _service_period(inputs: Json) -> Found | None:
    ends = [text.split("T") for text in inputs["service_period"]]
    if ends[0] == ends[1] or any(time != "00:00:00Z" for _, time in ends):
        return None  # a contract holds for whole days, one at least
    start, end = (date.fromisoformat(day) for day, _ in ends)
    unit = "by_second" if inputs.get("prorate", True) else "none"
    made = _fee_bill(dec(inputs["amount"]), start, end, unit=unit)
    return {"amount": made.invoice("net_minor")}


def _from_an_instant(inputs: Json) -> Found | None:
    day, time = inputs["effective"].split("T")
    if time != "00:00:00Z":
        return None
    start = date.fromisoformat(day)
    made = _fee_bill(dec(inputs["amount"]), start, LAST_DAY, unit="by_second")
    return {"amount": made.invoice("net_minor")}


def _changed(inputs: Json) -> dict[str, Decimal]:
    """A fee that was billed in advance gives way to another inside the month."""
    change = date.fromisoformat(inputs["change"])
    month = Month.of(change)
    old, new = (
        plan_of(
            name=name,
            fixed_fee=[{"name": "fee", "amount": amount, "due": "advance", "proration": "by_day"}],
        )
        for name in ("old", "new")
        if (amount := inputs.get(f"{name}_amount", "0")) is not None
    )
    before, after = month.back(1), month.next().first_day
    billed = bill(
        [old, new], buyer=Buyer(contracts=(("old", before.first_day, LAST_DAY),)), month=before
    )
    pieces = [("old", before.first_day, change), ("new", change, after)]
    made = bill(
        [old, new], buyer=Buyer(contracts=pieces), month=month, opening=billed.rated.closing
    )
    by_plan = {row["plan"]: made.money(row["amount_minor"]) for row in made.lines()}
    credit, charge = by_plan.get("old", ZERO), by_plan.get("new", ZERO)
    return {"credit": credit, "charge": charge, "net": credit + charge}


def _in_a_calendar_month(inputs: Json) -> Found | None:
    if "net_lines_cents" in inputs or "added_annual_cents" in inputs:
        return None
    if "change" not in inputs:
        return _factor(inputs)
    if inputs.get("usage_component"):
        price = {"kind": "per_unit", "unit_price": "1"}
        return {"net_cents": cents(bill(plan_of({"price": price})).invoice("net_minor"))}
    seat = dec(inputs.get("seat_cents", 100)) / 100
    old = dec(inputs.get("old_seats")) * seat + dec(inputs.get("old_cents")) / 100
    new = dec(inputs.get("new_seats")) * seat + dec(inputs.get("new_cents")) / 100
    new += dec(inputs.get("added_monthly_cents")) / 100
    found = _changed({"old_amount": old, "new_amount": new, "change": inputs["change"]})
    return {f"{key}_cents": cents(amount) for key, amount in found.items()}


def _factor(inputs: Json) -> Found:
    first, after = (date.fromisoformat(day) for day in inputs["period"])
    start = date.fromisoformat(inputs["effective_from"] or inputs["period"][0])
    end = date.fromisoformat(inputs["effective_to"] or inputs["period"][1])
    whole = (after - first).days
    made = _fee_bill(Decimal(whole), start, end)
    share = Fraction(made.invoice("net_minor"))
    return {"factor": f"{share.numerator}/{whole}"}


def _terminated(inputs: Json) -> Found:
    """The day of a termination is theirs still: the first day without is the next."""
    start = date.fromisoformat(inputs["start"])
    end = date.fromisoformat(inputs["terminated"][:10]) + timedelta(days=1)
    taxes = (tax_row("", dec(inputs["tax_percent"]) / 100),)
    made = _fee_bill(dec(inputs["amount_cents"]) / 100, start, end, taxes=taxes)
    return {"total_cents": cents(made.invoice("total_minor"))}


def _seat(inputs: Json) -> Found:
    day = date.fromisoformat(inputs["events"][0]["t"][:10])
    price = {"kind": "per_unit", "unit_price": inputs["unit_price"]}
    held = Holding(
        line=2, account_id="buyer", add_on="seat", quantity=Decimal(1), effective_from=day
    )
    plan = plan_of(add_on=[{"name": "seat", "price": price}])
    made = bill(plan, buyer=Buyer(holdings=(held,)), month=Month.of(day))
    return {"amount": made.invoice("net_minor")}
