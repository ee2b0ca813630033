"""How the language of a reader marks numbers: what groups digits, what begins the decimals.

Everything is first written as 1,234.50 and gets the reader's marks last, so that no number is read
back or rounded on the way. What is written for files has none of them.
"""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import repeat

from babel import Locale, UnknownLocaleError
from babel.numbers import get_decimal_symbol, get_group_symbol

KNOWN_MAX = 64  # browsers say what they like


@dataclass(frozen=True)
class Marks:
    """The marks of a language; at first those of English."""

    group: str = ","
    decimal: str = "."
    sizes: tuple[int, int] = (3, 3)  # of the last group of digits, and of those before it

    @cached_property
    def is_plain(self) -> bool:
        return self == Marks()

    def written(self, number: str) -> str:
        """Give a number, with a unit or without, the marks of the language.

        Example:
            >>> marks_of("de").written("+1,234.50 %"), marks_of("hi").written("-1,234,567.8")
            ('+1.234,50 %', '-12,34,567.8')
        """
        if self.is_plain:
            return number
        if self.sizes != (3, 3):
            number = re.sub(r"\d[\d,]*", self._regrouped, number, count=1)
        return number.translate({ord(","): self.group, ord("."): self.decimal})

    def neutral(self, number: str) -> str:
        """Write a number without what groups its digits, and with a point.

        Example:
            >>> marks_of("de").neutral("+1.234,50 %"), Marks().neutral("-1,234")
            ('+1234.50 %', '-1234')
        """
        return number.replace(self.group, "").replace(self.decimal, ".")

    def of_charts(self) -> dict[str, object]:
        """The same for a chart, as its library names them."""
        last, earlier = self.sizes
        grouping = [last, *repeat(earlier, 8)]
        marks = {"decimal": self.decimal, "thousands": self.group, "grouping": grouping}
        return {"number": {**marks, "currency": ["", ""]}}

    def _regrouped(self, found: re.Match[str]) -> str:
        digits = found[0].replace(",", "")
        last, earlier = self.sizes
        head, tail = digits[:-last], digits[-last:]
        groups = [head[max(0, end - earlier) : end] for end in range(len(head), 0, -earlier)]
        return ",".join([*reversed(groups), tail])


@lru_cache(maxsize=KNOWN_MAX)
def marks_of(locale: str | None) -> Marks:
    """Find the marks of a language like de-CH; those of English for one that is not known.

    Example:
        >>> marks_of("de").group, marks_of("xx") == marks_of(None) == Marks()
        ('.', True)
    """
    try:
        known = Locale.parse(locale or "en", sep="-")
    except (UnknownLocaleError, ValueError):
        return Marks()
    sizes = known.decimal_formats[None].grouping
    return Marks(get_group_symbol(known), get_decimal_symbol(known), sizes)


ENGLISH = Marks()
_of_reader: ContextVar[Marks] = ContextVar("marks", default=ENGLISH)


def write_for(locale: str | None) -> None:
    """Let what this thread writes from now on be marked as the reader's browser wants it."""
    _of_reader.set(marks_of(locale))


def marks() -> Marks:
    """The marks of whom this thread writes for."""
    return _of_reader.get()


def written(number: str) -> str:
    """Give a number the marks of the reader."""
    return _of_reader.get().written(number)
