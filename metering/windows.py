"""Windows: when the network lets a business answer, and what it charges together.

Service windows and free entry points of each sender and contact (or group) are kept up to date by
each load, for the contacts that it touches; what a delivery lies in is kept with it. Conversations
are cut when a meter asks for them. The rules are in docs/decisions/0012-windows.md, the lengths in
data/window_lengths.csv. Source: the network's price rules since 2022.
"""

from datetime import datetime
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from metering import contacts
from metering.store import Store

BEGINNING = datetime(2009, 1, 1)  # noqa: DTZ001 - the store's UTC; no event is older


class ConversationRule(BaseModel):
    """What opens a conversation, how long it lasts, and what it holds together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    hours: Annotated[int, Field(ge=1, le=8784)] = 24
    opener: Literal["business", "user", "any"] = "business"
    each: Literal["contact", "contact_and_category"] = "contact"
    scope: Literal["sender", "account"] = "sender"


def update(store: Store) -> None:
    """Compute anew the windows that the events in view `fresh` and table `touched` may change.

    Puts the rows of `touched` into `deliveries`. To be called after `contacts.update`.
    """
    store.run("view_entries")
    store.run("touch_windows")
    contacts.resolve(store, "named_fresh", "resolved_fresh")
    store.run("gather_windows")
    contacts.resolve(store, "named_openers", "resolved_openers")
    contacts.resolve(store, "named_entries", "resolved_entries")
    contacts.resolve(store, "named_deliveries", "resolved_deliveries")
    store.run("open_windows")
    ads = store.frame("select candidate_no, group_no, opened_at, closes_at from answered_ads")
    store.put("chosen", greedy(ads).select("candidate_no"))
    store.run("settle_windows")


def conversations(
    store: Store, rule: ConversationRule, *, until: datetime, since: datetime = BEGINNING
) -> None:
    """Cut the conversations of a rule.

    Leaves table `conversation_windows`: sender_id, peer_key, category, opened_at, closes_at,
    opening_key (the message key of the opening delivery, or of the user's message where that
    opens), of every contact that was written to in
    the stretch from `since` to `until` (UTC), from the first delivery that the store knows. One
    that is counted per account needs table `owners`, as `metering.usage` makes it.
    """
    store.set("since", since)
    store.set("until", until)
    store.run("conversing")
    contacts.resolve(store, "named_conversing", "resolved_conversing")
    store.run("order_conversing")
    match rule.name:
        case "whatsapp-2022":
            store.run("candidates_of_whatsapp_2022")
            _open(store, "create or replace temp table opened as")
            store.run("close_conversations")
        case "whatsapp-2023-06":
            store.run("candidates_of_whatsapp_2023_06")
            _open(store, "create or replace temp table opened as")
            store.run("candidates_of_service_2023_06")
            _open(store, "insert into opened")
            store.run("close_conversations")
        case _:
            for key in ("hours", "opener", "each"):
                store.set(f"rule_{key}", getattr(rule, key))
            store.run("questions")
            contacts.resolve(store, "named_questions", "resolved_questions")
            store.run("own_messages")
            store.run(f"scope_by_{rule.scope}")
            store.run("candidates_of_own_rule")
            _open(store, "create or replace temp table opened as")
            store.run("close_own_conversations")


def _open(store: Store, into: str) -> None:
    """Choose, of table `candidates`, those that open."""
    frame = store.frame(
        "select candidate_no, group_no, opened_at, closes_at from candidates order by candidate_no"
    )
    store.put("chosen", greedy(frame).select("candidate_no"))
    store.execute(
        f"{into} select candidates.* from candidates semi join chosen using (candidate_no)"
    )


def greedy(candidates: pl.DataFrame) -> pl.DataFrame:
    """Choose, in each group, the first candidate, and then each first that opens after it closed.

    The choice is followed from the first candidates on, in jumps of 1, 2, 4, 8, ... openings, so
    that the longest chain takes a few rounds over whole columns.

    Args:
        candidates: group_no, opened_at, closes_at (after opened_at), in the order in which they
            are chosen: by group_no and opened_at.

    Returns:
        The rows that are chosen, in the same order.
    """
    numbered = candidates.with_row_index("row")
    count = numbered.height
    nexts = numbered.select("group_no", closes_at="closes_at", origin="row").sort("closes_at")
    openings = (
        numbered.select("group_no", "opened_at", following="row")
        .unique(("group_no", "opened_at"), keep="first", maintain_order=True)
        .sort("opened_at")
    )
    jump = (
        nexts.join_asof(
            openings,
            left_on="closes_at",
            right_on="opened_at",
            by="group_no",
            strategy="forward",
            check_sortedness=False,
        )
        .sort("origin")["following"]
        .fill_null(count)
        .extend(pl.Series([count], dtype=pl.get_index_type()))
    )
    chosen = numbered.unique("group_no", keep="first", maintain_order=True)["row"]
    while not (reached := jump.gather(chosen).filter(jump.gather(chosen) < count)).is_empty():
        chosen = chosen.append(reached)
        jump = jump.gather(jump)
    return candidates[chosen.sort()] if count else candidates
