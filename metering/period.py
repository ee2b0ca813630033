"""Billing periods: calendar months that begin at midnight in a time zone, half-open.

This is the only module that knows which instant a local day begins at.
"""

import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from metering.errors import UsageError

# The rules of the zones come from the package tzdata, whose edition is known, and not from the
# machine: the same book must have the same months everywhere.
zoneinfo.reset_tzpath(to=[])
ZONES = frozenset(zoneinfo.available_timezones()) - {"Factory", "localtime"}


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month, the billing period of an account.

    Example:
        >>> Month.parse("2026-10").bounds("Asia/Kolkata")[0].isoformat()
        '2026-09-30T18:30:00+00:00'
    """

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read `2026-10`; raises `UsageError` for anything else."""
        match = re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", text)
        if match is None:
            raise UsageError(f"'{text}' is not a month", where="MONTH", hint="write 2026-10")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month that a day is in."""
        return cls(day.year, day.month)

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02}"

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        return self.next().first_day - timedelta(days=1)

    @property
    def day_count(self) -> int:
        return self.last_day.day

    def next(self) -> "Month":
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def previous(self) -> "Month":
        return Month(self.year - (self.number == 1), (self.number - 2) % 12 + 1)

    @property
    def index(self) -> int:
        """How many months it is after the first month of the year 0."""
        return self.year * 12 + self.number - 1

    def back(self, months: int) -> "Month":
        """The month that is so many months earlier."""
        return Month((self.index - months) // 12, (self.index - months) % 12 + 1)

    def bounds(self, time_zone: str) -> tuple[datetime, datetime]:
        """The half-open stretch of UTC instants that the month covers in `time_zone`."""
        return midnight(self.first_day, time_zone), midnight(self.next().first_day, time_zone)


@lru_cache(maxsize=100_000)
def midnight(day: date, time_zone: str) -> datetime:
    """The UTC instant at which `day` begins in `time_zone`.

    Where clocks skip midnight the day begins at the first instant after the gap; where midnight
    comes twice, at the first of the two.

    Example:
        >>> midnight(date(2018, 11, 4), "America/Sao_Paulo").isoformat()  # 00:00 was skipped
        '2018-11-04T03:00:00+00:00'
    """
    # Fold 0 takes the first of two midnights, and reads a skipped one by the clock before the gap,
    # which is the instant of the jump itself.
    return datetime.combine(day, time(), _zone(time_zone)).astimezone(UTC)


def offset_changes(start_at: datetime, end_at: datetime, time_zone: str) -> list[datetime]:
    """The instants inside a stretch of at most a day at which the clocks of a zone change.

    Example:
        >>> start_at, end_at = (midnight(date(2026, 10, day), "Europe/Berlin") for day in (25, 26))
        >>> [str(instant) for instant in offset_changes(start_at, end_at, "Europe/Berlin")]
        ['2026-10-25 01:00:00+00:00']
    """
    before, after = offset_at(start_at, time_zone), offset_at(end_at, time_zone)
    if before == after:
        return []
    while end_at - start_at > timedelta(seconds=1):
        middle = start_at + (end_at - start_at) / 2
        middle = middle.replace(microsecond=0)
        if offset_at(middle, time_zone) == before:
            start_at = middle
        else:
            end_at = middle
    return [end_at]


def offset_at(instant: datetime, time_zone: str) -> timedelta:
    """How far the clocks of a zone are ahead of UTC at an instant."""
    offset = instant.astimezone(_zone(time_zone)).utcoffset()
    assert offset is not None, "a zone has an offset at every instant"
    return offset


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)  # which itself remembers eight of them
