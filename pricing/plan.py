"""Price plans: what a seller offers, in dated versions, as people write it in `plans/*.toml`.

A version holds from its day until the next version begins. Its charges say which usage they take
(`where`) and what a unit costs; within one `component` each delivery is taken by one charge at
most, and components stack, like the network's fee and a platform fee on the same message.
"""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, field_validator, model_validator

from metering.account import FIRST_DAY, LAST_DAY
from metering.door import Exact, Written
from metering.errors import Problem
from metering.event import QUANTITY, USAGE_DIMENSIONS
from metering.meter import MeterName
from metering.settings import Country
from pricing.effective import Stretch
from pricing.money import Currency
from pricing.price import QUANTITY_MAX, FromCard, OwnPrice, Price, UnitPrice

T = TypeVar("T")


def _plan_id(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,59}", name):
        raise ValueError("is no name of a plan | use small letters, digits, - and _, at most 60")
    return name


def _not_empty(items: tuple[T, ...]) -> tuple[T, ...]:
    if not items:
        raise ValueError("is empty | write at least one, or leave the key out")
    return items


PlanId = Annotated[str, AfterValidator(_plan_id)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Values = Annotated[tuple[str, ...], AfterValidator(_not_empty)]
Quantity = Annotated[Exact, Field(ge=0, le=QUANTITY_MAX, decimal_places=QUANTITY.scale)]
WhenUncovered = Literal["block", "free"]


class Where(Written):
    """Which usage a charge takes: the values listed of each key that is given, all of any other."""

    channel: Values | None = None
    market: Values | None = None
    country: Values | None = None
    category: Values | None = None
    pricing_model: Values | None = None
    pricing_type: Values | None = None

    def given(self) -> dict[str, tuple[str, ...]]:
        """The keys that are given, with their values."""
        return self.model_dump(exclude_none=True)


assert tuple(Where.model_fields) == USAGE_DIMENSIONS


class Allowance(Written):
    """Units included before a charge, each month, counted while the version holds."""

    quantity: Annotated[Quantity, Field(gt=0)]
    each: Literal["account"] = "account"


class FreeFor(Written):
    """Accounts that a charge costs nothing: those that meet every condition that is given."""

    employee_count_max: Annotated[int, Field(ge=0)] | None = None
    segment: Values | None = None
    country: Annotated[tuple[Country, ...], AfterValidator(_not_empty)] | None = None

    @model_validator(mode="after")
    def _name_a_condition(self) -> "FreeFor":
        if self.employee_count_max is None and self.segment is None and self.country is None:
            raise ValueError("names no condition | give employee_count_max, segment or country")
        return self


class Charge(Written):
    """One priced thing of a plan: a meter, a filter, a price."""

    name: Name
    component: Name = "network"
    meter: MeterName
    where: Where = Where()
    allowance: Allowance | None = None
    free_for: FreeFor | None = None
    price: Price

    @model_validator(mode="after")
    def _count_one_way(self) -> "Charge":
        # An allowance takes the first units of an account, a tier of a card counts what is left of
        # a portfolio: the two orders of time cannot be told apart by quantities alone.
        is_tiered = isinstance(self.price, FromCard) and self.price.rates == "tiered"
        if is_tiered and self.allowance is not None:
            raise ValueError(
                'an allowance cannot stand with rates = "tiered" | use rates = "list", or leave'
                " out the allowance"
            )
        return self


class FixedFee(Written):
    """An amount for each month in which a plan holds."""

    name: Name
    amount: UnitPrice
    proration: Literal["none", "by_day"] = "none"


class AddOn(Written):
    """An optional paid feature with a quantity over time, priced for a whole month."""

    name: Name
    included: Quantity = Decimal(0)
    max_quantity: Quantity | None = None
    price: OwnPrice
    proration: Literal["none", "by_day"] = "by_day"

    @model_validator(mode="after")
    def _include_no_more_than_allowed(self) -> "AddOn":
        if self.max_quantity is not None and self.included > self.max_quantity:
            raise ValueError(
                f"includes {self.included} but allows {self.max_quantity} | raise max_quantity"
            )
        return self


class Version(Written):
    """A plan as it is from a day on."""

    effective_from: date = FIRST_DAY
    # A delivery that no charge of a component takes: blocks the invoice, or is free.
    uncovered: WhenUncovered | dict[Name, WhenUncovered] = "block"
    charge: tuple[Charge, ...] = ()
    fixed_fee: tuple[FixedFee, ...] = ()
    add_on: tuple[AddOn, ...] = ()

    def when_uncovered(self, component: str) -> WhenUncovered:
        if isinstance(self.uncovered, dict):
            return self.uncovered.get(component, "block")
        return self.uncovered

    def components(self) -> list[str]:
        return sorted({charge.component for charge in self.charge})

    def names(self) -> list[str]:
        """Name everything that makes a line, in the order of an invoice."""
        items: list[Charge | FixedFee | AddOn] = [*self.charge, *self.fixed_fee, *self.add_on]
        return [item.name for item in items]


class Plan(Written):
    """What a seller offers, in one currency."""

    plan: PlanId
    currency: Currency
    version: Annotated[tuple[Version, ...], AfterValidator(_not_empty)]

    @field_validator("version")
    @classmethod
    def _sort_by_date(cls, versions: tuple[Version, ...]) -> tuple[Version, ...]:
        return tuple(sorted(versions, key=lambda version: version.effective_from))

    def stretches(self) -> Iterator[tuple[Version, Stretch]]:
        """Yield each version with the days in which it holds."""
        ends = [*(version.effective_from for version in self.version[1:]), LAST_DAY]
        for version, end in zip(self.version, ends, strict=True):
            yield version, (version.effective_from, end)

    def add_ons(self) -> set[str]:
        return {add_on.name for version in self.version for add_on in version.add_on}


def slug(name: str) -> str:
    """Write a name so that it can be part of an id.

    Example:
        >>> slug("Support conversations (EU)")
        'support-conversations-eu'
    """
    return re.sub(r"[\W_]+", "-", name.casefold()).strip("-")


def check_plan(plan: Plan, where: str) -> Iterator[Problem]:
    """Yield what is wrong between the parts of a plan that are each right alone."""
    dates = [version.effective_from for version in plan.version]
    for day in sorted({day for day in dates if dates.count(day) > 1}):
        yield Problem(
            f"{where} version.effective_from",
            f"two versions begin on {day}",
            "give one of them another day, or merge them",
        )
    yield from _unsteady_names(plan, where)
    for number, version in enumerate(plan.version):
        place = f"{where} version.{number}"
        yield from _repeated_names(version, place)


def can_both_match(one: Where, other: Where) -> bool:
    """Say whether some usage could match both: no key keeps them apart.

    Example:
        >>> can_both_match(Where(category=("utility",)), Where(market=("India",)))
        True
    """
    mine, theirs = one.given(), other.given()
    return all(set(mine[key]) & set(theirs[key]) for key in mine.keys() & theirs.keys())


def _repeated_names(version: Version, place: str) -> Iterator[Problem]:
    # Names that differ in case or punctuation alone would give two lines one id.
    slugs = [slug(name) for name in version.names()]
    for name, short in zip(version.names(), slugs, strict=True):
        if not short:
            yield Problem(place, f"the name '{name}' has no letter", "give it one")
    for short in sorted({short for short in slugs if short and slugs.count(short) > 1}):
        names = [name for name in version.names() if slug(name) == short]
        shown = ", ".join(f"'{name}'" for name in names)
        yield Problem(
            place,
            f"{len(names)} of its charges, fees and add-ons share a name: {shown}",
            "each is a line of the invoice and needs a name of its own",
        )


def _unsteady_names(plan: Plan, where: str) -> Iterator[Problem]:
    # A line goes on through the versions of a plan under one name, as one kind of thing.
    spelled: dict[str, set[str]] = {}
    for version in plan.version:
        slugs = [slug(name) for name in version.names()]
        for kind in ("charge", "fixed_fee", "add_on"):
            for item in getattr(version, kind):
                if slugs.count(slug(item.name)) == 1:
                    spelled.setdefault(slug(item.name), set()).add(f"{kind} '{item.name}'")
    for uses in spelled.values():
        if len(uses) > 1:
            yield Problem(
                f"{where} version",
                f"one line would stand for {' and '.join(sorted(uses))} of two versions",
                "keep name and kind from version to version, or choose another name",
            )
