"""What must hold of a store at any time, whatever was loaded; `tollbook check --store` asks it.

The sums of usage over all accounts and months must be all deliveries: each in exactly one month of
exactly one account, or of nobody.
"""

from collections.abc import Iterator

from metering import contacts
from metering.account import Accounts
from metering.errors import Problem
from metering.period import Month
from metering.store import Store
from metering.usage import usage_by

HINT = "restore a backup, or load the logs into a new book; and report it, with the output"


def broken_invariants(store: Store, accounts: Accounts) -> Iterator[Problem]:
    """Yield every promise of the store that does not hold, and how many rows break it."""
    store.execute(
        """
        create or replace temp view named_kept as
        select
            sender_id, contact_key, user_key, group_key, delivered_at as instant,
            in_service_window, in_free_entry_point
        from deliveries
        where delivered_at is not null and not is_echo
        """
    )
    contacts.resolve(store, "named_kept", "resolved_kept")
    for what, count in store.frame("broken_invariants").rows():
        if count:
            yield Problem("tollbook.duckdb", f"{count:,} {what}", HINT)
    yield from _lost_between_accounts(store, accounts)


def _lost_between_accounts(store: Store, accounts: Accounts) -> Iterator[Problem]:
    first, last, count = store.frame(
        """
        select min(delivered_at)::date, max(delivered_at)::date, count(*)
        from deliveries
        where delivered_at is not null and not is_echo
        """
    ).row(0)
    if not count:
        return
    # A day in UTC may lie in the month before or after it, in the zone of an account.
    month, end = Month(first.year, first.month).previous(), Month(last.year, last.month).next()
    counted = 0
    while month <= end:
        counted += int(usage_by(store, accounts, month, "deliveries", [])["quantity"].sum())
        month = month.next()
    if counted != count:
        yield Problem(
            "tollbook.duckdb",
            f"{counted:,} deliveries are counted over all months and accounts, {count:,} are there",
            HINT,
        )
