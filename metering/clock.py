"""Clocks: whose midnights a month, a day and a rate begin at.

An account is a clock: on the price side all that it owns goes by its zone. On the cost side the
network goes by the zone of the sender, so there the senders of an account with a zone of their own
are a clock besides, and all others follow the account. What nobody owns follows the seller. See
docs/decisions/0016-clocks-and-the-order-of-time.md.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from metering.account import FIRST_DAY, Accounts, Sender
from metering.period import midnight

UNASSIGNED = ""  # the account, in the frames of this package, of a sender that nobody owns
ClockOf = Literal["account", "sender"]


@dataclass(frozen=True, order=True)
class Clock:
    """A zone, by date, that units of one account are counted in."""

    account_id: str
    own_zone: str = ""  # of senders; empty: that of the account

    @property
    def name(self) -> str:
        """What tells it apart: no id has a blank."""
        return f"{self.account_id} {self.own_zone}".strip()

    def zones(self, accounts: Accounts) -> tuple[tuple[date, str], ...]:
        """Its zones by date: clocks that have the same are at one time for ever."""
        if not self.own_zone and self.account_id != UNASSIGNED:
            return accounts.zones_of(self.account_id)
        return ((FIRST_DAY, self.own_zone or accounts.seller_time_zone),)

    def midnight(self, accounts: Accounts, day: date) -> tuple[str, datetime]:
        """The zone that holds on a day, and the instant at which the day begins."""
        zone = self.own_zone or accounts.seller_time_zone
        if not self.own_zone and self.account_id != UNASSIGNED:
            zone = accounts.facts_on(self.account_id, day).time_zone or zone
        return zone, midnight(day, zone)


def clock_of(sender: Sender, of: ClockOf) -> Clock:
    """Find the clock that the units of a row of senders.csv go by."""
    return Clock(sender.account_id, (sender.time_zone or "") if of == "sender" else "")


def clocks_of(accounts: Accounts, of: ClockOf) -> list[Clock]:
    """List the clocks of a book: one for nobody, one for each account, and those of senders."""
    clocks = {clock_of(sender, of) for sender in accounts.senders}
    own = (clock for clock in clocks if clock.own_zone)
    return sorted([Clock(UNASSIGNED), *map(Clock, accounts.ids()), *own])
