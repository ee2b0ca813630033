"""What fees, add-ons and adjustments of a plan mean, day by day and line by line.

Written from docs/plans.md in plain Python, as `definition` is: fees and add-ons in exact amounts,
what is taken off lines or put on top in whole minor units.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from itertools import groupby

from metering.account import FIRST_DAY
from metering.period import Month
from pricing.offer import AddOn, FixedFee
from pricing.plan import Version
from pricing.subscription import Holding, Subscription
from tests.pricing.definition import (
    ZERO,
    Line,
    Memory,
    Told,
    World,
    contract_month,
    contract_on,
    days_of,
    is_trial,
    parts_of_amount,
    pays_nothing,
    version_on,
)

Clock = Callable[[str, date], int]  # the second at which a day of an account begins
STEP = Decimal(1).scaleb(-12)


@dataclass(frozen=True)
class Day:
    """A day of an account on a plan."""

    day: date
    account_id: str
    subscription: Subscription
    version: Version
    trial: bool


def days_on_plans(world: World, month: Month) -> Iterator[Day]:
    for account_id in world.facts:
        for day in days_of(month):
            subscription = contract_on(world, account_id, day)
            if subscription is None:
                continue
            version = version_on(world.plans[subscription.plan], day)
            if version is not None:
                yield Day(
                    day, account_id, subscription, version, is_trial(world, subscription, day)
                )


def fees_of(world: World, month: Month, memory: Memory, clock: Clock) -> Told:
    """Fees and add-ons of a month: those in arrears, and in advance what the next month will cost.

    What was billed in advance a month ago is taken off what this month turned out to cost.
    """
    told = Told()
    with localcontext(prec=80):
        due, in_advance = _dues(world, month, clock)
        _, ahead = _dues(world, month.next(), clock)
        for line, amount in due.items():
            told.add(line, amount)
        for line in in_advance.keys() | memory.ahead.keys() | ahead.keys():
            amount = in_advance.get(line, ZERO) - memory.ahead.get(line, ZERO)
            told.add(line, amount + ahead.get(line, ZERO))
        memory.ahead = ahead
    return told


def _dues(
    world: World, month: Month, clock: Clock
) -> tuple[dict[Line, Decimal], dict[Line, Decimal]]:
    arrears: dict[Line, Decimal] = {}
    advance: dict[Line, Decimal] = {}
    by_contract = groupby(
        days_on_plans(world, month), lambda day: (day.account_id, day.subscription)
    )
    for (account_id, subscription), days in by_contract:
        for offer, amount in _of_contract(world, month, [*days], clock):
            line = (account_id, subscription.plan, offer.name)
            side = advance if offer.due == "advance" else arrears
            side[line] = side.get(line, ZERO) + amount
    return arrears, advance


def _of_contract(
    world: World, month: Month, days: Sequence[Day], clock: Clock
) -> Iterator[tuple[FixedFee | AddOn, Decimal]]:
    names = {fee.name for day in days for fee in day.version.fixed_fee}
    for name in sorted(names):
        yield from _fee(month, [*_having(days, name)], clock)
    held = [holding for holding in world.holdings if holding.account_id == days[0].account_id]
    for name in sorted({holding.add_on for holding in held}):
        yield from _add_on(month, days, [h for h in held if h.add_on == name], clock)


def _having(days: Sequence[Day], name: str) -> Iterator[tuple[Day, FixedFee]]:
    for day in days:
        for fee in day.version.fixed_fee:
            if fee.name == name:
                yield day, fee


def _fee(
    month: Month, days: Sequence[tuple[Day, FixedFee]], clock: Clock
) -> Iterator[tuple[FixedFee, Decimal]]:
    if days[0][1].proration == "none":
        paid = [fee for day, fee in days if not day.trial]
        index = contract_month(days[0][0].subscription, month)
        for fee in paid[:1]:
            is_due = {"month": True, "once": index == 0, "year": index % 12 == 0}[fee.every]
            yield fee, fee.amount if is_due else ZERO
        return
    for day, fee in days:
        share = ZERO if day.trial else _share(fee.amount, month, day, fee.proration, clock)
        yield fee, share


def _add_on(
    month: Month, days: Sequence[Day], held: Sequence[Holding], clock: Clock
) -> Iterator[tuple[AddOn, Decimal]]:
    offered = [
        (day, offer, holding.quantity)
        for day in days
        for holding in held
        if holding.effective_from <= day.day < holding.effective_to
        for offer in day.version.add_on
        if offer.name == holding.add_on
    ]
    if not offered:
        return
    if offered[0][1].proration == "none":
        paid = [(quantity, offer) for day, offer, quantity in offered if not day.trial and quantity]
        if paid:
            most, offer = max(paid, key=lambda pair: pair[0])
            yield offer, sum(_monthly(offer, most), ZERO)
        return
    for day, offer, quantity in offered:
        for amount in [] if day.trial else _monthly(offer, quantity):
            yield offer, _share(amount, month, day, offer.proration or "by_day", clock)


def _monthly(offer: AddOn, quantity: Decimal) -> list[Decimal]:
    """What so many of an add-on cost for a whole month, tier by tier."""
    charged = max(ZERO, quantity - offer.included)
    return [amount for _, amount in parts_of_amount(offer.price, ZERO, charged)]


def _share(amount: Decimal, month: Month, day: Day, unit: str, clock: Clock) -> Decimal:
    """The part of a month's amount that one day has: the difference of two rounded marks."""
    first, after = month.first_day, month.next().first_day
    next_day = day.day + timedelta(days=1)
    if unit == "by_day":
        marks = ((day.day - first).days, (next_day - first).days, month.day_count)
    else:
        begun = clock(day.account_id, first)
        start, end, whole = (clock(day.account_id, at) - begun for at in (day.day, next_day, after))
        marks = (start, end, whole)
    upper, lower = (
        (amount * mark / marks[2]).quantize(STEP, ROUND_HALF_UP) for mark in marks[1::-1]
    )
    return upper - lower


# Adjustments, in whole minor units


@dataclass
class Row:
    """A line of a plan before adjustments, and what is left of it."""

    name: str
    minor: int
    left: int


def minor(amount: Decimal) -> int:
    """Dollars to cents."""
    return int((amount * 100).to_integral_value(ROUND_HALF_UP))


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Share by largest remainder, the first of equals."""
    if not sum(weights):
        return [total, *[0] * (len(weights) - 1)]
    parts = [total * weight // sum(weights) for weight in weights]
    remainders = [total * weight % sum(weights) for weight in weights]
    for index in sorted(range(len(parts)), key=lambda n: (-remainders[n], n))[: total - sum(parts)]:
        parts[index] += 1
    return parts


def adjust(world: World, month: Month, lines: dict[Line, int], memory: Memory) -> dict[Line, int]:
    """Say what is added to the lines of each account and plan, by the kind of the step."""
    added: dict[Line, int] = {}
    days = sorted(
        days_on_plans(world, month), key=lambda d: (d.account_id, d.subscription.plan, d.day)
    )
    for (name, plan), group in groupby(days, lambda d: (d.account_id, d.subscription.plan)):
        on = [*group]
        if all(day.trial for day in on):
            continue
        own = [(line[2], cents) for line, cents in lines.items() if line[:2] == (name, plan)]
        own.sort(key=lambda pair: (_position(pair[0], on), pair[0]))
        rows = [Row(charge, cents, cents) for charge, cents in own]
        waived = {
            charge.name
            for charge in on[-1].version.charge
            if charge.free_for and pays_nothing(world, month, charge.free_for, name, memory)
        }
        for kind, cents in _adjusted(on, rows, month, memory, waived):
            key = (name, plan, kind)
            added[key] = added.get(key, 0) + cents
    return {key: cents for key, cents in added.items() if cents}


def _position(name: str, days: Sequence[Day]) -> int:
    """Where a line stands among others: as its version names it."""
    named = [day.version.names() for day in days if name in day.version.names()]
    return min((names.index(name) for names in named), default=0)


def _adjusted(
    days: Sequence[Day], rows: list[Row], month: Month, memory: Memory, waived: set[str]
) -> Iterator[tuple[str, int]]:
    last = days[-1]
    version, subscription = last.version, last.subscription
    total = sum(row.minor for row in rows)
    for kind, cents in (
        *_discounts(version, subscription, rows, month),
        *_bounds(version, rows, waived),
    ):
        total += cents
        yield kind, cents
    if version.maximum is not None:
        cents = min(0, _bound(version.maximum, days, month) - total)
        total += cents
        yield "maximum", cents
    cents = _commit(last, month, total, memory)
    total += cents
    yield "commitment", cents
    if version.minimum is not None:
        yield "minimum", max(0, _bound(version.minimum, days, month) - total)


def _discounts(
    version: Version, subscription: Subscription, rows: list[Row], month: Month
) -> list[tuple[str, int]]:
    taken: list[tuple[str, int]] = []
    for discount in version.discount:
        index = contract_month(subscription, month)
        if discount.free_units or (discount.months is not None and index >= discount.months):
            continue
        chosen = [row for row in rows if discount.lines is None or row.name in discount.lines]
        of_list = version.discounts_are_of == "list"
        bases = [max(0, row.minor if of_list else row.left) for row in chosen]
        if discount.ratio is not None:
            wanted = int((sum(bases) * discount.ratio).to_integral_value(ROUND_HALF_UP))
        else:
            wanted = minor(discount.amount or ZERO)
        most = [max(0, min(base, row.left)) for base, row in zip(bases, chosen, strict=True)]
        cents = min(wanted, sum(most))
        for row, share in zip(chosen, shares(cents, most) if chosen else [], strict=True):
            row.left -= share
        taken.append(("discount", -cents))
    return taken


def _bounds(version: Version, rows: list[Row], waived: set[str]) -> Iterator[tuple[str, int]]:
    by_name = {row.name: row for row in rows}
    for kind in ("maximum", "minimum"):
        for charge in version.charge:
            bound = getattr(charge, kind)
            row = by_name.get(charge.name, Row(charge.name, 0, 0))
            if bound is None or (kind == "minimum" and charge.name in waived):
                continue
            held = min(row.left, minor(bound)) if kind == "maximum" else max(row.left, minor(bound))
            yield kind, held - row.left
            row.left = held


def _bound(bound: object, days: Sequence[Day], month: Month) -> int:
    whole = minor(getattr(bound, "amount"))  # noqa: B009
    if getattr(bound, "proration") == "none":  # noqa: B009
        return whole
    return shares(whole, [len(days), month.day_count - len(days)])[0]


def _commit(last: Day, month: Month, total: int, memory: Memory) -> int:
    commitment, subscription = last.version.commitment, last.subscription
    if commitment is None:
        return 0
    if subscription.effective_from == FIRST_DAY and commitment.months > 1:
        return 0  # nobody wrote down when its terms begin
    index = contract_month(subscription, month)
    term = (last.account_id, subscription, index // commitment.months)
    agreed, before = minor(commitment.amount), memory.terms.get(term, 0)
    beyond = max(0, before + total - agreed) - max(0, before - agreed)
    extra = int((beyond * (commitment.overage_ratio - 1)).to_integral_value(ROUND_HALF_UP))
    memory.terms[term] = before + total
    is_last = (index + 1) % commitment.months == 0
    if (is_last or subscription.effective_to <= month.next().first_day) and commitment.true_up:
        return extra + max(0, agreed - before - total)
    return extra
