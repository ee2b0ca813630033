"""Rate cards: dated unit prices by market and category, from `rate_cards/*.csv`.

A card ends where its rows end: past that day, in another currency, or for a market it does not
name, the price is unknown. It is never carried on, converted or taken as zero.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby, pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field, model_validator

from metering.account import FIRST_DAY, LAST_DAY
from metering.door import Exact, Row, read_rows
from metering.errors import Problem
from metering.event import QUANTITY
from metering.output import quantity_text
from pricing.money import Currency
from pricing.price import RATE_DECIMALS, UNIT_PRICE_MAX, Bound

RATE = pl.Decimal(38, RATE_DECIMALS)
RATES = pl.Schema(
    {
        "card": pl.String(),
        "currency": pl.String(),
        "rates": pl.String(),  # list or tiered
        "unit": pl.String(),  # conversation, message or minute
        "market": pl.String(),
        "card_category": pl.String(),
        "card_from": pl.Date(),
        "card_to": pl.Date(),  # exclusive
        "tier": pl.Int64(),  # 1 for the first; null at list rate
        "over": QUANTITY,
        "up_to": QUANTITY,  # inclusive; null in the last tier and at list rate
        "rate": RATE,
        "evidence": pl.String(),
        "rate_text": pl.String(),  # where the rate is from, in words
    }
)
CARD_CATEGORIES = pl.Schema(
    {"category": pl.String(), "card_category": pl.String(), "valid_from": pl.Date()}
)
RATE_KEY = ("card", "currency", "unit", "market", "card_category", "rate_date")
# Categories of a card whose volumes the network counts together.
SHARED_COUNTER = {"authentication_international": "authentication"}


class RateRow(Row):
    """A row of a rate card."""

    card: Annotated[str, Field(min_length=1)]
    effective_from: date
    effective_to: date = LAST_DAY
    currency: Currency
    rates: Literal["list", "tiered"]
    market: Annotated[str, Field(min_length=1)]
    category: Annotated[str, Field(min_length=1)]
    unit: Literal["conversation", "message", "minute"]
    up_to: Bound | None = None
    rate: Annotated[Exact, Field(ge=0, le=UNIT_PRICE_MAX, decimal_places=RATE_DECIMALS)]
    evidence: Literal[
        "two sources",
        "one source",
        "thresholds read, rate computed",
        "derived",
        "assumed",
        "published",
    ]
    note: str = ""

    @model_validator(mode="after")
    def _hold_for_a_while(self) -> "RateRow":
        if self.effective_from >= self.effective_to:
            raise ValueError(
                f"effective_to {self.effective_to} is not after effective_from"
                f" {self.effective_from} | effective_to is exclusive"
            )
        if self.rates == "list" and self.up_to is not None:
            raise ValueError('a list rate has no up_to | empty the cell, or write rates "tiered"')
        return self

    def family(self) -> tuple[str, str, str]:
        return self.card, self.currency, self.rates

    def cell(self) -> tuple[str, ...]:
        return *self.family(), self.unit, self.market, self.category

    def days(self) -> tuple[date, date]:
        return self.effective_from, self.effective_to


class CategoryRow(Row):
    """A row of `card_categories.csv`: the card's name for a category of the network."""

    category: Annotated[str, Field(min_length=1)]
    card_category: Annotated[str, Field(min_length=1)]
    valid_from: date = FIRST_DAY
    note: str = ""


def read_categories(path: Path) -> tuple[pl.DataFrame, list[Problem]]:
    """Read `card_categories.csv` into schema `CARD_CATEGORIES`."""
    rows, problems = read_rows(path, CategoryRow)
    table = [(row.category, row.card_category, row.valid_from) for row in rows]
    return pl.DataFrame(table, CARD_CATEGORIES, orient="row"), problems


def with_card_category(cells: pl.DataFrame, categories: pl.DataFrame) -> pl.DataFrame:
    """Add `card_category` by `category` and `rate_date`; one that is not mapped stays as it is."""
    mapped = (
        cells.select("category", "rate_date")
        .unique()
        .join(categories, on="category")
        .filter(pl.col("valid_from") <= pl.col("rate_date"))
        .sort("valid_from")
        .unique(("category", "rate_date"), keep="last")
        .drop("valid_from")
    )
    return cells.join(
        mapped, on=["category", "rate_date"], how="left", maintain_order="left"
    ).with_columns(pl.col("card_category").fill_null(pl.col("category")))


def find_rates(keys: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Find the rates of each row of `keys`: columns `RATE_KEY` and `rates`.

    Returns `RATE_KEY`, `rates` and the columns of `RATES` from `card_from` on: one row for a list
    rate, one for each tier of a tiered one. `tiered` falls back to the list where a card has no
    tiers. A key without a rate has no row.
    """
    on = [name for name in RATE_KEY if name != "rate_date"]
    in_force = (
        keys.select(*RATE_KEY, asked="rates")
        .unique()
        .join(rates, on=on)
        .filter(pl.col("card_from") <= pl.col("rate_date"), pl.col("rate_date") < pl.col("card_to"))
    )
    same = in_force.filter(pl.col("asked") == pl.col("rates"))
    fallback = in_force.filter(pl.col("asked") == "tiered", pl.col("rates") == "list").join(
        same, on=[*RATE_KEY, "asked"], how="anti"
    )
    return pl.concat([same, fallback]).drop("rates").rename({"asked": "rates"})


def why_no_rate(key: Mapping[str, Any], rates: pl.DataFrame) -> str:
    """Say which price is unknown and where the card falls short; `key` is a row of `RATE_KEY`."""
    card, currency, day = key["card"], key["currency"], key["rate_date"]
    what = (
        f"card '{card}' has no {currency} rate for {key['market']}/{key['card_category']} on {day}"
    )
    family = rates.filter(pl.col("card") == card, pl.col("currency") == currency)
    if family.is_empty():
        return f"{what}: it has no {currency} rates at all"
    in_force = family.filter(pl.col("card_from") <= day, pl.col("card_to") > day)
    if in_force.is_empty():
        ends = family.filter(pl.col("card_to") <= day).get_column("card_to").sort().to_list()
        if ends:
            return f"{what}: the last {currency} card ends {ends[-1]}"
        return f"{what}: the first {currency} card begins {family['card_from'].sort().item(0)}"
    begun = in_force["card_from"].sort().item(-1)
    if in_force.filter(pl.col("market") == key["market"]).is_empty():
        return f"{what}: the card of {begun} has no such market"
    if in_force.filter(pl.col("unit") == key["unit"]).is_empty():
        return f"{what}: the card of {begun} has no rate for one {key['unit']}"
    return f"{what}: the card of {begun} has no such category there"


def tier_text(over: Decimal, up_to: Decimal | None) -> str:
    """Say which units a tier takes.

    Example:
        >>> tier_text(Decimal(100), Decimal("1000.0")), tier_text(Decimal(0), None)
        ('over 100 up to 1000', 'all')
    """
    parts = [f"over {quantity_text(over)}"] if over else []
    parts += [f"up to {quantity_text(up_to)}"] if up_to is not None else []
    return " ".join(parts) or "all"


def frame_of(rows: Iterable[RateRow]) -> pl.DataFrame:
    """Write rows of cards into schema `RATES`, each tier with the bound that it begins over."""
    table = []
    ordered = sorted(rows, key=lambda row: (row.cell(), row.effective_from, _bound(row)))
    for _, tiers in groupby(ordered, lambda row: (row.cell(), row.effective_from)):
        over = Decimal(0)
        for number, row in enumerate(tiers, 1):
            tier = number if row.rates == "tiered" else None
            words = f"{row.rate.normalize():f} ({row.card} card of {row.effective_from})"
            if row.rates == "tiered":
                words = f"{tier_text(over, row.up_to)}: {words}"
            table.append(
                (*row.cell(), *row.days(), tier, over, row.up_to, row.rate, row.evidence, words)
            )
            over = row.up_to or over
    return pl.DataFrame(table, RATES, orient="row")


def _bound(row: RateRow) -> Decimal:
    return Decimal("Infinity") if row.up_to is None else row.up_to


def check_cells(rows: Sequence[RateRow], file: str) -> Iterator[Problem]:
    """Yield rates of one file that hold on the same day, and tiers that are not whole."""
    for cell, of_cell in _grouped(rows, lambda row: row.cell()):
        shown = f"{cell[4]}/{cell[5]} of card '{cell[0]}' in {cell[1]} ({cell[2]})"
        dated = [[*group] for _, group in _grouped(of_cell, lambda row: row.days())]
        for one, other in pairwise(dated):
            if other[0].effective_from < one[0].effective_to:
                yield Problem(
                    f"{file}:{other[0].line} effective_from",
                    f"{shown} has two rates on {other[0].effective_from}"
                    f" (also in line {one[0].line})",
                    f"end line {one[0].line} with effective_to {other[0].effective_from}",
                )
        for group in dated:
            yield from _check_bounds(group, shown, file)


def _check_bounds(rows: Sequence[RateRow], shown: str, file: str) -> Iterator[Problem]:
    bounds = [row.up_to for row in rows]
    if bounds.count(None) != 1:
        yield Problem(
            f"{file}:{rows[-1].line} up_to",
            f"{shown} has {bounds.count(None)} rows without up_to",
            "leave up_to empty in its last tier, and in no other",
        )
    for bound in sorted({bound for bound in bounds if bound and bounds.count(bound) > 1}):
        yield Problem(
            f"{file}:{rows[-1].line} up_to", f"{shown} has two tiers up to {bound}", "keep one"
        )


def _grouped(
    rows: Iterable[RateRow], key: Callable[[RateRow], tuple[object, ...]]
) -> Iterator[tuple[tuple[str, ...], list[RateRow]]]:
    def order(row: RateRow) -> tuple[tuple[str, ...], int]:
        return tuple(map(str, key(row))), row.line

    for name, group in groupby(sorted(rows, key=order), lambda row: order(row)[0]):
        yield name, [*group]
