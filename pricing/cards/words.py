"""The words of the network's files of rates: numbers, markets, currencies, categories and dates.

What is not known is None or a problem, with what it may have been meant to be; nothing is guessed.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Literal

import polars as pl

from metering.account import FIRST_DAY, LAST_DAY
from metering.door import Row, nearest, read_rows
from metering.facts import data_path
from metering.market import markets
from pricing.money import MINOR_DECIMALS

NO_RATE = "n/a"  # a cell of the network for what has no rate, which is not a rate of zero
NO_LIMIT = "--"  # the upper end of a last tier
DIGITS_MAX = 15  # a workbook keeps as many decimal digits as these without a loss
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_NUMBER = re.compile(
    r"([0-9]+|[1-9][0-9]{0,2}(,[0-9]{3})+)(\.[0-9]+)?(e[+-]?[0-9]{1,2})?", re.IGNORECASE
)
_EFFECTIVE = re.compile(
    rf"effective ({'|'.join(MONTHS)}) ([0-9]{{1,2}}), (20[0-9]{{2}})", re.IGNORECASE
)


class Spelling(Row):
    """A row of `card_spellings.csv`: what a word of the network's files means, from a day on."""

    kind: Literal["market", "currency", "category"]
    spelling: str
    meaning: str
    valid_from: date = FIRST_DAY
    evidence: str
    note: str = ""


def plain(text: str) -> str:
    """Write a heading or a name without line breaks, doubled spaces and capital letters.

    Example:
        >>> plain("Authentication-\\nInternational"), plain(" Rest of  Africa ")
        ('authentication-international', 'rest of africa')
    """
    return re.sub(r"(?<=\w)- ", "-", " ".join(text.split())).casefold()


def number(text: str) -> Decimal:
    """Read a number as the network writes it: thousands commas, powers of ten.

    Raises:
        ValueError: it is none, or has more digits than a workbook keeps.

    Example:
        >>> number("9.0E-4"), number("1,000,000")
        (Decimal('0.00090'), Decimal('1000000'))
    """
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"'{text}' is no number | write 0.0125, with a point, or {NO_RATE}")
    value = Decimal(text.replace(",", ""))
    if len(value.normalize().as_tuple().digits) > DIGITS_MAX:
        raise ValueError(f"'{text}' has more than {DIGITS_MAX} digits | write it as it was printed")
    return value


def effective_dates(words: str) -> list[date]:
    """Find the days of `effective October 1, 2026` in what stands above the rates.

    Example:
        >>> [str(day) for day in effective_dates("Cost per message, effective July 1, 2026")]
        ['2026-07-01']
    """
    found: set[date] = set()
    for month, day, year in _EFFECTIVE.findall(words):
        with suppress(ValueError):  # a month has no such day
            found.add(date(int(year), MONTHS.index(month.casefold()) + 1, int(day)))
    return sorted(found)


def market_named(text: str, day: date) -> str:
    """Name the market that the network calls `text` on `day`; raises `ValueError` if none."""
    known = {plain(name): name for name in _markets_on(day)} | _spellings("market", day)
    return _meant(text, known, f"'{text}' is no market on {day}")


def category_named(text: str) -> str | None:
    """Name the category of a card that a heading means, None if it means none."""
    return _spellings("category", LAST_DAY).get(plain(text))


def category_spellings() -> list[str]:
    """The headings that mean a category, in small letters."""
    return sorted(_spellings("category", LAST_DAY))


def currency_named(text: str) -> str | None:
    """Name the currency that a cell means, None if it is not clear.

    Example:
        >>> currency_named("$US"), currency_named("eur"), currency_named("$")
        ('USD', 'EUR', None)
    """
    known = {plain(code): code for code in MINOR_DECIMALS} | _spellings("currency", LAST_DAY)
    return known.get(plain(text))


def _meant(text: str, known: Mapping[str, str], what: str) -> str:
    if plain(text) not in known:
        hint = nearest(text, sorted(set(known.values())))
        raise ValueError(f"{what} | {hint}; a new market comes with a newer Tollbook")
    return known[plain(text)]


@cache
def _markets_on(day: date) -> Sequence[str]:
    held = markets().filter(pl.col("valid_from") <= day, pl.col("valid_to") > day)
    return sorted(set(held["market"]))


def _spellings(kind: str, day: date) -> dict[str, str]:
    rows = sorted(_all_spellings(), key=lambda row: row.valid_from)
    return {
        plain(row.spelling): row.meaning
        for row in rows
        if row.kind == kind and row.valid_from <= day
    }


@cache
def _all_spellings() -> Sequence[Spelling]:
    rows, problems = read_rows(data_path("card_spellings.csv"), Spelling)
    assert not problems, f"what ships is right: {problems}"
    return rows
