"""CloudEvents 1.0 in structured JSON: one a line, a batch, or one a file.

They carry whatever a seller meters besides messages: linked devices, link clicks, seats, numbers.
An event is known by its source and id; `subject` says whom it is about, an account or a sender.
Source: CloudEvents specification 1.0.2, JSON event format 1.0.2.
"""

from metering.store import Store


def stage(store: Store) -> None:
    """Fill tables `staged_cloud_events` and `staged` from the lines of the file in `path`."""
    with store.in_order():
        store.run("stage_cloud_events")


def append(store: Store, load_id: int) -> tuple[int, int, int, int]:
    """Append what is new; answer how many were staged, duplicates, reported again, accepted."""
    store.run("append_cloud_events", {"load_id": load_id})
    row = store.frame("select * from cloud_events_outcome").row(0)
    staged, duplicates, again = row
    return staged, duplicates, again, staged - duplicates - again
