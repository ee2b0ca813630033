"""Plans that extend others: an override is a plan that says only what is different.

From each of its versions on, what it names takes the place of what the extended plan has under the
same name, what it has besides is added, and what stands in `without` is left out. The versions of
the extended plan go on below it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from metering.door import nearest
from metering.errors import Problem
from pricing.effective import as_of
from pricing.plan import Plan, Version, slug

NAMED = ("charge", "fixed_fee", "add_on", "allowance", "discount")
ItemT = TypeVar("ItemT")


def extend_plans(
    plans: Mapping[str, Plan], places: Mapping[str, str]
) -> tuple[dict[str, Plan], list[Problem]]:
    """Write out every plan that extends another; the others stay as they are.

    Args:
        plans: By name.
        places: The file of each plan.
    """
    problems: list[Problem] = []
    written: dict[str, Plan] = {}
    for name in plans:
        chain = _chain(name, plans)
        last = plans[chain[-1]]
        if last.extends is not None:
            problems.append(_broken(name, last, plans, places[name], is_ring=last.extends in chain))
            continue
        problems += _unknown_names(plans[name], plans, places[name])
        written[name] = _written_out(chain, plans)
    return written, problems


def _chain(name: str, plans: Mapping[str, Plan]) -> list[str]:
    """Name the plan and those that it extends, until one extends nothing known."""
    chain = [name]
    while (base := plans[chain[-1]].extends) in plans and base not in chain:
        assert base is not None, "a plan has a name"
        chain.append(base)
    return chain


def _broken(
    name: str, last: Plan, plans: Mapping[str, Plan], place: str, *, is_ring: bool
) -> Problem:
    if is_ring:
        what = f"the plan '{name}' extends itself, by way of '{last.plan}'"
        return Problem(f"{place} extends", what, "let one of them stand alone")
    what = f"there is no plan '{last.extends}', which '{last.plan}' extends"
    return Problem(f"{place} extends", what, nearest(str(last.extends), sorted(plans)))


def _unknown_names(plan: Plan, plans: Mapping[str, Plan], place: str) -> Iterator[Problem]:
    for number, version in enumerate(plan.version):
        if not version.without:
            continue
        where = f"{place} version.{number}.without"
        if plan.extends is None:
            yield Problem(where, "the plan extends no other", "remove it")
            continue
        base = as_of(plans[plan.extends].version, version.effective_from)
        known = [slug(name) for name in base.names()] if base else []
        for name in version.without:
            if slug(name) not in known:
                what = f"'{plan.extends}' has no '{name}' then"
                yield Problem(where, what, nearest(name, base.names() if base else ["nothing"]))


def _written_out(chain: Sequence[str], plans: Mapping[str, Plan]) -> Plan:
    plan = plans[chain[-1]]
    for name in reversed(chain[:-1]):
        plan = _over(plan, plans[name])
    return plan


def _over(base: Plan, plan: Plan) -> Plan:
    days = {version.effective_from for version in (*base.version, *plan.version)}
    versions = [
        merged
        for day in sorted(days)
        if (merged := _merged(as_of(base.version, day), as_of(plan.version, day), day))
    ]
    return plan.model_copy(
        update={
            "extends": None,
            "currency": plan.currency or base.currency,
            "version": tuple(versions),
        }
    )


def _merged(base: Version | None, own: Version | None, day: object) -> Version | None:
    if base is None or own is None:
        found = base or own
        return found and found.model_copy(update={"effective_from": day})
    update: dict[str, Any] = {"effective_from": day, "without": ()}
    for key in NAMED:
        update[key] = _exchanged(getattr(base, key), getattr(own, key), own.without)
    for key in own.model_fields_set - {*NAMED, "effective_from", "without"}:
        update[key] = getattr(own, key)
    return base.model_copy(update=update)


def _exchanged(
    base: Sequence[ItemT], own: Sequence[ItemT], without: Sequence[str]
) -> tuple[ItemT, ...]:
    def key(item: ItemT) -> str:
        return slug(str(getattr(item, "name", "")))

    mine = {key(item): item for item in own}
    left_out = {slug(name) for name in without}
    kept = [mine.pop(key(item), item) for item in base if key(item) not in left_out]
    return (*kept, *mine.values())
