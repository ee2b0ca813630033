"""Schedules: every price that a plan writes itself, as the same small table of steps.

kind                   steps
per_unit               one open step with a unit price
flat                   one open step with a flat amount
graduated, volume      a step for each tier; volume prices all units by the step that they reach
package                one open step that counts packages
stairstep              a step for each stair with a flat amount, priced as volume is
percentages            the metered amount is the quantity, and the ratio its unit price
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import NamedTuple, assert_never

from metering.output import quantity_text
from pricing.money import UNIT_PRICE
from pricing.price import (
    Flat,
    Graduated,
    GraduatedPercentage,
    Package,
    Partial,
    Percentage,
    PerUnit,
    Price,
    Stairstep,
    Tier,
    Volume,
)
from pricing.rate_card import tier_text

UNIT_STEP = Decimal(1).scaleb(-UNIT_PRICE.scale)
WrittenPrice = (
    PerUnit | Flat | Graduated | Volume | Package | Stairstep | Percentage | GraduatedPercentage
)


class Step(NamedTuple):
    """The units over `over` up to `up_to`, and what they cost."""

    tier: int | None  # 1 for the first; None where there is one price
    over: Decimal
    up_to: Decimal | None  # inclusive
    unit_price: Decimal
    flat_amount: Decimal = Decimal(0)
    package_size: Decimal | None = None  # then unit_price is for a package
    partial: Partial = "up"  # what a package that is not full counts as
    words: str | None = None


def steps_of(price: WrittenPrice) -> tuple[Step, ...]:
    """Write a price as steps, which cover every quantity once.

    Example:
        >>> [step.unit_price for step in steps_of(PerUnit(unit_price=Decimal("0.02")))]
        [Decimal('0.02')]
    """
    match price:
        case PerUnit() | Flat() | Package() | Percentage():
            return (_open_step(price),)
        case Graduated() | Volume():
            return tuple(_tiers(price.tiers))
        case Stairstep():
            stairs = [Tier(up_to=stair.up_to, flat_amount=stair.amount) for stair in price.tiers]
            return tuple(_tiers(stairs))
        case GraduatedPercentage():
            shares = [
                Tier(up_to=tier.up_to, unit_price=tier.ratio, flat_amount=tier.flat_amount)
                for tier in price.tiers
            ]
            said = [f"{_percent(tier.ratio)} of the amount" for tier in price.tiers]
            return tuple(
                step._replace(words=f"{step.words}, {share}")
                for step, share in zip(_tiers(shares), said, strict=True)
            )
        case _:
            assert_never(price)


def _open_step(price: PerUnit | Flat | Package | Percentage) -> Step:
    whole = (None, Decimal(0), None)
    match price:
        case PerUnit():
            return Step(*whole, price.unit_price)
        case Flat():
            return Step(*whole, Decimal(0), price.amount)
        case Percentage():
            return Step(*whole, price.ratio, words=f"{_percent(price.ratio)} of the amount")
        case Package(partial="exact"):
            # The one division: the price of a unit, to 12 decimals.
            with localcontext(prec=60):
                share = (price.package_price / price.package_size).quantize(
                    UNIT_STEP, ROUND_HALF_UP
                )
            words = f"{quantity_text(price.package_price)} for {quantity_text(price.package_size)}"
            return Step(*whole, share, words=words)
        case Package():
            head = (*whole, price.package_price, Decimal(0), price.package_size)
            return Step(*head, price.partial, _packages(price.package_size))
        case _:
            assert_never(price)


def is_all_in_one(price: Price) -> bool:
    """Say whether all units are priced by the step that the whole quantity reaches."""
    return isinstance(price, Volume | Stairstep)


def charges_unused(price: Price) -> bool:
    """Say whether a flat amount is due even if nothing was used."""
    return getattr(price, "when_unused", "free") == "charge"


def _tiers(tiers: tuple[Tier, ...] | list[Tier]) -> Iterator[Step]:
    over = Decimal(0)
    for number, tier in enumerate(tiers, 1):
        words = tier_text(over, tier.up_to)
        if tier.package_size is not None:
            words = f"{words}, {_packages(tier.package_size)}"
        bounds = (number, over, tier.up_to)
        size = tier.package_size
        yield Step(*bounds, tier.unit_price, tier.flat_amount, size, words=words)
        over = tier.up_to or over


def _packages(size: Decimal) -> str:
    return f"packages of {quantity_text(size)}"


def _percent(ratio: Decimal) -> str:
    return f"{quantity_text(ratio * 100)} %"
