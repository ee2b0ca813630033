"""CloudEvents 1.0 in structured JSON: one a line, a batch, or one a file.

They carry whatever a seller meters besides messages: linked devices, link clicks, seats, numbers.
An event is known by its source and id; `subject` says whom it is about, an account or a sender.
Source: CloudEvents specification 1.0.2, JSON event format 1.0.2.
"""

from pathlib import Path

import polars as pl

from metering.learn import NO_EVENTS, learn
from metering.store import Store


def stage(store: Store, path: Path) -> None:
    """Fill tables `staged_cloud_events` and `staged` from the lines of a file."""
    store.set("path", str(path))
    with store.in_order():
        store.run("stage_cloud_events")
        store.run("set_aside")


def append(store: Store) -> pl.DataFrame:
    """Append what is new; answer the counts of the file, as `count_events.sql` does."""
    store.run("append_cloud_events")
    learn(
        store,
        NO_EVENTS,
        entries="select event_key from judged_cloud_events where not is_duplicate",
    )
    return store.frame("count_cloud_events")
