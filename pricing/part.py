"""Parts: what a charge or a counted add-on asks of metering and of rating.

Most charges have one part. A percentage with something for each unit has several, for a sum of
money does not tell how many units it is of: each part has a meter of its own, made from the
charge's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext

from metering.aggregation import CountOf, Sum
from metering.event import QUANTITY
from metering.meter import Meter
from pricing.offer import AddOn, Allowance, Charge
from pricing.plan import Plan, Version
from pricing.price import (
    FromCard,
    GraduatedPercentage,
    NetworkCost,
    Percentage,
    PerUnit,
    Price,
)

STEP = Decimal(1).scaleb(-QUANTITY.scale)


@dataclass(frozen=True)
class Part:
    """A charge, or a part of one: one meter, one filter, one price."""

    offer: Charge
    meter: Meter
    price: Price
    kind: str = "usage"  # or add_on
    max_quantity: Decimal | None = None


def parts_of(
    version: Version, meters: Mapping[str, Meter], cost_prices: Mapping[str, FromCard]
) -> list[Part]:
    """List the parts of the charges and counted add-ons of a version, in the order of an invoice.

    Args:
        cost_prices: Those of the network's own plan by meter, for costs that are passed through.
    """
    parts = [
        Part(charge, meter, price)
        for charge in version.charge
        for meter, price in _of_charge(charge, meters[charge.meter], cost_prices)
    ]
    for add_on in version.add_on:
        if add_on.meter is not None:
            offer = _as_charge(add_on)
            meter = meters[add_on.meter]
            parts.append(Part(offer, meter, offer.price, "add_on", add_on.max_quantity))
    return parts


def card_prices(plan: Plan) -> dict[str, FromCard]:
    """List the prices from cards of a plan by meter, as its newest version with each has them.

    Reported costs go before the card where they do so for any charge of the meter.
    """
    prices = {
        (charge.meter, charge.name): charge.price
        for version in plan.version
        for charge in version.charge
        if isinstance(charge.price, FromCard)
    }
    reported = {meter for (meter, _), price in prices.items() if price.reported_cost}
    return {
        meter: price.model_copy(update={"reported_cost": meter in reported})
        for (meter, _), price in prices.items()
    }


def _as_charge(add_on: AddOn) -> Charge:
    assert add_on.meter is not None, "only an add-on that is counted is a charge"
    included = Allowance(quantity=add_on.included) if add_on.included else None
    return Charge(
        name=add_on.name,
        component=f"add-on {add_on.name}"[:100],
        meter=add_on.meter,
        allowance=included,
        price=add_on.price,
        tax_category=add_on.tax_category,
    )


def _of_charge(
    charge: Charge, meter: Meter, cost_prices: Mapping[str, FromCard]
) -> Iterator[tuple[Meter, Price]]:
    match charge.price:
        case Percentage() as price:
            yield from _of_percentage(price, meter)
        case GraduatedPercentage() as price:
            yield meter, price
            if price.fixed_amount:
                yield _counted(meter), PerUnit(unit_price=price.fixed_amount)
        case NetworkCost() as price:
            cost = cost_prices[meter.meter]
            marked = price.model_dump(exclude={"kind"})
            given = {"card": cost.card, "crossing": cost.crossing, **marked}
            yield meter, FromCard(rates="tiered", reported_cost=cost.reported_cost, **given)
        case _:
            yield meter, charge.price


def _of_percentage(price: Percentage, meter: Meter) -> Iterator[tuple[Meter, Price]]:
    """Cut the units by their value where the minimum or the maximum of a unit takes over.

    A bound on a share is a bound on the value, which has 6 decimals: so that the cut is exact
    although the division by the ratio is not.
    """
    low = high = None
    with localcontext(prec=60):
        if price.unit_minimum and price.ratio:
            low = (price.unit_minimum / price.ratio).quantize(STEP, ROUND_FLOOR)
        if price.unit_maximum is not None and price.ratio:
            high = (price.unit_maximum / price.ratio).quantize(STEP, ROUND_CEILING) - STEP
            high = high if low is None else max(low, high)  # where both bounds are one
    each = price.fixed_amount
    if price.unit_minimum and not price.ratio:
        each += price.unit_minimum  # one part: no two may count the same
    elif low is not None:
        yield _counted(meter, None, low), PerUnit(unit_price=price.unit_minimum or Decimal(0))
    yield _between(meter, low, high), price
    if high is not None and price.unit_maximum is not None:
        yield _counted(meter, high, None), PerUnit(unit_price=price.unit_maximum)
    if each:
        yield _counted(meter), PerUnit(unit_price=each)


def _between(meter: Meter, over: Decimal | None, up_to: Decimal | None) -> Meter:
    if over is None and up_to is None:
        return meter
    assert isinstance(meter.aggregation, Sum), "checked at the door"
    aggregation = meter.aggregation.model_copy(update={"over": over, "up_to": up_to})
    return _named(meter, f"{meter.meter}{_range(over, up_to)}", aggregation)


def _counted(meter: Meter, over: Decimal | None = None, up_to: Decimal | None = None) -> Meter:
    assert isinstance(meter.aggregation, Sum), "checked at the door"
    aggregation = CountOf(of=meter.aggregation.of, over=over, up_to=up_to)
    return _named(meter, f"{meter.meter} (number){_range(over, up_to)}", aggregation)


def _named(meter: Meter, name: str, aggregation: Sum | CountOf) -> Meter:
    return meter.model_copy(update={"meter": name, "aggregation": aggregation})


def _range(over: Decimal | None, up_to: Decimal | None) -> str:
    parts = [f"over {over}"] if over is not None else []
    parts += [f"up to {up_to}"] if up_to is not None else []
    return f" ({' '.join(parts)})" if parts else ""
