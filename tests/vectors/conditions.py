"""Cases of what is done with lines: minima, commitments, coupons, credits, taxes."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from metering.account import FIRST_DAY, LAST_DAY
from metering.period import Month
from pricing.credit import Credit
from pricing.money import MINOR_DECIMALS
from pricing.tax import Tax
from tests.vectors.bill import JANUARY, ZERO, Buyer, Found, Json, bill, cents, dec, plan_of
from tests.vectors.prices import charge_of, rate_case, used_by


def commit(inputs: Json) -> Found | None:
    if "used" in inputs:
        currency = inputs["currency"].upper()
        fee = {"name": "used", "amount": inputs["used"]}
        agreed = {"amount": inputs["commitment"], "months": 1}
        plan = plan_of(fixed_fee=[fee], commitment=agreed, currency=currency)
        return {"amount": bill(plan, buyer=Buyer(currency=currency)).of_lines("commitment")}
    if "credits" in inputs:
        return pay_by_credit(inputs)
    if inputs.get("interval") != "monthly" or inputs.get("billing_time") == "anniversary":
        return None
    return top_up(inputs)


def top_up(inputs: Json) -> Found:
    """A fee and a minimum of the plan, both by the day."""
    start = date.fromisoformat(inputs.get("start", f"{inputs.get('period')}-01"))
    fee = {"name": "fee", "amount": dec(inputs["subscription_fee_cents"]) / 100}
    least = {"amount": dec(inputs["minimum_commitment_cents"]) / 100, "proration": "by_day"}
    plan = plan_of(fixed_fee=[{**fee, "proration": "by_day"}], minimum=least)
    month = Month.of(start)
    until = month.next().first_day
    made = bill(plan, buyer=Buyer(contracts=(("p", start, until),)), month=month)
    return {
        "true_up_cents": cents(made.of_lines("minimum")),
        "fee_cents": cents(made.of_lines("fixed_fee")),
        "total_cents": cents(made.invoice("total_minor")),
    }


def pay_by_credit(inputs: Json) -> Found | None:
    charge = charge_of({**inputs, "line_mode": "whole"}, "graduated")
    assert charge is not None
    rows = tuple(
        Credit(
            line=2, credit_id=f"c{n}", account_id="buyer", kind="bought", amount=dec(amount),
            effective_from=JANUARY.first_day,
        )
        for n, amount in enumerate(inputs["credits"])
    )  # fmt: skip
    made = bill(plan_of(charge), used_by(inputs), Buyer(credits=rows))
    return {
        "amount": made.invoice("total_minor"),
        "credits": made.invoice("credit_minor"),
        "total": made.invoice("due_minor"),
    }


def minimum(inputs: Json) -> Found | None:
    if "minimum_cents" not in inputs:
        return rate_case(inputs, "graduated" if "grad" in inputs["id"] else "volume")
    if "credit_note_cents" in inputs:
        return None
    used = {"name": "used", "amount": dec(inputs["used_cents"]) / 100}
    least: Json = {"amount": dec(inputs["minimum_cents"]) / 100, "proration": "by_day"}
    days, whole = inputs.get("days_in_service"), inputs.get("days_in_period")
    month = Month(2023, 2) if whole == 28 else JANUARY
    start = month.next().first_day - timedelta(days=days) if days else FIRST_DAY
    taxes = (tax_row("", dec(inputs["tax_percent"]) / 100),) if "tax_percent" in inputs else None
    buyer = Buyer(contracts=(("p", start, LAST_DAY),), taxes=taxes)
    made = bill(plan_of(fixed_fee=[used], minimum=least), buyer=buyer, month=month)
    topped = cents(made.of_lines("minimum"))
    return {
        "true_up_cents": topped or None,
        "fees_cents": cents(made.invoice("net_minor")),
        "taxes_cents": cents(made.invoice("tax_minor")) if taxes else ZERO,
        "total_cents": cents(made.invoice("total_minor")),
    }


def maximum(inputs: Json) -> Found | None:
    return rate_case(inputs, "graduated" if "grad" in inputs["id"] else "volume")


def discount(inputs: Json) -> Found | None:
    """Fees, each with a tax category of its own, so that its share of a discount is shown."""
    if "already_used_cents" in inputs or "fees" in inputs:
        return None
    fees: list[Any] = inputs.get("fees_cents") or inputs.get("lines_cents") or []
    fees = fees or [inputs["subtotal_cents"]]
    coupons = inputs.get("coupons") or [
        {"fixed_cents": inputs.get("fixed_cents", inputs.get("discount_cents"))}
    ]
    written = [{"name": f"coupon {n}", **_much(coupon)} for n, coupon in enumerate(coupons)]
    made = bill(plan_of(fixed_fee=fees_of(fees), discount=written))
    taken = [ZERO] * len(fees)
    for row in made.lines(["discount"]):
        taken[int(row["tax_category"].removeprefix("t"))] -= made.money(row["amount_minor"]) * 100
    left = [dec(fee) - off for fee, off in zip(fees, taken, strict=True)]
    return {
        "discount_cents": sum(taken),
        "fee_discounts_cents": taken,
        "subtotal_cents": cents(made.invoice("net_minor")),
        "taxable_cents": left,
    }


def fees_of(amounts: list[Any]) -> list[Json]:
    return [
        {"name": f"fee {n}", "amount": dec(amount) / 100, "tax_category": f"t{n}"}
        for n, amount in enumerate(amounts)
    ]


def _much(coupon: Json) -> Json:
    if "percentage" in coupon:
        return {"ratio": dec(coupon["percentage"]) / 100}
    return {"amount": dec(coupon["fixed_cents"]) / 100}


def tax_row(category: str, ratio: Decimal, treatment: str = "standard") -> Tax:
    note = "Reverse charge" if treatment in ("reverse_charge", "exempt") else ""
    return Tax.model_validate(
        {
            **{"line": 2, "tax_category": category or None, "treatment": treatment},
            **{"rate_ratio": ratio, "name": "VAT", "legal_note": note},
        }
    )


def tax(inputs: Json) -> Found | None:
    currency = inputs.get("currency", "usd").upper()
    scale = Decimal(10) ** MINOR_DECIMALS[currency]
    if "taxable" in inputs:
        lines, rates = [dec(inputs["taxable"]) * scale], [dec(inputs["rate_percent"]) / 100]
    elif "fee_cents" in inputs:
        lines, rates = [dec(inputs["fee_cents"])], [dec(inputs["tax_percents"][0]) / 100]
    elif "lines" in inputs:
        lines = [dec(line["cents"]) for line in inputs["lines"]]
        rates = [dec(line["rate"]) for line in inputs["lines"]]
    elif "fees" in inputs:
        return _tax_after_coupons(inputs)
    else:
        lines, rates = [dec(v) for v in inputs["lines_cents"]], [dec(inputs.get("rate"))]
    treatment = next((w for w in ("reverse_charge", "exempt") if inputs.get(w)), "standard")
    several = len(rates) > 1
    taxes = [tax_row(f"t{n}" if several else "", r, treatment) for n, r in enumerate(rates)]
    fees = [
        {**fee, "amount": line / scale} for fee, line in zip(fees_of(lines), lines, strict=True)
    ]
    buyer = Buyer(currency=currency, taxes=tuple(taxes), vat_id="DE1")
    made = bill(plan_of(fixed_fee=fees, currency=currency), buyer=buyer)
    amount = made.invoice("tax_minor")
    by_rate = made.rated.drafts.taxes.sort("rate_ratio", descending=True)["tax_minor"].to_list()
    return {
        "amount": amount,
        "tax_cents": cents(amount),
        "taxes_cents": cents(amount),
        "total_cents": cents(made.invoice("total_minor")),
        "line_tax_cents": by_rate if several or len(lines) == 1 else "one tax on the sum",
    }


def _tax_after_coupons(inputs: Json) -> Found:
    (fee,) = inputs["fees"]
    coupons = [
        {"name": f"c{n}", "amount": dec(v) / 100} for n, v in enumerate(inputs["coupons_cents"])
    ]
    buyer = Buyer(taxes=(tax_row("", dec(fee["tax_percent"]) / 100),))
    made = bill(plan_of(fixed_fee=fees_of([fee["cents"]]), discount=coupons), buyer=buyer)
    return {
        "fee_discounts_cents": [-cents(made.of_lines("discount"))],
        "fee_taxes_cents": [cents(made.invoice("tax_minor"))],
    }
