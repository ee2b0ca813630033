"""What must hold between the files of a book: accounts, plans, cards and subscriptions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise

import polars as pl

from metering.account import LAST_DAY, Account, Accounts
from metering.door import nearest
from metering.errors import Problem
from metering.meter import Meter
from pricing.money import MINOR_DECIMALS
from pricing.offer import Charge
from pricing.plan import Plan, Version, can_both_match
from pricing.price import FromCard
from pricing.price_checks import check_offers
from pricing.subscription import Subscription
from pricing.taking import DEFAULT_COMPONENT, accounts_for_deliveries, card_unit


def card_charges(plans: Iterable[Plan]) -> Iterator[tuple[Plan, Charge, FromCard]]:
    """Yield each charge that takes its price from a card."""
    for plan in plans:
        for version in plan.version:
            for charge in version.charge:
                if isinstance(charge.price, FromCard):
                    yield plan, charge, charge.price


def check_charges(plan: Plan, meters: Mapping[str, Meter], where: str) -> Iterator[Problem]:
    """Yield what is wrong between the charges of a plan and the meters that they name."""
    for number, version in enumerate(plan.version):
        place = f"{where} version.{number}"
        for charge in version.charge:
            if charge.meter not in meters:
                what = f"there is no meter '{charge.meter}', which '{charge.name}' counts by"
                yield Problem(f"{place}.charge", what, nearest(charge.meter, sorted(meters)))
            else:
                yield from _unfit_meter(charge, meters[charge.meter], f"{place}.charge")
        known = [charge for charge in version.charge if charge.meter in meters]
        yield from check_offers(plan, version, meters, place)
        yield from _twice_charged(known, meters, place)
        yield from _unknown_components(version, meters, place)


def _unfit_meter(charge: Charge, meter: Meter, place: str) -> Iterator[Problem]:
    for key in charge.where.given():
        if key not in meter.cells:
            yield Problem(
                place,
                f"'{charge.name}' asks for {key}, which the meter '{meter.meter}' does not tell"
                " apart",
                f"it tells apart {', '.join(meter.cells) or 'nothing'}; a filter may stand in a"
                " meter of your own",
            )
    if not isinstance(charge.price, FromCard):
        return
    if card_unit(meter) is None:
        figure = meter.aggregation.kind
        why = (
            f"its units of {meter.source.kind} have no rate"
            if meter.is_ordered
            else f"of a {figure} no part comes first, and it has no rate"
        )
        yield Problem(
            place,
            f"'{charge.name}' takes the meter '{meter.meter}' to a card, but {why}",
            "cards price counted deliveries and conversations, and minutes of calls in steps; use a"
            " price of the plan's own",
        )
    elif not meter.is_ordered and (charge.allowance or charge.price.rates == "tiered"):
        asked = "an allowance" if charge.allowance else "tiered rates"
        yield Problem(
            place,
            f"'{charge.name}' asks for {asked}, but no part of '{meter.meter}' comes first",
            "take the list rate of the card, without an allowance",
        )


def _twice_charged(
    charges: Sequence[Charge], meters: Mapping[str, Meter], place: str
) -> Iterator[Problem]:
    for one, other in combinations(charges, 2):
        is_one_thing = one.meter == other.meter or (
            {meters[one.meter].source.kind, meters[other.meter].source.kind}
            <= {"deliveries", "conversations"}
        )
        is_one_component = one.component == other.component
        if is_one_thing and is_one_component and can_both_match(one.where, other.where):
            what = "delivery" if accounts_for_deliveries(meters[one.meter]) else "unit"
            yield Problem(
                f"{place}.charge",
                f"'{one.name}' and '{other.name}' can both charge one {what}"
                f" (component '{one.component}')",
                "narrow one of their where, or give one of them another component",
            )


def _unknown_components(
    version: Version, meters: Mapping[str, Meter], place: str
) -> Iterator[Problem]:
    named = version.uncovered if isinstance(version.uncovered, dict) else {}
    accounting = {
        charge.component
        for charge in version.charge
        if charge.meter not in meters or accounts_for_deliveries(meters[charge.meter])
    }
    for component in sorted(set(named) - (accounting or {DEFAULT_COMPONENT})):
        yield Problem(
            f"{place}.uncovered",
            f"no charge on deliveries or conversations has the component '{component}'",
            f"components of this version: {', '.join(sorted(accounting)) or 'none'}",
        )


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
            if plan is not None and account.currency != plan.currency:
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


def _facts_during(subscription: Subscription, facts: Sequence[Account]) -> Iterator[Account]:
    ends = [*(account.effective_from for account in facts[1:]), LAST_DAY]
    for account, end in zip(facts, ends[: len(facts)], strict=True):
        if account.effective_from < subscription.effective_to and end > subscription.effective_from:
            yield account


def unknown_cards(plans: Iterable[Plan], rates: pl.DataFrame) -> Iterator[Problem]:
    """Yield charges whose card is not there, or never in the currency of the plan."""
    families = set(rates.select("card", "currency").unique().iter_rows())
    cards = sorted({card for card, _ in families})
    for plan, charge, price in card_charges(plans):
        place = f"plan '{plan.plan}' charge '{charge.name}'"
        if price.card not in cards:
            hint = nearest(price.card, cards) if cards else "put a card into rate_cards/"
            yield Problem(place, f"there is no card '{price.card}'", hint)
        elif (price.card, plan.currency) not in families:
            known = ", ".join(sorted(code for card, code in families if card == price.card))
            yield Problem(
                place,
                f"card '{price.card}' has no {plan.currency} rates at all",
                f"it has {known}; nothing is converted",
            )


def card_gaps(plans: Iterable[Plan], rates: pl.DataFrame) -> Iterator[Problem]:
    """Yield, as warnings, charges whose card ends in the currency of the plan."""
    for plan, charge, price in card_charges(plans):
        family = rates.filter(
            pl.col("card") == price.card,
            pl.col("currency") == plan.currency,
            pl.col("rates") == "list",
        )
        end = family["card_to"].sort().to_list()[-1:]
        if end and end[0] != LAST_DAY:
            yield Problem(
                f"plan '{plan.plan}' charge '{charge.name}'",
                f"card '{price.card}' has {plan.currency} rates until {end[0]} and none after it",
                "from then on its messages have no price and block their invoices",
            )
