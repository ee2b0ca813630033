"""How long windows last: dated facts, shipped in data/window_lengths.csv, or a book's own."""

import csv
from datetime import date, datetime, time
from functools import cache
from typing import TypedDict

from metering.facts import data_path
from metering.settings import Settings


class Length(TypedDict):
    """From an instant (midnight in UTC) on, a window of a rule lasts so many seconds."""

    rule: str
    from_at: datetime
    seconds: int


def window_lengths(settings: Settings) -> list[Length]:
    """The lengths that hold for a book, by rule and instant: its own beside those shipped.

    Of two from the same day, the book's own counts.
    """
    own = [_length(own.rule, own.effective_from, own.hours) for own in settings.window_length]
    by_start = {(step["rule"], step["from_at"]): step for step in (*_shipped(), *own)}
    return [by_start[start] for start in sorted(by_start)]


@cache
def _shipped() -> tuple[Length, ...]:
    with data_path("window_lengths.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            _length(row["rule"], date.fromisoformat(row["effective_from"]), int(row["hours"]))
            for row in csv.DictReader(file)
        )


def _length(rule: str, day: date, hours: int) -> Length:
    return Length(rule=rule, from_at=datetime.combine(day, time()), seconds=hours * 3600)
