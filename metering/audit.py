"""Audit: two opinions of each delivery of a month, and where they differ.

The network says of a delivery which category and type it has. Ours has the same category, unless a
send log denies it, and the type that the rules of the day give it by its windows (see
docs/decisions/0013-two-opinions.md). Which reason a difference has is one list, in
`sql/judge_deliveries.sql`. What the difference costs is priced in pricing/audit.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

import polars as pl

from metering import pricing_type
from metering.account import Accounts, Sender
from metering.clock import UNASSIGNED
from metering.errors import SumsDisagreeError
from metering.event import QUANTITY
from metering.notices import auth_international_eligibility
from metering.period import Month, midnight
from metering.placing import place_month
from metering.store import Store

STATES = ("agreed", "differs", "not audited", "network says nothing")
EXAMPLE_COUNT = 3
# One row for each account, sender and state of deliveries; of those that differ, for each cell that
# is priced alike.
AUDIT = pl.Schema(
    {
        "state": pl.String(),
        "account_id": pl.String(),  # null where nobody owns the sender
        "sender_id": pl.String(),
        "reason": pl.String(),  # this and what follows is null unless the state is `differs`
        "market": pl.String(),
        "network_category": pl.String(),
        "our_category": pl.String(),
        "network_type": pl.String(),
        "our_type": pl.String(),  # null where no rule knows the category
        "meter": pl.String(),  # what a charge counts; null where no conversation is named
        "rate_date": pl.Date(),
        "delivery_count": pl.Int64(),
        "quantity": QUANTITY,  # of the meter: deliveries, or conversations that were opened
        "examples": pl.List(pl.String()),  # message keys in hex, the smallest
    }
)
# The stretches of days in which a card has an international rate in a market; they may overlap.
INTERNATIONAL_RATES = pl.Schema(
    {"market": pl.String(), "card_from": pl.Date(), "card_to": pl.Date()}  # exclusive
)
HOMES = pl.Schema({"account_id": pl.String(), "country": pl.String()})
RULE_STRETCH = pl.Schema(
    {
        "account_id": pl.String(),
        "own_zone": pl.String(),  # of the sender; null where it has its account's
        "rule_date": pl.Date(),
        "start_at": pl.Datetime("us"),
        "end_at": pl.Datetime("us"),
        "tier_start_at": pl.Datetime("us"),  # the month of the free tier; null where there is none
        "tier_end_at": pl.Datetime("us"),
    }
)


@dataclass(frozen=True)
class FreeTier:
    """What the network gives free of each sender and month, in the order of time.

    Source: the network's price rules from 2026-10-01. Messages to one and to groups share it.
    """

    first_month: Month
    units: int
    categories: tuple[str, ...]


FREE_TIER = FreeTier(Month(2026, 10), 1000, ("service", "group_service"))


def audit(
    store: Store,
    accounts: Accounts,
    month: Month,
    *,
    account_id: str | None = None,
    changes: Sequence[date] = (),
    international_rates: pl.DataFrame | None = None,
    example_count: int = EXAMPLE_COUNT,
) -> pl.DataFrame:
    """Compare the two opinions of each WhatsApp delivery of a month.

    The month, the market and `rate_date` are those of the account; the day of the rules and the
    month of the free tier are those of the sender's own zone, where senders.csv names one, since
    the network goes by that.

    Args:
        account_id: Only this account's deliveries.
        changes: Days inside the month from which another rate holds.
        international_rates: Schema `INTERNATIONAL_RATES`: where authentication has such a rate.
        example_count: How many message keys each row names at most.

    Returns:
        Schema `AUDIT`, sorted by all its columns.

    Raises:
        SumsDisagreeError: a delivery of the month has no state, or two.
    """
    place_month(store, accounts, month, [*changes, *_inside(month, pricing_type.change_dates())])
    if account_id is not None:
        store.execute("delete from clocks where account_id != $account", {"account": account_id})
    store.set("tier_units", FREE_TIER.units)
    store.set("tier_categories", FREE_TIER.categories)
    store.set("conversations_until", pricing_type.conversations_until())
    store.set("example_count", example_count)
    for step in ("send_log", "units_to_audit", "count_units", "audited_senders"):
        store.run(step)
    store.put("pricing_types", pricing_type.pricing_types())
    store.put("rule_stretches", _rule_stretches(store, accounts, month))
    store.put("eligible_wabas", auth_international_eligibility(store))
    store.put("homes", _homes(accounts, month))
    rates = INTERNATIONAL_RATES.to_frame() if international_rates is None else international_rates
    store.put("international_rates", rates)
    for step in ("beyond_free_tier", "judge_eligibility", "judge_deliveries"):
        store.run(step)
    cells = store.frame("audit_cells").select(AUDIT.names()).cast(AUDIT)
    _check(cells, store.value("select count(*) from counted"), month)
    return cells


def _check(cells: pl.DataFrame, expected: int, month: Month) -> None:
    found = cells["delivery_count"].sum()
    if found != expected or not cells["state"].is_in(STATES).all():
        raise SumsDisagreeError(
            f"{expected} deliveries were audited, but {found} have an outcome",
            where=str(month),
            hint="please report it",
        )


def _homes(accounts: Accounts, month: Month) -> pl.DataFrame:
    """The country that accounts.csv gives each account in the month: schema `HOMES`."""
    facts = accounts.as_of(month.last_day)
    rows = [(name, account.country) for name, account in facts.items() if account.country]
    return pl.DataFrame(rows, HOMES, orient="row")


def _rule_stretches(store: Store, accounts: Accounts, month: Month) -> pl.DataFrame:
    """Say of each sender of the month which day of the rules, and which free tier, an instant has.

    Returns:
        sender_id and the columns of `RULE_STRETCH`, half-open stretches that cover the month.
    """
    senders = store.frame("select account_id, sender_id, waba_id from audited_senders")
    zoned = senders.with_columns(own_zone=_own_zones(senders, accounts, month))
    kinds = zoned.select("account_id", "own_zone").unique().sort("account_id", "own_zone").rows()
    rows = [
        (account_id, own_zone, *stretch)
        for account_id, own_zone in kinds
        for stretch in _cut(accounts, month, account_id, own_zone)
    ]
    stretches = pl.DataFrame(rows, RULE_STRETCH, orient="row")
    return zoned.select("sender_id", "account_id", "own_zone").join(
        stretches, on=["account_id", "own_zone"], nulls_equal=True
    )


def _own_zones(senders: pl.DataFrame, accounts: Accounts, month: Month) -> pl.Series:
    """The zone that senders.csv gives each sender itself, by its last row in the month, or null."""
    rows: dict[tuple[str, str], Sender] = {}
    for row in sorted(accounts.senders, key=lambda row: row.valid_from):
        if row.valid_from <= month.last_day and row.valid_to > month.first_day:
            rows[row.account_id, row.sender_id or f"waba {row.waba_id}"] = row
    zones = [
        (rows.get((account, sender)) or rows.get((account, f"waba {waba}")))
        for account, sender, waba in senders.rows()
    ]
    return pl.Series([row and row.time_zone for row in zones], dtype=pl.String)


def _cut(
    accounts: Accounts, month: Month, account_id: str, own_zone: str | None
) -> Iterator[tuple[date, datetime, datetime, datetime | None, datetime | None]]:
    """Cut the months that a zone has during a month of an account at the days of new rules."""

    def midnight_of(day: date) -> datetime:
        if own_zone is not None or account_id == UNASSIGNED:
            instant = midnight(day, own_zone or accounts.seller_time_zone)
        else:
            instant = accounts.midnight(account_id, day)
        return instant.replace(tzinfo=None)

    for each in (month,) if own_zone is None else (_previous(month), month, month.next()):
        days = [each.first_day, *_inside(each, pricing_type.change_dates()), each.next().first_day]
        has_tier = each >= FREE_TIER.first_month
        bounds = (midnight_of(days[0]), midnight_of(days[-1])) if has_tier else (None, None)
        for day, next_day in pairwise(days):
            yield day, midnight_of(day), midnight_of(next_day), *bounds


def _inside(month: Month, days: Sequence[date]) -> list[date]:
    return [day for day in days if month.first_day < day <= month.last_day]


def _previous(month: Month) -> Month:
    day = month.first_day - timedelta(days=1)
    return Month(day.year, day.month)
