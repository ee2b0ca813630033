"""The network's own files of rates, a list or its volume tiers, to rows of a card.

The rows of a list are markets. In a file of tiers a market stands on the first of its rows only,
and `Rate type` and `vs. List rate` repeat what the other columns say and are not read. Every
mistake is found, and nothing is guessed: what cannot be read is refused with its row and column.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from pathlib import Path

from metering.account import LAST_DAY
from pricing.cards.sheet import read_sheets
from pricing.cards.table import Column, Reading, Table, find_table
from pricing.cards.words import (
    NO_LIMIT,
    NO_RATE,
    currency_named,
    effective_dates,
    market_named,
    number,
)
from pricing.rate_card import RateRow

# Dates the rows of a file that says no day, so that its other mistakes are found all the same.
STAND_IN = LAST_DAY - timedelta(days=1)
Tier = tuple[RateRow, Decimal | None]  # and the first unit of it, None at list rate


@dataclass(frozen=True)
class Said:
    """What a person says about the files, where these do not say it themselves."""

    card: str = "whatsapp"
    effective_from: date | None = None
    currency: str | None = None
    evidence: str = "published"


def read_card_files(paths: Iterable[Path], said: Said) -> Reading:
    """Read the network's files into rows of a card, with every mistake in and between them.

    Rows are open, and their note says which file and row they were read from.
    """
    reading = Reading()
    for path in paths:
        sheets, problems = read_sheets(path)
        reading.problems += problems
        for sheet in sheets:
            table = find_table(sheet, reading)
            if table is not None:
                _read_table(table, said, reading)
    _refuse_repeats(reading)
    return reading


def _read_table(table: Table, said: Said, reading: Reading) -> None:
    day = _effective_from(table, said, reading)
    shared = {
        "card": said.card,
        "effective_from": day,
        "rates": table.rates,
        # The files of before 2025-07 have the same columns, for conversations.
        "unit": "conversation" if "per conversation" in table.words.casefold() else "message",
        "evidence": said.evidence,
    }
    tiers: list[Tier] = []
    earlier = len(reading.problems)
    names = ("", "")
    named: dict[str, str] = {}
    for line, cells in _filled(table):
        place = f"{table.sheet.name} row {line}"
        market, currency = _at(cells, table.market), _at(cells, table.currency)
        if table.rates == "tiered":  # which names a market once
            market, currency = market or names[0], currency or names[1]
        if (market, currency) != names or table.rates == "list":
            named = _named(market, currency, day, said=said, place=place, reading=reading)
        names = (market, currency)
        head = {**shared, **named, "line": line, "note": place}
        tiers += _read_row(cells, table, head, reading)
    if len(reading.problems) == earlier:  # else a tier may be missing because it was refused
        _refuse_gaps(tiers, reading)
        if not tiers:
            reading.refuse(table.sheet.name, "has no rates below its heading", "download it again")
    reading.rows += [row for row, _ in tiers]


def _effective_from(table: Table, said: Said, reading: Reading) -> date:
    found = effective_dates(table.words)
    if said.effective_from is not None:
        if found and said.effective_from not in found:
            shown = ", ".join(map(str, found))
            reading.notes.append(
                f"{table.sheet.name} says that it is effective {shown}; it is taken as of"
                f" {said.effective_from}, as --effective-from says"
            )
        return said.effective_from
    if len(found) == 1:
        return found[0]
    shown = " and ".join(map(str, found))
    reading.refuse(
        table.sheet.name,
        f"says that it is effective {shown}" if found else "does not say from which day it holds",
        "give --effective-from 2027-01-01, for one",
    )
    return STAND_IN


def _filled(table: Table) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield each row that has any content with its number, counted from 1 as a person does."""
    for line, cells in enumerate(table.sheet.rows[table.first_row :], table.first_row + 1):
        if any(cells):
            yield line, cells


def _at(cells: Sequence[str], index: int) -> str:
    return cells[index] if index < len(cells) else ""


def _named(
    market: str, currency: str, day: date, *, said: Said, place: str, reading: Reading
) -> dict[str, str]:
    """Name market and currency of a row; what is refused is left out."""
    named = {}
    with reading.at(f"{place} Market"):
        named["market"] = market_named(market, day)
    with reading.at(f"{place} Currency"):
        named["currency"] = _currency(currency, said.currency)
    return named


def _currency(text: str, said: str | None) -> str:
    found = currency_named(text)
    if said is not None and found not in (None, said):
        raise ValueError(f"'{text}' is {found}, and --currency is {said} | leave out --currency")
    if found is None and said is None:
        raise ValueError(f"'{text}' is no currency that is known | give --currency USD, for one")
    return found or said or ""


def _read_row(
    cells: Sequence[str], table: Table, head: Mapping[str, object], reading: Reading
) -> Iterator[Tier]:
    place = str(head["note"])
    for index, cell in enumerate(cells):
        if cell and index not in table.headed:
            hint = "empty the cell, or write a heading over it"
            reading.refuse(f"{place} column {index + 1}", f"'{cell}' has no heading", hint)
    for column in table.columns:
        with reading.at(f"{place} {column.category}"):
            over, values = _values(cells, column)
            if values and {"market", "currency"} <= head.keys():
                given = {**head, **values, "category": column.category}
                yield RateRow.model_validate(given), over


def _values(
    cells: Sequence[str], column: Column
) -> tuple[Decimal | None, dict[str, Decimal | None]]:
    """Read the rate of a column and, of a tier, its bounds; no values where there is no rate."""
    rate, *bounds = (_at(cells, index) for index in (column.rate, *(column.bounds or ())))
    texts = {rate.casefold(), *(text.casefold() for text in bounds)}
    if texts == {NO_RATE} or (bounds and texts == {""}):  # fewer tiers than another category
        return None, {}
    if not bounds:
        return None, {"rate": number(rate)}
    over, up_to = bounds
    last = None if up_to == NO_LIMIT else number(up_to)
    return number(over), {"rate": number(rate), "up_to": last}


def _refuse_gaps(tiers: Sequence[Tier], reading: Reading) -> None:
    """Refuse tiers of a cell that leave a unit out or take one twice, or have no open end."""
    bounded = [tier for tier in tiers if tier[1] is not None]
    for _, cell in groupby(sorted(bounded, key=_by_cell), key=lambda tier: tier[0].cell()):
        of_cell = [*cell]
        (first, start), (last, _) = of_cell[0], of_cell[-1]
        if start not in (0, 1):
            _refuse_tier(first, f"the first tier begins at {start}", "let it begin at 0", reading)
        for row, over in of_cell:
            if over is not None and row.up_to is not None and row.up_to < over:
                what = f"a tier from {over} ends at {row.up_to:f}"
                _refuse_tier(row, what, "let it end where the next one begins", reading)
        for (row, _), (following, over) in pairwise(of_cell):
            if row.up_to is None or over != row.up_to + 1:
                shown = NO_LIMIT if row.up_to is None else f"{row.up_to:f}"
                what = f"a tier begins at {over}, after one that ends at {shown}"
                _refuse_tier(following, what, "let it begin one above that end", reading)
        if last.up_to is not None:
            what = f"the last tier ends at {last.up_to:f}"
            _refuse_tier(last, what, f"write {NO_LIMIT} for no limit", reading)


def _by_cell(tier: Tier) -> tuple[tuple[str, ...], int]:
    return tier[0].cell(), tier[0].line


def _refuse_tier(row: RateRow, what: str, hint: str, reading: Reading) -> None:
    reading.refuse(f"{row.note} {row.category}", f"{row.market}: {what}", hint)


def _refuse_repeats(reading: Reading) -> None:
    seen: dict[tuple[object, ...], str] = {}
    for row in reading.rows:
        key = (*row.cell(), row.effective_from, row.up_to)
        if key in seen:
            what = f"{row.market} in {row.currency} also stands in {seen[key]}"
            reading.refuse(f"{row.note} {row.category}", what, "keep one of them")
        seen.setdefault(key, row.note)
