"""Spans of days: what a page is about, the presets, and the span before that it compares with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile

from metering.period import Month

PRESET_DAYS = {"last-7-days": 7, "last-14-days": 14, "last-30-days": 30, "last-90-days": 90}


@dataclass(frozen=True, order=True)
class Span:
    """Days from the first to the last, both inclusive, in the zone of each account."""

    first: date
    last: date

    @classmethod
    def parse(cls, first: str, last: str) -> "Span":
        """Read two days; raises `ValueError` for anything else."""
        return cls(date.fromisoformat(first), date.fromisoformat(last))

    @classmethod
    def over(cls, first: str, last: str) -> "Span":
        """All days from one month to another."""
        return cls(Month.parse(first).first_day, Month.parse(last).last_day)

    @property
    def day_count(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def is_whole_months(self) -> bool:
        return self.first.day == 1 and Month.of(self.last).last_day == self.last

    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range(self.day_count)]

    def months(self) -> list[Month]:
        """The months that it touches.

        Example:
            >>> [str(month) for month in Span(date(2026, 10, 31), date(2026, 12, 1)).months()]
            ['2026-10', '2026-11', '2026-12']
        """
        first, last = Month.of(self.first), Month.of(self.last)
        return [last.back(number) for number in range(last.index - first.index, -1, -1)]

    def until(self, day: date) -> "Span":
        """Leave out what comes after a day; a span that begins later keeps its first day."""
        return Span(self.first, max(self.first, min(self.last, day)))

    def before(self) -> "Span":
        """The span to compare with: the same days of the month before, or as many days before.

        Example:
            >>> Span(date(2026, 10, 1), date(2026, 10, 31)).before()
            Span(first=datetime.date(2026, 9, 1), last=datetime.date(2026, 9, 30))
            >>> Span(date(2026, 10, 8), date(2026, 10, 14)).before().first
            datetime.date(2026, 10, 1)
        """
        if self.first.day == 1 and Month.of(self.first) == Month.of(self.last):
            month = Month.of(self.first).previous()
            is_whole = self.last == Month.of(self.last).last_day
            last_day = month.day_count if is_whole else min(self.last.day, month.day_count)
            return Span(month.first_day, month.first_day.replace(day=last_day))
        length = timedelta(days=self.day_count)
        return Span(self.first - length, self.last - length)

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


# By fixed bounds, as an event is plausible; before and after them there is room to compare.
PLAUSIBLE = Span(date(2009, 1, 1), date(2099, 12, 31))
DAYS_MAX = 3660


def span_of(name: str, *, complete_to: date, months: Sequence[str]) -> Span | None:
    """Read a name of the address: a month, a preset, or `first..last`; None for anything else.

    Example:
        >>> str(span_of("last-7-days", complete_to=date(2026, 10, 9), months=[]))
        '2026-10-03..2026-10-09'
    """
    return _preset(name, complete_to) or _month(name, months) or _written(name)


def presets() -> Iterator[str]:
    """Name the presets."""
    yield from PRESET_DAYS
    yield from ("this-month", "last-month", "this-quarter", "this-year", "last-12-months")


def _preset(name: str, day: date) -> Span | None:
    month = Month.of(day)
    starts: Mapping[str, Month] = {
        "this-month": month,
        "this-quarter": Month(month.year, (month.number - 1) // 3 * 3 + 1),
        "this-year": Month(month.year, 1),
        "last-12-months": month.back(11),
    }
    if name in PRESET_DAYS:
        return Span(day - timedelta(days=PRESET_DAYS[name] - 1), day)
    if name == "last-month":
        return Span(month.previous().first_day, month.previous().last_day)
    return Span(starts[name].first_day, day) if name in starts else None


def _month(name: str, months: Sequence[str]) -> Span | None:
    if name not in months:
        return None
    month = Month.parse(name)
    return Span(month.first_day, month.last_day)


def _written(name: str) -> Span | None:
    first, _, last = name.partition("..")
    try:
        span = Span.parse(first, last)
    except ValueError:
        return None
    is_plausible = PLAUSIBLE.first <= span.first <= span.last <= PLAUSIBLE.last
    return span if is_plausible and span.day_count <= DAYS_MAX else None


def weeks(span: Span) -> list[date]:
    """The Mondays of the weeks that a span touches."""
    monday = span.first - timedelta(days=span.first.weekday())
    every = (monday + timedelta(weeks=number) for number in range(span.day_count // 7 + 2))
    return [*takewhile(lambda day: day <= span.last, every)]
