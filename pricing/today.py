"""Today: the day by the clock, where the seller is."""

import os
from datetime import date, datetime
from zoneinfo import ZoneInfo

from metering.errors import UsageError
from metering.settings import Settings

VARIABLE = "TOLLBOOK_TODAY"  # what day it is, for tests and for showing a book of another time


def today_of(settings: Settings) -> date:
    """Today, where the seller is; see `today_in`."""
    return today_in(settings.seller.time_zone)


def today_in(zone: str) -> date:
    """Today in a time zone, or the day that `TOLLBOOK_TODAY` says."""
    said = os.environ.get(VARIABLE, "")
    if not said:
        return datetime.now(ZoneInfo(zone)).date()
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise UsageError(f"'{said}' is no day", where=VARIABLE, hint="write 2026-11-03") from error
