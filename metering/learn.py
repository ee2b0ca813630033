"""Learning: what events say is kept in contacts, deliveries and windows, load by load.

The same functions compute everything afresh; both ways give the same rows, which a test holds.
"""

from metering import contacts, windows
from metering.store import Store

NO_EVENTS = "select *, null::uhugeint as id_key from events limit 0"
NO_ENTRIES = "select event_key from cloud_events limit 0"
LEARNED = ("links", "contacts", "windows", "deliveries")


def learn(store: Store, fresh: str, *, entries: str = NO_ENTRIES) -> None:
    """Bring contacts, deliveries and windows up to date.

    Args:
        fresh: The query of the events that are new, with `id_key`.
        entries: The query of the keys of new CloudEvents, which may say where contacts came from.
    """
    store.execute(f"create or replace temp view fresh as {fresh}")
    store.execute(f"create or replace temp table fresh_entries as {entries}")
    contacts.update(store)
    store.run("merge_deliveries")
    windows.update(store)


def relearn(store: Store) -> None:
    """Compute contacts, deliveries and windows afresh from all events.

    Which messages a send log names is kept: `id_key` is in no event.
    """
    store.execute(
        "create or replace temp table id_keys as select message_key, id_key from deliveries"
        " where id_key is not null"
    )
    for table in LEARNED:
        store.execute(f"delete from {table}")
    learn(store, "select * from events left join id_keys using (message_key)")
