"""What must hold between cards, plans and the currencies in which their accounts are invoiced."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise

import polars as pl

from metering.account import LAST_DAY, Account, Accounts
from metering.door import nearest
from metering.errors import Problem
from metering.settings import SETTINGS, Cost
from pricing.money import MINOR_DECIMALS
from pricing.offer import Charge
from pricing.part import card_prices
from pricing.plan import Plan
from pricing.price import FromCard, NetworkCost
from pricing.subscription import Subscription


def card_charges(plans: Iterable[Plan]) -> Iterator[tuple[Plan, Charge, FromCard]]:
    """Yield each charge that takes its price from a card."""
    for plan in plans:
        for version in plan.version:
            for charge in version.charge:
                if isinstance(charge.price, FromCard):
                    yield plan, charge, charge.price


def unknown_currencies(accounts: Accounts) -> Iterator[Problem]:
    """Yield accounts that are invoiced in a currency that is none."""
    for account in accounts.accounts:
        if account.currency not in MINOR_DECIMALS:
            yield Problem(
                f"accounts.csv:{account.line} currency",
                f"account '{account.account_id}' is invoiced in '{account.currency}', which is no"
                " currency of ISO 4217",
                "correct it, or that of the seller in tollbook.toml where the cell is empty",
            )


def wrong_currencies(
    accounts: Accounts, subscriptions: Iterable[Subscription], plans: Mapping[str, Plan]
) -> Iterator[Problem]:
    """Yield accounts on a plan of another currency, and those that change it within a month."""
    facts: dict[str, list[Account]] = {}
    for account in accounts.accounts:
        facts.setdefault(account.account_id, []).append(account)
    for subscription in subscriptions:
        plan = plans.get(subscription.plan)
        for account in _facts_during(subscription, facts.get(subscription.account_id, [])):
            if plan is not None and plan.currency not in (None, account.currency):
                yield Problem(
                    f"subscriptions.csv:{subscription.line} plan",
                    f"plan '{plan.plan}' is in {plan.currency}, account '{account.account_id}' is"
                    f" invoiced in {account.currency}",
                    "an account is on a plan of its own currency; nothing is converted",
                )
    for rows in facts.values():
        for one, other in pairwise(rows):
            if one.currency != other.currency and other.effective_from.day != 1:
                yield Problem(
                    f"accounts.csv:{other.line} effective_from",
                    f"'{other.account_id}' changes from {one.currency} to {other.currency} within"
                    " a month",
                    "let the currency change on the first day of a month",
                )


def unknown_cards(plans: Iterable[Plan], rates: pl.DataFrame) -> Iterator[Problem]:
    """Yield charges whose card is not there, or never in their currency.

    A plan without a currency has those of its accounts: see `unpriced_currencies`.
    """
    families = _families(rates)
    for plan, charge, price in card_charges(plans):
        place = f"plan '{plan.plan}' charge '{charge.name}'"
        currency = price.currency or plan.currency
        if price.card not in families:
            hint = nearest(price.card, sorted(families)) if families else "put one into rate_cards/"
            yield Problem(place, f"there is no card '{price.card}'", hint)
        elif currency is not None and currency not in families[price.card]:
            yield Problem(place, *_no_rates(price.card, currency, families))


def unpriced_currencies(
    accounts: Accounts,
    subscriptions: Iterable[Subscription],
    plans: Mapping[str, Plan],
    rates: pl.DataFrame,
) -> Iterator[Problem]:
    """Yield accounts on a plan without a currency, in one that none of its cards has."""
    families = _families(rates)
    for subscription, plan, currency in _of_their_currency(accounts, subscriptions, plans):
        cards = sorted({price.card for _, _, price in card_charges([plan]) if not price.currency})
        if cards and not any(currency in families.get(card, ()) for card in cards):
            what, hint = _no_rates(cards[0], currency, families)
            yield Problem(
                f"subscriptions.csv:{subscription.line} plan",
                f"account '{subscription.account_id}' is invoiced in {currency}, and {what}",
                hint,
            )


def currencies_in_use(
    accounts: Accounts, subscriptions: Sequence[Subscription], plans: Mapping[str, Plan]
) -> list[tuple[Plan, str]]:
    """List the plans that some account is on, each with every currency that it is invoiced in."""
    own = {(s.plan, plans[s.plan].currency) for s in subscriptions if s.plan in plans}
    found = {(name, currency) for name, currency in own if currency is not None}
    found |= {
        (plan.plan, currency)
        for _, plan, currency in _of_their_currency(accounts, subscriptions, plans)
    }
    return [(plans[name], currency) for name, currency in sorted(found)]


def card_gaps(plans: Iterable[tuple[Plan, str]], rates: pl.DataFrame) -> Iterator[Problem]:
    """Yield, as warnings, charges whose card ends in a currency of the plan or never has it."""
    families = _families(rates)
    for plan, currency in plans:
        for _, charge, price in card_charges([plan]):
            place = f"plan '{plan.plan}' charge '{charge.name}'"
            asked = price.currency or currency
            ends = families.get(price.card, {}).get(asked)
            if plan.currency is None and price.card in families and ends is None:
                what, _ = _no_rates(price.card, asked, families)
                yield Problem(place, what, "what it counts has no price and blocks their invoices")
            elif ends is not None and ends != LAST_DAY:
                yield Problem(
                    place,
                    f"card '{price.card}' has {asked} rates until {ends} and none after it",
                    "from then on its messages have no price and block their invoices",
                )


def unknown_costs(
    subscriptions: Sequence[Subscription], plans: Mapping[str, Plan], cost: Cost | None
) -> Iterator[Problem]:
    """Yield charges in use that pass on a cost of the network which the settings do not tell."""
    if cost is not None and cost.plan not in plans:
        what = f"there is no plan '{cost.plan}'"
        yield Problem(f"{SETTINGS} cost.plan", what, nearest(cost.plan, sorted(plans)))
        return
    known = card_prices(plans[cost.plan]) if cost is not None else {}
    for plan in (plans[name] for name in sorted({s.plan for s in subscriptions} & plans.keys())):
        for charge in (charge for version in plan.version for charge in version.charge):
            if isinstance(charge.price, NetworkCost) and charge.meter not in known:
                place = f"plan '{plan.plan}' charge '{charge.name}'"
                if cost is None:
                    what = f"passes on what the network charges, and {SETTINGS} has no [cost]"
                    yield Problem(place, what, "write [cost] with the currency of that cost")
                else:
                    what = (
                        f"passes on a cost, and '{cost.plan}' takes no '{charge.meter}' to a card"
                    )
                    yield Problem(place, what, f"name one of {', '.join(sorted(known))}")


def _of_their_currency(
    accounts: Accounts, subscriptions: Iterable[Subscription], plans: Mapping[str, Plan]
) -> Iterator[tuple[Subscription, Plan, str]]:
    """Yield the subscriptions to plans without a currency, with each that their account has."""
    facts: dict[str, list[Account]] = {}
    for account in accounts.accounts:
        facts.setdefault(account.account_id, []).append(account)
    for subscription in subscriptions:
        plan = plans.get(subscription.plan)
        if plan is not None and plan.currency is None:
            during = _facts_during(subscription, facts.get(subscription.account_id, []))
            for currency in sorted({account.currency or "" for account in during}):
                yield subscription, plan, currency


def _families(rates: pl.DataFrame) -> dict[str, dict[str, date]]:
    """The currencies of each card, with the day on which its list ends in each."""
    ends = rates.group_by("card", "currency").agg(
        pl.col("card_to").filter(pl.col("rates") == "list").max().fill_null(LAST_DAY)
    )
    families: dict[str, dict[str, date]] = {}
    for card, currency, end in ends.iter_rows():
        families.setdefault(card, {})[currency] = end
    return families


def _no_rates(
    card: str, currency: str, families: Mapping[str, Mapping[str, date]]
) -> tuple[str, str]:
    what = f"card '{card}' has no {currency} rates at all"
    return what, f"it has {', '.join(sorted(families[card]))}; nothing is converted"


def _facts_during(subscription: Subscription, facts: Sequence[Account]) -> Iterator[Account]:
    ends = [*(account.effective_from for account in facts[1:]), LAST_DAY]
    for account, end in zip(facts, ends[: len(facts)], strict=True):
        if account.effective_from < subscription.effective_to and end > subscription.effective_from:
            yield account
