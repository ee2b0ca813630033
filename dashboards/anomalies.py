"""Unusual days: a day that is far from the same weekdays before it, and what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

WEEKS = 4
WEEKS_MIN = 3
# How far from the median is unusual: so many median deviations, such a share, and so many units.
DEVIATIONS_PERCENT = 450
SHARE_PERCENT = 50
UNITS_MIN = 50


@dataclass(frozen=True)
class Anomaly:
    """A day of a group that differs from what is usual on its weekday."""

    day: date
    group: str
    quantity: int
    usual: int  # the median of the same weekday in the weeks before, at the level of the last
    low: int  # the least and most of these
    high: int

    @property
    def difference(self) -> int:
        return self.quantity - self.usual


def find_anomalies(daily: pl.DataFrame, days: Sequence[date]) -> list[Anomaly]:
    """Compare each of `days` with the same weekday of the four weeks before, the largest first.

    A day is judged once three of these weeks are in the data. Weeks are brought to the level of the
    seven days before the day, so that growth alone is not unusual. A day is, if it is further from
    their median than 4.5 median deviations, 50 % of the median and 50 units, and further outside
    of their range than half its width. Nothing at all where there was always something, and
    usually 50 units, is unusual whatever the range.

    Args:
        daily: day, group, quantity; a day after the first without a row has 0.
    """
    if daily.is_empty():
        return []
    quantities: dict[str, dict[date, int]] = {}
    for day, group, quantity in daily.select("day", "group", "quantity").iter_rows():
        quantities.setdefault(group, {})[day] = quantity
    first = min(day for found in quantities.values() for day in found)
    judged = [
        anomaly
        for group, found in sorted(quantities.items())
        for day in days
        if (anomaly := _judge(group, found, day, first)) is not None
    ]
    return sorted(judged, key=lambda one: (-abs(one.difference), one.day, one.group))


def _judge(group: str, found: Mapping[date, int], day: date, first: date) -> Anomaly | None:
    weeks = [day - timedelta(weeks=number) for number in range(1, WEEKS + 1)]
    known = [earlier for earlier in weeks if earlier - timedelta(days=7) >= first]
    if len(known) < WEEKS_MIN:
        return None
    past = _levelled(found, day, known)
    usual = _median(past)
    spread = _median([abs(quantity - usual) for quantity in past])
    quantity = found.get(day, 0)
    distance = 100 * abs(quantity - usual)
    bound = max(DEVIATIONS_PERCENT * spread, SHARE_PERCENT * usual, 100 * UNITS_MIN)
    has_stopped = quantity == 0 and min(past) > 0 and usual >= UNITS_MIN
    width = max(past) - min(past)
    is_outside = 2 * quantity > 2 * max(past) + width or 2 * quantity < 2 * min(past) - width
    if not has_stopped and not (distance > bound and is_outside):
        return None
    return Anomaly(day, group, quantity, usual, min(past), max(past))


def _levelled(found: Mapping[date, int], day: date, weeks: Sequence[date]) -> list[int]:
    """The quantities of the weeks' days, each scaled from the level of its week to the last one."""
    levels = [
        sum(found.get(end - timedelta(days=number), 0) for number in range(1, 8))
        for end in (day, *weeks)
    ]
    return [
        found.get(earlier, 0) * levels[0] // level if level else found.get(earlier, 0)
        for earlier, level in zip(weeks, levels[1:], strict=True)
    ]


def _median(values: Sequence[int]) -> int:
    """The middle value, or the whole part of the mean of the two in the middle."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) // 2
