"""Price plans: what a seller offers, in dated versions, as people write it in `plans/*.toml`.

A version holds from its day until the next version begins. Within one `component` each delivery is
taken by one charge at most, and components stack, like the network's fee and a platform fee on the
same message. A plan that `extends` another changes some of it, for one account or many.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Tag, field_validator

from metering.account import FIRST_DAY, LAST_DAY
from metering.door import Written
from metering.errors import Problem
from pricing.condition import Bound, Commitment, Discount, Trial
from pricing.effective import Stretch
from pricing.money import Currency
from pricing.offer import AddOn, Charge, FixedFee, Name, SharedAllowance, Where, not_empty


def _plan_id(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,59}", name):
        raise ValueError("is no name of a plan | use small letters, digits, - and _, at most 60")
    return name


PlanId = Annotated[str, AfterValidator(_plan_id)]
WhenUncovered = Literal["block", "free"]
Uncovered = Annotated[
    Annotated[WhenUncovered, Tag("~all")]
    | Annotated[dict[Name, WhenUncovered], Tag("~by_component")],
    Discriminator(lambda given: "~by_component" if isinstance(given, dict) else "~all"),
]
RESERVED = {"minimum", "maximum", "commitment", "commitment-overage"}


class Version(Written):
    """A plan as it is from a day on."""

    effective_from: date = FIRST_DAY
    without: tuple[Name, ...] = ()  # what a plan that extends another leaves out of it
    # A delivery that no charge of a component takes: blocks the invoice, or is free.
    uncovered: Uncovered = "block"
    charge: tuple[Charge, ...] = ()
    fixed_fee: tuple[FixedFee, ...] = ()
    add_on: tuple[AddOn, ...] = ()
    allowance: tuple[SharedAllowance, ...] = ()
    discount: tuple[Discount, ...] = ()  # taken off in this order
    discounts_are_of: Literal["remainder", "list"] = "remainder"
    minimum: Bound | None = None
    maximum: Bound | None = None
    commitment: Commitment | None = None
    trial: Trial | None = None

    def when_uncovered(self, component: str) -> WhenUncovered:
        if isinstance(self.uncovered, dict):
            return self.uncovered.get(component, "block")
        return self.uncovered

    def components(self) -> list[str]:
        return sorted({charge.component for charge in self.charge})

    def names(self) -> list[str]:
        """Name everything that makes a line, in the order of an invoice."""
        items: list[Charge | FixedFee | AddOn] = [*self.charge, *self.fixed_fee, *self.add_on]
        return [item.name for item in items] + [discount.name for discount in self.discount]


class Plan(Written):
    """What a seller offers, in one currency."""

    plan: PlanId
    extends: PlanId | None = None  # a plan of which it changes something
    currency: Currency | None = None  # that of the account, where all prices are from cards
    version: Annotated[tuple[Version, ...], AfterValidator(not_empty)]

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
    yield from _unsteady_names(plan, where)
    for number, version in enumerate(plan.version):
        place = f"{where} version.{number}"
        yield from _repeated_names(version, place)
        yield from _prefixed_names(plan, version, place)


def check_dates(plan: Plan, where: str) -> Iterator[Problem]:
    """Yield the days on which two versions of a plan begin."""
    dates = [version.effective_from for version in plan.version]
    for day in sorted({day for day in dates if dates.count(day) > 1}):
        same = [version for version in plan.version if version.effective_from == day]
        left_out = sum("effective_from" not in version.model_fields_set for version in same)
        yield Problem(
            f"{where} version.effective_from",
            f"{left_out} versions leave out the day on which they begin"
            if left_out > 1
            else f"two versions begin on {day}",
            "write effective_from in all but one of them"
            if left_out > 1
            else "give one of them another day, or merge them",
        )


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
    for name, short in zip(version.names(), slugs, strict=True):
        if short in RESERVED:
            what = f"'{name}' is the name of a line that the engine writes itself"
            yield Problem(place, what, "choose another name")


def _prefixed_names(plan: Plan, version: Version, place: str) -> Iterator[Problem]:
    # So a line is shown whose name another plan of the account has, too: it could not be told from
    # the name of a charge when the line is read back.
    prefix = f"{plan.plan}: "
    for name in version.names():
        if name.startswith(prefix):
            what = f"the name '{name}' begins with the plan's, as lines of two plans do on invoices"
            yield Problem(place, what, f"write '{name.removeprefix(prefix)}'")


def _unsteady_names(plan: Plan, where: str) -> Iterator[Problem]:
    # A line goes on through the versions of a plan under one name, as one kind of thing.
    spelled: dict[str, set[str]] = {}
    for version in plan.version:
        slugs = [slug(name) for name in version.names()]
        for kind in ("charge", "fixed_fee", "add_on", "discount"):
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
