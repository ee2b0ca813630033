"""What pricing asks of metering: which meters, told apart by what, cut on which days."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta

from metering.cell import Split
from metering.meter import DELIVERIES, Meter
from metering.period import Month
from pricing.catalog import Catalog
from pricing.offer import Allowance
from pricing.part import Part, card_prices, parts_of
from pricing.plan import Plan, Version
from pricing.price import FromCard


@dataclass(frozen=True)
class Ask:
    """A meter whose usage of a month is needed."""

    meter: Meter
    apart: frozenset[Split]
    days: tuple[date, ...]  # inside the month, on which its usage is cut


def asks_of(catalog: Catalog, month: Month) -> list[Ask]:
    """List what the plans in use need; deliveries always, whose every one is accounted for."""
    parts: dict[str, list[tuple[Version, Part]]] = {DELIVERIES: []}
    meters = {DELIVERIES: catalog.meters[DELIVERIES]}
    for plan in plans_in_use(catalog):
        for version in plan.version:
            for part in parts_of(version, catalog.meters, cost_prices(catalog)):
                parts.setdefault(part.meter.meter, []).append((version, part))
                meters[part.meter.meter] = part.meter
    changes = tuple(catalog.changes(month))
    always: set[Split] = {"sender"} if shows_senders(catalog) else set()
    return [_ask(meters[name], parts[name], month, changes, always) for name in sorted(parts)]


def shows_senders(catalog: Catalog) -> bool:
    """Say whether documents show lines by sender, so that their details are told apart."""
    return catalog.settings.invoicing.lines == "by_sender"


def plans_in_use(catalog: Catalog) -> list[Plan]:
    """The plans that some account is on at some time."""
    return [catalog.plans[name] for name in sorted({s.plan for s in catalog.subscriptions})]


def cost_prices(catalog: Catalog) -> Mapping[str, FromCard]:
    """The prices of the network's own plan, which `[cost]` of the settings names, by meter."""
    cost = catalog.settings.cost
    return card_prices(catalog.plans[cost.plan]) if cost is not None else {}


def allowance_of(version: Version, part: Part) -> Allowance | None:
    """The allowance of a part: its own, or the shared one that it names."""
    given = part.offer.allowance
    if isinstance(given, str):
        return next(shared for shared in version.allowance if shared.name == given)
    return given


def _ask(
    meter: Meter,
    parts: Sequence[tuple[Version, Part]],
    month: Month,
    changes: Iterable[date],
    always: Set[Split],
) -> Ask:
    # A figure of a whole month is another one if it is cut.
    apart: set[Split] = set() if meter.is_whole else {*always}
    is_by_day = False
    for version, part in parts:
        allowance = allowance_of(version, part)
        words = {*getattr(part.price, "each", ()), *(allowance.each if allowance else ())}
        apart |= {word for word in SPLITS if word in words}
        if getattr(part.price, "reported_cost", False):
            apart.add("reported_cost")
        wheres = [part.offer.where, *([allowance.where] if allowance else [])]
        if any(where.pricing_opinion is not None for where in wheres):
            apart.add("opinion")
        spans = {getattr(part.price, "over", "month"), allowance.over if allowance else "month"}
        is_by_day = is_by_day or "day" in spans
    days = {*changes}
    if is_by_day:
        days |= {month.first_day + timedelta(days=n) for n in range(1, month.day_count)}
    return Ask(meter, frozenset(apart), tuple(sorted(days)))


SPLITS: tuple[Split, ...] = ("sender", "waba")
