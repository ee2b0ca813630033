"""Windows: when the network lets a business answer, and what it charges together.

Service windows and free entry points of each sender and contact (or group) are kept up to date by
each load, for the contacts that it touches; what a delivery lies in is kept with it. Conversations
are cut when a meter asks for them. The rules are in docs/decisions/0012-windows.md, the lengths in
data/window_lengths.csv. Source: the network's price rules since 2022.
"""

from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from metering import contacts
from metering.store import Store


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
    store.run("touch_windows")
    contacts.resolve(store, "named_fresh", "resolved_fresh")
    store.run("gather_windows")
    contacts.resolve(store, "named_openers", "resolved_openers")
    contacts.resolve(store, "named_deliveries", "resolved_deliveries")
    store.run("open_windows")
    ads = store.frame("select candidate_no, group_no, opened_at, closes_at from answered_ads")
    store.put("chosen", greedy(ads).select("candidate_no"))
    store.run("settle_windows")


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
