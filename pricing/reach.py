"""What a charge can reach: markets and categories that it names and that nothing will ever have."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from metering.door import nearest
from metering.errors import Problem
from metering.facts import data_path
from metering.market import markets
from metering.pricing_type import pricing_types
from metering.pricing_type import unknown_words as words_unknown_in
from pricing.documents.en16931_codes import COUNTRIES
from pricing.offer import Allowance, Charge, Where
from pricing.plan import Plan
from pricing.price import FromCard, Matrix

GAPS_FILE = "GAPS.csv"  # lists what a shipped card lacks; it is no card
GAP = pl.Schema(
    {
        "card": pl.String(),
        "currency": pl.String(),
        "effective_from": pl.Date(),
        "market": pl.String(),
        "card_category": pl.String(),
    }
)


def unreachable_cells(plans: Iterable[Plan], markets: Iterable[str]) -> Iterator[Problem]:
    """Yield charges, or cells of a matrix, that no usage can ever match.

    Args:
        markets: The names of all markets, of any time.
    """
    known = sorted(set(markets))
    countries = _countries()
    for plan in plans:
        for charge in _charges(plan):
            place = f"plan '{plan.plan}' charge '{charge.name}'"
            for market in sorted(_named(charge, "market") - set(known)):
                what = f"names the market '{market}', which there never was"
                yield Problem(place, what, nearest(market, known))
            for country in sorted(_named(charge, "country") - countries):
                what = f"names the country '{country}', which is none of ISO 3166-1"
                yield Problem(place, what, "write its two letters, like DE")
            yield from _idle_cells(charge, place)


def unknown_words(plans: Iterable[Plan], rates: pl.DataFrame) -> Iterator[Problem]:
    """Yield, as warnings, words that a filter asks for and no message of the network ever had.

    What it takes would be nothing, and with `uncovered = "free"` nobody would notice.
    """
    own = {*rates["card_category"]}  # a card of the book may have categories of its own
    for plan in plans:
        for version in plan.version:
            shared = {allowance.name: allowance.where for allowance in version.allowance}
            for charge in version.charge:
                for what, where in _filters(charge, shared):
                    for key, word, hint in words_unknown_in(where):
                        if word not in own:
                            place = f"plan '{plan.plan}' charge '{charge.name}'"
                            yield Problem(place, f"{what} the {key} '{word}', unknown so far", hint)


def _filters(
    charge: Charge, shared: Mapping[str, Where]
) -> Iterator[tuple[str, Mapping[str, Sequence[str]]]]:
    """Yield each filter of a charge, with the words before what it asks for."""
    channel = charge.where.given().get("channel")
    scope = {} if channel is None else {"channel": channel}
    yield "takes", charge.where.given()
    if charge.allowance is not None:
        own = charge.allowance
        where = own.where if isinstance(own, Allowance) else shared.get(own, Where())
        yield "includes units of", {**scope, **where.given()}
    if isinstance(charge.price, Matrix):
        for cell in charge.price.cells:
            yield "has a price for", {**scope, **{key: (v,) for key, v in cell.given().items()}}


def uncovered_cells(
    plans: Iterable[Plan], rates: pl.DataFrame, categories: pl.DataFrame
) -> tuple[list[Problem], list[Problem]]:
    """List the markets and categories that a charge names and its card never has a rate for.

    Returns:
        Problems, and warnings for what is known to be missing from a card that ships.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    known = {
        (gap[0], key, value)
        for gap in _known_gaps()
        for key, value in (("market", gap[3]), ("category", gap[4]))
    }
    for plan in plans:
        for charge in _charges(plan):
            if isinstance(charge.price, FromCard):
                for key, value, shown in _missing(plan, charge, charge.price, rates, categories):
                    is_known = (charge.price.card, key, shown) in known
                    problem = Problem(
                        f"plan '{plan.plan}' charge '{charge.name}'",
                        f"card '{charge.price.card}' never has a rate for the {key} '{value}'",
                        f"leave the {key} out, give it a charge of its own, or put its rate into"
                        " rate_cards/",
                    )
                    (warnings if is_known else problems).append(problem)
    return problems, warnings


def gaps_in_use(
    used: Iterable[tuple[Plan, str]], rates: pl.DataFrame, categories: pl.DataFrame
) -> Iterator[Problem]:
    """Yield, as warnings, what the newest shipped list of a card is known to lack.

    Args:
        used: Plans that some account is on, with its currency.
    """
    newest = rates.filter(pl.col("rates") == "list").group_by("card", "currency")
    gaps = pl.DataFrame(sorted(_known_gaps()), GAP, orient="row").join(
        newest.agg(effective_from=pl.col("card_from").max()),
        on=["card", "currency", "effective_from"],
    )
    held = rates.rename({"card_from": "effective_from"})
    gaps = gaps.join(held, on=[*GAP], how="anti").sort(*GAP)
    for plan, own_currency in used:
        offered = (
            (charge, end) for version, (_, end) in plan.stretches() for charge in version.charge
        )
        for charge, end in offered:
            if isinstance(charge.price, FromCard):
                currency = charge.price.currency or own_currency
                lacking = gaps.filter(
                    pl.col("effective_from") < end, card=charge.price.card, currency=currency
                )
                yield from _gap_warning(plan, charge, _taken(charge, lacking, categories))


def _taken(charge: Charge, gaps: pl.DataFrame, categories: pl.DataFrame) -> pl.DataFrame:
    """Keep the gaps that a charge can meet, by the markets and categories that it names."""
    if charge.where.market is not None:
        gaps = gaps.filter(pl.col("market").is_in(charge.where.market))
    if charge.where.category is not None:
        named = set(charge.where.category)
        mapped = {*categories.filter(pl.col("category").is_in(named))["card_category"]}
        gaps = gaps.filter(pl.col("card_category").is_in(named | mapped))
    return gaps


def _gap_warning(plan: Plan, charge: Charge, gaps: pl.DataFrame) -> Iterator[Problem]:
    if not gaps.is_empty():
        gap = gaps.row(0, named=True)
        count = "1 cell" if gaps.height == 1 else f"{gaps.height} cells"
        yield Problem(
            f"plan '{plan.plan}' charge '{charge.name}'",
            f"card '{gap['card']}' has no {gap['currency']} rate from {gap['effective_from']} on"
            f" for {count} of market and category, like {gap['market']}, {gap['card_category']}",
            "what it counts there has no price and blocks the invoice: put known rates into"
            " rate_cards/",
        )


def _charges(plan: Plan) -> Iterator[Charge]:
    for version in plan.version:
        yield from version.charge


def _named(charge: Charge, key: str) -> set[str]:
    """Name the values of a dimension that a charge asks for."""
    named = set(getattr(charge.where, key) or ())
    if isinstance(charge.allowance, Allowance):
        named |= set(getattr(charge.allowance.where, key) or ())
    if isinstance(charge.price, Matrix):
        given = (getattr(cell, key) for cell in charge.price.cells)
        named |= {value for value in given if value is not None}
    return named


def _countries() -> set[str]:
    """Every country that a recipient can be of, also one without a calling code of its own."""
    return {*COUNTRIES, *markets()["country"].drop_nulls()}


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


@cache
def _known_gaps() -> Sequence[tuple[str, str, date, str, str]]:
    """What the shipped cards lack: the columns of `GAP`."""
    return tuple(
        gap for path in sorted(data_path("rate_cards").rglob(GAPS_FILE)) for gap in _gaps_of(path)
    )


def _gaps_of(path: Path) -> Iterator[tuple[str, str, date, str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            day = date.fromisoformat(row["effective_from"])
            yield path.parent.name, row["currency"], day, row["market"], row["category"]
