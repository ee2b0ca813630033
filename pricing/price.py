"""What a unit costs: the kinds of price that a plan can name.

A price is data; `pricing.rating` does the arithmetic. A tier is given by its upper bound alone, and
the bound belongs to the tier, so that tiers can neither overlap nor leave a gap. The currency is
that of the plan.
"""

from decimal import Decimal
from typing import Annotated, Literal, assert_never

from pydantic import Field, field_validator

from metering.door import Exact, Written
from metering.event import QUANTITY
from pricing.money import UNIT_PRICE

QUANTITY_MAX = Decimal(10) ** 15
TIERS_MAX = 100
UNIT_PRICE_MAX = Decimal(10) ** 9
RATE_DECIMALS, MARKUP_DECIMALS = 8, 4  # of a rate of a card, and of what is put on top of it
assert UNIT_PRICE.scale >= RATE_DECIMALS + MARKUP_DECIMALS

Bound = Annotated[Exact, Field(gt=0, le=QUANTITY_MAX, decimal_places=QUANTITY.scale)]
UnitPrice = Annotated[Exact, Field(ge=0, le=UNIT_PRICE_MAX, decimal_places=UNIT_PRICE.scale)]
MarkupRatio = Annotated[Exact, Field(ge=-1, le=100, decimal_places=MARKUP_DECIMALS)]


class Tier(Written):
    """A stretch of quantity with its own price."""

    up_to: Bound | None = None  # inclusive; the last tier, and no other, has none
    unit_price: UnitPrice


class _Tiered(Written):
    tiers: tuple[Tier, ...]

    @field_validator("tiers")
    @classmethod
    def _cover_every_quantity_once(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        if not 1 <= len(tiers) <= TIERS_MAX:
            raise ValueError(f"{len(tiers)} tiers | write 1 to {TIERS_MAX}")
        bounds = [tier.up_to for tier in tiers if tier.up_to is not None]
        if len(bounds) != len(tiers) - 1 or tiers[-1].up_to is not None:
            raise ValueError("the last tier, and no other, is open | leave out its up_to alone")
        if bounds != sorted(set(bounds)):
            shown = ", ".join(map(str, bounds))
            raise ValueError(f"up_to does not rise from tier to tier: {shown} | sort the tiers")
        return tiers


class PerUnit(Written):
    """Each unit costs the same."""

    kind: Literal["per_unit"] = "per_unit"
    unit_price: UnitPrice


class Graduated(_Tiered):
    """Each unit costs the price of the tier that it falls in."""

    kind: Literal["graduated"] = "graduated"


class Volume(_Tiered):
    """All units cost the price of the tier that the whole quantity falls in."""

    kind: Literal["volume"] = "volume"


class FromCard(Written):
    """Each unit costs the rate of a card for its market and category, and a markup on it.

    `tiered` takes the card's volume tiers where it has them, counted over the portfolio, the market
    and the category of the card for the month; its list rate elsewhere.
    """

    kind: Literal["rate_card"] = "rate_card"
    card: Annotated[str, Field(min_length=1)]
    markup_ratio: MarkupRatio = Decimal(0)
    rates: Literal["list", "tiered"] = "list"


OwnPrice = Annotated[PerUnit | Graduated | Volume, Field(discriminator="kind")]
Price = Annotated[PerUnit | Graduated | Volume | FromCard, Field(discriminator="kind")]


def tiers_of(price: PerUnit | Graduated | Volume) -> tuple[Tier, ...]:
    """Write a price as tiers; a price per unit is one open tier.

    Example:
        >>> tiers_of(PerUnit(unit_price=Decimal("0.02")))
        (Tier(up_to=None, unit_price=Decimal('0.02')),)
    """
    match price:
        case PerUnit():
            return (Tier(unit_price=price.unit_price),)
        case Graduated() | Volume():
            return price.tiers
        case _:
            assert_never(price)
