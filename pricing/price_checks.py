"""What must hold between a price, its meter, its allowance and the plan that they stand in."""

from collections.abc import Iterator, Mapping
from typing import Any

from metering.aggregation import Count, Sum
from metering.door import nearest
from metering.errors import Problem
from metering.meter import Meter
from pricing.condition import Discount
from pricing.offer import AddOn, Allowance, Charge, FixedFee, SharedAllowance
from pricing.plan import Plan, Version, can_both_match
from pricing.price import (
    PLACES,
    FromCard,
    GraduatedPercentage,
    Matrix,
    NetworkCost,
    Percentage,
    PerUnit,
)
from pricing.schedule import charges_unused, is_all_in_one

NAMES_SHOWN = 3


def check_offers(
    plan: Plan, version: Version, meters: Mapping[str, Meter], place: str
) -> Iterator[Problem]:
    """Yield what is wrong between the parts of a version that are each right alone."""
    for charge in version.charge:
        meter = meters.get(charge.meter)
        where = f"{place}.charge"
        if meter is not None:
            yield from _check_price(plan, charge, meter, where)
            yield from _check_allowance(version, charge, meter, where)
            yield from _check_counting(charge, meter, where)
            yield from _check_places(version, charge, meter, where)
        yield from _check_scope(charge.name, charge.price, where)
    for add_on in version.add_on:
        yield from _check_scope(add_on.name, add_on.price, f"{place}.add_on")
        if add_on.meter is not None and add_on.meter not in meters:
            what = f"there is no meter '{add_on.meter}', which '{add_on.name}' is counted by"
            yield Problem(f"{place}.add_on", what, nearest(add_on.meter, sorted(meters)))
    yield from _check_shared(version, place)
    yield from _check_discounts(version, place)


def check_currency(plan: Plan, where: str) -> Iterator[Problem]:
    """Yield one problem where a plan without a currency has amounts of its own."""
    names = [*dict.fromkeys(name for version in plan.version for name in _own_amounts(version))]
    if plan.currency is None and names:
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        listed = ", ".join(names[:NAMES_SHOWN]) + more
        what = f"the plan has no currency, and amounts of its own: {listed}"
        yield Problem(f"{where} currency", what, "write the currency of the plan")


def _check_price(plan: Plan, charge: Charge, meter: Meter, where: str) -> Iterator[Problem]:
    price = charge.price
    if isinstance(price, Matrix):
        for key in sorted(set(price.keys()) - set(meter.cells)):
            yield Problem(
                where,
                f"the matrix of '{charge.name}' looks units up by {key}, which the meter"
                f" '{meter.meter}' does not tell apart",
                f"it tells apart {', '.join(meter.cells) or 'nothing'}",
            )
    if isinstance(price, Percentage | GraduatedPercentage):
        if not isinstance(meter.aggregation, Sum):
            yield Problem(
                where,
                f"'{charge.name}' takes a share of the meter '{meter.meter}', which adds up no"
                " amounts",
                'name a meter with the aggregation "sum" of a field that holds money',
            )
        elif plan.currency is not None and meter.unit.upper() != plan.currency:
            yield Problem(
                where,
                f"'{charge.name}' takes a share of {meter.unit}, and the plan is in"
                f" {plan.currency}",
                f'write unit = "{plan.currency}" in the meter if that is what it adds up; nothing'
                " is converted",
            )


def _check_counting(charge: Charge, meter: Meter, where: str) -> Iterator[Problem]:
    """Yield scopes that a meter, whose figure cannot be parted or has no order, does not have."""
    each = getattr(charge.price, "each", ("account",))
    is_apart = each != ("account",) or getattr(charge.price, "over", "month") == "day"
    if meter.is_whole and is_apart:
        yield Problem(
            where,
            f"'{charge.name}' counts each {' and '.join(each)}, but the meter '{meter.meter}' has"
            " one figure for an account and month",
            'write each = "account", and over = "month" or "contract"',
        )
    elif each[0] == "portfolio" and not meter.is_ordered:
        yield Problem(
            where,
            f"accounts share the tiers of '{charge.name}' in order of time, and the meter"
            f" '{meter.meter}' counts no single units",
            'write each = "account"',
        )


def _check_scope(name: str, price: Any, where: str) -> Iterator[Problem]:
    each, over = getattr(price, "each", ("account",)), getattr(price, "over", "month")
    if charges_unused(price) and (each != ("account",) or over != "month"):
        yield Problem(
            where,
            f"'{name}' costs something unused, but counts each {' and '.join(each)} over the"
            f" {over}",
            'keep each = "account" and over = "month", or leave out when_unused',
        )
    if over == "contract" and is_all_in_one(price):
        yield Problem(
            where,
            f"'{name}' prices all units by the tier of the whole contract, which changes what was"
            " invoiced before",
            'use kind = "graduated", or over = "month"',
        )


def _check_places(version: Version, charge: Charge, meter: Meter, where: str) -> Iterator[Problem]:
    shared = [a for a in version.allowance if a.name == charge.allowance]
    own = [charge.allowance] if isinstance(charge.allowance, Allowance) else shared
    words = {*getattr(charge.price, "each", ()), *(word for a in own for word in a.each)}
    for word in sorted(words & {*PLACES} - {*meter.cells}):
        yield Problem(
            where,
            f"'{charge.name}' counts for each {word}, which the meter '{meter.meter}' does not tell"
            " apart",
            f"it tells apart {', '.join(meter.cells) or 'nothing'}",
        )


def _check_allowance(
    version: Version, charge: Charge, meter: Meter, where: str
) -> Iterator[Problem]:
    allowance = charge.allowance
    if isinstance(allowance, str):
        names = [shared.name for shared in version.allowance]
        if allowance not in names:
            hint = nearest(allowance, names) if names else "write [[version.allowance]]"
            what = f"'{charge.name}' names the allowance '{allowance}', which is not there"
            yield Problem(where, what, hint)
            return
        allowance = next(shared for shared in version.allowance if shared.name == allowance)
    if allowance is None:
        return
    if not can_both_match(charge.where, allowance.where):
        what = f"the allowance of '{charge.name}' counts nothing that the charge takes"
        yield Problem(where, what, "widen its where, or leave it out")
    yield from _check_order(charge, allowance, meter, where)


def _check_order(
    charge: Charge, allowance: Allowance, meter: Meter, where: str
) -> Iterator[Problem]:
    is_shared = isinstance(charge.allowance, str)
    is_plain = isinstance(charge.price, PerUnit | Matrix) or (
        isinstance(charge.price, FromCard | NetworkCost)
        and getattr(charge.price, "rates", "tiered") == "list"
    )
    if allowance.order != "time" and not is_plain:
        yield Problem(
            where,
            f"the allowance of '{charge.name}' takes the {allowance.order} units, whose price"
            " depends on how many there are",
            'write order = "time", or a price without tiers',
        )
    if _has_units(charge):
        yield Problem(
            where,
            f"the allowance of '{charge.name}' would count amounts and units alike",
            "leave it out, or fixed_amount, unit_minimum and unit_maximum",
        )
    # What an allowance leaves of a call would have to stay whole at the next bound, and cannot.
    is_cut = isinstance(charge.price, FromCard) and charge.price.crossing == "after"
    if is_cut and not isinstance(meter.aggregation, Count):
        yield Problem(
            where,
            f"the allowance of '{charge.name}' cuts units that its tiers take whole",
            'write crossing = "split", or leave out the allowance',
        )
    is_split = allowance.each != ("account",) or allowance.where.given() or is_shared
    if is_split and not meter.is_ordered:
        yield Problem(
            where,
            f"of the meter '{meter.meter}' no part comes first, as it counts no single units",
            'give the charge an allowance of its own, each = "account", without a where',
        )
    if allowance.carry_over_months and (allowance.each != ("account",) or allowance.over == "day"):
        yield Problem(
            where,
            f"what is left of the allowance of '{charge.name}' would be carried over for each"
            f" {' and '.join(allowance.each)} and {allowance.over}",
            'write each = "account" and over = "month", or leave out carry_over_months',
        )


def _has_units(charge: Charge) -> bool:
    """Say whether a price counts units beside the amount that it takes a share of."""
    price = charge.price
    if not isinstance(price, Percentage | GraduatedPercentage):
        return False
    bounds = (getattr(price, "unit_minimum", None), getattr(price, "unit_maximum", None))
    return bool(price.fixed_amount or any(bounds))


def _check_shared(version: Version, place: str) -> Iterator[Problem]:
    names = [shared.name for shared in version.allowance]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(f"{place}.allowance", f"two allowances are named '{name}'", "rename one")
    for shared in version.allowance:
        charges = [charge for charge in version.charge if charge.allowance == shared.name]
        if not charges:
            what = f"no charge names the allowance '{shared.name}'"
            yield Problem(f"{place}.allowance", what, f'write allowance = "{shared.name}"')
        yield from _check_sharing(shared, charges, place)


def _check_sharing(shared: SharedAllowance, charges: list[Charge], place: str) -> Iterator[Problem]:
    if shared.order == "time" and len({charge.meter for charge in charges}) > 1:
        meters = ", ".join(sorted({charge.meter for charge in charges}))
        yield Problem(
            f"{place}.allowance",
            f"'{shared.name}' is shared by charges of the meters {meters}, whose units have no"
            " common order of time",
            "let its charges have one meter",
        )
    if len({charge.component for charge in charges}) > 1:
        yield Problem(
            f"{place}.allowance",
            f"'{shared.name}' is shared by components, so that one unit would use it up twice",
            "let its charges have one component",
        )


def _check_discounts(version: Version, place: str) -> Iterator[Problem]:
    lines: list[Charge | FixedFee | AddOn] = [*version.charge]
    lines += [*version.fixed_fee, *version.add_on]
    names = [offer.name for offer in lines]
    charges = [charge.name for charge in version.charge]
    for discount in version.discount:
        yield from _check_free_units(version, discount, place)
        known = charges if discount.free_units is not None else names
        for name in discount.lines or ():
            if name not in known:
                what = f"'{discount.name}' is taken off '{name}', which is not there"
                hint = nearest(name, known) if known else "name a line of this version"
                yield Problem(f"{place}.discount", what, hint)


def _check_free_units(version: Version, discount: Discount, place: str) -> Iterator[Problem]:
    """Free units are so many a month and account: what is included must count so, too."""
    if discount.free_units is None:
        return
    for charge in version.charge:
        given = charge.allowance
        if charge.name not in (discount.lines or ()):
            continue
        if isinstance(given, str) or (
            given is not None
            and (given.each, given.over, bool(given.where.given()))
            != (("account",), "month", False)
        ):
            yield Problem(
                f"{place}.discount",
                f"'{discount.name}' gives units a month and account, and what '{charge.name}'"
                " includes is shared or counts otherwise",
                "give that charge an allowance of its own for each account and month, or none",
            )
        if _has_units(charge):
            yield Problem(
                f"{place}.discount",
                f"'{discount.name}' would count amounts and units of '{charge.name}' alike",
                "give ratio or amount, or leave out fixed_amount, unit_minimum and unit_maximum",
            )


def _own_amounts(version: Version) -> Iterator[str]:
    """Name what of a version has an amount that is in no currency but the plan's."""
    for charge in version.charge:
        if not _is_of_card(charge) or charge.minimum is not None or charge.maximum is not None:
            yield f"'{charge.name}'"
    yield from (f"'{offer.name}'" for offer in version.fixed_fee)
    yield from (f"'{offer.name}'" for offer in version.add_on)
    for discount in version.discount:
        if discount.amount is not None:
            yield f"'{discount.name}'"
    if version.minimum or version.maximum or version.commitment:
        yield "a minimum, maximum or commitment"


def _is_of_card(charge: Charge) -> bool:
    """Say whether a price comes from a card alone, or is nothing."""
    price = charge.price
    if isinstance(price, PerUnit):
        return price.unit_price == 0
    return isinstance(price, FromCard | NetworkCost) and price.markup_amount == 0
