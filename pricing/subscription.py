"""Who is on which plan from when to when, and who holds how many of an add-on.

`subscriptions.csv` and `add_ons.csv`; every `effective_to` is exclusive. An account is on one plan
at an instant. Days begin at midnight in the zone of the account.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import date, timedelta
from itertools import groupby, pairwise
from typing import TypeVar

import polars as pl
from pydantic import model_validator

from metering.account import FIRST_DAY, LAST_DAY, Id
from metering.door import Row, nearest
from metering.errors import Problem
from metering.event import QUANTITY
from metering.period import Month
from pricing.effective import Stretch, as_of, overlap, split
from pricing.offer import Name, Quantity
from pricing.plan import Plan, PlanId, Version

# One row for each account and stretch of days of a month on one version of a plan.
STRETCHES = pl.Schema(
    {
        "account_id": pl.String(),
        "plan": pl.String(),
        "version_from": pl.Date(),
        "start_date": pl.Date(),
        "end_date": pl.Date(),  # exclusive
        "contract_from": pl.Date(),  # the first day of the subscription
        "is_trial": pl.Boolean(),
    }
)
# One row for each account, add-on and stretch of days of a month in which its quantity stays.
HOLDINGS = pl.Schema({**STRETCHES, "add_on": pl.String(), "quantity": QUANTITY})


class _Lasting(Row):
    account_id: Id
    effective_from: date = FIRST_DAY
    effective_to: date = LAST_DAY

    @model_validator(mode="after")
    def _hold_for_a_while(self) -> "_Lasting":
        if self.effective_from >= self.effective_to:
            raise ValueError(
                f"effective_to {self.effective_to} is not after effective_from"
                f" {self.effective_from} | effective_to is exclusive: the first day without"
            )
        return self

    def days(self) -> Stretch:
        return self.effective_from, self.effective_to


class Subscription(_Lasting):
    """A row of `subscriptions.csv`: an account is on a plan."""

    plan: PlanId


class Holding(_Lasting):
    """A row of `add_ons.csv`: an account has a quantity of an add-on."""

    add_on: Name
    quantity: Quantity


LastingT = TypeVar("LastingT", bound=_Lasting)


def stretches_in(
    month: Month, subscriptions: Iterable[Subscription], plans: Mapping[str, Plan]
) -> pl.DataFrame:
    """List who is on which version of which plan on which days of `month`: schema `STRETCHES`."""
    rows = [
        (*head, *days, subscription.effective_from, is_trial)
        for subscription in subscriptions
        for head, days, is_trial in _held(subscription, _clip(subscription, month), plans)
    ]
    return pl.DataFrame(rows, STRETCHES, orient="row").sort("account_id", "start_date")


def holdings_in(
    month: Month,
    holdings: Iterable[Holding],
    subscriptions: Iterable[Subscription],
    plans: Mapping[str, Plan],
) -> pl.DataFrame:
    """List who holds how many of an add-on on which days of `month`: schema `HOLDINGS`.

    Only the days on a plan count.
    """
    of_account = _by_account(subscriptions)
    rows = [
        (*head, *days, subscription.effective_from, is_trial, holding.add_on, holding.quantity)
        for holding in holdings
        for subscription in of_account[holding.account_id]
        if (held := _clip(holding, month)) and (shared := overlap(held, subscription.days()))
        for head, days, is_trial in _held(subscription, shared, plans)
    ]
    return pl.DataFrame(rows, HOLDINGS, orient="row").sort("account_id", "add_on", "start_date")


def trial_end(subscription: Subscription, plans: Mapping[str, Plan]) -> date | None:
    """The first day after the trial that the plan gave when the contract began."""
    since = subscription.effective_from
    version = as_of(plans[subscription.plan].version, since)
    if version is None or version.trial is None or since == FIRST_DAY:
        return None
    return since + timedelta(days=version.trial.days)


def _held(
    subscription: Subscription, days: Stretch | None, plans: Mapping[str, Plan]
) -> Iterator[tuple[tuple[str, str, date], Stretch, bool]]:
    """Yield account, plan and version with the days on which it holds, and if that is a trial."""
    until = trial_end(subscription, plans)
    for version, held in versions_during(days, plans[subscription.plan]):
        head = (subscription.account_id, subscription.plan, version.effective_from)
        for start, end in split(held, [until] if until else []):
            yield head, (start, end), until is not None and start < until


def versions_during(days: Stretch | None, plan: Plan) -> Iterator[tuple[Version, Stretch]]:
    """Yield the versions of `plan` that hold on some of `days`, each with those days."""
    for version, held in plan.stretches():
        if days and (shared := overlap(days, held)):
            yield version, shared


def check_subscriptions(
    subscriptions: Sequence[Subscription],
    plans: Mapping[str, Plan],
    known: Set[str],
    refused: Set[str] = frozenset(),
) -> Iterator[Problem]:
    """Yield subscriptions to plans or of accounts that are not there, and those that overlap.

    Of a plan whose file was refused nothing is said: what is wrong stands there.
    """
    yield from _unknown_accounts(subscriptions, known, "subscriptions.csv")
    for subscription in subscriptions:
        if subscription.plan in refused:
            continue
        if subscription.plan not in plans:
            yield Problem(
                f"subscriptions.csv:{subscription.line} plan",
                f"there is no plan '{subscription.plan}'",
                nearest(subscription.plan, [*plans]) if plans else "write plans/*.toml",
            )
        elif subscription.effective_from == FIRST_DAY and counts_from_contract(
            plans[subscription.plan]
        ):
            yield Problem(
                f"subscriptions.csv:{subscription.line} effective_from",
                f"plan '{subscription.plan}' counts from the first day of a contract",
                "write the day on which the subscription began",
            )
    for one, other in _overlaps(subscriptions, lambda s: (s.account_id,)):
        yield Problem(
            f"subscriptions.csv:{other.line} effective_from",
            f"'{other.account_id}' is on two plans on {other.effective_from}"
            f" (also in line {one.line})",
            f"end line {one.line} with effective_to {other.effective_from}",
        )


def counts_from_contract(plan: Plan) -> bool:
    """Say whether something of a plan depends on when a subscription to it began."""
    return any(
        version.trial is not None
        or (version.commitment is not None and version.commitment.months > 1)
        or any(discount.months is not None for discount in version.discount)
        or any(fee.every != "month" for fee in version.fixed_fee)
        or any(getattr(charge.price, "over", "") == "contract" for charge in version.charge)
        for version in plan.version
    )


def check_holdings(
    holdings: Sequence[Holding],
    subscriptions: Sequence[Subscription],
    plans: Mapping[str, Plan],
    known: Set[str],
    refused: Set[str] = frozenset(),
) -> Iterator[Problem]:
    """Yield add-ons that a plan does not have or not so many of, and those that overlap."""
    yield from _unknown_accounts(holdings, known, "add_ons.csv")
    for one, other in _overlaps(holdings, lambda h: (h.account_id, h.add_on)):
        yield Problem(
            f"add_ons.csv:{other.line} effective_from",
            f"'{other.account_id}' has two quantities of '{other.add_on}' on"
            f" {other.effective_from} (also in line {one.line})",
            f"end line {one.line} with effective_to {other.effective_from}",
        )
    of_account = _by_account(subscriptions)
    for holding in holdings:
        held = of_account[holding.account_id]
        if not any(subscription.plan in refused for subscription in held):
            yield from _check_holding(holding, held, plans)


def _check_holding(
    holding: Holding, subscriptions: Sequence[Subscription], plans: Mapping[str, Plan]
) -> Iterator[Problem]:
    held = [
        (plans[subscription.plan], version)
        for subscription in subscriptions
        if subscription.plan in plans
        for version, _ in versions_during(
            overlap(holding.days(), subscription.days()), plans[subscription.plan]
        )
    ]
    place = f"add_ons.csv:{holding.line}"
    if not held:
        yield Problem(
            f"{place} account_id",
            f"'{holding.account_id}' is on no plan while it holds '{holding.add_on}'",
            "add the account to subscriptions.csv, or correct the days",
        )
    problems = {problem for pair in held for problem in _check_version(holding, *pair, place)}
    yield from sorted(problems)


def _check_version(holding: Holding, plan: Plan, version: Version, place: str) -> Iterator[Problem]:
    offered = {add_on.name: add_on for add_on in version.add_on}
    if holding.add_on not in offered:
        hint = nearest(holding.add_on, [*offered]) if offered else "it has no add-ons then"
        since = "" if version.effective_from == FIRST_DAY else f" of {version.effective_from}"
        what = f"plan '{plan.plan}'{since} has no add-on '{holding.add_on}'"
        yield Problem(f"{place} add_on", what, hint)
    elif (most := offered[holding.add_on].max_quantity) is not None and holding.quantity > most:
        yield Problem(
            f"{place} quantity",
            f"{holding.quantity} of '{holding.add_on}' is over the {most} that plan '{plan.plan}'"
            " allows",
            f"lower it to {most}, or raise max_quantity of the plan",
        )


def _clip(lasting: _Lasting, month: Month) -> Stretch | None:
    return overlap(lasting.days(), (month.first_day, month.next().first_day))


def _by_account(rows: Iterable[LastingT]) -> defaultdict[str, list[LastingT]]:
    found: defaultdict[str, list[LastingT]] = defaultdict(list)
    for row in rows:
        found[row.account_id].append(row)
    return found


def _overlaps(
    rows: Iterable[LastingT], key: Callable[[LastingT], tuple[str, ...]]
) -> Iterator[tuple[LastingT, LastingT]]:
    ordered = sorted(rows, key=lambda row: (key(row), row.effective_from, row.line))
    for _, group in groupby(ordered, key):
        for one, other in pairwise(group):
            if other.effective_from < one.effective_to:
                yield one, other


def _unknown_accounts(rows: Iterable[_Lasting], known: Set[str], file: str) -> Iterator[Problem]:
    for row in rows:
        if row.account_id not in known:
            yield Problem(
                f"{file}:{row.line} account_id",
                f"account '{row.account_id}' is not in accounts.csv",
                "add the account, or correct the id",
            )
