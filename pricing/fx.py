"""Rates of exchange, from `fx_rates.csv`: dated, sourced, and used where a plan asks for them.

Nothing is converted unless a plan names the currency of a card that is not its own. A rate holds
from its day until the next one of the same pair.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import Field, model_validator

from metering.door import Exact, Row, read_rows
from metering.errors import Problem
from pricing.money import UNIT_PRICE, Currency

FX_FILE = "fx_rates.csv"
FX_DECIMALS = 8
FX_RATES = pl.Schema(
    {
        "card_currency": pl.String(),
        "currency": pl.String(),
        "fx_from": pl.Date(),
        "fx_rate": UNIT_PRICE,  # units of `currency` for one of `card_currency`
        "fx_text": pl.String(),
    }
)


class FxRow(Row):
    """A row of `fx_rates.csv`: one unit of a currency in another, from a day on."""

    from_currency: Currency
    to_currency: Currency
    effective_from: date
    rate: Annotated[Exact, Field(gt=0, le=Decimal(10) ** 9, decimal_places=FX_DECIMALS)]
    source: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _convert_something(self) -> "FxRow":
        if self.from_currency == self.to_currency:
            raise ValueError("converts a currency into itself | remove the row")
        return self


def read_fx(path: Path) -> tuple[pl.DataFrame, list[Problem]]:
    """Read `fx_rates.csv` into schema `FX_RATES`; a book without it has no rates."""
    rows, problems = read_rows(path, FxRow)
    table = [
        (
            *(row.from_currency, row.to_currency, row.effective_from, row.rate),
            f" x {row.rate.normalize():f} {row.to_currency}/{row.from_currency}"
            f" ({row.source}, {row.effective_from})",
        )
        for row in rows
    ]
    return pl.DataFrame(table, FX_RATES, orient="row"), [*problems, *_two_rates(rows, path.name)]


def _two_rates(rows: Sequence[FxRow], file: str) -> Iterator[Problem]:
    seen: dict[tuple[str, str, date], int] = {}
    for row in rows:
        key = (row.from_currency, row.to_currency, row.effective_from)
        if key in seen:
            what = f"{key[0]} in {key[1]} has two rates from {key[2]} (also in line {seen[key]})"
            yield Problem(f"{file}:{row.line} rate", what, "keep one")
        seen[key] = row.line


def with_fx(cells: pl.DataFrame, fx: pl.DataFrame) -> pl.DataFrame:
    """Add `fx_rate` and `fx_text` by `card_currency`, `currency` and `price_date`; null if none."""
    keys = cells.select("card_currency", "currency", "price_date").unique()
    found = (
        keys.join(fx, on=["card_currency", "currency"])
        .filter(pl.col("fx_from") <= pl.col("price_date"))
        .sort("fx_from")
        .unique(("card_currency", "currency", "price_date"), keep="last")
        .drop("fx_from")
    )
    on = ["card_currency", "currency", "price_date"]
    return cells.join(found, on=on, how="left", nulls_equal=True, maintain_order="left")
