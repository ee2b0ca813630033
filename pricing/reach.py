"""What a charge can reach: markets and categories that it names and that nothing will ever have."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from metering.door import nearest
from metering.errors import Problem
from metering.facts import data_path
from metering.pricing_type import pricing_types
from pricing.offer import Charge
from pricing.plan import Plan
from pricing.price import FromCard, Matrix

GAPS_FILE = "GAPS.csv"  # lists what a shipped card lacks; it is no card


def unreachable_cells(plans: Iterable[Plan], markets: Iterable[str]) -> Iterator[Problem]:
    """Yield charges, or cells of a matrix, that no usage can ever match.

    Args:
        markets: The names of all markets, of any time.
    """
    known = sorted(set(markets))
    for plan in plans:
        for charge in _charges(plan):
            place = f"plan '{plan.plan}' charge '{charge.name}'"
            for market in sorted(_markets_of(charge) - set(known)):
                what = f"names the market '{market}', which there never was"
                yield Problem(place, what, nearest(market, known))
            yield from _idle_cells(charge, place)


def uncovered_cells(
    plans: Iterable[Plan], rates: pl.DataFrame, categories: pl.DataFrame
) -> tuple[list[Problem], list[Problem]]:
    """List the markets and categories that a charge names and its card never has a rate for.

    Returns:
        Problems, and warnings for what is known to be missing from a card that ships.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    gaps = _known_gaps()
    for plan in plans:
        for charge in _charges(plan):
            if isinstance(charge.price, FromCard):
                for key, value, shown in _missing(plan, charge, charge.price, rates, categories):
                    is_known = (charge.price.card, key, shown) in gaps
                    problem = Problem(
                        f"plan '{plan.plan}' charge '{charge.name}'",
                        f"card '{charge.price.card}' never has a rate for the {key} '{value}'",
                        f"leave the {key} out, give it a charge of its own, or put its rate into"
                        " rate_cards/",
                    )
                    (warnings if is_known else problems).append(problem)
    return problems, warnings


def _charges(plan: Plan) -> Iterator[Charge]:
    for version in plan.version:
        yield from version.charge


def _markets_of(charge: Charge) -> set[str]:
    named = set(charge.where.market or ())
    if isinstance(charge.price, Matrix):
        named |= {cell.market for cell in charge.price.cells if cell.market is not None}
    return named


def _idle_cells(charge: Charge, place: str) -> Iterator[Problem]:
    """Yield cells of a matrix for values that the charge does not take."""
    if not isinstance(charge.price, Matrix):
        return
    taken = charge.where.given()
    for number, cell in enumerate(charge.price.cells):
        for key, value in cell.given().items():
            if key in taken and value not in taken[key]:
                yield Problem(
                    f"{place} cell {number}",
                    f"is for the {key} '{value}', which the where of the charge leaves out",
                    "remove the cell, or widen the where",
                )


def _missing(
    plan: Plan, charge: Charge, price: FromCard, rates: pl.DataFrame, categories: pl.DataFrame
) -> Iterator[tuple[str, str, str]]:
    """Yield (key, value, value of the card) that no row of the card has, in any currency asked."""
    currency = price.currency or plan.currency
    rows = rates.filter(pl.col("card") == price.card)
    rows = rows if currency is None else rows.filter(pl.col("currency") == currency)
    if rows.is_empty():
        return  # `unknown_cards` says that
    markets, known = set(rows["market"]), set(rows["card_category"])
    for market in charge.where.market or ():
        if market not in markets:
            yield "market", market, market
    for category in {*(charge.where.category or ())} - _never_charged():
        mapped = {*categories.filter(pl.col("category") == category)["card_category"]} or {category}
        if not mapped & known:
            yield "category", category, sorted(mapped)[0]


def _never_charged() -> set[str]:
    """Name the categories that the network gives free whatever the window; they need no rate."""
    types = pricing_types()
    names = ("outside", "in_service_window", "in_free_entry_point")
    is_free = pl.all_horizontal(pl.col(name).str.starts_with("free_") for name in names)
    charged = types.filter(~is_free)["category"]
    return {*types["category"]} - {*charged}


def _known_gaps() -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    for path in sorted(data_path("rate_cards").rglob(GAPS_FILE)):
        found |= set(_gaps_of(path))
    return found


def _gaps_of(path: Path) -> Iterator[tuple[str, str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for key in ("market", "category"):
                yield path.parent.name, key, row[key]
