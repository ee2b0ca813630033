"""Cases of rounding and of sharing."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl

from pricing.money import MINOR_DECIMALS, RoundingMode, minor_of, round_unit_price, split_minor
from tests.vectors.bill import (
    ZERO,
    Buyer,
    Found,
    Json,
    bill,
    dec,
    plan_of,
)
from tests.vectors.prices import converted, rate_case, used_by


def rounding(inputs: Json) -> Found | None:
    handlers: list[tuple[bool, Callable[[Json], Found | None]]] = [
        ("method" in inputs, _round_by_name),
        ("weights" in inputs, _share),
        ("quantity" in inputs, _round_quantity),
        ("cumulative_quantities" in inputs, lambda i: rate_case(i, "per_unit")),
        ("amount" in inputs, _round_amount),
        ("fee_cents" not in inputs, _round_lines),
    ]
    return next((handle(inputs) for is_so, handle in handlers if is_so), None)


def _round_amount(inputs: Json) -> Found:
    currency = inputs["currency"].upper()
    minor = minor_of(dec(inputs["amount"]), currency)
    return {"amount": Decimal(minor).scaleb(-MINOR_DECIMALS[currency])}


def _round_lines(inputs: Json) -> Found:
    currency = inputs["currency"].upper()
    amounts: list[Any] = inputs.get("amounts") or inputs.get("line_amounts") or []
    fees = [{"name": f"fee {n}", "amount": amount} for n, amount in enumerate(amounts)]
    made = bill(plan_of(fixed_fee=fees, currency=currency), buyer=Buyer(currency=currency))
    whole = minor_of(sum(map(dec, amounts), ZERO), currency)
    return {
        "precision": MINOR_DECIMALS[currency],
        "total": made.invoice("net_minor"),
        "round_then_add": made.invoice("net_minor"),
        "add_then_round": made.money(whole),
        "policy": "round_then_add",
    }


def _round_by_name(inputs: Json) -> Found | None:
    """The rounding of a unit price after a markup: half up, or cut off."""
    modes: dict[str, RoundingMode] = {"middle": "half_up", "down": "truncate"}
    mode = modes.get(inputs["method"])
    if mode is None or inputs["decimals"] < 0:
        return None
    rounded = round_unit_price(pl.lit(dec(inputs["value"])), inputs["decimals"], mode)
    return {"value": pl.select(rounded).item()}


def _share(inputs: Json) -> Found:
    """Largest remainder; of equal ones the first, in the order of their names."""
    decimals = inputs.get("precision", MINOR_DECIMALS.get(inputs["currency"], 2))
    names = sorted(inputs["weights"])
    total = int(dec(inputs["amount"]).scaleb(decimals))
    parts = split_minor(total, [dec(inputs["weights"][name]) for name in names])
    shares = {
        name: Decimal(part).scaleb(-decimals) for name, part in zip(names, parts, strict=True)
    }
    return {"allocations": shares}


def _round_quantity(inputs: Json) -> Found | None:
    """Quantities are rounded by packages alone: up, down or not at all."""
    if "conversion" in inputs:
        price = converted(inputs)
        if price is None:
            return None
        made = bill(plan_of({"price": price}), used_by(inputs))
        return {"billed_quantity": made.exact()}
    partial = {"ceil": "up", "floor": "down", None: "exact"}.get(inputs["rounding"])
    if partial is None:
        return None
    size = Decimal(10) ** -(inputs["precision"] or 0)
    price = {"kind": "package", "package_size": size, "package_price": size, "partial": partial}
    return {"billed_quantity": bill(plan_of({"price": price}), used_by(inputs)).exact()}
