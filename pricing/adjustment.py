"""Adjustments: what is taken off the lines of a plan or put on top, in a written order.

    step                  why here
    take_discounts        what follows looks at what is really paid
    hold_maxima           a cap on a charge holds whatever the discounts are
    hold_minima           a floor too: a discount does not go below it
    hold_total_maximum    the cap of the plan looks at all of its charges
    settle_commitment     what was agreed for a time is compared with what is paid
    hold_total_minimum    last: no step after it may go below the floor

All of it is done in whole minor units of the rounded lines, so that an invoice is the sum of what
it shows. Each adjustment is a line of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from itertools import groupby
from typing import Any

import polars as pl

from metering.period import Month
from pricing.condition import Bound, Commitment, Discount
from pricing.line import CHARGED
from pricing.money import amount_text, exact_of, minor_of, split_minor
from pricing.offer import Charge
from pricing.plan import Plan, Version
from pricing.state import STATE

COMMITMENT = "commitment"  # kind of state: what a term of a contract came to so far


@dataclass(frozen=True)
class Agreement:
    """An account on a plan in a month, by the version that holds on its last day."""

    account_id: str
    plan: Plan
    version: Version
    contract_from: date
    days: int  # of the month, on the plan
    goes_on: bool  # after the month
    is_trial: bool  # on all of these days
    coupons: tuple[Discount, ...] = ()  # of the account, after the discounts of the plan
    waived: frozenset[str] = frozenset()  # the charges that the account pays nothing for


@dataclass
class Adjusting:
    """The lines of an account on a plan while they are adjusted."""

    agreement: Agreement
    month: Month
    currency: str
    lines: list[dict[str, Any]]  # rows of CHARGED
    before: Mapping[str, Decimal]  # state of commitments, by key
    added: list[dict[str, Any]] = field(default_factory=list)
    closing: dict[str, Decimal] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)  # of each line, after what was taken off

    @property
    def version(self) -> Version:
        return self.agreement.version

    @property
    def contract_month(self) -> int:
        """How many months of the contract were before this one."""
        since = self.agreement.contract_from
        return self.month.index - Month(since.year, since.month).index

    def total(self) -> int:
        return sum(row["amount_minor"] for row in [*self.lines, *self.added])

    def money(self, amount: Decimal) -> int:
        return minor_of(amount, self.currency)

    def text(self, minor: int) -> str:
        return f"{amount_text(minor, self.currency)} {self.currency}"

    def add(self, kind: str, name: str, minor: int, *, note: str, tax_category: str) -> None:
        """Add a line of an adjustment, if there is something to adjust."""
        if minor == 0:
            return
        self.added.append(
            {
                "account_id": self.agreement.account_id,
                "plan": self.agreement.plan.plan,
                "kind": kind,
                "charge": name,
                "position": 1000 + len(self.added),
                "quantity": Decimal(0),
                "amount_exact": exact_of(minor, self.currency),
                "amount_minor": minor,
                "currency": self.currency,
                "tax_category": tax_category,
                "note": note,
            }
        )

    def add_shared(self, kind: str, name: str, minor: int, *, note: str) -> None:
        """Add an adjustment of all lines, shared among their tax categories by what is left."""
        weights: dict[str, int] = {}
        for row, left in zip(self.lines, self.left, strict=True):
            weights[row["tax_category"]] = weights.get(row["tax_category"], 0) + left
        categories = sorted(category for category, weight in weights.items() if weight > 0)
        if not categories:
            self.add(kind, name, minor, note=note, tax_category="standard")
            return
        shares = split_minor(minor, [Decimal(weights[category]) for category in categories])
        for category, share in zip(categories, shares, strict=True):
            shown = name if len(categories) == 1 else f"{name} ({category})"
            self.add(kind, shown, share, note=note, tax_category=category)


def take_discounts(work: Adjusting) -> None:
    """Take off discounts in the order that the version writes them, then coupons."""
    listed = list(work.left)
    own = [d for d in work.version.discount if d.free_units is None and not _is_over(d, work)]
    for discount in (*own, *work.agreement.coupons):
        chosen = [n for n, row in enumerate(work.lines) if _is_of(discount, row)]
        bases = listed if work.version.discounts_are_of == "list" else work.left
        amounts = [max(0, min(bases[n], work.left[n])) for n in chosen]
        minor = _taken_off(discount, sum(bases[n] for n in chosen if bases[n] > 0), work)
        minor = min(minor, sum(amounts))
        shares = split_minor(minor, [Decimal(amount) for amount in amounts])
        by_category: dict[str, int] = {}
        for n, share in zip(chosen, shares, strict=True):
            work.left[n] -= share
            category = work.lines[n]["tax_category"]
            by_category[category] = by_category.get(category, 0) + share
        note = _discount_note(discount, sum(bases[n] for n in chosen if bases[n] > 0), work)
        for category, share in sorted(by_category.items()):
            name = discount.name if len(by_category) == 1 else f"{discount.name} ({category})"
            work.add("discount", name, -share, note=note, tax_category=category)


def hold_maxima(work: Adjusting) -> None:
    """Take off what goes beyond the maximum of a charge."""
    for charge, number in _charges(work):
        if charge.maximum is None or number is None:
            continue
        most, left = work.money(charge.maximum), work.left[number]
        if left > most:
            work.left[number] = most
            note = f"{work.text(left)}, at most {work.text(most)}"
            work.add(
                "maximum",
                f"{charge.name}: maximum",
                most - left,
                note=note,
                tax_category=charge.tax_category,
            )


def hold_minima(work: Adjusting) -> None:
    """Put on what is missing to the minimum of a charge, if it was used or not."""
    for charge, number in _charges(work):
        if charge.minimum is None or charge.name in work.agreement.waived:
            continue
        least = work.money(charge.minimum)
        left = 0 if number is None else work.left[number]
        if left < least:
            if number is not None:
                work.left[number] = least
            note = f"{work.text(left)}, at least {work.text(least)}"
            work.add(
                "minimum",
                f"{charge.name}: minimum",
                least - left,
                note=note,
                tax_category=charge.tax_category,
            )


def hold_total_maximum(work: Adjusting) -> None:
    """Take off what goes beyond the maximum of the plan."""
    bound, total = work.version.maximum, work.total()
    if bound is not None and total > (most := _bound(bound, work)):
        note = f"{work.text(total)}, at most {work.text(most)}"
        work.add_shared("maximum", "Maximum", most - total, note=note)


def settle_commitment(work: Adjusting) -> None:
    """Charge what goes beyond a commitment at its ratio, and what is missing when its term ends."""
    commitment = work.version.commitment
    if commitment is None:
        return
    agreed = work.money(commitment.amount)
    key = f"{work.agreement.plan.plan}|{work.agreement.contract_from}|{_term(commitment, work)}"
    before = minor_of(work.before.get(key, Decimal(0)), work.currency)
    total = work.total()
    beyond = max(0, before + total - agreed) - max(0, before - agreed)
    extra = _share(beyond, commitment.overage_ratio - 1)
    note = f"{work.text(beyond)} beyond {work.text(agreed)}, times {commitment.overage_ratio}"
    work.add_shared("commitment", "Commitment: overage", extra, note=note)
    reached = before + total
    if _ends(commitment, work):
        note = f"{work.text(reached)} of {work.text(agreed)}"
        missing = max(0, agreed - reached) if commitment.true_up else 0
        work.add_shared("commitment", "Commitment", missing, note=note)
    else:
        work.closing[key] = exact_of(reached, work.currency)


def hold_total_minimum(work: Adjusting) -> None:
    """Put on what is missing to the minimum of the plan."""
    bound, total = work.version.minimum, work.total()
    if bound is not None and total < (least := _bound(bound, work)):
        note = f"{work.text(total)}, at least {work.text(least)}"
        work.add_shared("minimum", "Minimum", least - total, note=note)


ADJUST_STEPS: tuple[Callable[[Adjusting], None], ...] = (
    take_discounts,
    hold_maxima,
    hold_minima,
    hold_total_maximum,
    settle_commitment,
    hold_total_minimum,
)


def adjust(
    lines: pl.DataFrame,
    agreements: Iterable[Agreement],
    month: Month,
    currencies: Mapping[str, str],
    before: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Adjust the lines of every agreement that has something to adjust.

    In a month that is all trial nothing is: no minimum is due and no commitment is missed.

    Args:
        lines: Schema `CHARGED`.
        currencies: By account.
        before: Schema `STATE`, of the month before.

    Returns:
        The added lines, schema `CHARGED`, and the closing state of commitments, schema `STATE`.
    """
    adjusted = [
        one for one in agreements if (one.coupons or _adjusts(one.version)) and not one.is_trial
    ]
    names = {agreement.account_id for agreement in adjusted}
    of_plan: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in lines.filter(pl.col("account_id").is_in(names)).iter_rows(named=True):
        of_plan.setdefault((row["account_id"], row["plan"]), []).append(row)
    state = _state(before)
    added: list[dict[str, Any]] = []
    closing: list[tuple[str, str, str, Decimal]] = []
    for agreement in adjusted:
        name = agreement.account_id
        rows = of_plan.get((name, agreement.plan.plan), [])
        currency = agreement.plan.currency or currencies[name]
        work = Adjusting(agreement, month, currency, rows, state.get(name, {}))
        work.left = [row["amount_minor"] for row in rows]
        for step in ADJUST_STEPS:
            step(work)
        added += work.added
        closing += [(name, COMMITMENT, key, value) for key, value in work.closing.items()]
    return (
        pl.DataFrame([[row[name] for name in CHARGED] for row in added], CHARGED, orient="row"),
        pl.DataFrame(closing, STATE, orient="row"),
    )


def agreements_in(
    stretches: pl.DataFrame,
    ahead: pl.DataFrame,
    plans: Mapping[str, Plan],
    coupons: Mapping[str, Sequence[Discount]],
    waived: Mapping[tuple[str, str, date], Set[str]],
) -> Iterator[Agreement]:
    """List who is on which plan in a month, from its schema `STRETCHES` and that of the next.

    Of an account on several plans, the first by name has the coupons that are amounts. `waived`
    names the charges that are free for an account, by account, plan and version.
    """
    contracts = ("account_id", "plan", "contract_from")
    going = {*ahead.select(contracts).rows()}
    seen: set[str] = set()
    rows = stretches.sort("account_id", "plan", "start_date").iter_rows(named=True)
    for (name, plan), group in groupby(rows, lambda row: (row["account_id"], row["plan"])):
        parts = list(group)
        last = parts[-1]
        versions = {version.effective_from: version for version in plans[plan].version}
        yield Agreement(
            account_id=name,
            plan=plans[plan],
            version=versions[last["version_from"]],
            contract_from=last["contract_from"],
            days=sum((part["end_date"] - part["start_date"]).days for part in parts),
            goes_on=tuple(last[key] for key in contracts) in going,
            is_trial=all(part["is_trial"] for part in parts),
            waived=frozenset(waived.get((name, plan, last["version_from"]), ())),
            coupons=tuple(
                coupon
                for coupon in coupons.get(name, ())
                if coupon.amount is None or name not in seen
            ),
        )
        seen.add(name)


def _adjusts(version: Version) -> bool:
    has_bounds = any(c.minimum is not None or c.maximum is not None for c in version.charge)
    whole = (version.minimum, version.maximum, version.commitment)
    return has_bounds or bool(version.discount) or any(part is not None for part in whole)


def _state(before: pl.DataFrame) -> dict[str, dict[str, Decimal]]:
    found: dict[str, dict[str, Decimal]] = {}
    for name, kind, key, value in before.iter_rows():
        if kind == COMMITMENT:
            found.setdefault(name, {})[key] = value
    return found


def _is_over(discount: Discount, work: Adjusting) -> bool:
    return discount.months is not None and work.contract_month >= discount.months


def _is_of(discount: Discount, row: Mapping[str, Any]) -> bool:
    return discount.lines is None or row["charge"] in discount.lines


def _taken_off(discount: Discount, base: int, work: Adjusting) -> int:
    if discount.amount is not None:
        return work.money(discount.amount)
    assert discount.ratio is not None, "checked at the door"
    return _share(base, discount.ratio)


def _share(minor: int, ratio: Decimal) -> int:
    """Multiply minor units by a ratio, rounded half away from zero."""
    with localcontext(prec=60):
        return int((minor * ratio).to_integral_value(ROUND_HALF_UP))


def _discount_note(discount: Discount, base: int, work: Adjusting) -> str:
    if discount.ratio is not None:
        return f"{(discount.ratio * 100).normalize():f} % of {work.text(base)}"
    return f"{work.text(work.money(discount.amount or Decimal(0)))} off {work.text(base)}"


def _charges(work: Adjusting) -> Iterator[tuple[Charge, int | None]]:
    """Yield each charge of the version with the number of its line, None where it has none."""
    numbers = {row["charge"]: n for n, row in enumerate(work.lines)}
    for charge in work.version.charge:
        yield charge, numbers.get(charge.name)


def _bound(bound: Bound, work: Adjusting) -> int:
    whole = work.money(bound.amount)
    if bound.proration == "none":
        return whole
    days = Decimal(work.agreement.days)
    return split_minor(whole, [days, work.month.day_count - days])[0]


def _term(commitment: Commitment, work: Adjusting) -> int:
    return work.contract_month // commitment.months


def _ends(commitment: Commitment, work: Adjusting) -> bool:
    is_last = (work.contract_month + 1) % commitment.months == 0
    return is_last or not work.agreement.goes_on
