"""What must hold between the charges of a plan and the meters that they name."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from metering.door import nearest
from metering.errors import Problem
from metering.meter import Meter
from pricing.offer import Charge
from pricing.plan import Plan, Version, can_both_match
from pricing.price import FromCard
from pricing.price_checks import check_currency, check_offers
from pricing.taking import DEFAULT_COMPONENT, accounts_for_deliveries, card_unit


def check_charges(plan: Plan, meters: Mapping[str, Meter], where: str) -> Iterator[Problem]:
    """Yield what is wrong between the charges of a plan and the meters that they name."""
    yield from check_currency(plan, where)
    for number, version in enumerate(plan.version):
        place = f"{where} version.{number}"
        for charge in version.charge:
            if charge.meter not in meters:
                what = f"there is no meter '{charge.meter}', which '{charge.name}' counts by"
                yield Problem(f"{place}.charge", what, nearest(charge.meter, sorted(meters)))
            else:
                yield from _unfit_meter(charge, meters[charge.meter], f"{place}.charge")
        known = [charge for charge in version.charge if charge.meter in meters]
        yield from check_offers(plan, version, meters, place)
        yield from _twice_charged(known, meters, place)
        yield from _unknown_components(version, meters, place)


def _unfit_meter(charge: Charge, meter: Meter, place: str) -> Iterator[Problem]:
    # Whose word a type is can be told of any that has types.
    told = {*meter.cells, *(["pricing_opinion"] if "pricing_type" in meter.cells else [])}
    for key in charge.where.given():
        if key not in told:
            yield Problem(
                place,
                f"'{charge.name}' asks for {key}, which the meter '{meter.meter}' does not tell"
                " apart",
                f"it tells apart {', '.join(meter.cells) or 'nothing'}; a filter may stand in a"
                " meter of your own",
            )
    if not isinstance(charge.price, FromCard):
        return
    if charge.price.reported_cost and "reported_cost" not in meter.dimensions:
        yield Problem(
            place,
            f"'{charge.name}' asks for reported costs, which the meter '{meter.meter}' does not"
            " tell apart",
            "the network reports what a delivery costs: count deliveries, or leave it out",
        )
    if card_unit(meter) is None:
        figure = meter.aggregation.kind
        why = (
            f"its units of {meter.source.kind} have no rate"
            if meter.is_ordered
            else f"of a {figure} no part comes first, and it has no rate"
        )
        yield Problem(
            place,
            f"'{charge.name}' takes the meter '{meter.meter}' to a card, but {why}",
            "cards price counted deliveries and conversations, and minutes of calls in steps; use a"
            " price of the plan's own",
        )
    elif not meter.is_ordered and (charge.allowance or charge.price.rates == "tiered"):
        asked = "an allowance" if charge.allowance else "tiered rates"
        yield Problem(
            place,
            f"'{charge.name}' asks for {asked}, but no part of '{meter.meter}' comes first",
            "take the list rate of the card, without an allowance",
        )


def _twice_charged(
    charges: Sequence[Charge], meters: Mapping[str, Meter], place: str
) -> Iterator[Problem]:
    for one, other in combinations(charges, 2):
        is_one_thing = one.meter == other.meter or (
            {meters[one.meter].source.kind, meters[other.meter].source.kind}
            <= {"deliveries", "conversations"}
        )
        is_one_component = one.component == other.component
        if is_one_thing and is_one_component and can_both_match(one.where, other.where):
            what = "delivery" if accounts_for_deliveries(meters[one.meter]) else "unit"
            yield Problem(
                f"{place}.charge",
                f"'{one.name}' and '{other.name}' can both charge one {what}"
                f" (component '{one.component}')",
                "narrow one of their where, or give one of them another component",
            )


def _unknown_components(
    version: Version, meters: Mapping[str, Meter], place: str
) -> Iterator[Problem]:
    named = version.uncovered if isinstance(version.uncovered, dict) else {}
    accounting = {
        charge.component
        for charge in version.charge
        if charge.meter not in meters or accounts_for_deliveries(meters[charge.meter])
    }
    for component in sorted(set(named) - (accounting or {DEFAULT_COMPONENT})):
        yield Problem(
            f"{place}.uncovered",
            f"no charge on deliveries or conversations has the component '{component}'",
            f"components of this version: {', '.join(sorted(accounting)) or 'none'}",
        )
