"""How long windows last: dated facts, shipped in data/window_lengths.csv."""

import csv
from datetime import date, datetime, time
from functools import cache
from typing import TypedDict

from metering.facts import data_path


class Length(TypedDict):
    """From an instant (midnight in UTC) on, a window of a rule lasts so many seconds."""

    rule: str
    from_at: datetime
    seconds: int


@cache
def window_lengths() -> list[Length]:
    """Read the shipped lengths, by rule and instant."""
    with data_path("window_lengths.csv").open(encoding="utf-8", newline="") as file:
        steps = [
            Length(
                rule=row["rule"],
                from_at=datetime.combine(date.fromisoformat(row["effective_from"]), time()),
                seconds=int(row["hours"]) * 3600,
            )
            for row in csv.DictReader(file)
        ]
    return sorted(steps, key=lambda step: (step["rule"], step["from_at"]))
