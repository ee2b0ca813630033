"""Dated versions: which one holds on a day, and where a stretch of days is cut.

Every stretch here is half-open: from its first day up to, and without, its end.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Protocol, TypeVar


class Dated(Protocol):
    """Something that holds from a day on, until a later one of its kind replaces it."""

    @property
    def effective_from(self) -> date: ...


DatedT = TypeVar("DatedT", bound=Dated)
Stretch = tuple[date, date]


def as_of(versions: Sequence[DatedT], day: date) -> DatedT | None:
    """Choose the newest version that is not later than `day`; None if all are later."""
    begun = [version for version in versions if version.effective_from <= day]
    return max(begun, key=lambda version: version.effective_from, default=None)


def overlap(one: Stretch, other: Stretch) -> Stretch | None:
    """Find the days that two stretches share; None if there are none.

    Example:
        >>> overlap((date(2026, 10, 1), date(2026, 10, 9)), (date(2026, 10, 9), date(2026, 11, 1)))
    """
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return (start, end) if start < end else None


def split(stretch: Stretch, cuts: Iterable[date]) -> list[Stretch]:
    """Cut `stretch` at each day of `cuts` that lies inside; a cut is the first day of a part.

    Example:
        >>> [str(start) for start, _ in split((date(2026, 10, 1), date(2026, 11, 1)),
        ...                                   [date(2026, 10, 15), date(2026, 12, 1)])]
        ['2026-10-01', '2026-10-15']
    """
    start, end = stretch
    inside = sorted({cut for cut in cuts if start < cut < end})
    return list(pairwise([start, *inside, end]))
