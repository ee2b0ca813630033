"""Conditions of a plan as a whole: discounts, bounds, commitments, trials."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from metering.door import Exact, Written
from pricing.offer import Name, Quantity, Values
from pricing.price import Ratio, UnitPrice


class Discount(Written):
    """What is taken off the lines of a charge, or of all charges, fees and add-ons."""

    name: Name
    ratio: Annotated[Ratio, Field(gt=0)] | None = None
    amount: Annotated[UnitPrice, Field(gt=0)] | None = None  # a month, at most what there is
    free_units: Annotated[Quantity, Field(gt=0)] | None = None  # a month and account
    lines: Values | None = None  # the names of what it is taken off; all where absent
    months: Annotated[int, Field(ge=1, le=120)] | None = None  # of a contract; all where absent

    @model_validator(mode="after")
    def _say_how_much_once(self) -> "Discount":
        ways = [self.ratio, self.amount, self.free_units]
        if sum(way is not None for way in ways) != 1:
            raise ValueError(
                "says how much in no way, or in several | give ratio, amount or free_units"
            )
        if self.free_units is not None and (self.lines is None or len(self.lines) != 1):
            raise ValueError("gives free units of nothing | name one charge in lines")
        return self


class Bound(Written):
    """A minimum or a maximum of all lines of a plan in a month."""

    amount: Annotated[UnitPrice, Field(gt=0)]
    proration: Literal["none", "by_day"] = "none"


class Commitment(Written):
    """What an account agreed to pay at least, each so many months of its contract.

    What is missing is charged in the last of these months, or when the contract ends; what goes
    beyond costs `overage_ratio` times as much.
    """

    amount: Annotated[UnitPrice, Field(gt=0)]
    months: Annotated[int, Field(ge=1, le=60)] = 1
    true_up: bool = True
    overage_ratio: Annotated[Exact, Field(ge=1, le=100, decimal_places=6)] = Decimal(1)


class Trial(Written):
    """The first days of a contract, in which nothing of the plan costs anything."""

    days: Annotated[int, Field(ge=1, le=366)]
