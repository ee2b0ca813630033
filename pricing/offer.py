"""What a plan offers: charges on usage, fixed fees and add-ons, as people write them.

A charge says which usage it takes (`where`) and what a unit costs; what else of it is free stands
beside the price, in the order of `pricing.charge.CHARGE_STEPS`.
"""

from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from metering.door import Exact, Written
from metering.event import QUANTITY, USAGE_DIMENSIONS
from metering.meter import MeterName
from metering.settings import Country
from pricing.price import QUANTITY_MAX, Each, OwnPrice, Price, UnitPrice

T = TypeVar("T")


def not_empty(items: tuple[T, ...]) -> tuple[T, ...]:
    if not items:
        raise ValueError("is empty | write at least one, or leave the key out")
    return items


Name = Annotated[str, Field(min_length=1, max_length=100)]
Values = Annotated[tuple[str, ...], AfterValidator(not_empty)]
Quantity = Annotated[Exact, Field(ge=0, le=QUANTITY_MAX, decimal_places=QUANTITY.scale)]
Proration = Literal["none", "by_day", "by_second"]
TaxCategory = Annotated[str, Field(min_length=1, max_length=40)]


class Where(Written):
    """Which usage a charge takes: the values listed of each key that is given, all of any other."""

    channel: Values | None = None
    market: Values | None = None
    country: Values | None = None
    category: Values | None = None
    pricing_model: Values | None = None
    pricing_type: Values | None = None
    # Who said the pricing_type: the network, or we by the windows of the message.
    pricing_opinion: tuple[Literal["network", "derived"], ...] | None = None

    def given(self) -> dict[str, tuple[str, ...]]:
        """The keys that are given, with their values."""
        return self.model_dump(exclude_none=True)


assert tuple(Where.model_fields) == (*USAGE_DIMENSIONS, "pricing_opinion")


class Allowance(Written):
    """Units included before a charge.

    They count while a version holds, and are taken in the order of the messages (`time`), or from
    the units that cost most (`dearest`) or least (`cheapest`).
    """

    quantity: Annotated[Quantity, Field(gt=0)]
    each: Each = ("account",)
    over: Literal["month", "day"] = "month"
    order: Literal["time", "dearest", "cheapest"] = "time"
    where: Where = Where()  # only these units count; the others stay charged
    carry_over_months: Annotated[int, Field(ge=0, le=12)] = 0


class SharedAllowance(Allowance):
    """Units included before several charges, which name it."""

    name: Name


class FreeFor(Written):
    """Accounts that a charge costs nothing: those that meet every condition that is given."""

    employee_count_max: Annotated[int, Field(ge=0)] | None = None
    segment: Values | None = None
    country: Annotated[tuple[Country, ...], AfterValidator(not_empty)] | None = None
    account_age_months_max: Annotated[int, Field(ge=1, le=120)] | None = None  # since its first day
    deliveries_max: Annotated[int, Field(ge=0)] | None = None  # of the months before, together
    deliveries_months: Annotated[int, Field(ge=1, le=12)] = 1

    @model_validator(mode="after")
    def _name_a_condition(self) -> "FreeFor":
        named = set(self.model_fields_set) - {"deliveries_months"}
        if not any(getattr(self, name) is not None for name in named):
            raise ValueError(
                "names no condition | give employee_count_max, segment, country,"
                " account_age_months_max or deliveries_max"
            )
        return self


class Charge(Written):
    """One priced thing of a plan: a meter, a filter, a price."""

    name: Name
    component: Name = "network"
    meter: MeterName
    where: Where = Where()
    # Its own, or the name of a shared one.
    allowance: (
        Annotated[
            Annotated[Name, Tag("~name")] | Annotated[Allowance, Tag("~own")],
            Discriminator(lambda given: "~name" if isinstance(given, str) else "~own"),
        ]
        | None
    ) = None
    free_for: FreeFor | None = None
    price: Price
    minimum: UnitPrice | None = None  # of the line, after its discounts
    maximum: UnitPrice | None = None
    tax_category: TaxCategory = "standard"

    @model_validator(mode="after")
    def _order_the_bounds(self) -> "Charge":
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and low > high:
            raise ValueError(f"minimum {low} is over maximum {high} | exchange them")
        return self


class FixedFee(Written):
    """An amount for each month in which a plan holds, for each year of a contract, or once."""

    name: Name
    amount: UnitPrice
    every: Literal["month", "year", "once"] = "month"
    due: Literal["arrears", "advance"] = "arrears"
    proration: Proration = "none"
    tax_category: TaxCategory = "standard"

    @model_validator(mode="after")
    def _prorate_months_alone(self) -> "FixedFee":
        if self.every != "month" and (self.proration != "none" or self.due == "advance"):
            raise ValueError(
                f'is due every "{self.every}", on the first day of a contract or its year'
                ' | leave out proration and due, or write every = "month"'
            )
        return self


class AddOn(Written):
    """An optional paid feature with a quantity over time, priced for a whole month.

    The quantity is that of `add_ons.csv`, or what a meter counts.
    """

    name: Name
    meter: MeterName | None = None
    included: Quantity = Decimal(0)
    max_quantity: Quantity | None = None
    price: OwnPrice
    due: Literal["arrears", "advance"] = "arrears"
    proration: Proration | None = None  # by_day; none where a meter counts
    tax_category: TaxCategory = "standard"

    @model_validator(mode="after")
    def _include_no_more_than_allowed(self) -> "AddOn":
        if self.max_quantity is not None and self.included > self.max_quantity:
            raise ValueError(
                f"includes {self.included} but allows {self.max_quantity} | raise max_quantity"
            )
        if self.meter is not None and (self.proration or self.due == "advance"):
            raise ValueError(
                "is counted by a meter, which is known after the month and has its own days"
                " | leave out proration and due, or the meter"
            )
        return self
