"""The words and numbers of a printed document, in a language.

The words are in `words/`, a file a language; a file of a region, as es-ES, says only what differs
there. Numbers and dates are written by Babel. Its own rounding is half-even and its decimals of
currencies are not those of ISO 4217, so nothing reaches it that is not rounded already.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import (
    NumberPattern,
    format_percent,
    get_decimal_symbol,
    get_minus_sign_symbol,
    parse_pattern,
)

from metering.period import Month
from pricing.money import MINOR_DECIMALS

FOLDER = Path(__file__).parent / "words"
FALLBACK = "en"
ISOLATE, ISOLATE_END = "\u2068", "\u2069"  # what is between them runs as its first letter does
BREAK_AFTER = 28  # characters without a blank; more could be wider than their column
ZERO_WIDTH_SPACE = "\u200b"  # where a line may break
DIGITS = 60  # of an exact amount; Python rounds at 28 by itself


@dataclass(frozen=True)
class Words:
    """What a document says in a language, and how it writes numbers and dates there."""

    language: str  # of the words
    locale: Locale
    words: Mapping[str, Any]

    @property
    def is_right_to_left(self) -> bool:
        return bool(self.locale.text_direction == "rtl")

    @cached_property
    def decimal_mark(self) -> str:
        return str(get_decimal_symbol(self.locale))

    def given(self, text: str) -> str:
        """Write a text of the book: in its own direction, and never wider than its column."""
        plain = re.sub(r"[\x00-\x1f\x7f]+", " ", text)
        breakable = re.sub(rf"\S{{{BREAK_AFTER},}}", _with_breaks, plain)
        if not self.is_right_to_left or not text:
            return breakable
        return f"{ISOLATE}{breakable}{ISOLATE_END}"

    def __getitem__(self, name: str) -> str:
        return str(self.words[name])

    def say(self, name: str, **values: object) -> str:
        """Fill in the {names} of a word."""
        return self[name].format(**values)

    def treatment(self, name: str) -> str:
        """Name how something is taxed; empty where the rate says it."""
        return str(self.words["treatments"].get(name, ""))

    def category(self, name: str) -> str:
        """Name a category of messages; one without a word of its own is shown as it is."""
        return str(self.words["categories"].get(name) or capital(name.replace("_", " ")))

    def money(self, amount: Decimal, currency: str) -> str:
        """Write a rounded amount with its currency.

        Example:
            >>> words_of("de").money(Decimal("1234.50"), "KWD")
            '1.234,500\\xa0KWD'
        """
        return self._write(amount, MINOR_DECIMALS[currency], currency)

    def amount(self, amount: Decimal, currency: str) -> str:
        """Write a rounded amount whose currency the heading says."""
        return self.exact(amount, currency)

    def quantity(self, quantity: Decimal) -> str:
        """Write a quantity with all decimals that it has.

        Example:
            >>> words_of("hi").quantity(Decimal("1234567.250000"))
            '12,34,567.25'
        """
        return self._write(quantity, 0)

    def exact(self, amount: Decimal, currency: str) -> str:
        """Write a unit price or an amount before rounding with all decimals that it has.

        Example:
            >>> [words_of("en").exact(Decimal(price), "EUR") for price in ("5", "0.0118")]
            ['5.00', '0.0118']
        """
        return self._write(amount, MINOR_DECIMALS[currency])

    def percent(self, ratio: Decimal) -> str:
        """Write a ratio as a percentage, with all decimals that it has."""
        return format_percent(ratio.normalize(), locale=self.locale, decimal_quantization=False)

    def day(self, day: date) -> str:
        return format_date(day, "long", self.locale)

    def short_day(self, day: date) -> str:
        return format_date(day, "medium", self.locale)

    def days(self, first: date, last: date) -> str:
        return format_interval(first, last, "yMMMd", locale=self.locale)

    def month(self, period: str) -> str:
        """Write a month, as in October 2026."""
        return format_skeleton("yMMMM", Month.parse(period).first_day, locale=self.locale)

    def country(self, code: str) -> str:
        return str(self.locale.territories.get(code, code))

    def _write(self, number: Decimal, decimals: int, currency: str = "") -> str:
        pattern = _pattern(str(self.locale), decimals, has_currency=bool(currency))
        with localcontext(prec=DIGITS):
            written = pattern.apply(
                number,
                self.locale,
                currency=currency or None,
                currency_digits=False,
                decimal_quantization=False,
            )
        # With the mark that keeps it before the number in a script that runs from the right.
        return str(written).replace("-", get_minus_sign_symbol(self.locale))


@cache
def words_of(language: str) -> Words:
    """Find the words of a language like pt-BR; without words of it, all of it is in English."""
    code, _, region = language.replace("_", "-").partition("-")
    if not (FOLDER / f"{code}.toml").is_file():
        code, region = FALLBACK, ""
    words: dict[str, Any] = _read(FALLBACK)
    for name in (code, f"{code}-{region}"):
        if (FOLDER / f"{name}.toml").is_file():
            words = {**words, **_read(name)}
    return Words(code, _locale(code, region), words)


def capital(text: str) -> str:
    """Begin with a capital letter, and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def aligned(numbers: Sequence[str], words: Words) -> list[list[str]]:
    """Pair each number with what must follow it, unseen, so that the decimal marks of all align.

    Example:
        >>> aligned(["1,5", "12", ""], words_of("de"))
        [['1,5', ''], ['12', ',0'], ['', '']]
    """
    mark = words.decimal_mark
    tails = [number[number.rfind(mark) :] if mark in number else "" for number in numbers]
    longest = max(map(len, tails), default=0)
    return [
        [number, _padding(tail, longest, mark) if number else ""]
        for number, tail in zip(numbers, tails, strict=True)
    ]


def _with_breaks(found: re.Match[str]) -> str:
    return ZERO_WIDTH_SPACE.join(re.findall(r".{1,14}", found[0]))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _locale(code: str, region: str) -> Locale:
    try:
        return Locale.parse(f"{code}-{region}" if region else code, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale(code)


@cache
def _pattern(locale: str, decimals: int, *, has_currency: bool) -> NumberPattern:
    known = Locale.parse(locale)
    written = known.currency_formats["standard"] if has_currency else known.decimal_formats[None]
    pattern = parse_pattern(written.pattern)
    pattern.frac_prec = (decimals, decimals)
    return pattern


def _padding(tail: str, longest: int, mark: str) -> str:
    missing = longest - len(tail)
    if tail or not missing:
        return "0" * missing
    return mark + "0" * (missing - 1)
