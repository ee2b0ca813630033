"""Where things stand in one of the network's files of rates: its heading, and what is below it.

A list has a column for each category. A file of tiers has a heading of several rows: the category
over From, To, Rate type, Rate and vs. List rate, which repeat for each category.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from pydantic import ValidationError

from metering.door import nearest, problems_of
from metering.errors import Problem
from pricing.cards.sheet import Sheet
from pricing.cards.words import category_named, category_spellings, plain
from pricing.rate_card import RateRow

HEADING_ROWS_MAX = 4
MARKET, CURRENCY, FROM, TO, RATE = "market", "currency", "from", "to", "rate"
OWN_CARD = {"card", "rates", "category", MARKET, CURRENCY}  # columns of a card of a book
TIER_COLUMNS = sorted([FROM, TO, RATE, "rate type", "vs. list rate"])


@dataclass
class Reading:
    """What has been read so far: rows, what is wrong, and what may surprise."""

    rows: list[RateRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, where: str, what: str, hint: str) -> None:
        self.problems.append(Problem(where, what, hint))

    @contextmanager
    def at(self, where: str) -> Iterator[None]:
        """Take a `ValueError` as a problem at `where`, and go on behind the block."""
        try:
            yield
        except ValidationError as error:
            self.problems += problems_of(error, where, RateRow)
        except ValueError as error:
            what, _, hint = str(error).partition(" | ")
            self.refuse(where, what, hint or "correct the value")


@dataclass(frozen=True)
class Column:
    """A category: the column of its rates and, in a file of tiers, those of their bounds."""

    category: str
    rate: int
    bounds: tuple[int, int] | None = None  # from, to


@dataclass(frozen=True)
class Table:
    """What a sheet holds and where; rows and columns are counted from 0."""

    sheet: Sheet
    first_row: int  # below the heading
    market: int
    currency: int
    columns: Sequence[Column]
    headed: frozenset[int]  # the columns that have a heading
    words: str  # above the heading

    @property
    def rates(self) -> Literal["list", "tiered"]:
        return "tiered" if any(column.bounds for column in self.columns) else "list"


def find_table(sheet: Sheet, reading: Reading) -> Table | None:
    """Find the table of a sheet; None, with the problems in `reading`, where it has none."""
    headings = [[plain(cell) for cell in row] for row in sheet.rows]
    if headings and {*headings[0]} >= OWN_CARD:
        what = "is a finished card, in the form of a book"
        hint = "put it into rate_cards/ as it is; tollbook check reads it there"
        reading.refuse(sheet.name, what, hint)
        return None
    top = next((n for n, row in enumerate(headings) if MARKET in row), len(headings))
    below = range(top, min(top + HEADING_ROWS_MAX, len(headings)))
    bottom = next((n for n in below if CURRENCY in headings[n]), None)
    if bottom is None:
        hint = "give the network's own file of rates or of volume tiers"
        reading.refuse(sheet.name, "has no heading with Market and Currency", hint)
        return None
    names = headings[bottom]
    market, currency = headings[top].index(MARKET), names.index(CURRENCY)
    columns = []
    with reading.at(f"{sheet.name} row {bottom + 1}"):
        find = _tier_columns if FROM in names else _list_columns
        columns = find(names, headings[top:bottom], {market, currency})
    words = " ".join(cell for row in sheet.rows[:top] for cell in row if cell)
    headed = frozenset({market, *(index for index, name in enumerate(names) if name)})
    return Table(sheet, bottom + 1, market, currency, columns, headed, words) if columns else None


def _list_columns(
    names: Sequence[str], above: Sequence[Sequence[str]], known: set[int]
) -> list[Column]:
    columns = []
    for index, name in enumerate(names):
        category = category_named(name)
        if category is not None:
            columns.append(Column(category, index))
        elif name and index not in known:
            raise ValueError(f"unknown column '{name}' | {nearest(name, category_spellings())}")
    return _distinct(columns)


def _tier_columns(
    names: Sequence[str], above: Sequence[Sequence[str]], known: set[int]
) -> list[Column]:
    columns = []
    starts = [index for index, name in enumerate(names) if name == FROM]
    for start, end in pairwise([*starts, len(names)]):
        over = [row[start] for row in above if start < len(row) and row[start]]
        category = next((found for name in over if (found := category_named(name))), None)
        if category is None:
            what = f"no category stands over 'From' in column {start + 1}"
            raise ValueError(f"{what} | write one of: {', '.join(category_spellings())}")
        group = [*names[start:end]]
        if sorted(filter(None, group)) != TIER_COLUMNS:
            what = f"the columns of {category} are {', '.join(filter(None, group))}"
            raise ValueError(f"{what} | they should be {', '.join(TIER_COLUMNS)}")
        bounds = (start, start + group.index(TO))
        columns.append(Column(category, start + group.index(RATE), bounds))
    return _distinct(columns)


def _distinct(columns: list[Column]) -> list[Column]:
    categories = [column.category for column in columns]
    for category in categories:
        if categories.count(category) > 1:
            raise ValueError(f"the category '{category}' stands twice | keep one")
    if not columns:
        raise ValueError("the heading names no category | use the network's own file")
    return columns
