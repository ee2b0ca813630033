"""Consent: messages that a business began with people who had not asked for it.

Businesses may write first only to people who opted in. Consents come as rows of a table, and as
CloudEvents whose type ends with `consent.opted_in` or `consent.opted_out`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from metering.account import Accounts
from metering.contacts import resolve
from metering.period import Month
from metering.placing import place_month
from metering.store import Store

EXAMPLE_COUNT = 3
# Categories of what is no template, or answers an ad; any other message outside a service window is
# one that the business began.
ANSWER_CATEGORIES = (
    *("service", "group_service", "user_initiated", "referral_conversion", "general_purpose_ai"),
)
REASONS = ("never opted in", "opted out")
CONSENT = pl.Schema(
    {
        "account": pl.String(),  # null where nobody owns the sender
        "sender": pl.String(),
        "category": pl.String(),
        "outcome": pl.String(),  # opted in, one of REASONS, or what is not known
        "messages": pl.Int64(),
        "contacts": pl.Int64(),
        "examples": pl.List(pl.String()),  # message keys in hex, the smallest
    }
)


@dataclass(frozen=True)
class Consents:
    """What the book knows of consents, and the messages of a month that the business began."""

    consent_count: int  # consents in the store; where there is none, nothing was judged
    unusable_count: int  # of these, such as name no contact, or a subject that nobody knows
    cells: pl.DataFrame  # schema CONSENT

    def rows(self) -> pl.DataFrame:
        """The messages without a standing opt-in: account, sender, category, reason and counts."""
        listed = self.cells.filter(pl.col("outcome").is_in(REASONS))
        return listed.rename({"outcome": "reason"})

    def total(self) -> Mapping[str, int]:
        """Count the messages by outcome; `messages` is the sum of the others."""
        counts = dict(self.cells.group_by("outcome").agg(pl.col("messages").sum()).rows())
        outcomes = ("opted in", *REASONS, "contact not known", "category not known")
        return {
            "messages": sum(counts.values()),
            **{outcome.replace(" ", "_"): counts.get(outcome, 0) for outcome in outcomes},
        }


def consents(store: Store, accounts: Accounts, month: Month) -> Consents:
    """Judge each WhatsApp message that a business began in a month by the consents of the store.

    It is judged at its first report, by the latest consent of its contact that is not later: one
    for its sender, for all senders of its account, or for all.
    """
    place_month(store, accounts, month)
    store.put(
        "known_accounts", pl.DataFrame({"account_id": accounts.ids()}, {"account_id": pl.String})
    )
    store.run("find_consents")
    count, unusable = store.frame(
        """
        select count(*), count(*) filter (where not is_of_someone or len(keys) = 0)
        from consents
        """
    ).row(0)
    if not count:
        return Consents(0, 0, pl.DataFrame(schema=CONSENT))
    store.set("answer_categories", ANSWER_CATEGORIES)
    store.set("example_count", EXAMPLE_COUNT)
    for step in ("send_log", "initiated", "count_units"):
        store.run(step)
    store.execute("create or replace temp table initiated as from counted")
    resolve(store, "initiated", "whose_initiated")
    store.run("name_consents")
    resolve(store, "named_consents", "whose_consents")
    return Consents(count, unusable, store.frame("judge_consents").cast(CONSENT))
