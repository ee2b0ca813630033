"""Dated versions: which one holds on a day, and where a stretch of days is cut.

Every stretch here is half-open: from its first day up to, and without, its end.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby, pairwise
from typing import Protocol, TypeVar


class Dated(Protocol):
    """Something that holds from a day on, until a later one of its kind replaces it."""

    @property
    def effective_from(self) -> date: ...


class Lasting(Protocol):
    """A row of a file that holds on the days from `effective_from` up to `effective_to`."""

    @property
    def line(self) -> int: ...
    @property
    def effective_from(self) -> date: ...
    @property
    def effective_to(self) -> date: ...


DatedT = TypeVar("DatedT", bound=Dated)
LastingT = TypeVar("LastingT", bound=Lasting)
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


def check_days(row: Lasting) -> None:
    """Refuse a row, by a `ValueError`, that ends before it begins."""
    if row.effective_from >= row.effective_to:
        raise ValueError(
            f"effective_to {row.effective_to} is not after effective_from {row.effective_from}"
            " | effective_to is exclusive: the first day without"
        )


def overlapping(
    rows: Iterable[LastingT], key: Callable[[LastingT], tuple[str, ...]]
) -> Iterator[tuple[LastingT, LastingT]]:
    """Yield pairs of rows of one key that share a day, the earlier first."""
    ordered = sorted(rows, key=lambda row: (key(row), row.effective_from, row.line))
    for _, group in groupby(ordered, key):
        for one, other in pairwise(group):
            if other.effective_from < one.effective_to:
                yield one, other
