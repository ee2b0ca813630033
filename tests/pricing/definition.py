"""What a plan means, one message at a time: the slow definition that the engine must agree with.

Written from docs/plans.md in plain Python, without a frame and without a look at the engine. The
lines of a month before adjustments; `definition_lines` has what is done with them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Decimal,
    localcontext,
)
from typing import Any

from metering.account import FIRST_DAY, Account
from metering.meter import Meter
from metering.period import Month
from pricing.offer import Allowance, Charge, FreeFor
from pricing.plan import Plan, Version
from pricing.price import (
    Flat,
    FromCard,
    GraduatedPercentage,
    Matrix,
    Package,
    Percentage,
    PerUnit,
    Stairstep,
    Volume,
)
from pricing.rate_card import RateRow
from pricing.subscription import Holding, Subscription
from tests.pricing.messages import Message, value_of

ZERO = Decimal(0)
Line = tuple[str, str, str]  # account, plan, name
MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "truncate": ROUND_DOWN}


@dataclass
class World:
    """All that a month depends on beside its messages, as people wrote it."""

    plans: Mapping[str, Plan]
    subscriptions: Sequence[Subscription]
    facts: Mapping[str, Account]
    meters: Mapping[str, Meter]
    holdings: Sequence[Holding] = ()
    card: Sequence[RateRow] = ()
    fx: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    first_days: Mapping[str, date] = field(default_factory=dict)


@dataclass
class Memory:
    """What months hand on."""

    tiers: dict[Any, Decimal] = field(default_factory=dict)  # units of contracts, by scope
    carried: dict[Any, list[tuple[int, Decimal]]] = field(default_factory=dict)  # month, what left
    deliveries: dict[tuple[str, int], Decimal] = field(default_factory=dict)
    ahead: dict[Line, Decimal] = field(default_factory=dict)  # billed in advance
    terms: dict[Any, int] = field(default_factory=dict)  # of commitments, in minor units


@dataclass
class Told:
    """What a month comes to."""

    amounts: dict[Line, Decimal] = field(default_factory=dict)
    free: dict[tuple[str, str, str, str], Decimal] = field(default_factory=dict)  # and the reason
    charged: dict[Line, Decimal] = field(default_factory=dict)  # units
    unknown: dict[Line, Decimal] = field(default_factory=dict)

    def add(self, line: Line, amount: Decimal) -> None:
        self.amounts[line] = self.amounts.get(line, ZERO) + amount


@dataclass
class Unit:
    """A message as a charge sees it."""

    message: Message
    charge: Charge
    version: Version
    subscription: Subscription
    left: Decimal  # what is still to be charged
    whole: Decimal
    reason: str | None = None  # why all of it is free
    price: Decimal | None = None  # of one, where it does not depend on the others

    @property
    def line(self) -> Line:
        return self.message.account_id, self.subscription.plan, self.charge.name


def charges_of(
    world: World, month: Month, messages: Iterable[Message], memory: Memory
) -> tuple[Told, list[Unit]]:
    """Charge the messages of a month, which stand in their order of time."""
    told = Told()
    with localcontext(prec=80):
        units = [
            unit
            for message in messages
            if month.first_day <= message.day <= month.last_day
            for unit in _taken(world, month, message, memory)
        ]
        used = _include(world, month, units, memory, told, by_price=False)
        for unit in units:
            unit.price = _own_price(world, unit)
        used += _include(world, month, units, memory, told, by_price=True)
        _carry(world, month, used, memory)
        _price(world, month, units, memory, told)
        _charge_unused(world, month, memory, told)
    return told, units


# Who is on what


def contract_on(world: World, account_id: str, day: date) -> Subscription | None:
    for subscription in world.subscriptions:
        is_on = subscription.effective_from <= day < subscription.effective_to
        if subscription.account_id == account_id and is_on:
            return subscription
    return None


def version_on(plan: Plan, day: date) -> Version | None:
    held = [version for version in plan.version if version.effective_from <= day]
    return max(held, key=lambda version: version.effective_from, default=None)


def is_trial(world: World, subscription: Subscription, day: date) -> bool:
    """A trial is that of the version that holds when the contract begins."""
    begun = subscription.effective_from
    version = version_on(world.plans[subscription.plan], begun)
    if begun == FIRST_DAY or version is None or version.trial is None:
        return False
    return day < begun + timedelta(days=version.trial.days)


def contract_month(subscription: Subscription, month: Month) -> int:
    begun = subscription.effective_from
    return month.index - Month.of(begun).index


def holding(world: World, month: Month) -> Iterator[tuple[date, str, Subscription, Version]]:
    """Who is on which version, day by day."""
    for day in days_of(month):
        for account_id in world.facts:
            subscription = contract_on(world, account_id, day)
            if subscription is None:
                continue
            version = version_on(world.plans[subscription.plan], day)
            if version is not None:
                yield day, account_id, subscription, version


def days_of(month: Month) -> Iterator[date]:
    for number in range(month.day_count):
        yield month.first_day + timedelta(days=number)


# Which charge takes a message, and what is free before anything is counted


def _taken(world: World, month: Month, message: Message, memory: Memory) -> Iterator[Unit]:
    subscription = contract_on(world, message.account_id, message.day)
    if subscription is None:
        return
    version = version_on(world.plans[subscription.plan], message.day)
    for charge in version.charge if version else ():
        value = value_of(message, world.meters[charge.meter])
        if version is None or value is None or not _fits(charge.where, message):
            continue
        unit = Unit(message, charge, version, subscription, value, value)
        if is_trial(world, subscription, message.day):
            unit.reason = "trial"
        elif charge.free_for and pays_nothing(
            world, month, charge.free_for, message.account_id, memory
        ):
            unit.reason = "free_for"
        elif isinstance(charge.price, FromCard) and _is_free_by_network(message):
            unit.reason = message.pricing_type
        yield unit


def _fits(where: Any, message: Message) -> bool:
    return all(getattr(message, key) in values for key, values in where.given().items())


def _is_free_by_network(message: Message) -> bool:
    kind = message.pricing_type or ""
    return kind.startswith("free_") or kind in ("exempt", "paid_exempt")


def pays_nothing(
    world: World, month: Month, condition: FreeFor, account_id: str, memory: Memory
) -> bool:
    account = world.facts[account_id]
    holds: list[bool] = []
    if condition.employee_count_max is not None:
        count = account.employee_count
        holds.append(count is not None and count <= condition.employee_count_max)
    if condition.segment is not None:
        holds.append(account.segment in condition.segment)
    if condition.country is not None:
        holds.append(account.country in condition.country)
    if condition.account_age_months_max is not None:
        begun = world.first_days.get(account_id, FIRST_DAY)
        age = month.index - Month.of(begun).index
        holds.append(begun != FIRST_DAY and age < condition.account_age_months_max)
    if condition.deliveries_max is not None:
        before = sum(
            memory.deliveries.get((account_id, month.index - back), ZERO)
            for back in range(1, condition.deliveries_months + 1)
        )
        holds.append(before <= condition.deliveries_max)
    return all(holds)


# Allowances


def allowance_of(version: Version, charge: Charge) -> Allowance | None:
    if isinstance(charge.allowance, str):
        return next(shared for shared in version.allowance if shared.name == charge.allowance)
    return charge.allowance


def _name_of(charge: Charge) -> str:
    """A charge and a shared allowance may have one name."""
    is_shared = isinstance(charge.allowance, str)
    return f"shared {charge.allowance}" if is_shared else f"own {charge.name}"


def _scope(world: World, unit: Unit, each: Sequence[str], over: str) -> tuple[object, ...]:
    message = unit.message
    account = world.facts[message.account_id]
    values: dict[str, object] = {
        "account": message.account_id,
        "portfolio": account.portfolio_id or message.account_id,
        "sender": message.sender_id,
        "waba": message.waba_id,
        "market": message.market,
        "country": message.country,
        "category": message.category,
    }
    scope = tuple(values[word] for word in each)
    if over == "day":
        scope += (message.day,)
    if over == "contract":
        scope += (unit.subscription.effective_from,)
    return scope


def _given(month: Month, unit: Unit) -> Decimal:
    """The units that discounts add to what is included."""
    given = ZERO
    for discount in unit.version.discount:
        is_over = discount.months is not None and (
            contract_month(unit.subscription, month) >= discount.months
        )
        if discount.free_units and not is_over and unit.charge.name in (discount.lines or ()):
            given += discount.free_units
    return given


def _include(
    world: World, month: Month, units: list[Unit], memory: Memory, told: Told, *, by_price: bool
) -> Counter[Any]:
    """Make free what is included, in the order of time or, after pricing, of the unit prices.

    Returns how much each allowance gave, over the versions of the month.
    """
    given_by: Counter[Any] = Counter()
    included: dict[Any, Decimal] = {}
    by_scope: dict[Any, list[Unit]] = {}
    for unit in units:
        allowance = allowance_of(unit.version, unit.charge)
        given = _given(month, unit)
        if allowance is None and given:
            allowance = Allowance(quantity=given)
            given = ZERO
        if allowance is None or (allowance.order != "time") is not by_price:
            continue
        if unit.reason in ("trial", "free_for") or not _fits(allowance.where, unit.message):
            continue
        if by_price and unit.price is None and unit.reason is None:
            continue  # no price is known, so that it costs neither most nor least
        name = (unit.subscription.plan, _name_of(unit.charge))
        scope = _scope(world, unit, allowance.each, allowance.over)
        key = (*name, unit.version.effective_from, scope)
        # One contract of the month that still has them is enough, where more is included.
        included[key] = max(included.get(key, ZERO), allowance.quantity + given)
        by_scope.setdefault(key, []).append(unit)
    for key, scoped in by_scope.items():
        plan, name_of, _, scope = key
        whole = (plan, name_of, scope)
        carried = sum((n for _, n in memory.carried.get(whole, [])), ZERO)
        # What was carried over is used first, and once, whatever versions hold in the month.
        left = included[key] + max(ZERO, carried - given_by[whole])
        if by_price:
            order = allowance_of(scoped[0].version, scoped[0].charge)
            sign = -1 if order is not None and order.order == "dearest" else 1
            scoped.sort(key=lambda unit: sign * (unit.price or ZERO))
        for unit in scoped:
            used = min(left, unit.left)
            left -= used
            given_by[whole] += used  # type: ignore[assignment]
            if unit.reason is None and used:
                unit.left -= used
                _set_free(told, unit, "allowance", used)
    return given_by


def _set_free(told: Told, unit: Unit, reason: str, quantity: Decimal) -> None:
    key = (*unit.line, reason)
    told.free[key] = told.free.get(key, ZERO) + quantity


def _carry(world: World, month: Month, given: Counter[Any], memory: Memory) -> None:
    """Keep what is left of each month's allowance while it may be used, the oldest used first."""
    carried: dict[Any, list[tuple[int, Decimal]]] = {}
    for name, plan, account_id, allowance in _carrying(world, month):
        key = (plan, name, (account_id,))
        used = Decimal(given[key])
        kept: list[tuple[int, Decimal]] = []
        for index, quantity in [*memory.carried.get(key, []), (month.index, allowance.quantity)]:
            taken = min(used, quantity)
            used -= taken
            if quantity > taken and month.index - index < allowance.carry_over_months:
                kept.append((index, quantity - taken))
        carried[key] = kept
    memory.carried = carried


def _carrying(world: World, month: Month) -> Iterator[tuple[str, str, str, Allowance]]:
    """Allowances that carry over, by the version that holds last in the month."""
    found: dict[tuple[str, str, str], Allowance] = {}
    for _, account_id, subscription, version in holding(world, month):
        for charge in version.charge:
            allowance = allowance_of(version, charge)
            if allowance is not None and allowance.carry_over_months:
                found[_name_of(charge), subscription.plan, account_id] = allowance
    for key, allowance in found.items():
        yield *key, allowance


# Prices that do not depend on other units


def _own_price(world: World, unit: Unit) -> Decimal | None:
    price = unit.charge.price
    match price:
        case PerUnit():
            return price.unit_price
        case Matrix():
            for cell in price.cells:
                given = cell.given().items()
                if all(getattr(unit.message, key) == value for key, value in given):
                    return cell.unit_price
            return None
        case FromCard(rates="list"):
            rows = _rows(world, unit, "list")
            return _marked(world, unit, price, rows[0].rate) if rows else None
        case _:
            return None


def _rows(world: World, unit: Unit, rates: str) -> list[RateRow]:
    """The rows of the card for the unit on its day, the lowest tier first."""
    price, message = unit.charge.price, unit.message
    assert isinstance(price, FromCard)
    category = "call" if message.meter == "call-minutes" else message.category
    currency = price.currency or world.plans[unit.subscription.plan].currency
    if price.currency and not _rate_of_exchange(world, unit, price):
        return []
    rows = [
        row
        for row in world.card
        if (row.card, row.currency, row.rates) == (price.card, currency, rates)
        and (row.market, row.category) == (message.market, category)
        and row.effective_from <= message.day < row.effective_to
    ]
    return sorted(rows, key=lambda row: row.up_to or Decimal("Infinity"))


def _rate_of_exchange(world: World, unit: Unit, price: FromCard) -> Decimal | None:
    currency = world.plans[unit.subscription.plan].currency
    if price.currency == currency:
        return Decimal(1)
    return world.fx.get((price.currency or "", currency or ""))


def _marked(world: World, unit: Unit, price: FromCard, rate: Decimal) -> Decimal:
    ratio = 1 + price.markup_ratio if price.rate_ratio is None else price.rate_ratio
    marked = rate * ratio
    if price.currency:
        exchange = _rate_of_exchange(world, unit, price)
        assert exchange is not None
        marked = (marked * exchange).quantize(Decimal(1).scaleb(-12), ROUND_HALF_UP)
    marked += price.markup_amount
    if price.round is not None:
        step = Decimal(1).scaleb(-price.round.decimals)
        marked = marked.quantize(step, MODES[price.round.mode])
    return marked


# Pricing


def _price(world: World, month: Month, units: list[Unit], memory: Memory, told: Told) -> None:
    groups: dict[Any, list[Unit]] = {}
    for unit in units:
        if unit.reason is not None:
            _set_free(told, unit, unit.reason, unit.left)
            told.add(unit.line, ZERO)
        elif not unit.left and unit.whole:
            told.add(unit.line, ZERO)
        else:
            groups.setdefault(_group(world, unit), []).append(unit)
    for key, together in groups.items():
        _price_group(world, key, together, memory, told)
    for unit in units:
        if unit.reason is None and told.unknown.get(unit.line) is None:
            told.charged[unit.line] = told.charged.get(unit.line, ZERO) + unit.left


def _group(world: World, unit: Unit) -> tuple[object, ...]:
    """What counts together."""
    price, message = unit.charge.price, unit.message
    if isinstance(price, FromCard):
        category = "call" if message.meter == "call-minutes" else message.category
        counter = "authentication" if category == "authentication_international" else category
        account = world.facts[message.account_id]
        portfolio = account.portfolio_id or message.account_id
        return ("card", unit.charge.component, price.card, portfolio, message.market, counter)
    each = getattr(price, "each", ("account",))
    over = getattr(price, "over", "month")
    scope = _scope(world, unit, each, over)
    if each[0] != "portfolio":
        scope = (message.account_id, *scope)
    version = None if over == "contract" else unit.version.effective_from
    return ("plan", unit.subscription.plan, unit.charge.name, version, scope)


def _price_group(world: World, key: Any, units: list[Unit], memory: Memory, told: Told) -> None:
    match units[0].charge.price:
        case PerUnit() | Matrix():
            _price_alone(units, told)
        case FromCard():
            _price_by_card(world, units, told)
        case Percentage():
            _price_by_share(units, told)
        case _:
            _price_by_tiers(key, units, memory, told)


def _price_alone(units: list[Unit], told: Told) -> None:
    for unit in units:
        if unit.price is None:
            told.unknown[unit.line] = told.unknown.get(unit.line, ZERO) + unit.left
            told.add(unit.line, ZERO)
        else:
            told.add(unit.line, unit.left * unit.price)


def _price_by_card(world: World, units: list[Unit], told: Told) -> None:
    """Units with a list rate stand alone; the others fall into tiers in order of time."""
    reached = ZERO
    for unit in units:
        price = unit.charge.price
        assert isinstance(price, FromCard)
        rows = _rows(world, unit, price.rates)
        if not rows and price.rates == "tiered":
            rows = _rows(world, unit, "list")
        if not rows:
            told.unknown[unit.line] = told.unknown.get(unit.line, ZERO) + unit.left
            told.add(unit.line, ZERO)
        elif rows[0].rates == "list":
            told.add(unit.line, unit.left * _marked(world, unit, price, rows[0].rate))
        else:
            for row, part in _cut(rows, reached, unit.left, price.crossing):
                told.add(unit.line, part * _marked(world, unit, price, row.rate))
            reached += unit.left


def _cut(
    rows: Sequence[RateRow], before: Decimal, value: Decimal, crossing: str
) -> Iterator[tuple[RateRow, Decimal]]:
    """Cut a unit at the bounds of tiers, or give it wholly to the tier in which it ends."""
    over = ZERO
    for row in rows:
        top = row.up_to if row.up_to is not None else Decimal("Infinity")
        if crossing == "after":
            if over < before + value <= top:
                yield row, value
        else:
            part = min(before + value, top) - max(before, over)
            if part > 0:
                yield row, part
        over = top


def _price_by_share(units: list[Unit], told: Told) -> None:
    for unit in units:
        price = unit.charge.price
        assert isinstance(price, Percentage)
        share = unit.left * price.ratio
        if price.unit_minimum is not None:
            share = max(share, price.unit_minimum)
        if price.unit_maximum is not None:
            share = min(share, price.unit_maximum)
        told.add(unit.line, share + price.fixed_amount)


@dataclass(frozen=True)
class Step:
    over: Decimal
    up_to: Decimal  # infinite in the last
    unit_price: Decimal
    flat: Decimal
    size: Decimal | None  # of a package
    partial: str = "up"


def steps_of(price: Any) -> list[Step]:
    endless = Decimal("Infinity")
    match price:
        case PerUnit():
            return [Step(ZERO, endless, price.unit_price, ZERO, None)]
        case Flat():
            return [Step(ZERO, endless, ZERO, price.amount, None)]
        case Package(partial="exact"):
            share = price.package_price / price.package_size
            rounded = share.quantize(Decimal(1).scaleb(-12), ROUND_HALF_UP)
            return [Step(ZERO, endless, rounded, ZERO, None)]
        case Package():
            size = price.package_size
            return [Step(ZERO, endless, price.package_price, ZERO, size, price.partial)]
    steps = []
    over = ZERO
    for tier in price.tiers:
        up_to = tier.up_to if tier.up_to is not None else endless
        match price:
            case Stairstep():
                steps.append(Step(over, up_to, ZERO, tier.amount, None))
            case GraduatedPercentage():
                steps.append(Step(over, up_to, tier.ratio, tier.flat_amount, None))
            case _:
                steps.append(
                    Step(over, up_to, tier.unit_price, tier.flat_amount, tier.package_size)
                )
        over = up_to
    return steps


def packages(quantity: Decimal, size: Decimal, partial: str) -> Decimal:
    rounding = ROUND_CEILING if partial == "up" else ROUND_FLOOR
    return (quantity / size).to_integral_value(rounding)


def amount_of(price: Any, before: Decimal, quantity: Decimal) -> Decimal:
    """What `quantity` units cost that come after `before` others of the same contract."""
    return sum((amount for _, amount in parts_of_amount(price, before, quantity)), ZERO)


def parts_of_amount(
    price: Any, before: Decimal, quantity: Decimal
) -> Iterator[tuple[int, Decimal]]:
    """What each tier takes costs, with its flat amount by itself."""
    end = before + quantity
    for number, step in enumerate(steps_of(price)):
        if isinstance(price, Volume | Stairstep):
            taken = quantity if step.over < end <= step.up_to else ZERO
            done = ZERO
        else:
            done = max(ZERO, min(before, step.up_to) - step.over)
            taken = max(ZERO, min(end, step.up_to) - max(before, step.over))
        if taken <= 0:
            continue
        if step.size is None:
            yield number, taken * step.unit_price
        else:
            so_far = packages(done + taken, step.size, step.partial)
            yield number, (so_far - packages(done, step.size, step.partial)) * step.unit_price
        if not done:
            yield number, step.flat


def _price_by_tiers(key: Any, units: list[Unit], memory: Memory, told: Told) -> None:
    """Price what counts together; where accounts share it, each pays for its own messages."""
    price = units[0].charge.price
    over = getattr(price, "over", "month")
    before = memory.tiers.get(key, ZERO) if over == "contract" else ZERO
    total = sum((unit.left for unit in units), ZERO)
    if isinstance(price, GraduatedPercentage) and price.fixed_amount:
        for unit in units:
            told.add(unit.line, price.fixed_amount)
    if isinstance(price, Volume) and len({unit.line for unit in units}) > 1:
        (step,) = (s for s in steps_of(price) if s.over < total <= s.up_to)
        for unit in units:
            told.add(unit.line, unit.left * step.unit_price)
    elif isinstance(price, Volume | Stairstep):
        told.add(units[0].line, amount_of(price, ZERO, total))
    else:
        for unit in units:
            told.add(unit.line, amount_of(unit.charge.price, before, unit.left))
            before += unit.left
    if over == "contract":
        memory.tiers[key] = memory.tiers.get(key, ZERO) + total


def _charge_unused(world: World, month: Month, memory: Memory, told: Told) -> None:
    """Charge the flat amount of the first tier, where a plan says so and nothing else is charged.

    The first version of the month that has it says how much.
    """
    done: set[Line] = set()
    for day, account_id, subscription, version in holding(world, month):
        for charge in version.charge:
            line = (account_id, subscription.plan, charge.name)
            if getattr(charge.price, "when_unused", "free") != "charge" or line in done:
                continue
            if is_trial(world, subscription, day):
                continue
            done.add(line)
            waived = charge.free_for and pays_nothing(
                world, month, charge.free_for, account_id, memory
            )
            if not told.charged.get(line) and not waived:
                told.add(line, steps_of(charge.price)[0].flat)
