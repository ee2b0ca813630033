"""Aggregations: how the units of a meter add up to its quantity."""

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from metering.door import Exact, Written
from metering.event import QUANTITY
from metering.unit import Word


def _field(name: str) -> str:
    if not re.fullmatch(r"data(\.[A-Za-z0-9_-]+)+|[a-z_]+", name):
        raise ValueError("is no field | name a column, or a field of the data like data.device_id")
    return name


FieldName = Annotated[str, AfterValidator(_field)]
Step = Annotated[Exact, Field(gt=0, le=10**9, decimal_places=QUANTITY.scale)]
Limit = Annotated[Exact, Field(ge=0, le=10**15, decimal_places=QUANTITY.scale)]


class Count(Written):
    """How many units."""

    kind: Literal["count"] = "count"


class Sum(Written):
    """The values of all units, added up."""

    kind: Literal["sum"] = "sum"
    of: FieldName
    step: Step | None = None  # count started steps of this size instead of the value itself
    step_value: Step = Decimal(1)  # and each as so much
    value_min: Limit | None = None  # each value counts as at least so much
    value_max: Limit | None = None  # and at most as so much
    over: Limit | None = None  # only values over this count
    up_to: Limit | None = None  # and up to this, inclusive

    @model_validator(mode="after")
    def _hold_values_one_way(self) -> "Sum":
        least, most = self.value_min, self.value_max
        if self.step is not None and (least is not None or most is not None):
            raise ValueError(
                "has a step and limits of the value | give step, or value_min and value_max"
            )
        if least is not None and most is not None and least > most:
            raise ValueError(f"value_min {least} is above value_max {most} | change one of them")
        return self


class CountOf(Written):
    """How many units have a value in a range."""

    kind: Literal["count_of"] = "count_of"
    of: FieldName
    over: Limit | None = None
    up_to: Limit | None = None  # inclusive


class Max(Written):
    """The greatest value of a month."""

    kind: Literal["max"] = "max"
    of: FieldName


class Min(Written):
    """The least value of a month."""

    kind: Literal["min"] = "min"
    of: FieldName


class Average(Written):
    """The mean of the values of a month."""

    kind: Literal["average"] = "average"
    of: FieldName


class Latest(Written):
    """The last value of a month."""

    kind: Literal["latest"] = "latest"
    of: FieldName


class UniqueCount(Written):
    """How many different values a month has."""

    kind: Literal["unique_count"] = "unique_count"
    of: FieldName


class Percentile(Written):
    """The least value that at least so many percent of the values of a month do not exceed."""

    kind: Literal["percentile"] = "percentile"
    of: FieldName
    percent: Annotated[Exact, Field(gt=0, le=100, decimal_places=4)]


class Level(Written):
    item: FieldName | None = None
    down: tuple[Word, ...] = ()
    level: FieldName | None = None
    change: FieldName | None = None

    @model_validator(mode="after")
    def _say_the_level_one_way(self) -> "Level":
        ways = [bool(self.down), self.level is not None, self.change is not None]
        if ways.count(True) != 1:
            raise ValueError(
                "says the level in no way, or in several | give item and down, or level, or change"
            )
        if self.down and self.item is None:
            raise ValueError("has down without item | name the field that tells the items apart")
        if self.change is not None and self.item is not None:
            raise ValueError("changes add up over all items | leave out item")
        return self


class TimeWeighted(Level):
    """The level of something, times how long it lasted."""

    kind: Literal["time_weighted"] = "time_weighted"
    per: Literal["day", "month"] = "day"


class Peak(Level):
    """The highest level of a month, that which it began with included."""

    kind: Literal["peak"] = "peak"


Aggregation = Annotated[
    Count
    | CountOf
    | Sum
    | Max
    | Min
    | Average
    | Latest
    | UniqueCount
    | Percentile
    | TimeWeighted
    | Peak,
    Field(discriminator="kind"),
]
# These have parts that add up to the whole; any other figure is one of a whole month.
ADDITIVE = (Count, CountOf, Sum, TimeWeighted)
ORDERED = (Count, CountOf, Sum)  # made of units that come one after another in time
