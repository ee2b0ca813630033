"""The terms of all plans as frames, so that rating is a join and not a loop over accounts.

Every charge, fixed fee and add-on of every version of a plan is one row of `CHARGES`, and every
price that a plan writes itself becomes rows of `TIERS`: one open tier where there are none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from metering.account import Account
from metering.event import QUANTITY, USAGE_DIMENSIONS
from metering.meter import Meter
from metering.period import Month
from pricing.money import UNIT_PRICE
from pricing.plan import AddOn, Charge, FixedFee, FreeFor, Plan, Version
from pricing.price import FromCard, PerUnit, Volume, tiers_of
from pricing.rate_card import tier_text
from pricing.taking import card_unit

CHARGES = pl.Schema(
    {
        "charge_id": pl.Int64(),
        "plan": pl.String(),
        "version_from": pl.Date(),
        "kind": pl.String(),  # usage, fixed_fee or add_on
        "charge": pl.String(),
        "position": pl.Int64(),  # in the version, from 0
        "component": pl.String(),
        "meter": pl.String(),  # null but for usage
        "unit": pl.String(),  # of a card: message or conversation; null where cards have none
        "currency": pl.String(),
        "allowance": QUANTITY,  # 0 where there is none
        "is_volume": pl.Boolean(),
        "card": pl.String(),  # null where the plan writes the price itself
        "rates": pl.String(),
        "markup_factor": UNIT_PRICE,
        "markup_text": pl.String(),
        "proration": pl.String(),
    }
)
TIERS = pl.Schema(
    {
        "charge_id": pl.Int64(),
        "tier": pl.Int64(),  # 1 for the first; null where there is one price
        "over": QUANTITY,
        "up_to": QUANTITY,  # inclusive; null in the last tier
        "unit_price": UNIT_PRICE,
        "tier_text": pl.String(),  # which units the tier takes, in words
    }
)
# What can be charged, one row for each account, charge and cell. Usage has all dimensions, and the
# `rate_date` that metering knows it by; `price_date` is the day that its price is looked up for.
UNITS = pl.Schema(
    {
        "charge_id": pl.Int64(),
        "account_id": pl.String(),
        **dict.fromkeys(USAGE_DIMENSIONS, pl.String()),
        "rate_date": pl.Date(),
        "price_date": pl.Date(),
        "end_date": pl.Date(),  # exclusive; of fees and add-ons, which are prorated
        "quantity": QUANTITY,
        "status": pl.String(),  # open, free or unknown
        "reason": pl.String(),  # why it is free or unknown
    }
)

# (meter, cells, bounds) -> the quantity of each cell within the first `bound` units of its scope.
Below = Callable[[str, pl.DataFrame, pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class Terms:
    """What the steps of charging go by."""

    month: Month
    meters: Mapping[str, Meter]
    charges: pl.DataFrame  # schema CHARGES
    tiers: pl.DataFrame  # schema TIERS
    rates: pl.DataFrame  # schema RATES
    categories: pl.DataFrame  # schema CARD_CATEGORIES
    waivers: pl.DataFrame  # charge_id, account_id: what is free for whom
    portfolios: pl.DataFrame  # account_id, portfolio_id
    below: Below

    def of(self, units: pl.DataFrame, *columns: str) -> pl.DataFrame:
        """Add `columns` of `CHARGES` to `units`."""
        return units.join(
            self.charges.select("charge_id", *columns),
            on="charge_id",
            how="left",
            maintain_order="left",
        )


Item = tuple[Plan, Version, int, Charge | FixedFee | AddOn]


def terms_of(
    month: Month,
    plans: Iterable[Plan],
    facts: Mapping[str, Account],
    *,
    meters: Mapping[str, Meter],
    rates: pl.DataFrame,
    categories: pl.DataFrame,
    below: Below,
) -> Terms:
    """Write the terms of `plans` for the accounts in `facts`."""
    items = [*_items(plans)]
    charges = [(number, *_charge(item, meters)) for number, item in enumerate(items)]
    return Terms(
        month=month,
        meters=meters,
        charges=_frame(charges, CHARGES),
        tiers=_frame(
            [(number, *tier) for number, item in enumerate(items) for tier in _tiers(item[3])],
            TIERS,
        ),
        rates=rates,
        categories=categories,
        waivers=_frame([*_waivers(items, facts)], UNITS_KEY),
        portfolios=_frame(
            [(name, account.portfolio_id or name) for name, account in facts.items()],
            pl.Schema({"account_id": pl.String(), "portfolio_id": pl.String()}),
        ),
        below=below,
    )


def is_free_for(condition: FreeFor, account: Account) -> bool:
    """Say whether an account meets every condition that is given; an unknown size meets none.

    Example:
        >>> small = Account(line=2, account_id="a", name="A", employee_count=49)
        >>> is_free_for(FreeFor(employee_count_max=49), small)
        True
    """
    employees, most = account.employee_count, condition.employee_count_max
    if most is not None and (employees is None or employees > most):
        return False
    if condition.segment is not None and account.segment not in condition.segment:
        return False
    return condition.country is None or account.country in condition.country


UNITS_KEY = pl.Schema({name: UNITS[name] for name in ("charge_id", "account_id")})


def _items(plans: Iterable[Plan]) -> Iterator[Item]:
    for plan in sorted(plans, key=lambda plan: plan.plan):
        for version in plan.version:
            offers: list[Charge | FixedFee | AddOn] = [*version.charge]
            offers += [*version.fixed_fee, *version.add_on]
            for position, offer in enumerate(offers):
                yield plan, version, position, offer


def _charge(item: Item, meters: Mapping[str, Meter]) -> tuple[object, ...]:
    plan, version, position, offer = item
    head = (plan.plan, version.effective_from)
    match offer:
        case Charge():
            unit = card_unit(meters[offer.meter])
            meter: tuple[object, ...] = (offer.component, offer.meter, unit)
            allowance = offer.allowance.quantity if offer.allowance else Decimal(0)
            return (
                *(*head, "usage", offer.name, position, *meter, plan.currency, allowance),
                *(isinstance(offer.price, Volume), *_card(offer), "none"),
            )
        case FixedFee():
            kind, allowance, is_volume = "fixed_fee", Decimal(0), False
        case AddOn():
            kind, allowance = "add_on", offer.included
            is_volume = isinstance(offer.price, Volume)
    return (
        *(*head, kind, offer.name, position, None, None, None, plan.currency, allowance),
        *(is_volume, None, None, None, None, offer.proration),
    )


def _card(charge: Charge) -> tuple[object, ...]:
    if not isinstance(charge.price, FromCard):
        return None, None, None, None
    factor = 1 + charge.price.markup_ratio
    text = "" if factor == 1 else f" x {factor.normalize():f}"
    return charge.price.card, charge.price.rates, factor, text


def _tiers(offer: Charge | FixedFee | AddOn) -> Iterator[tuple[object, ...]]:
    if isinstance(offer, FixedFee):
        yield None, Decimal(0), None, offer.amount, None
        return
    if isinstance(offer.price, FromCard):
        return
    over = Decimal(0)
    for number, tier in enumerate(tiers_of(offer.price), 1):
        if isinstance(offer.price, PerUnit):
            yield None, over, None, tier.unit_price, None
        else:
            yield number, over, tier.up_to, tier.unit_price, tier_text(over, tier.up_to)
        over = tier.up_to or over


def _waivers(items: Iterable[Item], facts: Mapping[str, Account]) -> Iterator[tuple[int, str]]:
    for number, (_, _, _, offer) in enumerate(items):
        if isinstance(offer, Charge) and offer.free_for is not None:
            for name, account in facts.items():
                if is_free_for(offer.free_for, account):
                    yield number, name


def _frame(rows: Sequence[tuple[object, ...]], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(rows, schema, orient="row")


def charge_ids(charges: pl.DataFrame) -> dict[tuple[str, date, str], int]:
    """The id of each charge by plan, version and name."""
    rows = charges.select("plan", "version_from", "charge", "charge_id").iter_rows()
    return {(plan, version_from, name): number for plan, version_from, name, number in rows}
