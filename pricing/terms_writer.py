"""Writing the terms: the plans that people wrote become the frames of `pricing.terms`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl

from metering.account import Account
from metering.event import QUANTITY
from metering.meter import Meter
from metering.period import Month
from pricing.condition import Discount
from pricing.fx import FX_RATES
from pricing.offer import AddOn, Allowance, FixedFee, Where
from pricing.part import Part, parts_of
from pricing.plan import Plan, Version
from pricing.price import CELL_KEYS, FromCard, Matrix, NetworkCost, Price
from pricing.schedule import charges_unused, is_all_in_one, steps_of
from pricing.state import STATE
from pricing.taking import card_unit
from pricing.terms import (
    ALLOWANCES,
    CELLS,
    CHARGES,
    COLUMN_OF_SCOPE,
    TIERS,
    UNITS,
    Below,
    Midnight,
    Terms,
)
from pricing.waiver import waivers

UNITS_KEY = pl.Schema({name: UNITS[name] for name in ("charge_id", "account_id")})
OWNERS = pl.Schema(dict.fromkeys(("account_id", "portfolio_id", "account_currency"), pl.String()))
FREE_UNITS = pl.Schema(
    {
        "charge_id": pl.Int64(),
        "discount": pl.String(),
        "free_units": QUANTITY,
        "months": pl.Int64(),
    }
)

Offer = Part | FixedFee | AddOn
Item = tuple[Plan, Version, int, Offer]


def terms_of(
    month: Month,
    plans: Iterable[Plan],
    facts: Mapping[str, Account],
    *,
    meters: Mapping[str, Meter],
    rates: pl.DataFrame,
    categories: pl.DataFrame,
    below: Below,
    midnight: Midnight | None = None,
    fx: pl.DataFrame | None = None,
    opening: pl.DataFrame | None = None,
    first_days: Mapping[str, date] | None = None,
    cost_prices: Mapping[str, FromCard] | None = None,
) -> Terms:
    """Write the terms of `plans` for the accounts in `facts`."""
    opening = STATE.to_frame() if opening is None else opening
    items = dict(enumerate(_items(plans, meters, cost_prices or {})))
    allowances = _Allowances()
    charges = [(number, *_charge(item, allowances)) for number, item in items.items()]
    owners = [(name, facts[name].portfolio_id or name, facts[name].currency) for name in facts]
    return Terms(
        month=month,
        charges=_frame(charges, CHARGES),
        parts={n: item[3] for n, item in items.items() if isinstance(item[3], Part)},
        tiers=_frame([(n, *row) for n, item in items.items() for row in _tiers(item[3])], TIERS),
        cells=_frame([(n, *row) for n, item in items.items() for row in _cells(item[3])], CELLS),
        allowances=_frame(allowances.rows, ALLOWANCES),
        allowed={n: a.where for n, item in items.items() if (a := _allowance(item)) is not None},
        free_units=_frame([*_free_units(items)], FREE_UNITS),
        rates=rates,
        categories=categories,
        fx=FX_RATES.to_frame() if fx is None else fx,
        waivers=_frame(
            [*waivers(_offers(items), facts, first_days or {}, month, opening)], UNITS_KEY
        ),
        accounts=_frame(owners, OWNERS),
        opening=opening,
        below=below,
        midnight=midnight or _utc_midnight,
    )


def _utc_midnight(account_id: str, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


class _Allowances:
    """Gives each allowance one number, however many charges share it."""

    def __init__(self) -> None:
        self.rows: list[tuple[object, ...]] = []
        self._known: dict[tuple[str, date, str], int] = {}

    def number(self, item: Item, allowance: Allowance, name: str) -> int:
        plan, version, _, _ = item
        key = (plan.plan, version.effective_from, name)
        if key not in self._known:
            self._known[key] = len(self.rows)
            each = "|".join(allowance.each)
            over = "stretch" if isinstance(item[3], AddOn) else allowance.over
            row = (name, plan.plan, allowance.quantity, each, over, allowance.order)
            self.rows.append((self._known[key], *row, allowance.carry_over_months))
        return self._known[key]


def _items(
    plans: Iterable[Plan], meters: Mapping[str, Meter], cost_prices: Mapping[str, FromCard]
) -> Iterator[Item]:
    for plan in sorted(plans, key=lambda plan: plan.plan):
        for version in plan.version:
            names = {name: position for position, name in enumerate(version.names())}
            offers: list[Offer] = [*parts_of(version, meters, cost_prices), *version.fixed_fee]
            offers += [add_on for add_on in version.add_on if add_on.meter is None]
            for offer in offers:
                name = offer.offer.name if isinstance(offer, Part) else offer.name
                yield plan, version, names[name], offer


def _offers(items: Mapping[int, Item]) -> Iterator[tuple[int, Part]]:
    for number, (_, _, _, offer) in items.items():
        if isinstance(offer, Part):
            yield number, offer


def _allowance(item: Item) -> Allowance | None:
    _, version, _, offer = item
    if not isinstance(offer, Part):
        if isinstance(offer, AddOn) and offer.included:
            return Allowance(quantity=offer.included)
        return None
    given = offer.offer.allowance
    if isinstance(given, str):
        return next(shared for shared in version.allowance if shared.name == given)
    if given is None and any(offer.offer.name in (d.lines or ()) for d in _giving(version)):
        return NOTHING_INCLUDED
    return given


# What discounts of free units add to, where a charge has no allowance of its own.
NOTHING_INCLUDED = Allowance.model_construct(
    quantity=Decimal(0),
    each=("account",),
    over="month",
    order="time",
    where=Where(),
    carry_over_months=0,
)


def _giving(version: Version) -> list[Discount]:
    return [discount for discount in version.discount if discount.free_units is not None]


def _free_units(items: Mapping[int, Item]) -> Iterator[tuple[object, ...]]:
    for number, (_, version, _, offer) in items.items():
        for discount in _giving(version):
            if isinstance(offer, Part) and offer.offer.name in (discount.lines or ()):
                yield number, discount.name, discount.free_units, discount.months


def _charge(item: Item, allowances: _Allowances) -> tuple[object, ...]:
    plan, version, position, offer = item
    row: dict[str, object] = dict.fromkeys(CHARGES.names()[1:])
    row |= {
        "plan": plan.plan,
        "version_from": version.effective_from,
        "position": position,
        "currency": plan.currency,
        "proration": "none",
        "every": "month",
        "due": "arrears",
        "is_all_in_one": False,
        "charges_unused": False,
        "price_kind": "written",
        "each": "account",
        "over": "month",
    }
    allowance = _allowance(item)
    match offer:
        case Part():
            own = [d for d in _giving(version) if offer.offer.name in (d.lines or ())]
            by_contract = any(discount.months is not None for discount in own)
            row |= _part(offer, allowance, by_contract=by_contract)
            name = offer.offer.allowance if isinstance(offer.offer.allowance, str) else None
        case FixedFee():
            row |= {"kind": "fixed_fee", **_of_offer(offer), "every": offer.every, "due": offer.due}
            row |= {"proration": offer.proration, "over": "stretch"}
            name = None
        case AddOn():
            row |= {"kind": "add_on", **_of_offer(offer), **_counting(offer.price)}
            row |= {"due": offer.due, "proration": offer.proration or "by_day", "over": "stretch"}
            name = None
    if allowance is not None:
        # A shared allowance and a charge may have one name.
        name = f"{name} (shared)" if name else str(row["charge"])
        row["allowance_id"] = allowances.number(item, allowance, name)
    return tuple(row[name] for name in CHARGES.names()[1:])


def _of_offer(offer: FixedFee | AddOn) -> dict[str, object]:
    return {"charge": offer.name, "tax_category": offer.tax_category}


def _counting(price: Price) -> dict[str, object]:
    return {
        "each": "|".join(getattr(price, "each", ("account",))),
        "over": getattr(price, "over", "month"),
        "is_all_in_one": is_all_in_one(price),
        "charges_unused": charges_unused(price),
    }


def _part(part: Part, allowance: Allowance | None, *, by_contract: bool) -> dict[str, object]:
    offer, price = part.offer, part.price
    row: dict[str, object] = {
        "kind": part.kind,
        "charge": offer.name,
        "component": offer.component,
        "meter": part.meter.meter,
        "unit": card_unit(part.meter),
        "tax_category": offer.tax_category,
        "max_quantity": part.max_quantity,
        "minimum": offer.minimum,
        "maximum": offer.maximum,
        "keeps": _keeps(part, allowance, by_contract=by_contract),
        **_counting(price),
    }
    if isinstance(price, Matrix):
        row["price_kind"] = "matrix"
    if isinstance(price, FromCard):
        rounding = price.round
        row |= {
            "price_kind": "card",
            "card": price.card,
            "rates": price.rates,
            "crossing": price.crossing,
            "card_currency": price.currency,
            "takes_reported": price.reported_cost,
            "factor": price.factor,
            "added": price.markup_amount,
            "decimals": rounding.decimals if rounding else None,
            "mode": rounding.mode if rounding else None,
            "markup_text": _markup_text(price),
        }
    return row


def _markup_text(price: FromCard) -> str:
    factor, added = price.factor, price.markup_amount
    parts = [f" x {factor.normalize():f}"] if factor != 1 else []
    parts += [f" + {added.normalize():f}"] if added else []
    if price.round is not None:
        mode = price.round.mode.replace("_", " ")
        parts.append(f", to {price.round.decimals} decimals ({mode})")
    return "".join(parts)


def _keeps(part: Part, allowance: Allowance | None, *, by_contract: bool) -> str | None:
    """Name the columns that must tell the usage of a part apart, null for all of them.

    Args:
        by_contract: Whether some units are free for the first months of each contract.

    What has no influence on its price is added up first. Where it matters which units come first,
    among accounts, charges or cells, all columns stay, for metering knows the order by them.
    """
    price = part.price
    if isinstance(price, Matrix | FromCard) or by_contract:
        return None
    words = set(getattr(price, "each", ("account",)))
    over = getattr(price, "over", "month")
    if allowance is not None:
        is_shared = isinstance(part.offer.allowance, str)
        is_longer = over not in ("month", allowance.over)
        if (
            is_shared
            or is_longer
            or allowance.where.given()
            or words - {*allowance.each, "account"}
        ):
            return None
        words |= {*allowance.each}
    if "portfolio" in words:
        return None
    kept = [COLUMN_OF_SCOPE.get(word, word) for word in sorted(words - {"account"})]
    spans = {over, allowance.over if allowance else over}
    kept += ["rate_date"] if "day" in spans else []
    return "|".join([*kept, *(["contract_from"] if "contract" in spans else [])])


def _tiers(offer: Offer) -> Iterator[tuple[object, ...]]:
    if isinstance(offer, FixedFee):
        yield None, Decimal(0), None, offer.amount, Decimal(0), None, "up", None
        return
    if isinstance(offer.price, Matrix | FromCard | NetworkCost):
        return
    for step in steps_of(offer.price):
        yield tuple(step)


def _cells(offer: Offer) -> Iterator[tuple[object, ...]]:
    if isinstance(offer, Part) and isinstance(offer.price, Matrix):
        for number, cell in enumerate(offer.price.cells):
            yield number, *(getattr(cell, key) for key in CELL_KEYS), cell.unit_price


def _frame(rows: Sequence[tuple[object, ...]], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(rows, schema, orient="row")
